// Memory of the devices and of the host, copies, arrays and textures.
#include "cuda.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t CANARY = 0xA7;

static size_t page() { return sysconf(_SC_PAGESIZE); }

Opened::Opened() {
    State& s = state();
    if (s.open++ > 0) return;
    for (auto& [address, a] : s.allocations)
        if (a.live && !a.host) mprotect(a.base, a.mapped, PROT_READ | PROT_WRITE);
}

Opened::~Opened() {
    State& s = state();
    if (--s.open > 0) return;
    for (auto& [address, a] : s.allocations)
        if (a.live && !a.host) mprotect(a.base, a.mapped, PROT_NONE);
}

Allocation* holding(uint64_t address, size_t bytes) {
    auto& all = state().allocations;
    auto at = all.upper_bound(address);
    if (at == all.begin()) return nullptr;
    Allocation& a = (--at)->second;
    return a.live && address + bytes <= a.address + a.bytes ? &a : nullptr;
}

static CUresult no_memory(Device& device, size_t bytes) {
    State& s = state();
    if (s.oom_at > 0 && --s.oom_at == 0) return OUT_OF_MEMORY;
    return device.used + bytes > device.total ? OUT_OF_MEMORY : SUCCESS;
}

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
    CALL_OUTSIDE_CAPTURE(cuMemAlloc_v2);
    if (bytes == 0) return INVALID_VALUE;
    Device& device = state().devices[current->device];
    if (CUresult error = no_memory(device, bytes)) return error;
    // The end of the memory is near that of its last page, and the page behind it is never open.
    size_t rounded = (bytes + 255) / 256 * 256;
    Allocation a;
    a.mapped = (rounded + page() - 1) / page() * page();
    void* base = mmap(nullptr, a.mapped + page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return OUT_OF_MEMORY;
    a.base = static_cast<char*>(base);
    a.address = reinterpret_cast<uint64_t>(a.base) + a.mapped - rounded;
    a.bytes = bytes;
    a.context = current;
    device.used += bytes;
    mprotect(a.base, a.mapped, PROT_READ | PROT_WRITE);
    // Its content is not defined: no zeros that somebody may come to rely on.
    memset(a.base, CANARY, a.mapped);
    if (state().open == 0) mprotect(a.base, a.mapped, PROT_NONE);
    state().allocations[a.address] = a;
    *pointer = a.address;
    return SUCCESS;
}

static Allocation* to_free(uint64_t address, bool host, const char* call) {
    auto& all = state().allocations;
    auto at = all.find(address);
    if (at == all.end() || at->second.host != host) {
        complain(std::string(call) + " of something that is not such memory");
        return nullptr;
    }
    if (!at->second.live) {
        complain(std::string(call) + " of memory that was freed before");
        return nullptr;
    }
    return &at->second;
}

EXPORT CUresult cuMemFree_v2(CUdeviceptr pointer) {
    CALL_OUTSIDE_CAPTURE(cuMemFree_v2);
    Allocation* a = to_free(pointer, false, "cuMemFree");
    if (!a) return INVALID_VALUE;
    if (a->context != current) complain("cuMemFree with another context");
    drain_context(a->context);
    {
        Opened opened;
        auto* end = reinterpret_cast<uint8_t*>(a->base + a->mapped);
        for (auto* at = reinterpret_cast<uint8_t*>(a->address) + a->bytes; at < end; at++) {
            if (*at == CANARY) continue;
            complain("something wrote past the end of " + std::to_string(a->bytes) + " bytes of device memory");
            break;
        }
    }
    state().devices[a->context->device].used -= a->bytes;
    a->live = false;
    // Its addresses are never used again, so that use after free is seen.
    mmap(a->base, a->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return SUCCESS;
}

EXPORT CUresult cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
    CALL_OUTSIDE_CAPTURE(cuMemHostAlloc);
    if (bytes == 0) return INVALID_VALUE;
    if (state().oom_at > 0 && --state().oom_at == 0) return OUT_OF_MEMORY;
    Allocation a;
    a.base = static_cast<char*>(aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
    memset(a.base, CANARY, bytes);
    a.address = reinterpret_cast<uint64_t>(a.base);
    a.bytes = bytes;
    a.context = current;
    a.host = true;
    state().allocations[a.address] = a;
    *pointer = a.base;
    return SUCCESS;
}

EXPORT CUresult cuMemFreeHost(void* pointer) {
    CALL_OUTSIDE_CAPTURE(cuMemFreeHost);
    Allocation* a = to_free(reinterpret_cast<uint64_t>(pointer), true, "cuMemFreeHost");
    if (!a) return INVALID_VALUE;
    drain_context(a->context);
    free(a->base);
    state().allocations.erase(a->address);
    return SUCCESS;
}

EXPORT CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    CALL_IN_CONTEXT(cuMemGetInfo_v2);
    Device& device = state().devices[current->device];
    *total = device.total;
    *free = device.total - device.used;
    return SUCCESS;
}

// Checks the device side of a copy when it is put on a stream.
static bool is_ours(uint64_t address, size_t bytes, Stream* stream, const char* call) {
    Allocation* a = holding(address, bytes);
    if (!a || a->host) {
        complain(std::string(call) + ": " + std::to_string(bytes) +
                 " bytes that are not, or no longer, device memory");
        return false;
    }
    if (a->context != stream->context) {
        complain(std::string(call) + " with memory of another context");
        return false;
    }
    return true;
}

// The same when it is done: it may have been freed since.
static bool is_live(uint64_t address, size_t bytes, const char* call) {
    if (holding(address, bytes)) return true;
    complain(std::string(call) + " ran after its memory was freed");
    return false;
}

static void* host(uint64_t address) { return reinterpret_cast<void*>(address); }

EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, Stream* handle) {
    CALL_IN_CONTEXT(cuMemcpyHtoDAsync_v2);
    Stream* stream = stream_of(handle, current, "cuMemcpyHtoDAsync");
    if (!stream || !is_ours(to, bytes, stream, "cuMemcpyHtoDAsync")) return INVALID_VALUE;
    uint64_t source = reinterpret_cast<uint64_t>(from);
    if (holding(source, bytes) || stream->capture) {
        return enqueue(stream, {"upload", [=] {
            if (is_live(to, bytes, "an upload")) memcpy(host(to), from, bytes);
        }});
    }
    // What is not pinned is read before the call returns.
    state().pageable++;
    auto* begin = static_cast<const char*>(from);
    auto copy = std::make_shared<std::vector<char>>(begin, begin + bytes);
    return enqueue(stream, {"upload", [=] {
        if (is_live(to, bytes, "an upload")) memcpy(host(to), copy->data(), bytes);
    }});
}

EXPORT CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, Stream* handle) {
    CALL_IN_CONTEXT(cuMemcpyDtoHAsync_v2);
    Stream* stream = stream_of(handle, current, "cuMemcpyDtoHAsync");
    if (!stream || !is_ours(from, bytes, stream, "cuMemcpyDtoHAsync")) return INVALID_VALUE;
    bool pinned = holding(reinterpret_cast<uint64_t>(to), bytes);
    CUresult result = enqueue(stream, {"download", [=] {
        if (is_live(from, bytes, "a download")) memcpy(to, host(from), bytes);
    }});
    if (!pinned && !stream->capture) {
        // What is not pinned is written before the call returns.
        state().pageable++;
        drain(stream, stream->enqueued);
    }
    return result;
}

EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, Stream* handle) {
    CALL_IN_CONTEXT(cuMemcpyDtoDAsync_v2);
    Stream* stream = stream_of(handle, current, "cuMemcpyDtoDAsync");
    const char* name = "cuMemcpyDtoDAsync";
    if (!stream || !is_ours(to, bytes, stream, name) || !is_ours(from, bytes, stream, name)) return INVALID_VALUE;
    return enqueue(stream, {"copy", [=] {
        if (is_live(to, bytes, "a copy") && is_live(from, bytes, "a copy")) memmove(host(to), host(from), bytes);
    }});
}

EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, Stream* handle) {
    CALL_IN_CONTEXT(cuMemsetD8Async);
    Stream* stream = stream_of(handle, current, "cuMemsetD8Async");
    if (!stream || !is_ours(to, bytes, stream, "cuMemsetD8Async")) return INVALID_VALUE;
    return enqueue(stream, {"fill", [=] {
        if (is_live(to, bytes, "a fill")) memset(host(to), value, bytes);
    }});
}

struct Copy2D {
    struct Side {
        size_t x, y;
        unsigned type;
        uint64_t host, device;
        Array* array;
        size_t pitch;
    } from, to;
    size_t width, height;
};

// Where the rows of a side begin, and how far apart they are; 0 where that is wrong.
static std::pair<uint64_t, size_t> rows_of(const Copy2D::Side& side, const Copy2D& copy, Stream* stream) {
    uint64_t base = 0;
    size_t pitch = side.pitch;
    switch (side.type) {
    case 1: base = side.host; break;
    case 2: base = side.device; break;
    case 3:
        if (state().arrays.count(side.array)) {
            base = reinterpret_cast<uint64_t>(side.array->data.data());
            pitch = side.array->width * side.array->channels;
        }
        break;
    }
    uint64_t start = base + side.y * pitch + side.x;
    size_t bytes = copy.height ? (copy.height - 1) * pitch + copy.width : 0;
    if (!base || copy.width > pitch) return {0, 0};
    if (side.type == 2 && !is_ours(start, bytes, stream, "cuMemcpy2DAsync")) return {0, 0};
    return {start, pitch};
}

EXPORT CUresult cuMemcpy2DAsync_v2(const Copy2D* given, Stream* handle) {
    CALL_IN_CONTEXT(cuMemcpy2DAsync_v2);
    Copy2D copy = *given;
    Stream* stream = stream_of(handle, current, "cuMemcpy2DAsync");
    if (!stream) return INVALID_VALUE;
    auto [from, from_pitch] = rows_of(copy.from, copy, stream);
    auto [to, to_pitch] = rows_of(copy.to, copy, stream);
    if (!from || !to) return INVALID_VALUE;
    auto work = [=, from = from, to = to, from_pitch = from_pitch, to_pitch = to_pitch](const char* rows, size_t pitch) {
        for (size_t y = 0; y < copy.height; y++)
            memcpy(host(to + y * to_pitch), rows + y * pitch, copy.width);
    };
    auto pinned = [&](const Copy2D::Side& side, uint64_t start) {
        return side.type != 1 || holding(start, copy.width);
    };
    if (!pinned(copy.from, from) && !stream->capture) {
        state().pageable++;
        auto* begin = static_cast<const char*>(host(from));
        auto kept = std::make_shared<std::vector<char>>(begin, begin + (copy.height - 1) * from_pitch + copy.width);
        return enqueue(stream, {"copy-2d", [=, pitch = from_pitch] { work(kept->data(), pitch); }});
    }
    CUresult result = enqueue(stream, {"copy-2d", [=, from = from, pitch = from_pitch] {
        work(static_cast<const char*>(host(from)), pitch);
    }});
    if (!pinned(copy.to, to) && !stream->capture) {
        state().pageable++;
        drain(stream, stream->enqueued);
    }
    return result;
}

EXPORT CUresult cuPointerGetAttribute(void* to, int attribute, CUdeviceptr pointer) {
    CALL(cuPointerGetAttribute);
    Allocation* a = holding(pointer, 1);
    if (!a) return INVALID_VALUE;
    switch (attribute) {
    case 1: *static_cast<Context**>(to) = a->context; return SUCCESS;
    case 2: *static_cast<unsigned*>(to) = a->host ? 1 : 2; return SUCCESS;
    case 8: *static_cast<unsigned*>(to) = 0; return SUCCESS;
    case 9: *static_cast<int*>(to) = a->context->device; return SUCCESS;
    default: return INVALID_VALUE;
    }
}

struct ArrayDescriptor {
    size_t width, height;
    int format;
    unsigned channels;
};

EXPORT CUresult cuArrayCreate_v2(Array** array, const ArrayDescriptor* d) {
    CALL_OUTSIDE_CAPTURE(cuArrayCreate_v2);
    if (d->format != 1) return INVALID_VALUE;
    *array = new Array{d->width, d->height, d->channels, {}, current};
    (*array)->data.resize(d->width * d->height * d->channels);
    state().arrays.insert(*array);
    return SUCCESS;
}

EXPORT CUresult cuArrayDestroy(Array* array) {
    CALL_IN_CONTEXT(cuArrayDestroy);
    if (!state().arrays.erase(array)) return INVALID_HANDLE;
    drain_context(array->context);
    delete array;
    return SUCCESS;
}

struct ResourceDescriptor {
    int type;
    Array* array;
};

struct TextureDescriptor {
    int address[3];
    int filter;
    unsigned flags;
};

EXPORT CUresult cuTexObjectCreate(uint64_t* texture, const ResourceDescriptor* resource,
                                  const TextureDescriptor* how, const void*) {
    CALL_IN_CONTEXT(cuTexObjectCreate);
    bool plain = how->address[0] == 1 && how->address[1] == 1 && how->filter == 0 && how->flags == 1;
    if (resource->type != 0 || !state().arrays.count(resource->array) || !plain) return INVALID_VALUE;
    Array* a = resource->array;
    if (a->context != current) complain("cuTexObjectCreate with an array of another context");
    auto* view = new TextureView{a->data.data(), unsigned(a->width * a->channels), unsigned(a->width),
                                 unsigned(a->height), a->channels};
    state().textures.insert(view);
    *texture = reinterpret_cast<uint64_t>(view);
    return SUCCESS;
}

EXPORT CUresult cuTexObjectDestroy(uint64_t texture) {
    CALL_IN_CONTEXT(cuTexObjectDestroy);
    auto* view = reinterpret_cast<TextureView*>(texture);
    if (!state().textures.erase(view)) return INVALID_HANDLE;
    drain_context(current);
    delete view;
    return SUCCESS;
}
