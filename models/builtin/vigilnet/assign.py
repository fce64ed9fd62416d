"""Which cell is to predict which object: task-aligned assignment.

After Feng et al., "TOOD: Task-aligned One-stage Object Detection" (2021), as YOLOv8 has it: each
object gets the cells whose prediction is best by score and overlap together. Unlike there the
objects of the whole batch are one list, not one padded table per picture, and cells qualify by the
size of the object too, so that small networks do not have to find that out first.
"""

from dataclasses import dataclass

import torch

from . import SIZE

CELLS_PER_OBJECT = 10
SCORE_POWER = 0.5
OVERLAP_POWER = 6.0
REACH = 1.0
"""A cell's centre may be that many cells off the object's, even outside its box: else the
narrowest would have none."""
SIZES = {8: (0, 96), 16: (24, 200), 32: (64, 2 * SIZE)}
"""By stride, the longer sides of the objects that the grid may predict."""
EPSILON = 1e-9


@dataclass
class Assigned:
    """The pairs of cell and object, one row each."""

    picture: torch.Tensor
    cell: torch.Tensor
    object: torch.Tensor
    """Index into the list of objects that was given."""
    target: torch.Tensor
    """Score that the cell is to give, 0 to 1."""


def overlap(a, b):
    """Intersection over union of boxes x1, y1, x2, y2 in the last axis, broadcast."""
    x1, y1 = torch.maximum(a[..., 0], b[..., 0]), torch.maximum(a[..., 1], b[..., 1])
    x2, y2 = torch.minimum(a[..., 2], b[..., 2]), torch.minimum(a[..., 3], b[..., 3])
    shared = (x2 - x1).clamp(min=0) * (y2 - y1).clamp(min=0)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return shared / (area_a + area_b - shared + EPSILON)


def candidates(box, grid):
    """Which cells [3, A] may predict which boxes [G, 4]: bool [G, A]."""
    x, y, stride = grid
    centre = (box[:, :2] + box[:, 2:]) / 2
    half = (box[:, 2:] - box[:, :2]) / 2
    near_x = (x - centre[:, :1]).abs() < torch.maximum(half[:, :1], REACH * stride)
    near_y = (y - centre[:, 1:]).abs() < torch.maximum(half[:, 1:], REACH * stride)
    longer = (2 * half).amax(1, keepdim=True)
    low, high = torch.empty_like(stride), torch.empty_like(stride)
    for step, (least, most) in SIZES.items():
        low[stride == step], high[stride == step] = least, most
    return near_x & near_y & (longer >= low) & (longer <= high)


@torch.no_grad()
def assign(scores, boxes, picture, label, truth, grid):
    """Assigns cells to objects.

    `scores` [N, C, A] and `boxes` [N, A, 4] (x1, y1, x2, y2) are what the network predicts;
    `picture` [G], `label` [G] and `truth` [G, 4] are the objects; `grid` is `network.grid()`.
    """
    fits = overlap(boxes[picture], truth[:, None])
    metric = scores[picture, label].pow(SCORE_POWER) * fits.pow(OVERLAP_POWER)
    metric = torch.where(candidates(truth, grid), metric + EPSILON, 0.0)
    best, cell = metric.topk(CELLS_PER_OBJECT, dim=1)
    owner = torch.arange(len(truth))[:, None].expand_as(cell)
    found = best > 0
    best, cell, owner = best[found], cell[found], owner[found]
    fit = fits[owner, cell]

    # A cell that several objects want goes to the one that its box fits best.
    place = picture[owner] * boxes.shape[1] + cell
    most = torch.zeros(boxes.shape[0] * boxes.shape[1])
    most.scatter_reduce_(0, place, fit + EPSILON, "amax")
    kept = fit + EPSILON >= most[place]
    best, cell, owner, fit = best[kept], cell[kept], owner[kept], fit[kept]

    # The best cell of an object is to score what its box overlaps, the others less.
    top = torch.zeros(len(truth)).scatter_reduce_(0, owner, best, "amax")
    top_fit = torch.zeros(len(truth)).scatter_reduce_(0, owner, fit, "amax")
    target = best / top[owner].clamp(min=EPSILON) * top_fit[owner]
    return Assigned(picture[owner], cell, owner, target)
