"""Whether a model that was made from another one sees the same; no accuracy, no labels needed."""

import statistics

import numpy as np
import onnx

from . import boxes, picture
from .form import Unsuitable, load, of
from .runner import Runner

# Boxes of the first model that count, and the least score that the second may give them.
SURE, LEAST = 0.35, 0.10
# Overlap from which two boxes are the same.
SAME = 0.7


def run(first: str, second: str, card: dict | None, size: list[int] | None, pictures: str | None,
        without: list[str], most: int) -> dict:  # fmt: skip
    """Figures of both models on pictures of a folder that are not in `without`, if there are such.

    Without pictures both get one of noise, and only the numbers that come out are compared.
    """
    model = load(second)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise Unsuitable(f"{second} is no valid ONNX model: {error}") from None
    form = of(model, second, card, size)
    runners = Runner(first, of(load(first), first, card, [form.width, form.height])), Runner(second, form)
    figures = {"input": [form.width, form.height], "head": form.head}
    figures |= on_pictures(runners, pictures, without, most) if pictures else on_noise(runners)
    for key, runner in zip(("first-ms", "second-ms"), runners, strict=True):
        # The first run warms up.
        figures[key] = 1000 * statistics.median(runner.seconds[1:] or runner.seconds)
    return figures


def on_noise(runners: tuple[Runner, Runner]) -> dict:
    """The largest difference of any number that comes out for a picture of noise, by its own range."""
    form = runners[1].form
    image = np.random.default_rng(1).integers(0, 256, (form.height, form.width, 3), np.uint8)
    first, second = (runner.output(picture.tensor(image, runner.form)) for runner in runners)
    if first.shape != second.shape:
        raise Unsuitable(
            f"{runners[1].path} gives {second.shape} where {runners[0].path} gives {first.shape}"
        )
    if not np.isfinite(second).all():
        raise Unsuitable(f"{runners[1].path} gives numbers that are not finite")
    return {"difference": float(np.abs(first - second).max() / max(np.ptp(first), 1e-9))}


def on_pictures(runners: tuple[Runner, Runner], folder: str, without: list[str], most: int) -> dict:
    """How many boxes of each model the other one has too, and how far their scores are apart."""
    every = picture.paths(folder)
    unseen = [path for path in every if str(path) not in set(without)]
    chosen = (unseen or every)[:most]
    pairs: list[tuple[float, float, float]] = []
    sure, extra_sure, extra = 0, 0, 0
    for path in chosen:
        first, second = (runner.boxes(path, LEAST) for runner in runners)
        if not np.isfinite(second).all():
            raise Unsuitable(f"{runners[1].path} gives numbers that are not finite for {path}")
        matched = match(first, second)
        sure += int((first[:, 4] >= SURE).sum())
        pairs += [(first[i, 4], second[j, 4], overlap) for i, j, overlap in matched if first[i, 4] >= SURE]
        extra_sure += int((second[:, 4] >= SURE).sum())
        there = {j for _, j, _ in matched}
        extra += sum(1 for j in range(len(second)) if second[j, 4] >= SURE and j not in there)
    return {
        "pictures": len(chosen),
        "seen-before": not unseen,
        "boxes": sure,
        "found": len(pairs) / sure if sure else 1.0,
        "extra": extra / extra_sure if extra_sure else 0.0,
        "score-difference": statistics.fmean(b - a for a, b, _ in pairs) if pairs else 0.0,
        "overlap": statistics.fmean(overlap for *_, overlap in pairs) if pairs else 1.0,
    }


def match(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int, float]]:
    """Pairs of the same class that overlap enough, the best first; no box is in two of them."""
    overlaps = boxes.iou(first, second) * (first[:, None, 5] == second[None, :, 5])
    pairs = []
    while overlaps.size and overlaps.max() >= SAME:
        i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
        pairs.append((int(i), int(j), float(overlaps[i, j])))
        overlaps[i, :], overlaps[:, j] = 0, 0
    return pairs
