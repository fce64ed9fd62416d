// Bookkeeping, faults, devices and contexts.
#include "cuda.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static void set(State& s, const std::string& key, const std::string& value) {
    long number = atol(value.c_str());
    if (key == "devices") s.devices.resize(number);
    else if (key == "memory") for (Device& d : s.devices) d.total = number;
    else if (key == "capability") s.capability = number;
    else if (key == "version") s.version = number;
    else if (key == "init") s.init = number;
    else if (key == "oom-at") s.oom_at = number;
    else if (key == "lost-at") s.lost_at = number;
    else if (key == "lost-code") s.lost_code = number;
    else if (key == "fail") {
        size_t a = value.find(':'), b = value.rfind(':');
        s.fails.push_back({value.substr(0, a), atol(value.c_str() + a + 1),
                           CUresult(atol(value.c_str() + b + 1))});
    } else {
        fprintf(stderr, "fake CUDA: no fault is called '%s'\n", key.c_str());
        abort();
    }
}

static void set_all(State& s, const std::string& text) {
    for (size_t at = 0; at < text.size();) {
        size_t end = std::min(text.find(',', at), text.size());
        std::string item = text.substr(at, end - at);
        size_t equals = item.find('=');
        if (equals != std::string::npos) set(s, item.substr(0, equals), item.substr(equals + 1));
        at = end + 1;
    }
}

State& state() {
    // Never destroyed: threads may end after the library's own destructors.
    static State* s = [] {
        State* s = new State;
        if (const char* text = getenv("VIGIL_FAKE_CUDA")) set_all(*s, text);
        return s;
    }();
    return *s;
}

std::vector<Context*>& stack() {
    static thread_local std::vector<Context*> contexts;
    return contexts;
}

void complain(const std::string& text) {
    state().complaints.push_back(text);
}

Call::Call(const char* name) : lock(state().mutex), name(name) {
    State& s = state();
    s.calls[name]++;
    for (auto& fail : s.fails) {
        if (fail.at > 0 && fail.name == name && --fail.at == 0) {
            result = fail.code;
            return;
        }
    }
    if (!s.started && strcmp(name, "cuInit") && strcmp(name, "cuDriverGetVersion")) {
        complain(std::string(name) + " before cuInit");
        result = NOT_INITIALIZED;
    }
}

Context* Call::current() {
    State& s = state();
    Context* context = stack().empty() ? nullptr : stack().back();
    if (!context) {
        complain(std::string(name) + " without a current context");
        result = INVALID_CONTEXT;
        return nullptr;
    }
    if (!context->alive) {
        result = CONTEXT_IS_DESTROYED;
        return nullptr;
    }
    Device& device = s.devices[context->device];
    if (s.lost_at > 0 && --s.lost_at == 0) device.lost = s.lost_code;
    result = device.lost;
    return context;
}

EXPORT CUresult cuInit(unsigned flags) {
    CALL(cuInit);
    State& s = state();
    if (flags != 0) return INVALID_VALUE;
    if (s.init != SUCCESS) return s.init;
    if (s.devices.empty()) return NO_DEVICE;
    s.started = true;
    return SUCCESS;
}

EXPORT CUresult cuDriverGetVersion(int* version) {
    CALL(cuDriverGetVersion);
    *version = state().version;
    return SUCCESS;
}

struct Name {
    CUresult code;
    const char *name, *text;
};
static const Name names[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {709, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
};

static CUresult lookup(CUresult code, const char** to, const char* Name::*field) {
    for (const Name& name : names) {
        if (name.code == code) {
            *to = name.*field;
            return SUCCESS;
        }
    }
    *to = nullptr;
    return INVALID_VALUE;
}
EXPORT CUresult cuGetErrorName(CUresult code, const char** to) { return lookup(code, to, &Name::name); }
EXPORT CUresult cuGetErrorString(CUresult code, const char** to) { return lookup(code, to, &Name::text); }

EXPORT CUresult cuDeviceGetCount(int* count) {
    CALL(cuDeviceGetCount);
    *count = state().devices.size();
    return SUCCESS;
}

static bool is_device(CUdevice device) {
    return device >= 0 && device < CUdevice(state().devices.size());
}

EXPORT CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    CALL(cuDeviceGet);
    if (!is_device(ordinal)) return INVALID_DEVICE;
    *device = ordinal;
    return SUCCESS;
}

EXPORT CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    CALL(cuDeviceGetName);
    if (!is_device(device)) return INVALID_DEVICE;
    snprintf(name, length, "Fake GPU %d", device);
    return SUCCESS;
}

EXPORT CUresult cuDeviceGetUuid_v2(uint8_t* uuid, CUdevice device) {
    CALL(cuDeviceGetUuid_v2);
    if (!is_device(device)) return INVALID_DEVICE;
    for (int i = 0; i < 16; i++) uuid[i] = uint8_t(i * 17 + device);
    return SUCCESS;
}

EXPORT CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    CALL(cuDeviceTotalMem_v2);
    if (!is_device(device)) return INVALID_DEVICE;
    *bytes = state().devices[device].total;
    return SUCCESS;
}

EXPORT CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
    CALL(cuDeviceGetAttribute);
    if (!is_device(device)) return INVALID_DEVICE;
    switch (attribute) {
    case 14: *value = 512; return SUCCESS; // texture alignment, which GStreamer asks for
    case 16: *value = 4; return SUCCESS;   // multiprocessors
    case 18: *value = 0; return SUCCESS;   // integrated
    case 75: *value = state().capability / 10; return SUCCESS;
    case 76: *value = state().capability % 10; return SUCCESS;
    default: return INVALID_VALUE;
    }
}

static Context* make_context(int device, bool primary) {
    Context* context = new Context;
    context->device = device;
    context->primary = primary;
    context->default_stream = new Stream;
    context->default_stream->context = context;
    state().contexts.insert(context);
    return context;
}

EXPORT CUresult cuDevicePrimaryCtxRetain(Context** context, CUdevice device) {
    CALL(cuDevicePrimaryCtxRetain);
    if (!is_device(device)) return INVALID_DEVICE;
    Device& d = state().devices[device];
    if (d.lost) return d.lost;
    if (!d.primary) d.primary = make_context(device, true);
    d.primary->alive = true;
    d.retains++;
    *context = d.primary;
    return SUCCESS;
}

EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    CALL(cuDevicePrimaryCtxRelease_v2);
    if (!is_device(device)) return INVALID_DEVICE;
    Device& d = state().devices[device];
    if (d.retains == 0) {
        complain("a primary context was released more often than retained");
        return INVALID_CONTEXT;
    }
    if (--d.retains == 0) d.primary->alive = false;
    return SUCCESS;
}

// Contexts of their own, for tests: what is somebody else's.
EXPORT CUresult cuCtxCreate_v2(Context** context, unsigned, CUdevice device) {
    CALL(cuCtxCreate_v2);
    if (!is_device(device)) return INVALID_DEVICE;
    *context = make_context(device, false);
    stack().push_back(*context);
    state().pushed++;
    return SUCCESS;
}

EXPORT CUresult cuCtxDestroy_v2(Context* context) {
    CALL(cuCtxDestroy_v2);
    if (!state().contexts.count(context) || !context->alive || context->primary) {
        complain("a context was destroyed that is none, was destroyed before, or is a primary one");
        return INVALID_CONTEXT;
    }
    context->alive = false;
    return SUCCESS;
}

EXPORT CUresult cuCtxPushCurrent_v2(Context* context) {
    CALL(cuCtxPushCurrent_v2);
    if (!state().contexts.count(context)) return INVALID_CONTEXT;
    if (!context->alive) return CONTEXT_IS_DESTROYED;
    stack().push_back(context);
    state().pushed++;
    return SUCCESS;
}

EXPORT CUresult cuCtxPopCurrent_v2(Context** context) {
    CALL(cuCtxPopCurrent_v2);
    if (stack().empty()) {
        complain("a context was popped where none was pushed");
        return INVALID_CONTEXT;
    }
    // GStreamer does not ask which one it was.
    if (context) *context = stack().back();
    stack().pop_back();
    state().popped++;
    return SUCCESS;
}

EXPORT CUresult cuCtxGetCurrent(Context** context) {
    CALL(cuCtxGetCurrent);
    *context = stack().empty() ? nullptr : stack().back();
    return SUCCESS;
}

EXPORT CUresult cuCtxGetDevice(CUdevice* device) {
    CALL_IN_CONTEXT(cuCtxGetDevice);
    *device = current->device;
    return SUCCESS;
}

// ------------------------------------------------------------------------------- the test's own

EXPORT void vigil_fake_cuda_set(const char* text) {
    std::lock_guard<std::recursive_mutex> lock(state().mutex);
    set_all(state(), text);
}

// How often a function was called, by the name that it is exported under; "pageable" for copies
// of memory that is not pinned.
EXPORT long vigil_fake_cuda_calls(const char* name) {
    std::lock_guard<std::recursive_mutex> lock(state().mutex);
    return strcmp(name, "pageable") ? state().calls[name] : state().pageable;
}

// Bytes of a device that are allocated.
EXPORT size_t vigil_fake_cuda_used(int device) {
    std::lock_guard<std::recursive_mutex> lock(state().mutex);
    return state().devices[device].used;
}

// Writes what was done wrong and what is left, a line for each; returns the number of lines.
EXPORT int vigil_fake_cuda_report(char* to, size_t size) {
    State& s = state();
    std::lock_guard<std::recursive_mutex> lock(s.mutex);
    std::vector<std::string> lines = s.complaints;
    auto left = [&](size_t count, const char* what) {
        if (count) lines.push_back(std::to_string(count) + " " + what + " left");
    };
    size_t device = 0, host = 0, bytes = 0;
    for (auto& [address, a] : s.allocations) {
        if (!a.live) continue;
        (a.host ? host : device)++;
        bytes += a.bytes;
    }
    left(device, "allocations of device memory");
    left(host, "allocations of pinned memory");
    left(bytes, "bytes");
    left(s.streams.size(), "streams");
    left(s.events.size(), "events");
    left(s.modules.size(), "modules");
    left(s.graphs.size(), "graphs");
    left(s.execs.size(), "executable graphs");
    left(s.textures.size(), "textures");
    left(s.arrays.size(), "arrays");
    for (Device& d : s.devices) left(d.retains, "retained primary contexts");
    for (Context* c : s.contexts) left(!c->primary && c->alive, "context");
    left(s.pushed - s.popped, "contexts pushed and not popped: they are");
    std::string text;
    for (auto& line : lines) text += line + "\n";
    snprintf(to, size, "%s", text.c_str());
    return lines.size();
}
