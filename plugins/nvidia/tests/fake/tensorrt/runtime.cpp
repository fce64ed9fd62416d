// Engines and execution contexts: they compute, on a stream of the fake driver.

#include "plan.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <dlfcn.h>

EXPORT int32_t getInferLibVersion();

namespace {

using LaunchHostFunc = unsigned (*)(void* stream, void (*function)(void*), void* data);

// The driver whose file the test has named.
LaunchHostFunc launch_host_func() {
    std::string const path = state().get("cuda", "");
    void* driver = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    return driver == nullptr ? nullptr : reinterpret_cast<LaunchHostFunc>(dlsym(driver, "cuLaunchHostFunc"));
}

float rounded(float value, bool half) { return half ? static_cast<float>(static_cast<_Float16>(value)) : value; }

size_t elements(std::vector<int64_t> const& shape) {
    size_t count = 1;
    for (auto extent : shape) count *= static_cast<size_t>(extent);
    return count;
}

// One run: what it needs is copied, because a graph repeats it later.
struct Run {
    std::shared_ptr<PlanData const> plan;
    std::map<std::string, void*> addresses;
    std::map<std::string, std::vector<int64_t>> shapes;
    size_t count;

    void compute() const {
        std::map<std::string, std::vector<float>> values;
        std::map<std::string, bool> half;
        for (auto const& [name, weights] : plan->graph.weights) {
            values[name] = weights.values;
            half[name] = weights.type == HALF;
        }
        for (auto const& input : plan->graph.inputs) {
            half[input.name] = input.type == HALF;
            values[input.name] = load(addresses.at(input.name), input.type, elements(shapes.at(input.name)));
        }
        for (auto const& operation : plan->graph.operations) {
            auto const& first = values.at(operation.inputs.at(0));
            bool const is_half = operation.op == "Cast" ? operation.to == HALF : half.at(operation.inputs.at(0));
            std::vector<float> const other = operation.inputs.size() > 1 ? values.at(operation.inputs[1]) : std::vector<float>{0};
            std::vector<float> result(first.size());
            for (size_t i = 0; i < first.size(); ++i) {
                float const a = first[i], b = other[i % other.size()];
                float const exact = operation.op == "Add" ? a + b : operation.op == "Mul" ? a * b : operation.op == "Relu" ? std::max(a, 0.0f) : a;
                result[i] = rounded(exact, is_half || plan->half);
            }
            half[operation.output] = is_half;
            values[operation.output] = std::move(result);
        }
        for (auto const& output : plan->graph.outputs) store(addresses.at(output.name), output.type, values.at(output.name));
    }

    static std::vector<float> load(void* from, DataType type, size_t count) {
        std::vector<float> result(count);
        if (type == FLOAT) std::memcpy(result.data(), from, count * sizeof(float));
        if (type == HALF) std::copy_n(static_cast<_Float16 const*>(from), count, result.begin());
        if (type == INT32) std::copy_n(static_cast<int32_t const*>(from), count, result.begin());
        if (type == INT64) std::copy_n(static_cast<int64_t const*>(from), count, result.begin());
        return result;
    }

    void store(void* to, DataType type, std::vector<float> const& values) const {
        if (type == FLOAT) std::memcpy(to, values.data(), count * sizeof(float));
        for (size_t i = 0; type == HALF && i < count; ++i) static_cast<_Float16*>(to)[i] = static_cast<_Float16>(values[i]);
    }
};

struct Engine;

struct Execution final : IExecutionContext, VExecutionContext, Counted {
    Engine const& engine;
    std::map<std::string, std::vector<int64_t>> shapes;
    std::map<std::string, void*> addresses;
    // Kept for graphs that repeat them.
    std::vector<std::unique_ptr<Run>> runs;

    explicit Execution(Engine const& given);
    ~Execution() override;
    bool setInputShape(char const* name, Dims const& given) noexcept override;
    Dims getTensorShape(char const* name) const noexcept override;
    bool setTensorAddress(char const* name, void* address) noexcept override {
        if (state().fails("setTensorAddress")) return false;
        addresses[name] = address;
        return true;
    }
    int32_t inferShapes(int32_t room, char const** names) noexcept override;
    bool enqueueV3(cudaStream_t stream) noexcept override;
    std::vector<int64_t> const* known() const;
};

struct Engine final : ICudaEngine, VCudaEngine, Counted {
    std::shared_ptr<PlanData const> plan;
    ILogger* logger;
    Engine(std::shared_ptr<PlanData const> given, ILogger* to) : Counted("engine"), plan(std::move(given)), logger(to) {
        implementation = this;
    }
    ~Engine() override {
        if (executions != 0) state().misuse("an execution context outlives its engine");
    }
    // Execution contexts of this engine that are alive.
    mutable std::atomic<int> executions{0};

    Value const* find(std::string const& name) const {
        for (auto const* list : {&plan->graph.inputs, &plan->graph.outputs}) {
            for (auto const& value : *list) {
                if (value.name == name) return &value;
            }
        }
        return nullptr;
    }
    bool is_input(std::string const& name) const {
        auto const& inputs = plan->graph.inputs;
        return std::any_of(inputs.begin(), inputs.end(), [&](Value const& value) { return value.name == name; });
    }

#if TRT_MAJOR == 8
    IExecutionContext* createExecutionContext() noexcept override {
#else
    IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept override {
#endif
        if (!state().fails("createExecutionContext")) return new Execution(*this);
        complain(logger, "createExecutionContext");
        return nullptr;
    }
#if TRT_MAJOR <= 10
    size_t getDeviceMemorySize() const noexcept override { return std::stoul(state().get("device-memory", "4096")); }
#else
    int64_t getDeviceMemorySizeV2() const noexcept override { return std::stol(state().get("device-memory", "4096")); }
#endif
    int32_t getNbOptimizationProfiles() const noexcept override { return 1; }
    Dims getTensorShape(char const* name) const noexcept override { return dims(find(name)->shape); }
    DataType getTensorDataType(char const* name) const noexcept override { return find(name)->type; }
    TensorLocation getTensorLocation(char const*) const noexcept override { return 0; }
    TensorIOMode getTensorIOMode(char const* name) const noexcept override { return is_input(name) ? 1 : 2; }
    TensorFormat getTensorFormat(char const*) const noexcept override { return 0; }
    char const* getTensorFormatDesc(char const*) const noexcept override { return "Row major linear"; }
    Dims getProfileShape(char const* name, int32_t profile, OptProfileSelector select) const noexcept override {
        if (profile != 0 || !is_input(name)) return Dims{-1, {}};
        auto const found = plan->bounds.find(name);
        return dims(found == plan->bounds.end() ? find(name)->shape : found->second.at(static_cast<size_t>(select)));
    }
    int32_t getNbIOTensors() const noexcept override {
        return static_cast<int32_t>(plan->graph.inputs.size() + plan->graph.outputs.size());
    }
    char const* getIOTensorName(int32_t index) const noexcept override {
        auto const at = static_cast<size_t>(index), inputs = plan->graph.inputs.size();
        return (at < inputs ? plan->graph.inputs[at] : plan->graph.outputs[at - inputs]).name.c_str();
    }
};

Execution::Execution(Engine const& given) : Counted("execution context"), engine(given) {
    implementation = this;
    ++engine.executions;
    for (auto const& input : engine.plan->graph.inputs) {
        bool const open = std::any_of(input.shape.begin(), input.shape.end(), [](int64_t e) { return e < 0; });
        if (!open) shapes[input.name] = input.shape;
    }
}

Execution::~Execution() { --engine.executions; }

bool Execution::setInputShape(char const* name, Dims const& given) noexcept {
    auto const wanted = shape(given);
    auto const bounds = engine.plan->bounds.find(name);
    bool fits = engine.is_input(name) && !state().fails("setInputShape");
    if (bounds != engine.plan->bounds.end()) {
        for (size_t i = 0; fits && i < wanted.size(); ++i) {
            fits = wanted[i] >= bounds->second[0].at(i) && wanted[i] <= bounds->second[2].at(i);
        }
    }
    if (!fits) {
        log(engine.logger, 1, "Error Code 3: API Usage Error (setInputShape: outside of the profile)");
        return false;
    }
    shapes[name] = wanted;
    return true;
}

// All values of a network of this library have as many elements as its first input, and its shape if
// an output does not say another.
std::vector<int64_t> const* Execution::known() const {
    auto const found = shapes.find(engine.plan->graph.inputs.at(0).name);
    return found == shapes.end() ? nullptr : &found->second;
}

Dims Execution::getTensorShape(char const* name) const noexcept {
    auto const* set = known();
    auto said = engine.find(name)->shape;
    if (set == nullptr) return dims(said);
    if (engine.is_input(name) || said.size() == set->size()) return dims(*set);
    if (!said.empty() && said[0] < 0) said[0] = set->at(0);
    return dims(said);
}

int32_t Execution::inferShapes(int32_t room, char const** names) noexcept {
    int32_t count = 0;
    for (auto const& input : engine.plan->graph.inputs) {
        if (shapes.count(input.name) == 0 && count < room) names[count++] = input.name.c_str();
    }
    return count;
}

bool Execution::enqueueV3(cudaStream_t stream) noexcept {
    if (state().fails("enqueueV3")) {
        complain(engine.logger, "enqueueV3");
        return false;
    }
    auto const* set = known();
    auto const launch = launch_host_func();
    bool ready = set != nullptr && launch != nullptr;
    for (auto const* list : {&engine.plan->graph.inputs, &engine.plan->graph.outputs}) {
        for (auto const& value : *list) ready = ready && addresses.count(value.name) != 0 && addresses[value.name] != nullptr;
    }
    if (!ready) {
        log(engine.logger, 1, "Error Code 3: API Usage Error (enqueueV3: a shape or an address is missing)");
        return false;
    }
    runs.push_back(std::make_unique<Run>(Run{engine.plan, addresses, shapes, elements(*set)}));
    auto const code = launch(stream, [](void* run) { static_cast<Run*>(run)->compute(); }, runs.back().get());
    if (code != 0) log(engine.logger, 1, "Error Code 1: Cuda Driver (error " + std::to_string(code) + ")");
    return code == 0;
}

struct Runtime final : IRuntime, VRuntime, Counted {
    ILogger* logger;
    bool trusts = false;
    explicit Runtime(ILogger* given) : Counted("runtime"), logger(given) { implementation = this; }
    ~Runtime() override {
        std::lock_guard<std::mutex> lock(state().mutex);
        if (state().live["engine"] > state().live["runtime"] - 1) state().wrong.push_back("an engine outlives its runtime");
    }
    void setEngineHostCodeAllowed(bool allowed) noexcept override { trusts = allowed; }
#if TRT_MAJOR == 8
    ICudaEngine* deserializeCudaEngine(void const* bytes, size_t size, IPluginFactory* factory) noexcept override {
        if (factory != nullptr) state().misuse("a plugin factory");
#else
    ICudaEngine* deserializeCudaEngine(void const* bytes, size_t size) noexcept override {
#endif
        if (state().fails("deserializeCudaEngine")) {
            complain(logger, "deserializeCudaEngine");
            return nullptr;
        }
        auto plan = std::make_shared<PlanData>();
        std::string problem;
        int const sm = std::stoi(state().get("sm", "90"));
        if (!read_plan({static_cast<char const*>(bytes), size}, *plan)) {
            problem = "Serialization assertion failed: the plan is corrupt";
        } else if (plan->version != getInferLibVersion() && !plan->portable) {
            problem = "the engine plan file is not compatible with this version of TensorRT";
        } else if (plan->portable && !trusts) {
            problem = "host code is not allowed";
        } else if (plan->sm != sm) {
            problem = "the engine was built for compute capability " + std::to_string(plan->sm) + ", this is " + std::to_string(sm);
        }
        if (problem.empty()) return new Engine(plan, logger);
        log(logger, 1, "Error Code 6: " + problem);
        return nullptr;
    }
};

} // namespace

EXPORT void* createInferRuntime_INTERNAL(void* logger, int32_t version) {
    auto* to = static_cast<ILogger*>(logger);
    if (version != getInferLibVersion()) state().misuse("another version is asked for");
    if (!state().fails("createInferRuntime")) return static_cast<IRuntime*>(new Runtime(to));
    complain(to, "createInferRuntime");
    return nullptr;
}
