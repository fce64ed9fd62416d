// Stands for libnvinfer_plugin.so.8 where its own libraries (cuBLAS 12, cuDNN 8) are missing. The ONNX
// parser of TensorRT 8.6 is linked with it, and asks it for nothing but this: to make the plugins
// known. There are none then, and models that need one are refused by name.

#include <stdbool.h>

__attribute__((visibility("default"))) bool initLibNvInferPlugins(void* logger, char const* name_space) {
    (void)logger;
    (void)name_space;
    return true;
}
