#!/usr/bin/env python3
"""Exports trained weights to ONNX, with scores calibrated on half of the validation pictures.

The scores are calibrated such that vigildetect's default threshold is the lowest at which hardly
any box is false, and objects that are found score well above it. That keeps the order of scores.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch

from vigilnet.data import DataError, Scenes
from vigilnet.metrics import FLOOR, RIGHT, SUPPRESSION, Tally, best_threshold, detections
from vigilnet.network import Detector
from vigilnet.onnx_file import Calibration, Exported, export
from vigilnet.runtime import infer, outputs, session

CALIBRATED = slice(0, None, 2)
"""The validation pictures that calibration sees; evaluate.py reports the others by themselves."""
FALSE = 0.009
"""Share of false boxes at the threshold, on those pictures: some room below 1 %."""
DEFAULT_THRESHOLD = 0.25
TYPICAL = 0.85
"""What the median of the right boxes is to score, if it scores less."""
CLOSE = 1e-3
"""Most by which the exported model may differ from the trained one: scores, and pixels."""


def logit(p):
    return math.log(p / (1 - p))


def calibrate(network, scenes, args):
    """The calibration that the pictures ask for."""
    runner = session(export(network, Calibration()))
    tally = Tally()
    indices = range(len(scenes))[CALIBRATED]
    for index, output in zip(indices, outputs(runner, scenes.images[CALIBRATED]), strict=True):
        found = detections(output, FLOOR, args.suppression)
        tally.add(found, scenes.objects(index), args.least_height)
    threshold = best_threshold(tally, FALSE)
    score, _, verdict, *_ = tally.merged()
    right = score[(verdict == RIGHT) & (score >= threshold)]
    if not len(right) or threshold >= 1:
        print("export.py: nothing to calibrate on: scores are left as they are", file=sys.stderr)
        return Calibration()
    typical = float(np.clip(np.median(right), threshold + 1e-3, 1 - 1e-4))
    gain = (logit(TYPICAL) - logit(DEFAULT_THRESHOLD)) / (logit(typical) - logit(threshold))
    gain = min(max(gain, 1.0), 2.0)
    calibration = Calibration(gain, logit(DEFAULT_THRESHOLD) - gain * logit(threshold))
    print(
        f"threshold {threshold:.4f} becomes {DEFAULT_THRESHOLD}: gain {calibration.gain:.4f}, "
        f"shift {calibration.shift:.4f}"
    )
    return calibration


@torch.no_grad()
def difference(network, calibration, data, images):
    """Largest difference between the file and the network: of boxes in pixels, and of scores."""
    runner, module = session(data), Exported(network, calibration)
    box = score = 0.0
    for image in images:
        expected = module(torch.from_numpy(np.array(image))[None].float() / 255)[0].numpy()
        apart = np.abs(infer(runner, image) - expected)
        box, score = max(box, apart[:4].max()), max(score, apart[4:].max())
    return float(box), float(score)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="model.pt, as train.py leaves it")
    parser.add_argument("onnx", help="the file to write")
    parser.add_argument("data", help="folder with the rendered scenes (val.*)")
    parser.add_argument("--least-height", type=float, default=0.0, help="height in pixels below "
                        "which objects do not count (%(default)s)")
    parser.add_argument("--suppression", type=float, default=SUPPRESSION, help="IoU above which "
                        "the weaker of two boxes of one class is dropped (%(default)s)")
    args = parser.parse_args()
    network = Detector()
    network.load_state_dict(torch.load(args.weights, weights_only=True))
    network.eval()
    try:
        scenes = Scenes(args.data, "val")
    except DataError as error:
        sys.exit(f"export.py: {error}")
    calibration = calibrate(network, scenes, args)
    data = export(network, calibration)
    box, score = difference(network, calibration, data, scenes.images[:16])
    print(f"largest difference to PyTorch: {box:.2e} pixels, {score:.2e} in scores")
    if box > 320 * CLOSE or score > CLOSE:
        sys.exit("export.py: the exported model is not the trained one")
    Path(args.onnx).write_bytes(data)
    print(f"{args.onnx}: {len(data)} bytes")


if __name__ == "__main__":
    main()
