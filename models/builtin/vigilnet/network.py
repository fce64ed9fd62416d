"""The network: a plain convolutional backbone, a top-down neck and one head per grid.

It is made for one thread of a CPU: ReLU only, every channel count a multiple of 16 (the blocks of
ONNX Runtime's fast convolutions), no depthwise convolutions (slow in rten), and a stem that goes
to a quarter of the size at once, because layers at full size cost the most and see the least.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import CLASSES, SIZE, STRIDES

PRIOR = 0.01
"""What an untrained head takes the share of cells with an object to be."""

MAX_LOG_SIZE = 4.0
"""Boxes are at most e^4 cells wide and high: more than the whole input."""


class Conv(nn.Module):
    """Convolution, batch normalisation and, unless it is told otherwise, ReLU.

    `forward(x, add)` adds another tensor before the ReLU.
    """

    def __init__(self, inputs, outputs, kernel=3, stride=1, relu=True):
        super().__init__()
        # Of an even kernel, as much on each side as leaves input / stride cells.
        padding = (kernel - 1) // 2 if kernel % 2 else (kernel - stride) // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)
        self.relu = relu

    def forward(self, x, add=None):
        x = self.norm(self.conv(x))
        if add is not None:
            x = x + add
        return F.relu(x, inplace=True) if self.relu else x

    def fuse(self):
        """Folds the normalisation into the convolution."""
        self.conv = fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class Residual(nn.Module):
    """1×1 to fewer channels, 3×3 back, added to the input."""

    def __init__(self, channels, middle):
        super().__init__()
        self.squeeze = Conv(channels, middle, 1)
        self.expand = Conv(middle, channels, 3)
        nn.init.zeros_(self.expand.norm.weight)

    def forward(self, x):
        return self.expand(self.squeeze(x), add=x)


def stage(inputs, outputs, middle, blocks):
    """Half the size, then so many residual blocks."""
    residuals = [Residual(outputs, middle) for _ in range(blocks)]
    return nn.Sequential(Conv(inputs, outputs, 3, 2), *residuals)


def grid():
    """Centre x and y, in pixels, and stride of every cell of every grid: [3, cells]."""
    cells = []
    for stride in STRIDES:
        along = (torch.arange(SIZE // stride, dtype=torch.float32) + 0.5) * stride
        y, x = torch.meshgrid(along, along, indexing="ij")
        cells.append(torch.stack([x, y, torch.full_like(x, stride)]).flatten(1))
    return torch.cat(cells, 1)


class Detector(nn.Module):
    """Pictures [N, 3, 320, 320], RGB from 0 to 1, to raw values [N, 4 + classes, 2100].

    The raw values are the centre's offset from the cell's and the logarithm of width and height,
    in cells, then the classes' logits; `decode` makes of them what the exported model gives.
    """

    def __init__(self, classes=len(CLASSES)):
        super().__init__()
        self.classes = classes
        self.stem = Conv(3, 32, 6, 4)
        self.c3 = stage(32, 64, 32, 1)
        self.c4 = stage(64, 96, 48, 2)
        self.c5 = stage(96, 128, 64, 2)
        self.top = Conv(128, 64, 1)
        self.side4 = Conv(96, 64, 1, relu=False)
        self.down4 = Conv(64, 48, 1)
        self.side3 = Conv(64, 48, 1, relu=False)
        self.heads = nn.ModuleList([Conv(48, 48), Conv(64, 64), Conv(128, 64)])
        self.outs = nn.ModuleList([nn.Conv2d(n, 4 + classes, 1) for n in (48, 64, 64)])
        self.register_buffer("grid", grid(), persistent=False)
        self.initialise()

    def initialise(self):
        """He's initialisation for ReLU; heads that start at boxes of 3 cells and few objects."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for out in self.outs:
            nn.init.normal_(out.weight, std=0.01)
            with torch.no_grad():
                out.bias[:2] = 0.0
                out.bias[2:4] = torch.tensor(3.0).log()
                out.bias[4:] = torch.tensor(PRIOR / (1 - PRIOR)).log()

    def forward(self, images):
        c3 = self.c3(self.stem(images))
        c4 = self.c4(c3)
        c5 = self.c5(c4)
        p4 = F.relu(self.side4(c4) + double(self.top(c5)))
        p3 = F.relu(self.side3(c3) + double(self.down4(p4)))
        features = [head(p) for head, p in zip(self.heads, (p3, p4, c5), strict=True)]
        # In training the rest is bf16, which is too coarse for boxes.
        with torch.autocast("cpu", enabled=False):
            raw = [out(f.float()) for out, f in zip(self.outs, features, strict=True)]
        return torch.cat([r.reshape(-1, 4 + self.classes, r.shape[2] * r.shape[3]) for r in raw], 2)

    def boxes(self, raw):
        """Centre x, y, width and height in pixels, [N, 4, cells]."""
        centre = raw[:, :2] * self.grid[2] + self.grid[:2]
        size = raw[:, 2:4].clamp(max=MAX_LOG_SIZE).exp() * self.grid[2]
        return torch.cat([centre, size], 1)

    def decode(self, raw):
        """Centre x, y, width and height in pixels, then the classes' scores: as YOLOv8."""
        return torch.cat([self.boxes(raw), raw[:, 4:].sigmoid()], 1)

    def fuse(self):
        """Folds every batch normalisation away. The network must be in eval mode."""
        for module in self.modules():
            if isinstance(module, Conv):
                module.fuse()
        return self


def double(x):
    """Twice the width and height, each value four times."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def multiply_adds(network):
    """Multiplications of one picture, in millions, and parameters by name of the top module."""
    table = {}

    def count(name):
        def hook(module, _, output):
            cost = output.shape[2] * output.shape[3] * module.weight.numel() / 1e6
            row = table.setdefault(name.split(".")[0], [0.0, 0])
            row[0] += cost
            row[1] += sum(p.numel() for p in module.parameters())

        return hook

    hooks = [
        module.register_forward_hook(count(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        network(torch.zeros(1, 3, SIZE, SIZE))
    for hook in hooks:
        hook.remove()
    return table
