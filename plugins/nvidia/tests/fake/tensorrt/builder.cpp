// Network, configuration, timing cache, and plans.

#include "fake.h"
#include "plan.h"

#include <chrono>
#include <thread>

Network::Network(NetworkDefinitionCreationFlags given) : Counted("network"), flags(given) { implementation = this; }

Dims TensorObject::getDimensions() const noexcept { return dims(value.shape); }

namespace {

struct Memory final : IHostMemory, VHostMemory, Counted {
    std::string bytes;
    explicit Memory(std::string given) : Counted("host memory"), bytes(std::move(given)) { implementation = this; }
    void* data() const noexcept override { return const_cast<char*>(bytes.data()); }
    size_t size() const noexcept override { return bytes.size(); }
};

// Lines that begin with "timing", one for each operation that was timed.
struct Timing final : ITimingCache, VTimingCache, Counted {
    mutable std::set<std::string> lines;
    Timing() : Counted("timing cache") { implementation = this; }
    IHostMemory* serialize() const noexcept override {
        std::string text = "timing\n";
        for (auto const& line : lines) text += line + "\n";
        return new Memory(text);
    }
    bool combine(ITimingCache const& other, bool) noexcept override {
        auto const& from = static_cast<Timing const&>(other);
        lines.insert(from.lines.begin(), from.lines.end());
        return true;
    }
};

struct Profile final : IOptimizationProfile, VOptimizationProfile {
    std::map<std::string, Bounds> bounds;
    Profile() { implementation = this; }
#if TRT_MAJOR == 8
    bool setDimensions(char const* name, OptProfileSelector select, Dims given) noexcept override {
#else
    bool setDimensions(char const* name, OptProfileSelector select, Dims const& given) noexcept override {
#endif
        if (select < 0 || select > 2) return false;
        bounds[name][static_cast<size_t>(select)] = shape(given);
        return true;
    }
    bool isValid() const noexcept override {
        for (auto const& [name, three] : bounds) {
            for (size_t i = 0; i < three[0].size(); ++i) {
                if (three[0][i] > three[1][i] || three[1][i] > three[2][i]) return false;
            }
        }
        return true;
    }
};

struct Config final : IBuilderConfig, VBuilderConfig, Counted {
    // TF32 is allowed from the start.
    static constexpr BuilderFlag TF32 = TRT_MAJOR == 8 ? 7 : 6;
    std::set<BuilderFlag> flags{TF32};
    Profile const* profile = nullptr;
    ITimingCache const* timing = nullptr;
    size_t workspace = 0;
    int32_t level = 3;
    IProgressMonitor* monitor = nullptr;

    Config() : Counted("configuration") { implementation = this; }
    void setFlag(BuilderFlag flag) noexcept override { flags.insert(flag); }
    void clearFlag(BuilderFlag flag) noexcept override { flags.erase(flag); }
    int32_t addOptimizationProfile(IOptimizationProfile const* given) noexcept override {
        if (state().fails("addOptimizationProfile")) return -1;
        profile = static_cast<Profile const*>(given);
        return 0;
    }
    ITimingCache* createTimingCache(void const* bytes, size_t size) const noexcept override {
        std::string const text(static_cast<char const*>(bytes), size);
        if (size != 0 && text.rfind("timing\n", 0) != 0) return nullptr;
        auto* made = new Timing;
        for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
            if (at != 0) made->lines.insert(text.substr(at, end - at));
        }
        return made;
    }
    bool setTimingCache(ITimingCache const& cache, bool) noexcept override {
        timing = &cache;
        return true;
    }
    ITimingCache const* getTimingCache() const noexcept override { return timing; }
    void setMemoryPoolLimit(MemoryPoolType pool, size_t bytes) noexcept override {
        if (pool != 0) state().misuse("the pool is not the workspace");
        workspace = bytes;
    }
    void setBuilderOptimizationLevel(int32_t given) noexcept override { level = given; }
#if TRT_MAJOR >= 10
    void setProgressMonitor(IProgressMonitor* given) noexcept override {
        if (std::string(given->getInterfaceInfo().kind) != "IProgressMonitor") state().misuse("no progress monitor");
        monitor = given;
    }
#endif
};

struct Builder final : IBuilder, VBuilder, Counted {
    ILogger* logger;
    std::vector<std::unique_ptr<Profile>> profiles;
    explicit Builder(ILogger* given) : Counted("builder"), logger(given) { implementation = this; }
    ~Builder() override {
        std::lock_guard<std::mutex> lock(state().mutex);
        for (char const* kind : {"network", "configuration"}) {
            if (state().live[kind] != 0) state().wrong.push_back(std::string("a ") + kind + " outlives its builder");
        }
    }

    template <typename Made> Made* make(char const* call, Made* (*create)()) {
        if (!state().fails(call)) return create();
        complain(logger, call);
        return nullptr;
    }
#if TRT_MAJOR <= 10
    bool platformHasFastFp16() const noexcept override { return state().get("fast-fp16", "1") == "1"; }
#endif
    IBuilderConfig* createBuilderConfig() noexcept override {
        return make<Config>("createBuilderConfig", [] { return new Config; });
    }
    INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) noexcept override {
        // Flag 0 is the explicit batch that 8.6 must be told; flag 1 of 10, strong types.
        if (TRT_MAJOR == 8 && flags != 1) state().misuse("a network of 8 without an explicit batch");
        if (state().fails("createNetworkV2")) {
            complain(logger, "createNetworkV2");
            return nullptr;
        }
        return new Network(flags);
    }
    IOptimizationProfile* createOptimizationProfile() noexcept override {
        if (state().fails("createOptimizationProfile")) return nullptr;
        profiles.push_back(std::make_unique<Profile>());
        return profiles.back().get();
    }
    IHostMemory* buildSerializedNetwork(INetworkDefinition& given, IBuilderConfig& settings) noexcept override;
    bool steps(Config& config, char const* phase, char const* parent, int count);
};

// One phase; whether to go on.
bool Builder::steps(Config& config, char const* phase, char const* parent, int count) {
    log(logger, 3, std::string("building: ") + phase);
    if (config.monitor == nullptr) return true;
    config.monitor->phaseStart(phase, parent, count);
    bool on = true;
    for (int step = 0; on && step < count; ++step) on = config.monitor->stepComplete(phase, step);
    config.monitor->phaseFinish(phase);
    return on;
}

IHostMemory* Builder::buildSerializedNetwork(INetworkDefinition& given, IBuilderConfig& settings) noexcept {
    auto& network = static_cast<Network&>(given);
    auto& config = static_cast<Config&>(settings);
    if (state().fails("buildSerializedNetwork")) {
        complain(logger, "buildSerializedNetwork");
        return nullptr;
    }
    bool const strong = TRT_MAJOR == 11 || (TRT_MAJOR == 10 && (network.flags & 2u) != 0);
    bool const by_flag = TRT_MAJOR <= 10 && config.flags.count(0) != 0;
    if (strong && by_flag) {
        log(logger, 1, "Error Code 3: a strongly typed network takes no flag for FP16");
        return nullptr;
    }
    auto const pause = std::stoi(state().get("build-ms", "0"));
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    int const count = static_cast<int>(network.graph.operations.size());
    if (!steps(config, "Building Engine", nullptr, 2) || !steps(config, "Timing Tactics", "Building Engine", count)) {
        log(logger, 1, "Error Code 4: the build was cancelled");
        return nullptr;
    }
    if (auto const* timing = static_cast<Timing const*>(config.timing)) {
        for (auto const& operation : network.graph.operations) timing->lines.insert("timed " + operation.op);
    }
    PlanData plan;
    plan.graph = network.graph;
    plan.half = by_flag;
    if (config.flags.count(Config::TF32) != 0) log(logger, 3, "TF32 is allowed");
    plan.portable = config.flags.count(TRT_MAJOR == 8 ? 15 : TRT_MAJOR == 10 ? 13 : 12) != 0;
    plan.workspace = config.workspace;
    plan.level = config.level;
    if (config.profile != nullptr) plan.bounds = config.profile->bounds;
    return new Memory(write_plan(plan));
}

} // namespace

EXPORT int32_t getInferLibVersion() {
    char const* own = TRT_MAJOR == 8 ? "8601" : TRT_MAJOR == 10 ? "101600" : "110400";
    return std::stoi(state().get("version", own));
}

EXPORT void* createInferBuilder_INTERNAL(void* logger, int32_t version) {
    auto* to = static_cast<ILogger*>(logger);
    if (version != getInferLibVersion()) state().misuse("another version is asked for");
    if (!state().fails("createInferBuilder")) return static_cast<IBuilder*>(new Builder(to));
    complain(to, "createInferBuilder");
    return nullptr;
}
