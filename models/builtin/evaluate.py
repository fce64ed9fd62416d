#!/usr/bin/env python3
"""Evaluates the exported model on the validation pictures: prints tables, writes JSON, and, with
--card, puts the tables into the model card.

Recall and false boxes are those of the threshold; `--threshold` is vigildetect's default, for
which export.py calibrates on every other picture. The figures of the rest are reported too.
"""

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
from tqdm import tqdm

from export import CALIBRATED
from vigilnet import CLASSES
from vigilnet.data import MIN_VISIBLE, DataError, Scenes
from vigilnet.metrics import (
    FLOOR, OVERLAP, SUPPRESSION, Detections, Tally, at_threshold, best_threshold, detections,
    report, suppress,
)  # fmt: skip
from vigilnet.runtime import latency, outputs, session

HEIGHTS = (0, 14, 20, 32, 64, 128, 321)
"""Bounds of the bins of heights, in pixels of the input."""
CURVE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SUPPRESSIONS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
CARD_BEGIN, CARD_END = "<!-- figures of evaluate.py -->", "<!-- end of figures -->"


def perfect(rows, suppression):
    """Detections that are the objects themselves, the more visible the surer: what no detector
    can better, since suppression takes boxes of one class that lie upon each other."""
    rows = rows[np.argsort(-rows[:, 6], kind="stable")]
    box = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    label = rows[:, 1].astype(int)
    keep = suppress(box, label, suppression)
    return Detections(box[keep], label[keep], rows[keep, 6].clip(0.1, 1))


class Heights:
    """Recall of the objects that count, by their height."""

    def __init__(self):
        self.objects = np.zeros(len(HEIGHTS) - 1, int)
        self.found = np.zeros(len(HEIGHTS) - 1, int)

    def add(self, found, rows, args):
        tally = Tally()
        tally.add(found, rows, args.least_height)
        *_, scores = tally.merged()
        counts = (rows[:, 6] >= MIN_VISIBLE) & (rows[:, 5] >= args.least_height)
        place = np.searchsorted(HEIGHTS, rows[counts, 5], "right") - 1
        np.add.at(self.objects, place, 1)
        np.add.at(self.found, place[scores >= args.threshold], 1)

    def table(self):
        bounds = zip(HEIGHTS[:-1], HEIGHTS[1:], self.objects, self.found, strict=True)
        return [
            {"height": f"{a}–{b - 1}", "objects": int(n), "recall": float(found / n)}
            for a, b, n, found in bounds
            if n
        ]


def evaluate(args):
    """All figures, as they are written."""
    scenes = Scenes(args.data, "val")
    runner = session(args.onnx)
    whole, rest, kinds, heights = Tally(), Tally(), defaultdict(Tally), Heights()
    others = {s: (Tally(), Tally()) for s in SUPPRESSIONS}
    calibrated = set(range(len(scenes))[CALIBRATED])
    results = tqdm(outputs(runner, scenes.images), total=len(scenes), unit="picture")
    for index, output in enumerate(results):
        rows = scenes.objects(index)
        found = detections(output, FLOOR, args.suppression)
        tallies = [whole, kinds[scenes.kinds[index]]] + [rest] * (index not in calibrated)
        for tally in tallies:
            tally.add(found, rows, args.least_height)
        heights.add(found, rows, args)
        for suppression, (real, ideal) in others.items():
            real.add(detections(output, FLOOR, suppression), rows, args.least_height)
            ideal.add(perfect(rows, suppression), rows, args.least_height)
    return {
        "model": about(args.onnx, runner),
        "rules": {
            "overlap": OVERLAP, "suppression": args.suppression, "least_visible": MIN_VISIBLE,
            "least_height": args.least_height,
        },
        "overall": report(whole, args.threshold),
        "not_calibrated_on": report(rest, args.threshold),
        "kinds": {k: report(t, args.threshold) for k, t in sorted(kinds.items())},
        "heights": heights.table(),
        "curve": [at_threshold(whole, t) for t in CURVE],
        "suppressions": [
            {
                "suppression": s,
                "ap50": report(real, args.threshold)["ap50"],
                "at_1_percent_false": at_threshold(real, best_threshold(real, 0.01)),
                "perfect_boxes_recall": at_threshold(ideal, 0)["recall"],
            }
            for s, (real, ideal) in others.items()
        ],
    }  # fmt: skip


def about(path, runner):
    """What the file is, and how fast."""
    content = Path(path).read_bytes()
    return {
        "file": Path(path).name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "opset": onnx.load_from_string(content).opset_import[0].version,
        "onnxruntime_one_thread": latency(runner),
    }


def plain(value):
    """The same without NaN, which JSON does not have: a recall of no objects is null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def tables(result):
    """The figures as text, in Markdown."""
    lines = []

    def row(*cells):
        texts = [f"{c:.4f}" if isinstance(c, float) else str(c or "–") for c in cells]
        lines.append("| " + " | ".join(texts) + " |")

    def head(*cells):
        lines.append("")
        row(*cells)
        row(*("---" for _ in cells))

    model = result["model"]
    speed = model["onnxruntime_one_thread"]
    lines.append(
        f"`{model['file']}`: {model['bytes']} bytes, opset {model['opset']}; ONNX Runtime on one "
        f"thread: {speed['least_ms']:.2f} ms at least, {speed['median_ms']:.2f} ms in the median."
    )
    head("scene (pictures)", "objects", "AP50", "recall", "false boxes")
    parts = [("all", result["overall"]), ("not calibrated on", result["not_calibrated_on"])]
    for name, r in [*parts, *result["kinds"].items()]:
        row(f"{name} ({r['pictures']})", r["objects"], r["ap50"], r["recall"], r["false_share"])
    head("class", "objects", "AP50", "recall", "false boxes")
    for name in CLASSES:
        c = result["overall"]["classes"][name]
        row(name, c["objects"], c["ap50"], c["recall"], c["false_share"])
    head("height in pixels", "objects", "recall")
    for b in result["heights"]:
        row(b["height"], b["objects"], b["recall"])
    head("threshold", "recall", "false boxes")
    for point in result["curve"]:
        row(f"{point['threshold']:.2f}", point["recall"], point["false_share"])
    head("suppression above", "AP50", "recall at 1 % false boxes", "at threshold",
         "recall of perfect boxes")  # fmt: skip
    for s in result["suppressions"]:
        best = s["at_1_percent_false"]
        row(f"{s['suppression']:.2f}", s["ap50"], best["recall"], best["threshold"],
            s["perfect_boxes_recall"])  # fmt: skip
    return "\n".join(lines) + "\n"


def into_card(path, text):
    """Puts the tables between their marks."""
    card = path.read_text()
    if CARD_BEGIN not in card or CARD_END not in card:
        sys.exit(f"evaluate.py: {path}: no {CARD_BEGIN} and {CARD_END} to put the figures between")
    before, after = card.split(CARD_BEGIN)[0], card.split(CARD_END)[1]
    path.write_text(f"{before}{CARD_BEGIN}\n\n{text}\n{CARD_END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", help="the exported model")
    parser.add_argument("data", help="folder with the rendered scenes (val.*)")
    parser.add_argument("json", help="the file for the figures")
    parser.add_argument("--card", type=Path, help="the model card, into which they are put too")
    parser.add_argument("--threshold", type=float, default=0.25, help="(%(default)s)")
    parser.add_argument("--suppression", type=float, default=SUPPRESSION, help="IoU above which "
                        "the weaker of two boxes of one class is dropped (%(default)s)")
    parser.add_argument("--least-height", type=float, default=0.0, help="height in pixels below "
                        "which objects do not count (%(default)s)")
    args = parser.parse_args()
    try:
        result = plain(evaluate(args))
    except DataError as error:
        sys.exit(f"evaluate.py: {error}")
    Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    text = tables(result)
    print(text)
    if args.card:
        into_card(args.card, text)


if __name__ == "__main__":
    main()
