// What the files of the fake TensorRT share: its state, and the network that the parser fills and
// the builder reads.
#pragma once

#include "slots.h"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

// The public classes: a destructor, and a pointer to the implementation.
class INoCopy {
public:
    virtual ~INoCopy() = default;
};

#define PUBLIC(name)                 \
    class I##name : public INoCopy { \
    public:                          \
        V##name* implementation;     \
    };
PUBLIC(HostMemory)
PUBLIC(Runtime)
PUBLIC(CudaEngine)
PUBLIC(ExecutionContext)
PUBLIC(Builder)
PUBLIC(BuilderConfig)
PUBLIC(NetworkDefinition)
PUBLIC(OptimizationProfile)
PUBLIC(Tensor)
PUBLIC(TimingCache)
#undef PUBLIC

// State of this copy of the library.
struct State {
    std::mutex mutex;
    std::map<std::string, std::string> settings;
    std::map<std::string, int> failures;
    std::map<std::string, int> live;
    std::map<std::string, int> calls;
    std::vector<std::string> wrong;

    // A setting, or what it is without.
    std::string get(std::string const& key, std::string const& otherwise);
    // Counts a call, and whether it is to fail.
    bool fails(char const* call);
    void misuse(std::string const& what);
};
State& state();

// Counts the objects of a kind that are alive.
struct Counted {
    explicit Counted(char const* name) : kind(name) { count(1); }
    ~Counted() { count(-1); }
    Counted(Counted const&) = delete;
    Counted& operator=(Counted const&) = delete;
    void count(int by);
    char const* kind;
};

// Logs why a call fails: as TensorRT does when memory is short, or otherwise.
void complain(ILogger* logger, char const* call);
void log(ILogger* logger, int severity, std::string const& text);

// Weights are repeated along what they are added to or multiplied with.
struct Weights {
    DataType type = FLOAT;
    std::vector<float> values = {0};
};

struct Operation {
    std::string op, name, output;
    std::vector<std::string> inputs;
    DataType to = FLOAT;
};

struct Value {
    std::string name;
    DataType type = FLOAT;
    std::vector<int64_t> shape;
};

struct Graph {
    std::vector<Value> inputs, outputs;
    std::vector<Operation> operations;
    std::map<std::string, Weights> weights;
};

struct TensorObject final : ITensor, VTensor {
    Value value;
    TensorObject() { implementation = this; }
    char const* getName() const noexcept override { return value.name.c_str(); }
    Dims getDimensions() const noexcept override;
};

Dims dims(std::vector<int64_t> const& shape);
std::vector<int64_t> shape(Dims const& dims);

struct Network final : INetworkDefinition, VNetworkDefinition, Counted {
    NetworkDefinitionCreationFlags flags;
    Graph graph;
    std::vector<std::unique_ptr<TensorObject>> tensors;

    explicit Network(NetworkDefinitionCreationFlags);
    int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(graph.operations.size()); }
    int32_t getNbInputs() const noexcept override { return static_cast<int32_t>(tensors.size()); }
    ITensor* getInput(int32_t index) const noexcept override { return tensors.at(static_cast<size_t>(index)).get(); }
};
