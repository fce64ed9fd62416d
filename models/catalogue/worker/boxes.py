"""A model's output as boxes: rows of x1, y1, x2, y2 (pixels of the picture), score, class."""

import numpy as np

from .form import Form
from .picture import placement


def decode(
    output: np.ndarray, form: Form, width: int, height: int, least: float, overlap: float = 0.45
) -> np.ndarray:
    """Boxes with a score of at least `least`, best first, [n, 6]; `width` and `height` are the picture's."""
    rows = output[0].astype(np.float32)
    if form.head == "end-to-end":
        found = rows[rows[:, 4] >= least]
    else:
        found = suppressed(candidates(rows, form, least), overlap)
    left, top, wide, high = placement(width, height, form)
    found = found[np.argsort(-found[:, 4], kind="stable")][:300].copy()
    found[:, [0, 2]] = np.clip((found[:, [0, 2]] - left) * width / wide, 0, width)
    found[:, [1, 3]] = np.clip((found[:, [1, 3]] - top) * height / high, 0, height)
    return found


def candidates(rows: np.ndarray, form: Form, least: float) -> np.ndarray:
    """The best class of each candidate that is good enough, as corners in pixels of the input."""
    if form.head == "yolov8":
        rows = rows.T
        scores = rows[:, 4:]
    else:
        scores = rows[:, 4:5] * rows[:, 5:]
    centre, size = rows[:, :2], rows[:, 2:4]
    if form.head == "yolox":
        grid, stride = cells(form)
        centre, size = (centre + grid) * stride, np.exp(np.minimum(size, 20)) * stride
    best = scores.argmax(1)
    score = scores[np.arange(len(scores)), best]
    keep = score >= least
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1)
    return np.concatenate([corners, score[:, None], best[:, None]], 1)[keep]


def cells(form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of each cell, grid after grid, and its stride."""
    grids, strides = [], []
    for stride in form.strides:
        y, x = np.mgrid[: -(-form.height // stride), : -(-form.width // stride)]
        grids.append(np.stack([x.ravel(), y.ravel()], 1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


def suppressed(found: np.ndarray, overlap: float) -> np.ndarray:
    """Greedy suppression of doubles within each class."""
    order = np.argsort(-found[:, 4], kind="stable")
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        same = found[order, 5] == found[best, 5]
        order = order[~(same & (iou(found[best : best + 1], found[order])[0] > overlap))]
    return found[kept]


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each box of `a` with each of `b`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = np.prod(np.clip(high - low, 0, None), 2)
    area_a, area_b = (np.prod(np.clip(x[:, 2:4] - x[:, :2], 0, None), 1) for x in (a, b))
    return inner / np.maximum(area_a[:, None] + area_b[None] - inner, 1e-9)
