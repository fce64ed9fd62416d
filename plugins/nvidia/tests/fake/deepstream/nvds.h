// DeepStream's metadata for the fakes of its libraries: own declarations, with -DDEEPSTREAM=9 those of
// that version, else those of 5 to 8.
#pragma once

#include <glib.h>

#define EXPORT extern "C" __attribute__((visibility("default")))

struct Batch;

struct Base {
    Batch* batch;
    int type;
    void *context, *copy, *release;
};

struct Pool {
    int type;
    unsigned max, element_size, empty, full;
    GList *empty_list, *full_list;
    void *copy, *release;
};

struct Batch {
    Base base;
    unsigned max_frames, frames_now;
    Pool *frame_pool, *object_pool, *others[4];
    GList *frames, *user;
    GRecMutex mutex;
    gint64 misc[8];
};

struct Box {
    float left, top, width, height;
};

struct Color {
    double red, green, blue, alpha;
};

struct Rect {
    Box box;
    unsigned border_width;
    Color border_color;
    unsigned has_bg, reserved;
    Color bg;
    int has_info, color_id;
#if DEEPSTREAM >= 9
    float rotation_angle;
#endif
};

struct Text {
    char* display_text;
    unsigned x, y;
    const char* font_name;
    unsigned font_size;
    Color font_color;
    int set_bg;
    Color bg;
};

struct Frame {
    Base base;
    unsigned pad, batch_id;
    int number;
    guint64 pts, ntp;
    unsigned source;
    int surfaces;
    unsigned source_width, source_height, surface_type, surface_index, objects_now;
    gboolean infer_done;
    GList *objects, *display, *user;
    gint64 misc[4];
    unsigned width, height;
#if DEEPSTREAM >= 9
    struct { unsigned source; const char *uri, *id, *name; } sensor;
#endif
    gint64 reserved[4];
};

struct Object {
    Base base;
    Object* parent;
    int component, class_id;
    guint64 id;
    Box detector_box, tracker_box;
    float confidence, tracker_confidence;
    Rect rect;
    struct { float* data; unsigned size; float threshold; unsigned width, height; } mask;
    Text text;
    char label[128];
    GList *classifiers, *user;
    gint64 misc[8];
};
