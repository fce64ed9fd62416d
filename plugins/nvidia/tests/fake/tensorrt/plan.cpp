// Plans to bytes and back.

#include "plan.h"

#include <sstream>

EXPORT int32_t getInferLibVersion();

namespace {

constexpr size_t HEAD = 28;

void write(std::ostream& out, std::vector<int64_t> const& shape) {
    out << shape.size() << ' ';
    for (auto extent : shape) out << extent << ' ';
}

std::vector<int64_t> read(std::istream& in) {
    size_t count = 0;
    in >> count;
    std::vector<int64_t> shape(count < 9 ? count : 0);
    for (auto& extent : shape) in >> extent;
    return shape;
}

void write(std::ostream& out, char const* what, Value const& value) {
    out << what << ' ' << value.name << ' ' << value.type << ' ';
    write(out, value.shape);
    out << '\n';
}

Value value(std::istream& in) {
    Value value;
    in >> value.name >> value.type;
    value.shape = read(in);
    return value;
}

} // namespace

std::string write_plan(PlanData const& plan) {
    int const number = getInferLibVersion(), unit = number < 10000 ? 1000 : 10000;
    std::string head = "ftrt";
    head.resize(HEAD - 4, '\0');
    head.push_back(static_cast<char>(number / unit));
    head.push_back(static_cast<char>(number % unit / 100));
    head.push_back(static_cast<char>(number % 100));
    head.push_back('\0');
    std::ostringstream out;
    out.precision(9);
    out << head << "plan " << number << ' ' << state().get("sm", "90") << ' ' << plan.half << ' ' << plan.portable << ' '
        << plan.workspace << ' ' << plan.level << '\n';
    for (auto const& input : plan.graph.inputs) write(out, "input", input);
    for (auto const& output : plan.graph.outputs) write(out, "output", output);
    for (auto const& [name, weights] : plan.graph.weights) {
        out << "weights " << name << ' ' << weights.type << ' ' << weights.values.size();
        for (auto value : weights.values) out << ' ' << value;
        out << '\n';
    }
    for (auto const& operation : plan.graph.operations) {
        out << "operation " << operation.op << ' ' << operation.output << ' ' << operation.to << ' ' << operation.inputs.size();
        for (auto const& input : operation.inputs) out << ' ' << input;
        out << '\n';
    }
    for (auto const& [name, three] : plan.bounds) {
        out << "bounds " << name << ' ';
        for (auto const& shape : three) write(out, shape);
        out << '\n';
    }
    out << "end\n";
    return out.str();
}

bool read_plan(std::string const& bytes, PlanData& plan) {
    if (bytes.size() < HEAD || bytes.rfind("ftrt", 0) != 0) return false;
    std::istringstream in(bytes.substr(HEAD));
    std::string word;
    while (in >> word && word != "end") {
        if (word == "plan") {
            in >> plan.version >> plan.sm >> plan.half >> plan.portable >> plan.workspace >> plan.level;
        } else if (word == "input") {
            plan.graph.inputs.push_back(value(in));
        } else if (word == "output") {
            plan.graph.outputs.push_back(value(in));
        } else if (word == "weights") {
            std::string name;
            in >> name;
            auto& weights = plan.graph.weights[name];
            size_t count = 0;
            in >> weights.type >> count;
            weights.values.resize(count < 9999 ? count : 0);
            for (auto& value : weights.values) in >> value;
        } else if (word == "operation") {
            Operation operation;
            size_t count = 0;
            in >> operation.op >> operation.output >> operation.to >> count;
            operation.inputs.resize(count < 99 ? count : 0);
            for (auto& input : operation.inputs) in >> input;
            plan.graph.operations.push_back(operation);
        } else if (word == "bounds") {
            std::string name;
            in >> name;
            for (auto& shape : plan.bounds[name]) shape = read(in);
        } else {
            return false;
        }
    }
    return word == "end" && plan.version != 0;
}
