"""How good detections are: average precision, and what is found and what is false by threshold.

A detection is right when it overlaps an object of its class by at least half (IoU) that no better
detection has taken. Objects that are hidden for more than half, or smaller than asked, count
neither way, and so do detections that lie on one (IoU, or share of the detection, at least half).
"""

from dataclasses import dataclass, field

import numpy as np

from . import CLASSES, SIZE
from .data import MIN_VISIBLE

OVERLAP = 0.5
SUPPRESSION = 0.45
"""IoU above which the weaker of two boxes of one class is dropped: vigildetect's default."""
FLOOR = 0.005
"""Candidates with less score are not looked at."""
MOST = 300
"""Detections of a picture."""
RIGHT, FALSE, NEITHER = 1, 0, -1


def pairwise(a, b):
    """Intersections of boxes [n, 4] and [m, 4], and the areas of both."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    return shared, (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)


def overlaps(a, b):
    """Intersection over union, [n, m]."""
    shared, area_a, area_b = pairwise(a, b)
    return shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)


@dataclass
class Detections:
    """Of one picture, the best first."""

    box: np.ndarray
    """x1, y1, x2, y2 in pixels of the input, clipped to it, [n, 4]."""
    label: np.ndarray
    score: np.ndarray


def detections(output, floor=FLOOR, suppression=SUPPRESSION):
    """What a picture's output [4 + classes, cells] says, without duplicates, as vigildetect."""
    scores = output[4:]
    label = scores.argmax(0)
    score = scores[label, np.arange(scores.shape[1])]
    some = np.flatnonzero(score >= floor)
    some = some[np.argsort(-score[some], kind="stable")]
    centre, half = output[:2, some].T, output[2:4, some].T / 2
    box = np.concatenate([centre - half, centre + half], 1).clip(0, SIZE)
    label, score = label[some], score[some]
    keep = suppress(box, label, suppression)
    return Detections(box[keep], label[keep], score[keep])


def suppress(box, label, threshold):
    """Indices of the boxes that no better one of their class overlaps by more than that."""
    # Boxes of different classes, moved far apart, do not meet.
    x1, y1, x2, y2 = (box + 4.0 * SIZE * label[:, None]).astype(np.float32).T
    area = (x2 - x1) * (y2 - y1)
    alive = np.ones(len(box), bool)
    keep = []
    for i in range(len(box)):
        if not alive[i]:
            continue
        keep.append(i)
        width = np.minimum(x2, x2[i]) - np.maximum(x1, x1[i])
        height = np.minimum(y2, y2[i]) - np.maximum(y1, y1[i])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        alive &= shared <= threshold * (area + area[i] - shared)
        if len(keep) == MOST:
            break
    return np.array(keep, int)


def judge(found, rows, least_height):
    """Of each detection whether it is right; of each row of objects whether it counts, and the
    score of the detection that found it (0 if none did)."""
    truth = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    label = rows[:, 1].astype(int)
    counts = (rows[:, 6] >= MIN_VISIBLE) & (rows[:, 5] >= least_height)
    verdict = np.full(len(found.score), FALSE)
    by = np.zeros(len(rows))
    if len(rows) == 0 or len(found.score) == 0:
        return verdict, counts, by
    shared, area, truth_area = pairwise(found.box, truth)
    same = found.label[:, None] == label[None]
    iou = np.where(same, shared / np.maximum(area[:, None] + truth_area - shared, 1e-9), 0)
    within = np.where(same, shared / np.maximum(area[:, None], 1e-9), 0)
    for i in range(len(found.score)):
        free = np.where(counts & (by == 0), iou[i], 0)
        best = free.argmax()
        if free[best] >= OVERLAP:
            verdict[i], by[best] = RIGHT, found.score[i]
        elif (np.maximum(iou[i], within[i])[~counts] >= OVERLAP).any():
            verdict[i] = NEITHER
    return verdict, counts, by


@dataclass
class Tally:
    """What was judged of a set of pictures."""

    score: list = field(default_factory=list)
    label: list = field(default_factory=list)
    verdict: list = field(default_factory=list)
    object_label: list = field(default_factory=list)
    object_score: list = field(default_factory=list)
    pictures: int = 0

    def add(self, found, rows, least_height):
        """Judges one picture."""
        verdict, counts, by = judge(found, rows, least_height)
        self.score.append(found.score)
        self.label.append(found.label)
        self.verdict.append(verdict)
        self.object_label.append(rows[counts, 1].astype(int))
        self.object_score.append(by[counts])
        self.pictures += 1

    def merged(self):
        """Every list as one array."""

        def join(parts):
            return np.concatenate(parts) if parts else np.empty(0)

        return (
            join(self.score),
            join(self.label),
            join(self.verdict),
            join(self.object_label),
            join(self.object_score),
        )


def average_precision(score, right, objects):
    """COCO's: precision made monotone, at 101 recalls; NaN without objects."""
    if objects == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(hits / objects, np.linspace(0, 1, 101) - 1e-9)
    return float(np.where(at < len(precision), np.append(precision, 0)[at], 0).mean())


def at_threshold(tally, threshold):
    """Recall, share of false boxes and their numbers, of boxes with at least that score."""
    score, _, verdict, _, object_score = tally.merged()
    over = score >= threshold
    right, false = int((over & (verdict == RIGHT)).sum()), int((over & (verdict == FALSE)).sum())
    objects = len(object_score)
    return {
        "threshold": float(threshold),
        "recall": right / objects if objects else float("nan"),
        "false_share": false / (right + false) if right + false else 0.0,
        "right": right,
        "false": false,
        "objects": objects,
    }


def best_threshold(tally, most_false):
    """The lowest threshold at which at most that share of boxes is false."""
    score, _, verdict, *_ = tally.merged()
    score, verdict = score[verdict != NEITHER], verdict[verdict != NEITHER]
    order = np.argsort(-score, kind="stable")
    score = score[order]
    share = np.cumsum(verdict[order] == FALSE) / np.arange(1, len(score) + 1)
    # Of equal scores all or none are over a threshold.
    last = np.append(score[1:] != score[:-1], True) if len(score) else np.empty(0, bool)
    good = np.flatnonzero((share <= most_false) & last)
    return float(score[good[-1]]) if len(good) else 1.0


def report(tally, threshold):
    """AP50 by class and on average, and recall and false boxes at a threshold, overall and by
    class."""
    score, label, verdict, object_label, object_score = tally.merged()
    classes = {}
    for index, name in enumerate(CLASSES):
        mine = (label == index) & (verdict != NEITHER)
        objects = int((object_label == index).sum())
        over = mine & (score >= threshold)
        right = int((over & (verdict == RIGHT)).sum())
        classes[name] = {
            "objects": objects,
            "ap50": average_precision(score[mine], verdict[mine] == RIGHT, objects),
            "recall": right / objects if objects else float("nan"),
            "false_share": 1 - right / int(over.sum()) if over.any() else 0.0,
        }
    present = [c["ap50"] for c in classes.values() if c["objects"]]
    overall = at_threshold(tally, threshold)
    return {
        "pictures": tally.pictures,
        "ap50": float(np.mean(present)) if present else float("nan"),
        **overall,
        "classes": classes,
    }
