"""How a model is fed and how its boxes are read: from its card, or from the file itself.

The reading of files without a card is vigildetect's own (plugins/detect/src/model/recognise.rs):
the number of cells of the grids tells the layouts apart.
"""

import dataclasses

import onnx

STRIDES = [[8, 16, 32], [8, 16, 32, 64], [4, 8, 16, 32], [16, 32]]
# Heads whose boxes this can read.
READ = {"yolov5", "yolov8", "yolox", "end-to-end"}


class Unsuitable(Exception):
    """A model, a picture or a wish that cannot be served, in words for the user."""


@dataclasses.dataclass
class Form:
    """Input and output of a model, in the words of a card's [input] and [boxes]."""

    input_name: str
    width: int
    height: int
    colour: str
    scale: float
    mean: list[float]
    std: list[float]
    fit: str
    pad: int
    head: str
    strides: list[int]
    output: str


def load(path: str) -> onnx.ModelProto:
    """Reads an ONNX file, with weights that lie beside it."""
    try:
        model = onnx.load(path)
        if not model.graph.node:
            raise ValueError("it holds no graph")
        return model
    except FileNotFoundError as error:
        raise Unsuitable(f"{path}: {error.strerror}: {error.filename}") from None
    except Exception as error:  # protobuf has no common class of its own for this
        raise Unsuitable(f"{path} is no ONNX model: {error}") from None


def dims(value: onnx.ValueInfoProto) -> list[int | None]:
    """The shape of an input or output; None for an axis that is left open."""
    return [d.dim_value if d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim]


def of(model: onnx.ModelProto, path: str, card: dict | None, size: list[int] | None) -> Form:
    """The model's form; `size` (width, height) is for an input that the file leaves open."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    picture = next((value for value in inputs if len(dims(value)) == 4), None)
    if picture is None or len(inputs) != 1:
        shapes = ", ".join(f"{value.name} {dims(value)}" for value in inputs)
        raise Unsuitable(f"{path}: a model with one picture as its input is needed; this one has {shapes}")
    if picture.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise Unsuitable(f"{path}: its input is not of 32-bit floats")
    _, channels, height, width = dims(picture)
    if channels not in (3, None):
        raise Unsuitable(f"{path}: its input has {channels} channels, not 3 (channels first)")
    width, height = side(width, 0, card, size, model), side(height, 1, card, size, model)
    output = model.graph.output[0]
    if card:
        return from_card(card, picture.name, width, height, output.name, path)
    return from_shapes(model, picture.name, width, height, output, path)


def side(
    fixed: int | None, axis: int, card: dict | None, size: list[int] | None, model: onnx.ModelProto
) -> int:
    """A side of the input: what the file fixes, else what is asked for, the card's, the metadata's, 640."""
    if fixed:
        return fixed
    if size:
        return size[axis]
    if card:
        return card["input"]["size"][axis]
    told = metadata(model).get("imgsz", "").strip("[]()").split(",")
    return int(told[1 - axis]) if len(told) == 2 and told[1 - axis].strip().isdigit() else 640


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def from_card(card: dict, name: str, width: int, height: int, output: str, path: str) -> Form:
    held, boxes = card["input"], card["boxes"]
    if boxes["head"] not in READ:
        raise Unsuitable(
            f"{path}: boxes of a {boxes['head']} head cannot be read here yet; known: {', '.join(sorted(READ))}"
        )
    return Form(
        name, width, height, held["colour"], held["scale"], held["mean"], held["std"], held["fit"], held["pad"],
        boxes["head"], boxes.get("strides", STRIDES[0]), output,
    )  # fmt: skip


def from_shapes(
    model: onnx.ModelProto, name: str, width: int, height: int, output: onnx.ValueInfoProto, path: str
) -> Form:
    shape, told = dims(output), metadata(model)
    ultralytics = told.get("author") == "Ultralytics" or {"names", "stride"} <= told.keys()
    cells = {tuple(s): sum(-(-width // n) * -(-height // n) for n in s) for s in STRIDES}
    strides = STRIDES[0]
    if len(shape) != 3:
        raise Unsuitable(
            f"{path}: its output {output.name} {shape} is no known detector's. A card says what it is (--card)"
        )
    _, rows, columns = shape

    def fits(count: int | None) -> bool:
        nonlocal strides
        found = [s for s in STRIDES if cells[tuple(s)] == count]
        strides = found[0] if found else strides
        return bool(found)

    if columns == 6 and not fits(rows):
        head = "end-to-end"
    elif fits(columns) or (columns is None and ultralytics):
        head = "yolov8"
    elif rows and columns and columns > 5 and rows % 3 == 0 and fits(rows // 3):
        head = "yolov5"
    elif fits(rows) and not ultralytics:
        head = "yolox"
    else:
        raise Unsuitable(
            f"{path}: its output {output.name} {shape} is no known detector's. A card says what it is (--card)"
        )
    yolox = head == "yolox"
    return Form(
        name, width, height, "bgr" if yolox else "rgb", 1.0 if yolox else 1 / 255, [0.0] * 3, [1.0] * 3,
        "letterbox-top-left" if yolox else "letterbox-centre", 114, head, strides, output.name,
    )  # fmt: skip
