"""32-bit to 16-bit floats inside a model; what goes in and comes out stays as it is.

The tail that makes boxes stays in 32 bits: it counts in pixels of the input, and 16 bits have
steps of 0.5 from 512 pixels on.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .form import Unsuitable, load
from .quantise import tail_nodes

# Operators that may compute in 16 bits, with the inputs of theirs that must stay as they are.
OPERATORS: dict[str, set[int]] = dict.fromkeys(
    [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Sigmoid", "Tanh", "Relu", "LeakyRelu",
        "PRelu", "Clip", "HardSwish", "HardSigmoid", "Erf", "Softmax", "Concat", "Split", "MaxPool", "AveragePool",
        "GlobalAveragePool", "ReduceMean", "Reshape", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Flatten", "Pad",
        "Identity",
    ],
    set(),
) | {"Resize": {1, 2}}  # fmt: skip
LARGEST = float(np.finfo(np.float16).max)


def run(source: str, target: str) -> dict:
    """Converts `source` into `target`; vigildetect and others go on feeding 32-bit floats."""
    model = load(source)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise Unsuitable(f"{source} is quantised: there is nothing to halve")
    tail = tail_nodes(model)
    model = onnx.shape_inference.infer_shapes(model)
    count = Halving(model.graph, tail).convert()
    if not count:
        raise Unsuitable(f"{source} has nothing that can be halved")
    # Types and shapes that were noted no longer hold.
    del model.graph.value_info[:]
    onnx.save(model, target)
    return {"halved": count, "in-float": len(tail)}


class Halving:
    """Goes over the nodes in order and writes them anew, with casts where the widths meet."""

    def __init__(self, graph: onnx.GraphProto, tail: set[str]):
        self.graph, self.tail = graph, tail
        self.constants = {
            tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT
        }
        noted = [*graph.value_info, *graph.input, *graph.output]
        self.floats = {v.name for v in noted if v.type.tensor_type.elem_type == TensorProto.FLOAT} | set(
            self.constants
        )
        # Names under which a tensor exists in 32 and in 16 bits.
        self.wide = {v.name for v in graph.input} | {tensor.name for tensor in graph.initializer}
        self.narrow: set[str] = set()
        self.nodes: list[onnx.NodeProto] = []

    def convert(self) -> int:
        """Converts the graph and gives the number of nodes that now compute in 16 bits."""
        count = 0
        for node in list(self.graph.node):
            if node.op_type == "Constant" and self.is_float_constant(node):
                continue
            if node.op_type in OPERATORS and node.name not in self.tail and self.halve(node):
                count += 1
            else:
                self.leave(node)
        for output in self.graph.output:
            self.widen(output.name)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        self.drop_unused()
        return count

    def is_float_constant(self, node: onnx.NodeProto) -> bool:
        """Makes a constant node an initializer, so that it can be had in both widths."""
        held = next((a.t for a in node.attribute if a.name == "value"), None)
        if held is None or held.data_type != TensorProto.FLOAT:
            return False
        tensor = onnx.TensorProto()
        tensor.CopyFrom(held)
        tensor.name = node.output[0]
        self.graph.initializer.append(tensor)
        self.constants[tensor.name] = tensor
        self.floats.add(tensor.name)
        self.wide.add(tensor.name)
        return True

    def halve(self, node: onnx.NodeProto) -> bool:
        """Writes the node in 16 bits, if it computes with floats at all."""
        stay = OPERATORS[node.op_type]
        if not any(name in self.floats for name in node.output):
            return False
        for i, name in enumerate(node.input):
            if name in self.floats and i not in stay:
                node.input[i] = self.narrowed(name)
            elif name:
                self.widen(name)
        for i, name in enumerate(node.output):
            if name:
                node.output[i] = half_name(name)
                self.narrow.add(name)
        self.nodes.append(node)
        return True

    def leave(self, node: onnx.NodeProto) -> None:
        for name in [*node.input, *outer_names(node)]:
            if name:
                self.widen(name)
        self.wide.update(node.output)
        self.nodes.append(node)

    def narrowed(self, name: str) -> str:
        """The 16-bit name of a tensor, which exists from here on."""
        if name not in self.narrow:
            self.narrow.add(name)
            if name in self.constants:
                values = np.clip(numpy_helper.to_array(self.constants[name]), -LARGEST, LARGEST)
                self.graph.initializer.append(
                    numpy_helper.from_array(values.astype(np.float16), half_name(name))
                )
            else:
                self.cast(name, half_name(name), TensorProto.FLOAT16)
        return half_name(name)

    def widen(self, name: str) -> None:
        """Makes sure that a tensor exists in 32 bits, under its own name."""
        if name not in self.wide and name in self.narrow:
            self.wide.add(name)
            self.cast(half_name(name), name, TensorProto.FLOAT)

    def cast(self, source: str, target: str, to: int) -> None:
        self.nodes.append(helper.make_node("Cast", [source], [target], f"{target}_cast", to=to))

    def drop_unused(self) -> None:
        used = {name for node in self.graph.node for name in [*node.input, *outer_names(node)]}
        used |= {output.name for output in self.graph.output}
        for tensor in [tensor for tensor in self.graph.initializer if tensor.name not in used]:
            self.graph.initializer.remove(tensor)


def half_name(name: str) -> str:
    return f"{name}__f16"


def outer_names(node: onnx.NodeProto) -> list[str]:
    """Names that the graphs inside a node (If, Loop) take from outside."""
    return [
        name
        for attribute in node.attribute
        for graph in [attribute.g, *attribute.graphs]
        for inner in graph.node
        for name in [*inner.input, *outer_names(inner)]
    ]
