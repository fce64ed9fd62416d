// libnvbufsurface without a Jetson: surface arrays become EGL images and CUDA buffers, or refuse to.
//
// Compiled twice: as it is, it is the library of DeepStream 5 to 7 (entries of 384 bytes, no CUDA
// buffers); with -DCUDA_BUFFERS that of DeepStream 9 (416 bytes). The memory of an image is what the
// test has put into `mapped_addr[plane]` of the entry; whether these are arrays or addresses is set
// by `vigil_fake_nvbuf_set`.
#include "../cuda/egl_image.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define EXPORT extern "C" __attribute__((visibility("default")))

struct CudaBuffer {
    void *base, *data, *memory, *mipmap;
    uint8_t reserved[64];
};

struct Entry {
    uint32_t width, height, pitch, color_format, layout;
    uint64_t buffer_desc;
    uint32_t data_size;
    void* data;
    uint32_t planes;
    uint32_t numbers[24];
    void* reserved[16];
    void* addr[4];
    void* egl_image;
#ifdef CUDA_BUFFERS
    void* nvmm;
    CudaBuffer* cuda;
#endif
    void* mapped_reserved[4];
    void* more;
#ifdef CUDA_BUFFERS
    CudaBuffer* cuda_buffer;
    void* end[4];
#else
    void* end[3];
#endif
};

struct Surface {
    uint32_t gpu, batch, filled;
    bool contiguous;
    uint32_t type;
    Entry* list;
};

#ifdef CUDA_BUFFERS
static_assert(sizeof(Entry) == 416);
#else
static_assert(sizeof(Entry) == 384);
#endif

enum Fault { NONE, FAILS, GIVES_NULL };
static Fault egl, cuda;
static unsigned frame_type = 1;
static long maps, unmaps;

// "egl=fail", "egl=null", "cuda=fail", "cuda=null", "arrays", "ok"
EXPORT void vigil_fake_nvbuf_set(const char* text) {
    auto fault = [&](const char* name, Fault& to) {
        char fails[32], null[32];
        snprintf(fails, sizeof fails, "%s=fail", name);
        snprintf(null, sizeof null, "%s=null", name);
        if (!strcmp(text, fails)) to = FAILS;
        if (!strcmp(text, null)) to = GIVES_NULL;
    };
    fault("egl", egl);
    fault("cuda", cuda);
    if (!strcmp(text, "arrays")) frame_type = 0;
    if (!strcmp(text, "ok")) {
        egl = cuda = NONE;
        frame_type = 1;
    }
}

EXPORT long vigil_fake_nvbuf_maps() { return maps; }
EXPORT long vigil_fake_nvbuf_unmaps() { return unmaps; }

static Entry* entry(Surface* surface, int index) {
    bool ok = surface && surface->type == 4 && index >= 0 && uint32_t(index) < surface->batch;
    return ok ? surface->list + index : nullptr;
}

EXPORT int NvBufSurfaceMapEglImage(Surface* surface, int index) {
    Entry* e = entry(surface, index);
    if (!e || egl == FAILS) return -1;
    maps++;
    if (egl == GIVES_NULL) return 0;
    auto* image = new FakeEglImage{FakeEglImage::MAGIC, frame_type, e->planes, e->pitch, {}};
    memcpy(image->planes, e->addr, sizeof image->planes);
    e->egl_image = image;
    return 0;
}

EXPORT int NvBufSurfaceUnMapEglImage(Surface* surface, int index) {
    Entry* e = entry(surface, index);
    if (!e || !e->egl_image) abort();
    unmaps++;
    delete static_cast<FakeEglImage*>(e->egl_image);
    e->egl_image = nullptr;
    return 0;
}

#ifdef CUDA_BUFFERS
EXPORT int NvBufSurfaceMapCudaBuffer(Surface* surface, int index) {
    Entry* e = entry(surface, index);
    // "API is not supported on this platform", as Orin Nano says
    if (!e || e->cuda || cuda == FAILS) return -1;
    maps++;
    if (cuda == GIVES_NULL) return 0;
    e->cuda = new CudaBuffer{e->addr[3], e->addr[3], nullptr, nullptr, {}};
    return 0;
}

EXPORT int NvBufSurfaceUnMapCudaBuffer(Surface* surface, int index) {
    Entry* e = entry(surface, index);
    if (!e || !e->cuda) abort();
    unmaps++;
    delete e->cuda;
    e->cuda = nullptr;
    return 0;
}
#endif
