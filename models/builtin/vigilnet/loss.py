"""What training minimises: cross entropy of the scores and the complete IoU of the boxes."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .assign import EPSILON, assign
from .augment import usable

BOX_GAIN = 5.0
CLASS_GAIN = 1.0
LEAST_HEIGHT = 10.0
"""Smaller objects, which only a reduced picture has, are not learnt from."""


@dataclass
class Loss:
    """The total, to go back from, and its parts as numbers."""

    total: torch.Tensor
    boxes: float
    classes: float
    positives: int


def corners(box):
    """Centre, width, height [N, 4, A] to x1, y1, x2, y2 [N, A, 4]."""
    centre, half = box[:, :2], box[:, 2:] / 2
    return torch.cat([centre - half, centre + half], 1).transpose(1, 2)


def complete_iou(a, b):
    """Zheng et al., "Distance-IoU Loss" (2020): overlap, less distance and shape, [P]."""
    wa, ha = a[:, 2] - a[:, 0], a[:, 3] - a[:, 1]
    wb, hb = b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]
    x = torch.minimum(a[:, 2], b[:, 2]) - torch.maximum(a[:, 0], b[:, 0])
    y = torch.minimum(a[:, 3], b[:, 3]) - torch.maximum(a[:, 1], b[:, 1])
    shared = x.clamp(min=0) * y.clamp(min=0)
    iou = shared / (wa * ha + wb * hb - shared + EPSILON)
    width = torch.maximum(a[:, 2], b[:, 2]) - torch.minimum(a[:, 0], b[:, 0])
    height = torch.maximum(a[:, 3], b[:, 3]) - torch.minimum(a[:, 1], b[:, 1])
    diagonal = width**2 + height**2 + EPSILON
    dx = (a[:, 0] + a[:, 2] - b[:, 0] - b[:, 2]) / 2
    dy = (a[:, 1] + a[:, 3] - b[:, 1] - b[:, 3]) / 2
    shape = (4 / math.pi**2) * (
        torch.atan(wb / (hb + EPSILON)) - torch.atan(wa / (ha + EPSILON))
    ) ** 2
    with torch.no_grad():
        alpha = shape / (shape - iou + 1 + EPSILON)
    return iou - (dx**2 + dy**2) / diagonal - alpha * shape


def disregarded(objects, grid, classes, pictures):
    """Where nobody can say whether there is an object: bool [N, C, A].

    That is in the boxes of objects that are hidden for the most part or too small, and there only
    for their class.
    """
    mask = torch.zeros(pictures, classes, grid.shape[1], dtype=torch.bool)
    if len(objects.box) == 0:
        return mask
    x, y, stride = grid
    x1, y1, x2, y2 = (c[:, None] for c in objects.box.unbind(1))
    margin = stride / 2
    inside = (x > x1 - margin) & (x < x2 + margin) & (y > y1 - margin) & (y < y2 + margin)
    which, cell = inside.nonzero(as_tuple=True)
    mask[objects.picture[which], objects.label[which], cell] = True
    return mask


def detection_loss(network, raw, objects):
    """The loss of a batch: `raw` as the network gives it, f32; `objects` as augmented."""
    good = usable(objects, LEAST_HEIGHT)
    picture, label, truth = objects.picture[good], objects.label[good], objects.box[good]
    ignored = type(objects)(
        objects.picture[~good], objects.label[~good], objects.box[~good], objects.visible[~good]
    )
    logits = raw[:, 4:]
    boxes = corners(network.boxes(raw))
    found = assign(logits.detach().sigmoid(), boxes.detach(), picture, label, truth, network.grid)

    target = torch.zeros_like(logits)
    target[found.picture, label[found.object], found.cell] = found.target
    cost = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    skip = disregarded(ignored, network.grid, network.classes, len(raw)) & (target == 0)
    cost = cost.masked_fill(skip, 0.0)
    scale = target.sum().clamp(min=1.0)
    classes = cost.sum() / scale

    fit = complete_iou(boxes[found.picture, found.cell], truth[found.object])
    box = ((1 - fit) * found.target).sum() / scale
    total = BOX_GAIN * box + CLASS_GAIN * classes
    return Loss(total, box.item(), classes.item(), len(found.cell))
