// The part of the driver's interface that the fake has, and what its files share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

using CUresult = unsigned;
using CUdevice = int;
using CUdeviceptr = uint64_t;

enum : CUresult {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    INVALID_PTX = 218,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    CONTEXT_IS_DESTROYED = 709,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    GRAPH_UPDATE_FAILURE = 910,
};

struct Stream;

struct Context {
    int device = 0;
    bool alive = true;
    bool primary = false;
    Stream* default_stream = nullptr;
};

// A step of work. `kind` is what must stay the same when a graph is changed in its place.
struct Op {
    std::string kind;
    std::function<void()> run;
};

// What a stream records between cuStreamBeginCapture and cuStreamEndCapture.
struct Capture {
    std::vector<Op> ops;
    bool invalid = false;
    std::set<Stream*> streams;
};

struct Stream {
    Context* context = nullptr;
    std::deque<Op> ops;
    uint64_t enqueued = 0;
    uint64_t done = 0;
    std::shared_ptr<Capture> capture;
};

struct Event {
    Context* context = nullptr;
    unsigned flags = 0;
    // Where it was recorded last; a stream that is gone has done its work.
    Stream* stream = nullptr;
    uint64_t at = 0;
    std::shared_ptr<Capture> capture;
};

struct Graph {
    std::vector<Op> ops;
};

struct Module {
    Context* context = nullptr;
    std::map<std::string, std::vector<size_t>> entries;
};

struct Function {
    Module* module = nullptr;
    std::string name;
};

// Memory of a device, or pinned memory of the host.
struct Allocation {
    char* base = nullptr;
    size_t mapped = 0;
    uint64_t address = 0;
    size_t bytes = 0;
    Context* context = nullptr;
    bool host = false;
    bool live = true;
};

struct Array {
    size_t width = 0, height = 0;
    unsigned channels = 1;
    std::vector<uint8_t> data;
    Context* context = nullptr;
};

// What a kernel of the host reads through; laid out as kernel_host.h has it.
struct TextureView {
    const uint8_t* data;
    unsigned pitch, width, height, channels;
};

struct Device {
    size_t total = size_t(8) << 30;
    size_t used = 0;
    CUresult lost = SUCCESS;
    Context* primary = nullptr;
    int retains = 0;
};

struct State {
    std::recursive_mutex mutex;
    bool started = false;
    int version = 12040;
    int capability = 90;
    CUresult init = SUCCESS;
    std::vector<Device> devices = std::vector<Device>(1);

    // Faults: calls until they happen, 0 for never.
    long oom_at = 0, lost_at = 0;
    CUresult lost_code = LAUNCH_FAILED;
    struct Fail {
        std::string name;
        long at;
        CUresult code;
    };
    std::vector<Fail> fails;

    std::map<std::string, long> calls;
    long pushed = 0, popped = 0, pageable = 0;
    std::vector<std::string> complaints;

    std::set<Context*> contexts;
    std::set<Stream*> streams;
    std::set<Event*> events;
    std::set<Module*> modules;
    std::set<Function*> functions;
    std::set<Graph*> graphs, execs;
    std::set<Array*> arrays;
    std::set<TextureView*> textures;
    std::map<uint64_t, Allocation> allocations;
    int open = 0;
};

State& state();
// Contexts of this thread, the current one last.
std::vector<Context*>& stack();
void complain(const std::string& text);

// One call of the driver: the lock is held, calls are counted and faults happen.
struct Call {
    explicit Call(const char* name);
    std::unique_lock<std::recursive_mutex> lock;
    const char* name;
    CUresult result = SUCCESS;
    // The current context, for calls that need one; sets `result` where there is none or it is lost.
    Context* current();
    // For calls that a capture on this thread forbids.
    bool forbidden();
};

#define CALL(function)                      \
    Call call(#function);                   \
    if (call.result != SUCCESS)             \
    return call.result
#define CALL_IN_CONTEXT(function)           \
    CALL(function);                         \
    [[maybe_unused]] Context* current = call.current(); \
    if (call.result != SUCCESS)             \
    return call.result
#define CALL_OUTSIDE_CAPTURE(function)      \
    CALL_IN_CONTEXT(function);              \
    if (call.forbidden())                   \
    return CAPTURE_UNSUPPORTED

// The stream of a handle, for a call in a context; null with a complaint where it is not of it.
Stream* stream_of(Stream* handle, Context* current, const char* call);
// Adds a step to a stream, or to what it records.
CUresult enqueue(Stream* stream, Op op);
// Does the work of a stream up to its step `upto`.
void drain(Stream* stream, uint64_t upto);
void drain_context(Context* context);
// The live allocation that holds `bytes` from an address on; null where there is none.
Allocation* holding(uint64_t address, size_t bytes);
// Opens and closes the memory of the devices.
struct Opened {
    Opened();
    ~Opened();
};
