// The ONNX parser: reads the little that the fake can compute, and refuses the rest as the real one
// does, with operator, node and index.

#include "fake.h"

#include <algorithm>
#include <cstring>

namespace {

// A field of a protocol buffer.
struct Field {
    uint32_t number = 0;
    uint64_t integer = 0;
    std::string bytes;
};

// The fields of a message; false if it is none.
bool fields(std::string const& message, std::vector<Field>& found) {
    size_t at = 0;
    auto varint = [&](uint64_t& value) {
        value = 0;
        for (int shift = 0; shift < 64 && at < message.size(); shift += 7) {
            auto const byte = static_cast<uint8_t>(message[at++]);
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return true;
        }
        return false;
    };
    while (at < message.size()) {
        uint64_t tag = 0, length = 0;
        Field field;
        if (!varint(tag)) return false;
        field.number = static_cast<uint32_t>(tag >> 3);
        switch (tag & 7) {
        case 0:
            if (!varint(field.integer)) return false;
            break;
        case 1: length = 8; break;
        case 2:
            if (!varint(length)) return false;
            break;
        case 5: length = 4; break;
        default: return false;
        }
        if (length > message.size() - at) return false;
        field.bytes = message.substr(at, length);
        at += length;
        found.push_back(std::move(field));
    }
    return true;
}

std::vector<Field> inside(std::string const& message) {
    std::vector<Field> found;
    fields(message, found);
    return found;
}

struct Problem final : IParserError {
    ErrorCode number;
    std::string text, name, op;
    int index;
    Problem(ErrorCode code, std::string description, int at, std::string node, std::string operation)
        : number(code), text(std::move(description)), name(std::move(node)), op(std::move(operation)), index(at) {}
    ErrorCode code() const noexcept override { return number; }
    char const* desc() const noexcept override { return text.c_str(); }
    char const* file() const noexcept override { return "/src/ModelImporter.cpp"; }
    int line() const noexcept override { return 42; }
    char const* func() const noexcept override { return "parseNode"; }
    int node() const noexcept override { return index; }
#if TRT_MAJOR >= 10
    char const* nodeName() const noexcept override { return name.c_str(); }
    char const* nodeOperator() const noexcept override { return op.c_str(); }
#endif
};

// Element types of ONNX: FP32 is 1, FP16 is 10, integers are 6 and 7, of which 8.6 has no long ones.
DataType type_of(uint64_t onnx) {
    if (onnx == 6 || (onnx == 7 && TRT_MAJOR == 8)) return INT32;
    return onnx == 10 ? HALF : onnx == 7 ? INT64 : FLOAT;
}

Value value_of(std::string const& message) {
    Value value;
    for (auto const& field : inside(message)) {
        if (field.number == 1) value.name = field.bytes;
        if (field.number != 2) continue;
        for (auto const& tensor : inside(field.bytes)) {
            for (auto const& part : inside(tensor.bytes)) {
                if (part.number == 1) value.type = type_of(part.integer);
                if (part.number != 2) continue;
                for (auto const& dim : inside(part.bytes)) {
                    auto const extent = inside(dim.bytes);
                    bool const fixed = !extent.empty() && extent[0].number == 1;
                    value.shape.push_back(fixed ? static_cast<int64_t>(extent[0].integer) : -1);
                }
            }
        }
    }
    return value;
}

struct Parser final : IParser, Counted {
    Network& network;
    std::vector<Problem> problems;
    explicit Parser(Network& into) : Counted("parser"), network(into) {}
    bool parse(void const* bytes, size_t size, char const*) noexcept override;
    int getNbErrors() const noexcept override { return static_cast<int>(problems.size()); }
    IParserError const* getError(int index) const noexcept override { return &problems.at(static_cast<size_t>(index)); }
    void node(std::string const& message, int index);
    void weights(std::string const& message);
};

bool Parser::parse(void const* bytes, size_t size, char const*) noexcept {
    std::vector<Field> model;
    bool const whole = fields({static_cast<char const*>(bytes), size}, model) && !state().fails("parse");
    if (!whole) problems.emplace_back(3, "Failed to parse the model", -1, "", "");
    int index = 0;
    for (auto const& part : model) {
        if (part.number != 7 || !whole) continue;
        for (auto const& field : inside(part.bytes)) {
            if (field.number == 1) node(field.bytes, index++);
            if (field.number == 5) weights(field.bytes);
            if (field.number == 11) network.graph.inputs.push_back(value_of(field.bytes));
            if (field.number == 12) network.graph.outputs.push_back(value_of(field.bytes));
        }
    }
    for (auto const& input : network.graph.inputs) {
        network.tensors.push_back(std::make_unique<TensorObject>());
        network.tensors.back()->value = input;
    }
    return problems.empty();
}

void Parser::node(std::string const& message, int index) {
    Operation operation;
    for (auto const& field : inside(message)) {
        if (field.number == 1) operation.inputs.push_back(field.bytes);
        if (field.number == 2) operation.output = field.bytes;
        if (field.number == 3) operation.name = field.bytes;
        if (field.number == 4) operation.op = field.bytes;
        if (field.number != 5) continue;
        for (auto const& part : inside(field.bytes)) {
            if (part.number == 3) operation.to = type_of(part.integer);
        }
    }
    char const* const known[] = {"Add", "Mul", "Relu", "Cast", "Identity", "Reshape"};
    bool const is_known = std::any_of(std::begin(known), std::end(known), [&](char const* op) { return operation.op == op; });
    if (!is_known) {
        problems.emplace_back(8, "No importer registered for op: " + operation.op, index, operation.name, operation.op);
    }
    network.graph.operations.push_back(operation);
}

void Parser::weights(std::string const& message) {
    std::string name, raw;
    Weights made;
    bool is_float = false;
    for (auto const& field : inside(message)) {
        if (field.number == 2) {
            made.type = type_of(field.integer);
            is_float = field.integer == 1 || field.integer == 10;
        }
        if (field.number == 8) name = field.bytes;
        if (field.number == 9) raw = field.bytes;
    }
    // Integers are shapes, which nothing here has a use for.
    if (!is_float) raw.clear();
    size_t const bytes = made.type == HALF ? 2 : 4;
    if (raw.size() >= bytes) made.values.resize(raw.size() / bytes);
    for (size_t i = 0; (i + 1) * bytes <= raw.size(); ++i) {
        if (made.type == FLOAT) std::memcpy(&made.values[i], &raw[i * bytes], bytes);
        if (made.type == HALF) {
            _Float16 half;
            std::memcpy(&half, &raw[i * bytes], bytes);
            made.values[i] = static_cast<float>(half);
        }
    }
    network.graph.weights[name] = made;
}

} // namespace

EXPORT int getNvOnnxParserVersion() { return 100; }

EXPORT void* createNvOnnxParser_INTERNAL(void* network, void* logger, int version) {
    if (version != getNvOnnxParserVersion()) state().misuse("another parser is asked for");
    if (!state().fails("createNvOnnxParser")) {
        return static_cast<IParser*>(new Parser(static_cast<Network&>(*static_cast<INetworkDefinition*>(network))));
    }
    complain(static_cast<ILogger*>(logger), "createNvOnnxParser");
    return nullptr;
}
