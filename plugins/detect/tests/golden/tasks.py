"""Makes the numbers in src/decode/task/tests.rs: Ultralytics' own postprocessing on made-up outputs.

Run where Ultralytics (8.4.190 then) and PyTorch are installed: python3 tests/golden/tasks.py
The outputs are those of a model with 2 classes for 64x64 pixels, from a generator that the tests have too.
"""

import math

import torch
from ultralytics.utils import nms, ops

SIDE, CELLS, CLASSES = 64, 84, 2


class Random:
    """Numbers from 0 to below 1 that are the same everywhere."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return (self.state >> 8) / 2**24


def output(random, extra):
    """`[1, 4 + classes + extras, cells]`; `extra` makes the values of a candidate."""
    columns = []
    for _ in range(CELLS):
        cx, cy, w, h = (random.next() for _ in range(4))
        box = [SIDE * cx, SIDE * cy, 8 + 40 * w, 8 + 40 * h]
        scores = [random.next() ** 3 for _ in range(CLASSES)]
        columns.append(box + scores + extra(random))
    return torch.tensor(columns, dtype=torch.float32).T[None]


def best(data, **options):
    return nms.non_max_suppression(data, 0.7, 0.45, nc=CLASSES, max_det=300, **options)[0]


def rounded(values, places=3):
    return "[" + ", ".join(f"{v:.{places}f}" for v in values) + "]"


def masks():
    random = Random(1)
    data = output(random, lambda r: [2 * r.next() - 1 for _ in range(4)])
    protos = torch.tensor([2 * random.next() - 1 for _ in range(4 * 16 * 16)]).view(4, 16, 16)
    found = best(data)
    made = ops.process_mask(protos, found[:, 6:], found[:, :4], (SIDE, SIDE), upsample=True)
    boxes = ops.scale_boxes((SIDE, SIDE), found[:, :4].clone(), (SIDE, SIDE))
    print("// class, score, box, pixels of the mask, sum of their places")
    for row, box, mask in zip(found, boxes, made):
        places = mask.flatten().nonzero().flatten()
        print(f"({int(row[5])}, {row[4]:.4f}, {rounded(box)}, {len(places)}, {int(places.sum())}),")


def keypoints():
    random = Random(2)
    point = lambda r: [96 * r.next() - 16, 96 * r.next() - 16, r.next()]
    data = output(random, lambda r: sum((point(r) for _ in range(3)), []))
    found = best(data)
    points = ops.scale_coords((SIDE, SIDE), found[:, 6:].view(-1, 3, 3), (96, 128))
    boxes = ops.scale_boxes((SIDE, SIDE), found[:, :4].clone(), (96, 128))
    print("// class, score, keypoints on a frame of 128x96")
    for row, point, (x1, y1, x2, y2) in zip(found, points, boxes):
        # vigildetect leaves out what is in the padding only.
        if x1 < x2 and y1 < y2:
            print(f"({int(row[5])}, {row[4]:.4f}, {rounded(point.flatten(), 2)}),")


def oriented():
    random = Random(3)
    data = output(random, lambda r: [(r.next() - 0.25) * math.pi])
    found = best(data, rotated=True)
    boxes = ops.regularize_rboxes(torch.cat([found[:, :4], found[:, -1:]], dim=-1))
    boxes[:, :4] = ops.scale_boxes((SIDE, SIDE), boxes[:, :4], (96, 128), xywh=True)
    print("// class, score, box on a frame of 128x96: centre, size, angle")
    for row, box in zip(found, boxes):
        print(f"({int(row[5])}, {row[4]:.4f}, {rounded(box)}),")


masks()
keypoints()
oriented()
