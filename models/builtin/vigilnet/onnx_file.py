"""Writes the network as an ONNX file that vigildetect, and whatever reads Ultralytics' exports,
understands."""

import copy
import io
from dataclasses import dataclass

import onnx
import torch
from torch import nn

from . import CLASSES, SIZE, STRIDES

OPSET = 17
IR_VERSION = 8
"""The oldest with this opset: what ONNX Runtime 1.12 reads."""
MOST_BYTES = 3_000_000


@dataclass(frozen=True)
class Calibration:
    """What is done to the logits of the scores, `gain · logit + shift`. It keeps their order."""

    gain: float = 1.0
    shift: float = 0.0


class Exported(nn.Module):
    """Normalisations folded, calibration in the last layer, output decoded."""

    def __init__(self, network, calibration):
        super().__init__()
        self.network = copy.deepcopy(network).eval().fuse()
        with torch.no_grad():
            for out in self.network.outs:
                out.weight[4:] *= calibration.gain
                out.bias[4:] *= calibration.gain
                out.bias[4:] += calibration.shift

    def forward(self, images):
        return self.network.decode(self.network(images))


def export(network, calibration, date=None):
    """The bytes of the file."""
    module = Exported(network, calibration)
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, SIZE, SIZE),),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "vigil-builtin", ""
    model.graph.name = "vigil-builtin"
    for key, value in metadata().items():
        model.metadata_props.add(key=key, value=value)
    del model.graph.output[0].type.tensor_type.shape.dim[1:]
    for size in (4 + len(CLASSES), sum((SIZE // s) ** 2 for s in STRIDES)):
        model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=size)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    if len(data) > MOST_BYTES:
        raise ValueError(f"the file would have {len(data)} bytes, more than {MOST_BYTES}")
    return data


def metadata():
    """What the file says of itself, in Ultralytics' words."""
    return {
        "description": "Vigil's built-in detector, trained on rendered scenes",
        "author": "Vigil",
        "license": "MPL-2.0",
        "version": "1",
        "task": "detect",
        "stride": str(max(STRIDES)),
        "batch": "1",
        "imgsz": str([SIZE, SIZE]),
        # Not of Ultralytics: wide video fills the whole input, where a letterbox fills 180 rows.
        "fit": "stretch",
        "names": str(dict(enumerate(CLASSES))),
    }
