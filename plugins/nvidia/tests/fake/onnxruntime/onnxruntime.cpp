// An ONNX Runtime for GPUs without a GPU: the real library for CPUs, whose functions for CUDA and TensorRT
// are replaced. Which place in its table a function has is said by whoever compiles this (SLOT_…, SLOTS).
//
// Runs with tensors of a GPU go onto the stream that the session was made with, by the fake driver's
// cuLaunchHostFunc; when that comes to them, the real library computes on the same memory.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Base {
    void const* (*api)(uint32_t);
    char const* (*version)();
};
using Status = void*;
using Options = std::map<std::string, std::string>;

// What is bound: all that a run needs of a value, since the value itself may be gone by then.
struct Bound {
    std::string name;
    void* data;
    int element;
    std::vector<int64_t> shape;
    size_t bytes;
    bool on_gpu;
    int device;
};

struct Binding {
    void* session;
    std::vector<Bound> inputs, outputs;
};

struct Run {
    void* session;
    std::vector<Bound> inputs, outputs;
    void compute() const;
};

struct State {
    std::mutex mutex;
    Options settings;
    std::map<std::string, int> failures, calls, live;
    std::vector<std::string> wrong;
    // Of the providers that were given to session options, and so to sessions.
    std::map<void const*, std::map<std::string, Options>> given;
    std::map<void const*, std::map<std::string, Options>> sessions;
    std::map<void const*, Options> run_options;
    std::map<std::string, Options> last;
    std::vector<std::unique_ptr<Run>> runs;
    void* table[SLOTS];
    void* real[SLOTS];
    void const* library = nullptr;

    bool fails(char const* call) {
        std::lock_guard<std::mutex> lock(mutex);
        ++calls[call];
        auto found = failures.find(call);
        if (found == failures.end() || found->second == 0) return false;
        return found->second < 0 || --found->second == 0;
    }
    void misuse(std::string const& what) {
        std::lock_guard<std::mutex> lock(mutex);
        wrong.push_back(what);
    }
    void count(char const* kind, int by) {
        std::lock_guard<std::mutex> lock(mutex);
        live[kind] += by;
    }
};

State& state() {
    static State* one = new State;
    return *one;
}

template <typename F> F real(int slot) { return reinterpret_cast<F>(state().real[slot]); }

Status failure(std::string const& text) {
    using Create = Status (*)(int, char const*);
    return real<Create>(SLOT_CreateStatus)(1, text.c_str());
}

// A failure that the test has asked for.
Status asked_for(char const* call) {
    bool const memory = state().settings["out-of-memory"] == "1";
    if (memory) return failure("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4096");
    return failure(std::string(call) + " was told to fail");
}

using Char = char const;

Status available(char*** names, int* count) {
    static char* all[3];
    std::stringstream list(state().settings["providers"]);
    std::string name;
    *count = 0;
    while (*count < 3 && std::getline(list, name, '+')) all[(*count)++] = strdup(name.c_str());
    *names = all;
    return nullptr;
}
Status release_available(char** names, int count) {
    for (int i = 0; i < count; ++i) free(names[i]);
    return nullptr;
}

Status create_options(Options** out) {
    state().count("provider options", 1);
    *out = new Options;
    return nullptr;
}
void release_options(Options* options) {
    state().count("provider options", -1);
    delete options;
}
Status update_options(Options* options, Char* const* keys, Char* const* values, size_t count) {
    for (size_t i = 0; i < count; ++i) (*options)[keys[i]] = values[i];
    return nullptr;
}
Status append(void const* session_options, std::string const& provider, Options const& options) {
    if (state().fails(("append-" + provider).c_str())) {
        return failure("Failed to load library libonnxruntime_providers_" + provider +
                       ".so with error: libcudnn.so.9: cannot open shared object file: No such file or directory");
    }
    std::lock_guard<std::mutex> lock(state().mutex);
    state().given[session_options][provider] = options;
    state().last[provider] = options;
    return nullptr;
}
Status append_cuda(void* session_options, Options const* options) { return append(session_options, "cuda", *options); }
Status append_tensorrt(void* session_options, Options const* options) { return append(session_options, "tensorrt", *options); }

void made(void* session, void const* session_options) {
    std::lock_guard<std::mutex> lock(state().mutex);
    auto found = state().given.find(session_options);
    if (found == state().given.end()) return;
    state().sessions[session] = found->second;
    ++state().live["session"];
}
Status create_session(void const* env, Char* path, void const* options, void** out) {
    if (state().fails("CreateSession")) return asked_for("CreateSession");
    using F = Status (*)(void const*, Char*, void const*, void**);
    Status status = real<F>(SLOT_CreateSession)(env, path, options, out);
    if (status == nullptr) made(*out, options);
    return status;
}
Status create_session_from_array(void const* env, void const* bytes, size_t size, void const* options, void** out) {
    if (state().fails("CreateSession")) return asked_for("CreateSession");
    using F = Status (*)(void const*, void const*, size_t, void const*, void**);
    Status status = real<F>(SLOT_CreateSessionFromArray)(env, bytes, size, options, out);
    if (status == nullptr) made(*out, options);
    return status;
}
void release_session(void* session) {
    {
        std::lock_guard<std::mutex> lock(state().mutex);
        if (state().sessions.erase(session) != 0) --state().live["session"];
        for (auto const& run : state().runs) {
            if (run && run->session == session) state().wrong.push_back("a session is released while a run is on its stream");
        }
    }
    real<void (*)(void*)>(SLOT_ReleaseSession)(session);
}
void release_session_options(void* options) {
    {
        std::lock_guard<std::mutex> lock(state().mutex);
        state().given.erase(options);
    }
    real<void (*)(void*)>(SLOT_ReleaseSessionOptions)(options);
}

Status add_run_config(void* options, Char* key, Char* value) {
    {
        std::lock_guard<std::mutex> lock(state().mutex);
        state().run_options[options][key] = value;
    }
    return real<Status (*)(void*, Char*, Char*)>(SLOT_AddRunConfigEntry)(options, key, value);
}

Status create_binding(void* session, Binding** out) {
    state().count("binding", 1);
    *out = new Binding{session, {}, {}};
    return nullptr;
}
void release_binding(Binding* binding) {
    state().count("binding", -1);
    {
        std::lock_guard<std::mutex> lock(state().mutex);
        if (state().sessions.count(binding->session) == 0) state().wrong.push_back("a binding outlives its session");
    }
    delete binding;
}

Bound look(Char* name, void* value) {
    Bound bound{name, nullptr, 0, {}, 1, false, 0};
    real<Status (*)(void*, void**)>(SLOT_GetTensorMutableData)(value, &bound.data);
    void* info = nullptr;
    real<Status (*)(void*, void**)>(SLOT_GetTensorTypeAndShape)(value, &info);
    real<Status (*)(void*, int*)>(SLOT_GetTensorElementType)(info, &bound.element);
    size_t count = 0;
    real<Status (*)(void*, size_t*)>(SLOT_GetDimensionsCount)(info, &count);
    bound.shape.resize(count);
    real<Status (*)(void*, int64_t*, size_t)>(SLOT_GetDimensions)(info, bound.shape.data(), count);
    real<void (*)(void*)>(SLOT_ReleaseTensorTypeAndShapeInfo)(info);
    for (auto extent : bound.shape) bound.bytes *= static_cast<size_t>(extent);
    bound.bytes *= bound.element == 7 ? 8 : bound.element == 10 ? 2 : 4;
    void const* memory = nullptr;
    real<Status (*)(void*, void const**)>(SLOT_GetTensorMemoryInfo)(value, &memory);
    Char* place = nullptr;
    real<Status (*)(void const*, Char**)>(SLOT_MemoryInfoGetName)(memory, &place);
    real<Status (*)(void const*, int*)>(SLOT_MemoryInfoGetId)(memory, &bound.device);
    bound.on_gpu = std::strcmp(place, "Cuda") == 0;
    return bound;
}
void bind(std::vector<Bound>& all, Bound bound) {
    for (auto& other : all) {
        if (other.name == bound.name) {
            other = bound;
            return;
        }
    }
    all.push_back(bound);
}
Status bind_input(Binding* binding, Char* name, void* value) {
    if (state().fails("BindInput")) return asked_for("BindInput");
    bind(binding->inputs, look(name, value));
    return nullptr;
}
Status bind_output(Binding* binding, Char* name, void* value) {
    if (state().fails("BindOutput")) return asked_for("BindOutput");
    bind(binding->outputs, look(name, value));
    return nullptr;
}

void* wrap(Bound const& bound) {
    void *memory = nullptr, *value = nullptr;
    real<Status (*)(int, int, void**)>(SLOT_CreateCpuMemoryInfo)(0, 0, &memory);
    using Create = Status (*)(void*, void*, size_t, int64_t const*, size_t, int, void**);
    real<Create>(SLOT_CreateTensorWithDataAsOrtValue)(memory, bound.data, bound.bytes, bound.shape.data(), bound.shape.size(), bound.element, &value);
    real<void (*)(void*)>(SLOT_ReleaseMemoryInfo)(memory);
    return value;
}

// On the stream: the GPU's memory is open now.
void Run::compute() const {
    std::vector<Char*> input_names, output_names;
    std::vector<void*> input_values, output_values;
    for (auto const& bound : inputs) input_names.push_back(bound.name.c_str()), input_values.push_back(wrap(bound));
    for (auto const& bound : outputs) output_names.push_back(bound.name.c_str()), output_values.push_back(wrap(bound));
    using F = Status (*)(void*, void*, Char* const*, void* const*, size_t, Char* const*, size_t, void**);
    Status status = real<F>(SLOT_Run)(session, nullptr, input_names.data(), input_values.data(), input_values.size(),
                                      output_names.data(), output_names.size(), output_values.data());
    if (status != nullptr) {
        state().misuse(std::string("a run that cannot be: ") + real<Char* (*)(void*)>(SLOT_GetErrorMessage)(status));
        real<void (*)(void*)>(SLOT_ReleaseStatus)(status);
    }
    for (auto* list : {&input_values, &output_values}) {
        for (void* value : *list) real<void (*)(void*)>(SLOT_ReleaseValue)(value);
    }
}

void at_stream(void* data) {
    static_cast<Run*>(data)->compute();
    std::lock_guard<std::mutex> lock(state().mutex);
    for (auto& run : state().runs) {
        if (run.get() == data) run.reset();
    }
}

Status run_with_binding(void* session, void const* run_options, Binding const* binding) {
    if (state().fails("RunWithBinding")) return asked_for("RunWithBinding");
    State& s = state();
    std::map<std::string, Options> providers;
    bool waits = true;
    {
        std::lock_guard<std::mutex> lock(s.mutex);
        providers = s.sessions[session];
        waits = s.run_options[run_options]["disable_synchronize_execution_providers"] != "1";
    }
    if (waits) s.misuse("a run waits for the device");
    if (binding->session != session) s.misuse("a binding of another session");
    if (providers.empty()) return failure("no provider for a GPU");
    std::string stream;
    for (auto& [name, options] : providers) {
        if (options["has_user_compute_stream"] != "1") s.misuse(name + " has no stream");
        if (!stream.empty() && stream != options["user_compute_stream"]) s.misuse("providers with two streams");
        stream = options["user_compute_stream"];
        for (auto const* list : {&binding->inputs, &binding->outputs}) {
            for (auto const& bound : *list) {
                if (bound.on_gpu && std::to_string(bound.device) != options["device_id"]) s.misuse(bound.name + " is of another GPU");
            }
        }
    }
    void* driver = dlopen(s.settings["cuda"].c_str(), RTLD_NOW | RTLD_NOLOAD);
    using Launch = unsigned (*)(void*, void (*)(void*), void*);
    auto launch = driver == nullptr ? nullptr : reinterpret_cast<Launch>(dlsym(driver, "cuLaunchHostFunc"));
    if (launch == nullptr) return failure("no driver");
    auto* handle = reinterpret_cast<void*>(std::stoull(stream));
    Run* run = new Run{session, binding->inputs, binding->outputs};
    {
        std::lock_guard<std::mutex> lock(s.mutex);
        s.runs.emplace_back(run);
    }
    unsigned const code = launch(handle, at_stream, run);
    if (code == 0) return nullptr;
    {
        std::lock_guard<std::mutex> lock(s.mutex);
        for (auto& one : s.runs) {
            if (one.get() == run) one.reset();
        }
    }
    return failure("CUDA failure " + std::to_string(code) + ": unspecified launch failure ; GPU=0 ; hostname=here");
}

void const* api(uint32_t version) {
    State& s = state();
    auto* base = reinterpret_cast<Base const* (*)()>(dlsym(const_cast<void*>(s.library), "OrtGetApiBase"))();
    void const* found = base->api(version);
    if (found == nullptr) return nullptr;
    std::memcpy(s.real, found, sizeof s.real);
    std::memcpy(s.table, found, sizeof s.table);
    auto set = [&](int slot, auto function) { s.table[slot] = reinterpret_cast<void*>(function); };
    set(SLOT_GetAvailableProviders, available);
    set(SLOT_ReleaseAvailableProviders, release_available);
    set(SLOT_CreateCUDAProviderOptions, create_options);
    set(SLOT_UpdateCUDAProviderOptions, update_options);
    set(SLOT_ReleaseCUDAProviderOptions, release_options);
    set(SLOT_SessionOptionsAppendExecutionProvider_CUDA_V2, append_cuda);
    set(SLOT_CreateTensorRTProviderOptions, create_options);
    set(SLOT_UpdateTensorRTProviderOptions, update_options);
    set(SLOT_ReleaseTensorRTProviderOptions, release_options);
    set(SLOT_SessionOptionsAppendExecutionProvider_TensorRT_V2, append_tensorrt);
    set(SLOT_CreateSession, create_session);
    set(SLOT_CreateSessionFromArray, create_session_from_array);
    set(SLOT_ReleaseSession, release_session);
    set(SLOT_ReleaseSessionOptions, release_session_options);
    set(SLOT_AddRunConfigEntry, add_run_config);
    set(SLOT_CreateIoBinding, create_binding);
    set(SLOT_ReleaseIoBinding, release_binding);
    set(SLOT_BindInput, bind_input);
    set(SLOT_BindOutput, bind_output);
    set(SLOT_RunWithBinding, run_with_binding);
    return s.table;
}

char const* version() {
    return reinterpret_cast<Base const* (*)()>(dlsym(const_cast<void*>(state().library), "OrtGetApiBase"))()->version();
}

} // namespace

EXPORT void const* OrtGetApiBase() {
    static Base const base{api, version};
    return &base;
}

// "key=value" with commas between; "fail=NAME" makes every call of NAME fail, "fail=NAME:3" the third.
EXPORT void vigil_fake_ort_set(char const* text) {
    State& s = state();
    std::stringstream list(text);
    std::string entry;
    std::lock_guard<std::mutex> lock(s.mutex);
    while (std::getline(list, entry, ',')) {
        size_t const equals = entry.find('=');
        std::string const key = entry.substr(0, equals), value = entry.substr(equals + 1);
        if (key == "fail") {
            size_t const colon = value.find(':');
            s.failures[value.substr(0, colon)] = colon == std::string::npos ? -1 : std::stoi(value.substr(colon + 1));
        } else if (key == "real") {
            s.library = dlopen(value.c_str(), RTLD_NOW | RTLD_LOCAL);
            if (s.library == nullptr) s.wrong.push_back(dlerror());
        } else {
            s.settings[key] = value;
        }
    }
}

EXPORT int vigil_fake_ort_calls(char const* name) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return state().calls[name];
}

// What a provider was told last, as "key=value" with newlines between.
EXPORT void vigil_fake_ort_options(char const* provider, char* text, size_t size) {
    std::string all;
    std::lock_guard<std::mutex> lock(state().mutex);
    for (auto const& [key, value] : state().last[provider]) all += key + "=" + value + "\n";
    std::snprintf(text, size, "%s", all.c_str());
}

// What was done wrong, and which objects are alive; nothing when all is well.
EXPORT void vigil_fake_ort_report(char* text, size_t size) {
    std::string all;
    std::lock_guard<std::mutex> lock(state().mutex);
    for (auto const& line : state().wrong) all += line + "\n";
    for (auto const& [kind, count] : state().live) {
        if (count != 0) all += std::to_string(count) + " " + kind + " alive\n";
    }
    std::snprintf(text, size, "%s", all.c_str());
}
