// libnvdsgst_meta: batches on buffers; and what a test needs to make them and to look at them.
#include "nvds.h"

#include <gst/gst.h>
#include <cstring>

EXPORT Batch* nvds_create_batch_meta(unsigned frames);
EXPORT void nvds_destroy_batch_meta(Batch* batch);
EXPORT Object* nvds_acquire_obj_meta_from_pool(Batch* batch);
EXPORT void nvds_acquire_meta_lock(Batch* batch);
EXPORT void nvds_release_meta_lock(Batch* batch);
EXPORT void nvds_add_obj_meta_to_frame(Frame* frame, Object* object, Object* parent);

static GQuark quark() { return g_quark_from_static_string("vigil-fake-nvds"); }

EXPORT Batch* gst_buffer_get_nvds_batch_meta(GstBuffer* buffer) {
    return static_cast<Batch*>(gst_mini_object_get_qdata(GST_MINI_OBJECT(buffer), quark()));
}

// Gives a buffer a batch of so many frames, of the sources 10, 11, …
EXPORT void vigil_fake_nvds_attach(GstBuffer* buffer, unsigned frames) {
    Batch* batch = nvds_create_batch_meta(frames);
    for (unsigned i = 0; i < frames; i++) {
        auto* frame = static_cast<Frame*>(g_malloc0(sizeof(Frame)));
        frame->base.batch = batch;
        frame->batch_id = i;
        frame->pad = i;
        frame->source = 10 + i;
        frame->number = 100 + i;
        batch->frames = g_list_append(batch->frames, frame);
        batch->frames_now++;
    }
    gst_mini_object_set_qdata(GST_MINI_OBJECT(buffer), quark(), batch,
                              reinterpret_cast<GDestroyNotify>(nvds_destroy_batch_meta));
}

static Frame* frame_of(GstBuffer* buffer, unsigned frame) {
    return static_cast<Frame*>(g_list_nth_data(gst_buffer_get_nvds_batch_meta(buffer)->frames, frame));
}

// What a test writes and reads, apart from layouts.
struct Plain {
    int component, class_id;
    guint64 id;
    float rect[4], detector[4], tracker[4], confidence, tracker_confidence;
    unsigned border_width;
    double border_red;
    unsigned text_x, text_y, font_size;
    char label[128], text[128], font[32];
};

EXPORT void vigil_fake_nvds_infer_done(GstBuffer* buffer, unsigned frame, int done) {
    frame_of(buffer, frame)->infer_done = done;
}

EXPORT int vigil_fake_nvds_is_infer_done(GstBuffer* buffer, unsigned frame) {
    return frame_of(buffer, frame)->infer_done;
}

EXPORT unsigned vigil_fake_nvds_count(GstBuffer* buffer, unsigned frame) {
    return frame_of(buffer, frame)->objects_now;
}

// Adds an object; one with a parent is a part of the frame's first.
EXPORT void vigil_fake_nvds_add(GstBuffer* buffer, unsigned frame, const Plain* plain, int is_part) {
    Batch* batch = gst_buffer_get_nvds_batch_meta(buffer);
    Frame* f = frame_of(buffer, frame);
    Object* object = nvds_acquire_obj_meta_from_pool(batch);
    object->component = plain->component;
    object->class_id = plain->class_id;
    object->id = plain->id;
    memcpy(&object->rect.box, plain->rect, sizeof plain->rect);
    object->confidence = plain->confidence;
    object->tracker_confidence = plain->tracker_confidence;
    memcpy(object->label, plain->label, sizeof object->label);
    nvds_acquire_meta_lock(batch);
    Object* parent = is_part ? static_cast<Object*>(f->objects->data) : nullptr;
    nvds_add_obj_meta_to_frame(f, object, parent);
    nvds_release_meta_lock(batch);
}

EXPORT void vigil_fake_nvds_get(GstBuffer* buffer, unsigned frame, unsigned index, Plain* plain) {
    auto* o = static_cast<Object*>(g_list_nth_data(frame_of(buffer, frame)->objects, index));
    memset(plain, 0, sizeof *plain);
    plain->component = o->component;
    plain->class_id = o->class_id;
    plain->id = o->id;
    memcpy(plain->rect, &o->rect.box, sizeof plain->rect);
    memcpy(plain->detector, &o->detector_box, sizeof plain->detector);
    memcpy(plain->tracker, &o->tracker_box, sizeof plain->tracker);
    plain->confidence = o->confidence;
    plain->tracker_confidence = o->tracker_confidence;
    plain->border_width = o->rect.border_width;
    plain->border_red = o->rect.border_color.red;
    plain->text_x = o->text.x;
    plain->text_y = o->text.y;
    plain->font_size = o->text.font_size;
    memcpy(plain->label, o->label, sizeof plain->label);
    if (o->text.display_text) g_strlcpy(plain->text, o->text.display_text, sizeof plain->text);
    if (o->text.font_name) g_strlcpy(plain->font, o->text.font_name, sizeof plain->font);
}
