"""What models/export is to do: from its options, before anything is fetched or made."""

import dataclasses
import re
from pathlib import Path

from . import store
from .terminal import USAGE, Failure

LARGEST_SIDE = 8192


@dataclasses.dataclass
class Wish:
    """The options that say what file is wanted."""

    half: bool
    int8: bool
    dynamic: bool
    nms: bool
    size: list[int] | None
    calibration: Path | None
    calibration_images: int
    opset: int

    @property
    def changes_graph(self) -> bool:
        """Whether the graph itself has to be made anew, which only the weights (.pt) allow."""
        return self.dynamic or self.nms or self.size is not None

    @property
    def suffix(self) -> str:
        """What the new file has behind the model's name."""
        size = (
            ""
            if not self.size
            else f"_{self.size[0]}" + (f"x{self.size[1]}" if self.size[0] != self.size[1] else "")
        )
        marks = [("_dynamic", self.dynamic), ("_nms", self.nms), ("_fp16", self.half), ("_int8", self.int8)]
        return size + "".join(mark for mark, wished in marks if wished)

    def check(self) -> None:
        """Fails for options that do not go together."""
        if self.int8 and self.half:
            raise Failure("--int8 and --half exclude each other", USAGE)
        if self.int8 and not self.calibration:
            raise Failure(
                "--int8 needs --calibration DIR: a folder of pictures like those that the model will see",
                USAGE,
            )
        if self.calibration and not self.calibration.is_dir():
            raise Failure(f"--calibration {self.calibration} is not a folder", USAGE)
        if self.calibration_images < 1:
            raise Failure("--calibration-images must be 1 or more", USAGE)
        if not 13 <= self.opset <= 21:
            raise Failure(f"--opset {self.opset} must be from 13 to 21", USAGE)


def size(text: str) -> list[int]:
    """Width and height from '640' or '640x384'; multiples of 32, as every YOLO needs."""
    found = re.fullmatch(r"(\d{1,5})(?:[xX](\d{1,5}))?", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no size: 640, or 640x384 (width x height)")
    sides = [int(found[1]), int(found[2] or found[1])]
    for side in sides:
        if side % 32 or not 32 <= side <= LARGEST_SIDE:
            near = min(max(round(side / 32), 1) * 32, LARGEST_SIDE)
            raise ValueError(f"{side} is no side of an input: a multiple of 32 is needed, such as {near}")
    return sides


@dataclasses.dataclass
class Recipe:
    """Where to begin, whether PyTorch is needed, and what comes out."""

    # "weights" or "download" of the card, or None for a file of the user's own.
    table: str | None
    source: Path
    pytorch: bool
    target: Path


def of_card(card: dict, wish: Wish, folder: Path | None) -> Recipe:
    """For a model of the catalogue: its ONNX file where that is enough, else its weights."""
    name = card["name"]
    folder = folder or store.models()
    target = folder / f"{name}{wish.suffix}.onnx"
    if "download" in card and not wish.changes_graph:
        if not (wish.half or wish.int8):
            raise Failure(f"{name} is published as ONNX: models/fetch {name} is enough", USAGE)
        return Recipe("download", store.models() / f"{name}.onnx", False, target)
    if "weights" not in card:
        raise Failure(
            f"the card of {name} names no weights (.pt) to make such a file from. {card.get('how', '')}".rstrip(),
            USAGE,
        )
    return Recipe("weights", store.models() / f"{name}.pt", True, target)


def of_file(path: Path, wish: Wish, folder: Path | None) -> Recipe:
    """For a file of the user's own."""
    if not path.is_file():
        raise Failure(f"{path} is not a file", USAGE)
    target = (folder or path.parent) / f"{path.stem}{wish.suffix}.onnx"
    if path.suffix == ".pt":
        return Recipe(None, path, True, target)
    if path.suffix != ".onnx":
        raise Failure(f"{path}: a .pt or an .onnx file is needed", USAGE)
    if wish.dynamic or wish.nms:
        raise Failure(
            f"--dynamic and --nms need the weights (.pt): the graph of {path.name} is made already", USAGE
        )
    if not (wish.half or wish.int8):
        raise Failure(f"{path.name} is ONNX already; say --half or --int8", USAGE)
    return Recipe(None, path, False, target)
