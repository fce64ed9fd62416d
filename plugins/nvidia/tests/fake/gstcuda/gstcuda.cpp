// libgstcuda without its driver: contexts and memories that a test makes from handles and addresses of
// the fake driver, and the functions that are used of it. With -DBEFORE_1_24 it has no streams.
#include <gst/gst.h>
#include <gst/video/video.h>
#include <cstring>

#define EXPORT extern "C" __attribute__((visibility("default")))

static const GstMapFlags MAP_CUDA = static_cast<GstMapFlags>(GST_MAP_FLAG_LAST << 1);

// ------------------------------------------------------------------------------------- contexts

struct Context {
    GstObject object;
    void* handle;
    guint device;
};

struct ContextClass {
    GstObjectClass parent;
};

// Each copy of this library has types of its own.
static GType make_type(GType parent, const char* name, guint class_size, GClassInitFunc class_init,
                       guint size, GInstanceInitFunc init) {
    static char here;
    char* unique = g_strdup_printf("VigilFake%s%p", name, static_cast<void*>(&here));
    GType type = g_type_register_static_simple(parent, unique, class_size, class_init, size, init,
                                               GTypeFlags(0));
    g_free(unique);
    return type;
}

static void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
    g_value_set_uint(value, reinterpret_cast<Context*>(object)->device);
}

static void fake_context_class_init(gpointer klass, gpointer) {
    auto* object = reinterpret_cast<GObjectClass*>(klass);
    object->get_property = get_property;
    g_object_class_install_property(
        object, 1, g_param_spec_uint("cuda-device-id", "", "", 0, G_MAXUINT, 0, G_PARAM_READABLE));
}

static GType fake_context_get_type() {
    static GType type = make_type(GST_TYPE_OBJECT, "Context", sizeof(ContextClass),
                                  fake_context_class_init, sizeof(Context), nullptr);
    return type;
}

EXPORT Context* vigil_fake_gstcuda_context(void* handle, guint device) {
    auto* context = static_cast<Context*>(g_object_new(fake_context_get_type(), nullptr));
    gst_object_ref_sink(context);
    context->handle = handle;
    context->device = device;
    return context;
}

static bool no_driver, no_new_context;
static Context* next_context;

// "no-driver", "no-context", "ok"
EXPORT void vigil_fake_gstcuda_set(const char* text) {
    no_driver = !strcmp(text, "no-driver");
    no_new_context = !strcmp(text, "no-context");
}

// What a new context is: it takes the reference.
EXPORT void vigil_fake_gstcuda_next(Context* context) { next_context = context; }

EXPORT gboolean gst_cuda_load_library() {
    const char* text = g_getenv("VIGIL_FAKE_GSTCUDA");
    if (text) vigil_fake_gstcuda_set(text);
    return !no_driver;
}

EXPORT void* gst_cuda_context_get_handle(Context* context) { return context->handle; }

static const char* TYPE = "gst.cuda.context";

EXPORT gboolean gst_cuda_handle_set_context(GstElement*, GstContext* context, gint device, Context** to) {
    if (!context || strcmp(gst_context_get_context_type(context), TYPE)) return FALSE;
    Context* found = nullptr;
    if (gst_structure_get(gst_context_get_structure(context), TYPE, fake_context_get_type(), &found, nullptr)) {
        if (device < 0 || found->device == guint(device)) gst_object_replace(reinterpret_cast<GstObject**>(to), &found->object);
        gst_object_unref(found);
    }
    return TRUE;
}

EXPORT GstContext* vigil_fake_gstcuda_offer(Context* context) {
    GstContext* offer = gst_context_new(TYPE, TRUE);
    gst_structure_set(gst_context_writable_structure(offer), TYPE, fake_context_get_type(), context, nullptr);
    return offer;
}

#ifndef BEFORE_1_24
EXPORT Context* gst_cuda_context_new_wrapped(void* handle, int device) {
    return no_new_context ? nullptr : vigil_fake_gstcuda_context(handle, device);
}
EXPORT GstContext* gst_context_new_cuda_context(Context* context) { return vigil_fake_gstcuda_offer(context); }
#endif

EXPORT gboolean gst_cuda_ensure_element_context(GstElement* element, gint device, Context** context) {
    if (*context) return TRUE;
    // The app may answer at once, from this thread, by the element's set_context.
    gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT(element), TYPE));
    if (*context) return TRUE;
    if (no_new_context || !next_context || (device >= 0 && next_context->device != guint(device))) return FALSE;
    GstContext* offer = vigil_fake_gstcuda_offer(next_context);
    gst_element_set_context(element, offer);
    gst_context_unref(offer);
    if (!*context) *context = static_cast<Context*>(gst_object_ref(next_context));
    return TRUE;
}

EXPORT gboolean gst_cuda_handle_context_query(GstElement*, GstQuery* query, Context* context) {
    const gchar* type = nullptr;
    gst_query_parse_context_type(query, &type);
    if (!context || strcmp(type, TYPE)) return FALSE;
    GstContext* offer = vigil_fake_gstcuda_offer(context);
    gst_query_set_context(query, offer);
    gst_context_unref(offer);
    return TRUE;
}

// ------------------------------------------------------------------------------------- memories

struct Stream {
    void* handle;
};

struct Memory {
    GstMemory memory;
    Context* context;
    GstVideoInfo info;
    // From here on its own.
    void* data;
    Stream stream;
    bool has_stream, refuses;
    int maps, syncs;
};

struct Allocator {
    GstAllocator allocator;
};

struct AllocatorClass {
    GstAllocatorClass parent;
};

static gpointer map(GstMemory* memory, gsize, GstMapFlags flags) {
    auto* m = reinterpret_cast<Memory*>(memory);
    // What is mapped for the CPU would be downloaded: nobody may ask for that.
    if (m->refuses || !(flags & MAP_CUDA)) return nullptr;
    m->maps++;
    return m->data;
}

static void unmap(GstMemory* memory) { reinterpret_cast<Memory*>(memory)->maps--; }

static void fake_allocator_init(GTypeInstance* instance, gpointer) {
    auto* allocator = reinterpret_cast<GstAllocator*>(instance);
    allocator->mem_type = "gst.cuda.memory";
    allocator->mem_map = map;
    allocator->mem_unmap = unmap;
}

static void release(GstAllocator*, GstMemory* memory) {
    auto* m = reinterpret_cast<Memory*>(memory);
    if (m->context) gst_object_unref(m->context);
    g_free(m);
}

static void fake_allocator_class_init(gpointer klass, gpointer) {
    static_cast<AllocatorClass*>(klass)->parent.free = release;
}

static GType fake_allocator_get_type() {
    static GType type = make_type(GST_TYPE_ALLOCATOR, "Allocator", sizeof(AllocatorClass),
                                  fake_allocator_class_init, sizeof(Allocator), fake_allocator_init);
    return type;
}

EXPORT gboolean gst_is_cuda_memory(GstMemory* memory) {
    return memory->allocator && G_TYPE_CHECK_INSTANCE_TYPE(memory->allocator, fake_allocator_get_type());
}

// A memory at an address of the fake driver; `has_stream` tells whether `stream` is one.
EXPORT GstMemory* vigil_fake_gstcuda_memory(Context* context, const GstVideoInfo* info, void* data,
                                            void* stream, gboolean has_stream, gboolean refuses) {
    static auto* allocator = static_cast<GstAllocator*>(
        gst_object_ref_sink(g_object_new(fake_allocator_get_type(), nullptr)));
    auto* m = g_new0(Memory, 1);
    gst_memory_init(&m->memory, GstMemoryFlags(0), allocator, nullptr, info->size, 0, 0, info->size);
    m->context = context ? static_cast<Context*>(gst_object_ref(context)) : nullptr;
    m->info = *info;
    m->data = data;
    m->stream.handle = stream;
    m->has_stream = has_stream;
    m->refuses = refuses;
    return &m->memory;
}

EXPORT int vigil_fake_gstcuda_maps(Memory* memory) { return memory->maps; }
EXPORT int vigil_fake_gstcuda_syncs(Memory* memory) { return memory->syncs; }

#ifndef BEFORE_1_24
EXPORT Stream* gst_cuda_memory_get_stream(Memory* memory) {
    return memory->has_stream ? &memory->stream : nullptr;
}
EXPORT void* gst_cuda_stream_get_handle(Stream* stream) { return stream ? stream->handle : nullptr; }
EXPORT void gst_cuda_memory_sync(Memory* memory) { memory->syncs++; }
#endif
