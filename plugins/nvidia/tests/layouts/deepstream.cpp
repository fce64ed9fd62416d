// Prints the layout of the structures of the DeepStream that is installed, one `name number` a line.
// Compiled by tests/layouts.rs with the folder of DeepStream's headers.
#include <cstddef>
#include <cstdio>

#include <nvbufsurface.h>
#include <nvdsmeta.h>

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define AT(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))
#define NUMBER(name) printf(#name " %d\n", int(name))

int main() {
    SIZE(NvBufSurface);
    AT(NvBufSurface, gpuId);
    AT(NvBufSurface, batchSize);
    AT(NvBufSurface, numFilled);
    AT(NvBufSurface, isContiguous);
    AT(NvBufSurface, memType);
    AT(NvBufSurface, surfaceList);
    SIZE(NvBufSurfaceParams);
    AT(NvBufSurfaceParams, width);
    AT(NvBufSurfaceParams, height);
    AT(NvBufSurfaceParams, pitch);
    AT(NvBufSurfaceParams, colorFormat);
    AT(NvBufSurfaceParams, layout);
    AT(NvBufSurfaceParams, bufferDesc);
    AT(NvBufSurfaceParams, dataSize);
    AT(NvBufSurfaceParams, dataPtr);
    AT(NvBufSurfaceParams, planeParams);
    AT(NvBufSurfaceParams, planeParams.num_planes);
    AT(NvBufSurfaceParams, planeParams.width);
    AT(NvBufSurfaceParams, planeParams.height);
    AT(NvBufSurfaceParams, planeParams.pitch);
    AT(NvBufSurfaceParams, planeParams.offset);
    AT(NvBufSurfaceParams, mappedAddr);
    AT(NvBufSurfaceParams, mappedAddr.eglImage);
#ifdef CUDA_BUFFERS
    AT(NvBufSurfaceParams, mappedAddr.cudaPtr);
    AT(NvBufSurfaceCudaBuffer, dataPtr);
#endif
    NUMBER(NVBUF_COLOR_FORMAT_NV12);
    NUMBER(NVBUF_COLOR_FORMAT_NV12_ER);
    NUMBER(NVBUF_COLOR_FORMAT_NV12_709);
    NUMBER(NVBUF_COLOR_FORMAT_NV12_709_ER);
    NUMBER(NVBUF_COLOR_FORMAT_NV12_2020);
    NUMBER(NVBUF_COLOR_FORMAT_RGBA);
    NUMBER(NVBUF_COLOR_FORMAT_BGRA);
    NUMBER(NVBUF_COLOR_FORMAT_RGBx);
    NUMBER(NVBUF_COLOR_FORMAT_BGRx);
    NUMBER(NVBUF_MEM_CUDA_PINNED);
    NUMBER(NVBUF_MEM_CUDA_DEVICE);
    NUMBER(NVBUF_MEM_CUDA_UNIFIED);
    NUMBER(NVBUF_MEM_SURFACE_ARRAY);
    NUMBER(NVBUF_MEM_SYSTEM);
    NUMBER(NVBUF_LAYOUT_BLOCK_LINEAR);

    AT(NvDsMetaPool, element_size);
    AT(NvDsBatchMeta, num_frames_in_batch);
    AT(NvDsBatchMeta, obj_meta_pool);
    AT(NvDsBatchMeta, frame_meta_list);
    AT(NvDsFrameMeta, pad_index);
    AT(NvDsFrameMeta, batch_id);
    AT(NvDsFrameMeta, frame_num);
    AT(NvDsFrameMeta, buf_pts);
    AT(NvDsFrameMeta, source_id);
    AT(NvDsFrameMeta, num_obj_meta);
    AT(NvDsFrameMeta, bInferDone);
    AT(NvDsFrameMeta, obj_meta_list);
    SIZE(NvDsObjectMeta);
    AT(NvDsObjectMeta, parent);
    AT(NvDsObjectMeta, unique_component_id);
    AT(NvDsObjectMeta, class_id);
    AT(NvDsObjectMeta, object_id);
    AT(NvDsObjectMeta, detector_bbox_info);
    AT(NvDsObjectMeta, tracker_bbox_info);
    AT(NvDsObjectMeta, confidence);
    AT(NvDsObjectMeta, tracker_confidence);
    AT(NvDsObjectMeta, rect_params);
    AT(NvDsObjectMeta, rect_params.border_width);
    AT(NvDsObjectMeta, rect_params.border_color);
    AT(NvDsObjectMeta, rect_params.has_bg_color);
    AT(NvDsObjectMeta, text_params.display_text);
    AT(NvDsObjectMeta, text_params.x_offset);
    AT(NvDsObjectMeta, text_params.font_params.font_name);
    AT(NvDsObjectMeta, text_params.font_params.font_size);
    AT(NvDsObjectMeta, text_params.font_params.font_color);
    AT(NvDsObjectMeta, text_params.set_bg_clr);
    AT(NvDsObjectMeta, text_params.text_bg_clr);
    AT(NvDsObjectMeta, obj_label);
}
