// Faults, counts, and what was done wrong.

#include "fake.h"

#include <cstdlib>
#include <cstring>
#include <sstream>

// "key=value" with commas between; "fail=NAME" makes every call of NAME fail, "fail=NAME:3" the third.
static void set(State& state, char const* text) {
    std::stringstream list(text);
    std::string entry;
    std::lock_guard<std::mutex> lock(state.mutex);
    while (std::getline(list, entry, ',')) {
        size_t const equals = entry.find('=');
        std::string const key = entry.substr(0, equals), value = entry.substr(equals + 1);
        if (key == "fail") {
            size_t const colon = value.find(':');
            bool const always = colon == std::string::npos;
            state.failures[value.substr(0, colon)] = always ? -1 : std::stoi(value.substr(colon + 1));
        } else {
            state.settings[key] = value;
        }
    }
}

// For programs that do not know of fakes, settings come from the environment.
static State* made() {
    auto* one = new State;
    if (char const* text = std::getenv("VIGIL_FAKE_TENSORRT")) set(*one, text);
    return one;
}

State& state() {
    static State* one = made();
    return *one;
}

std::string State::get(std::string const& key, std::string const& otherwise) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = settings.find(key);
    return found == settings.end() ? otherwise : found->second;
}

bool State::fails(char const* call) {
    std::lock_guard<std::mutex> lock(mutex);
    ++calls[call];
    auto found = failures.find(call);
    if (found == failures.end() || found->second == 0) return false;
    return found->second < 0 || --found->second == 0;
}

void State::misuse(std::string const& what) {
    std::lock_guard<std::mutex> lock(mutex);
    wrong.push_back(what);
}

void Counted::count(int by) {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().live[kind] += by;
}

void log(ILogger* logger, int severity, std::string const& text) {
#if TRT_MAJOR >= 11
    if (std::strcmp(logger->getInterfaceInfo().kind, "ILogger") != 0) state().misuse("the logger is no ILogger");
#endif
    logger->log(severity, text.c_str());
}

void complain(ILogger* logger, char const* call) {
    bool const memory = state().get("out-of-memory", "0") == "1";
    std::string const text = memory ? "[defaultAllocator.cpp::allocate] Error Code 1: Cuda Runtime (out of memory)"
                                    : std::string("Error Code 1: ") + call + " was told to fail";
    log(logger, 1, text);
}

Dims dims(std::vector<int64_t> const& shape) {
    Dims result{static_cast<int32_t>(shape.size()), {}};
    for (size_t i = 0; i < shape.size(); ++i) result.extents[i] = static_cast<Extent>(shape[i]);
    return result;
}

std::vector<int64_t> shape(Dims const& dims) {
    return {dims.extents, dims.extents + (dims.count > 0 ? dims.count : 0)};
}

EXPORT void vigil_fake_trt_set(char const* text) { set(state(), text); }

EXPORT int vigil_fake_trt_calls(char const* name) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return state().calls[name];
}

// What was done wrong, and which objects are alive; nothing when all is well.
EXPORT void vigil_fake_trt_report(char* text, size_t size) {
    std::string all;
    std::lock_guard<std::mutex> lock(state().mutex);
    for (auto const& line : state().wrong) all += line + "\n";
    for (auto const& [kind, count] : state().live) {
        if (count != 0) all += std::to_string(count) + " " + kind + " alive\n";
    }
    std::snprintf(text, size, "%s", all.c_str());
}
