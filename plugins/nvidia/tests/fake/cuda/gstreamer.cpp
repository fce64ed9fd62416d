// What GStreamer's own CUDA library wants of a driver beyond what we do: it loads every function that
// it has a use for, or none. What moves memory works; the rest says that it is not supported.
#include "cuda.h"

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr*, size_t);
EXPORT CUresult cuMemHostAlloc(void**, size_t, unsigned);
EXPORT CUresult cuStreamCreateWithPriority(Stream**, unsigned, int);
EXPORT CUresult cuStreamSynchronize(Stream*);
EXPORT CUresult cuMemcpy2DAsync_v2(const struct Copy2D*, Stream*);
EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr, const void*, size_t, Stream*);
EXPORT CUresult cuMemcpyDtoHAsync_v2(void*, CUdeviceptr, size_t, Stream*);
EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, size_t, Stream*);

EXPORT CUresult cuCtxSynchronize() {
    CALL_OUTSIDE_CAPTURE(cuCtxSynchronize);
    drain_context(current);
    return SUCCESS;
}

EXPORT CUresult cuStreamCreate(Stream** stream, unsigned flags) {
    return cuStreamCreateWithPriority(stream, flags, 0);
}

EXPORT CUresult cuMemAllocHost_v2(void** pointer, size_t bytes) { return cuMemHostAlloc(pointer, bytes, 0); }

EXPORT CUresult cuMemAllocPitch_v2(CUdeviceptr* pointer, size_t* pitch, size_t width, size_t height, unsigned) {
    *pitch = (width + 511) / 512 * 512;
    return cuMemAlloc_v2(pointer, *pitch * height);
}

static CUresult now(CUresult enqueued) { return enqueued ? enqueued : cuStreamSynchronize(nullptr); }

EXPORT CUresult cuMemcpy2D_v2(const struct Copy2D* copy) { return now(cuMemcpy2DAsync_v2(copy, nullptr)); }
EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
    return now(cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr));
}
EXPORT CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
    return now(cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr));
}
EXPORT CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    return now(cuMemcpyDtoDAsync_v2(to, from, bytes, nullptr));
}

EXPORT CUresult cuDeviceCanAccessPeer(int* can, CUdevice, CUdevice) {
    *can = 0;
    return SUCCESS;
}

static constexpr CUresult NOT_SUPPORTED = 801;
#define NONE(name) \
    EXPORT CUresult name() { return NOT_SUPPORTED; }

NONE(cuCtxDisablePeerAccess)
NONE(cuCtxEnablePeerAccess)
NONE(cuCtxGetLimit)
NONE(cuCtxSetLimit)
NONE(cuDestroyExternalMemory)
NONE(cuDestroyExternalSemaphore)
NONE(cuExternalMemoryGetMappedBuffer)
NONE(cuExternalMemoryGetMappedMipmappedArray)
NONE(cuGLGetDevices_v2)
NONE(cuGraphicsGLRegisterBuffer)
NONE(cuGraphicsGLRegisterImage)
NONE(cuGraphicsMapResources)
NONE(cuGraphicsResourceGetMappedPointer_v2)
NONE(cuGraphicsResourceSetMapFlags_v2)
NONE(cuGraphicsSubResourceGetMappedArray)
NONE(cuGraphicsUnmapResources)
NONE(cuImportExternalMemory)
NONE(cuImportExternalSemaphore)
NONE(cuIpcCloseMemHandle)
NONE(cuIpcGetEventHandle)
NONE(cuIpcGetMemHandle)
NONE(cuIpcOpenEventHandle)
NONE(cuIpcOpenMemHandle)
NONE(cuMemAddressFree)
NONE(cuMemAddressReserve)
NONE(cuMemAllocAsync)
NONE(cuMemAllocFromPoolAsync)
NONE(cuMemCreate)
NONE(cuMemExportToShareableHandle)
NONE(cuMemFreeAsync)
NONE(cuMemGetAccess)
NONE(cuMemGetAllocationGranularity)
NONE(cuMemGetAllocationPropertiesFromHandle)
NONE(cuMemImportFromShareableHandle)
NONE(cuMemMap)
NONE(cuMemPoolCreate)
NONE(cuMemPoolDestroy)
NONE(cuMemPoolGetAttribute)
NONE(cuMemPoolSetAttribute)
NONE(cuMemRelease)
NONE(cuMemRetainAllocationHandle)
NONE(cuMemSetAccess)
NONE(cuMemUnmap)
NONE(cuMemsetD2D16Async)
NONE(cuMemsetD2D16_v2)
NONE(cuMemsetD2D32Async)
NONE(cuMemsetD2D32_v2)
NONE(cuMemsetD2D8Async)
NONE(cuMemsetD2D8_v2)
NONE(cuModuleLoadData)
NONE(cuSignalExternalSemaphoresAsync)
NONE(cuWaitExternalSemaphoresAsync)
