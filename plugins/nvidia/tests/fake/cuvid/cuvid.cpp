// libnvcuvid.so.1 that decodes nothing: GStreamer registers its CUDA elements only where there is one.
#define NONE(name) \
    extern "C" __attribute__((visibility("default"))) unsigned name() { return 801; }

NONE(cuvidCreateDecoder)
NONE(cuvidCreateVideoParser)
NONE(cuvidCtxLock)
NONE(cuvidCtxLockCreate)
NONE(cuvidCtxLockDestroy)
NONE(cuvidCtxUnlock)
NONE(cuvidDecodePicture)
NONE(cuvidDestroyDecoder)
NONE(cuvidDestroyVideoParser)
NONE(cuvidGetDecoderCaps)
NONE(cuvidMapVideoFrame64)
NONE(cuvidParseVideoData)
NONE(cuvidReconfigureDecoder)
NONE(cuvidUnmapVideoFrame64)
