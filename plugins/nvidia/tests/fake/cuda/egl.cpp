// EGL images of Jetson. What their planes are is said by the image, which a test has made.
#include "cuda.h"
#include "egl_image.h"

#include <cstring>

struct EglFrame {
    void* planes[3];
    unsigned width, height, depth, pitch, plane_count, channels, frame_type, color_format, format;
};

struct Resource {
    FakeEglImage* image;
    Context* context;
};

static std::set<Resource*>& resources() {
    static std::set<Resource*> all;
    return all;
}

EXPORT CUresult cuGraphicsEGLRegisterImage(Resource** resource, FakeEglImage* image, unsigned flags) {
    CALL_IN_CONTEXT(cuGraphicsEGLRegisterImage);
    if (!image || image->magic != FakeEglImage::MAGIC || flags != 1) return INVALID_VALUE;
    *resource = new Resource{image, current};
    resources().insert(*resource);
    return SUCCESS;
}

EXPORT CUresult cuGraphicsResourceGetMappedEglFrame(EglFrame* frame, Resource* resource, unsigned index,
                                                    unsigned level) {
    CALL_IN_CONTEXT(cuGraphicsResourceGetMappedEglFrame);
    if (!resources().count(resource) || index || level) return INVALID_HANDLE;
    if (resource->context != current) complain("an EGL image was mapped in another context");
    const FakeEglImage* image = resource->image;
    memset(frame, 0, sizeof *frame);
    memcpy(frame->planes, image->planes, sizeof frame->planes);
    frame->pitch = image->pitch;
    frame->plane_count = image->plane_count;
    frame->frame_type = image->frame_type;
    return SUCCESS;
}

EXPORT CUresult cuGraphicsUnregisterResource(Resource* resource) {
    CALL_IN_CONTEXT(cuGraphicsUnregisterResource);
    if (!resources().erase(resource)) {
        complain("an EGL image was unregistered twice, or never registered");
        return INVALID_HANDLE;
    }
    if (resource->context != current) complain("an EGL image was unregistered in another context");
    drain_context(current);
    delete resource;
    return SUCCESS;
}

// EGL images that are still registered.
EXPORT size_t vigil_fake_cuda_egl_images() {
    std::lock_guard<std::recursive_mutex> lock(state().mutex);
    return resources().size();
}
