// libnvds_meta: pools, lists and the lock of a batch.
#include "nvds.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

static thread_local int depth;
static bool pool_is_empty;
static unsigned element_size = sizeof(Object);

// "pool" for a pool that gives nothing, "layout" for objects of another size, "ok"
EXPORT void vigil_fake_nvds_set(const char* text) {
    pool_is_empty = !strcmp(text, "pool");
    element_size = strcmp(text, "layout") ? sizeof(Object) : 600;
}

EXPORT int vigil_fake_nvds_depth() { return depth; }

EXPORT void nvds_acquire_meta_lock(Batch* batch) {
    g_rec_mutex_lock(&batch->mutex);
    depth++;
}

EXPORT void nvds_release_meta_lock(Batch* batch) {
    depth--;
    g_rec_mutex_unlock(&batch->mutex);
}

EXPORT Batch* nvds_create_batch_meta(unsigned frames) {
    auto* batch = static_cast<Batch*>(g_malloc0(sizeof(Batch)));
    g_rec_mutex_init(&batch->mutex);
    batch->max_frames = frames;
    batch->object_pool = static_cast<Pool*>(g_malloc0(sizeof(Pool)));
    batch->object_pool->element_size = element_size;
    return batch;
}

EXPORT Object* nvds_acquire_obj_meta_from_pool(Batch* batch) {
    if (pool_is_empty) return nullptr;
    auto* object = static_cast<Object*>(g_malloc0(sizeof(Object)));
    object->base.batch = batch;
    return object;
}

EXPORT void nvds_add_obj_meta_to_frame(Frame* frame, Object* object, Object* parent) {
    if (depth == 0) {
        fprintf(stderr, "an object was added to a batch that is not locked\n");
        abort();
    }
    object->parent = parent;
    frame->objects = g_list_append(frame->objects, object);
    frame->objects_now++;
}

EXPORT void nvds_destroy_batch_meta(Batch* batch) {
    for (GList* f = batch->frames; f; f = f->next) {
        auto* frame = static_cast<Frame*>(f->data);
        for (GList* o = frame->objects; o; o = o->next) {
            g_free(static_cast<Object*>(o->data)->text.display_text);
            g_free(o->data);
        }
        g_list_free(frame->objects);
        g_free(frame);
    }
    g_list_free(batch->frames);
    g_rec_mutex_clear(&batch->mutex);
    g_free(batch->object_pool);
    g_free(batch);
}
