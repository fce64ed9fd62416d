"""Changes to pictures that keep the objects what they are, so that the network learns those and
not the renderer's colours, sizes and noise.

All on tensors of a whole batch where pictures can share the work. Whatever is random comes from
one generator that the caller seeds.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from . import SIZE
from .data import MIN_VISIBLE, Objects

GREY = 114
"""What is beyond the edges of a reduced picture."""


@dataclass(frozen=True)
class Strength:
    """How much and how often; `Strength.none()` leaves everything as it is."""

    flip: float = 0.5
    scale: float = 0.4
    """Share of pictures that are enlarged or reduced."""
    smallest: float = 0.7
    largest: float = 1.5
    stretch: float = 0.2
    """Most by which width and height are scaled differently."""
    colour: float = 0.5
    grey: float = 0.03
    noise: float = 0.3
    most_noise: float = 0.04
    """Largest standard deviation, of a range of 1."""
    blur: float = 0.08
    blocks: float = 0.12
    """Share of pictures with the blocks of a strong compression."""

    @staticmethod
    def none():
        return Strength(0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)

    def faded(self, share):
        """The same, each change that much as often."""
        often = ("scale", "colour", "grey", "noise", "blur", "blocks")
        return Strength(**(self.__dict__ | {name: getattr(self, name) * share for name in often}))


class Augment:
    """Augments batches; holds the noise and tables they share.

    Picture by picture, since one fits into the cache and a batch does not.
    """

    def __init__(self, strength=None):
        self.strength = strength or Strength()
        generator = torch.Generator().manual_seed(1)
        # A pool from which every picture takes its noise at another place: drawing normal numbers
        # anew would cost more than all else here.
        self.pool = torch.randn(2 * 3 * SIZE * SIZE, generator=generator)
        self.cosines = cosines()
        self.quantiser = quantiser()

    def __call__(self, images, objects, generator, dtype=torch.float32):
        """Bytes [N, 3, 320, 320] to 0..1 of the same shape, channels last, and the objects moved
        along."""
        whole = torch.empty(
            (len(images), 3, SIZE, SIZE), dtype=dtype, memory_format=torch.channels_last
        )
        box = objects.box.clone()
        for index, image in enumerate(images):
            draw = Draw(generator)
            mine = objects.picture == index
            image, box[mine] = self.place(image, box[mine], draw)
            picture = image.float().mul_(1 / 255)
            whole[index] = self.retouch(picture, draw)
        objects.box = box
        return whole, clipped(objects)

    def place(self, image, box, draw):
        """Takes a window of the image and scales it to the size asked for; mirrors it."""
        strength = self.strength
        sx = sy = 1.0
        if draw.happens(strength.scale):
            log = draw.uniform(math.log(strength.smallest), math.log(strength.largest))
            stretch = math.log1p(strength.stretch) / 2
            stretch = draw.uniform(-stretch, stretch)
            sx, sy = math.exp(log + stretch), math.exp(log - stretch)
        x, y = window(SIZE / sx, draw), window(SIZE / sy, draw)
        image = cut(image, x, y)
        shift = torch.tensor([x[0], y[0], x[0], y[0]], dtype=torch.float32)
        box = (box - shift) * torch.tensor([SIZE / x[1], SIZE / y[1]] * 2)
        if draw.happens(strength.flip):
            image = image.flip(2)
            x1, y1, x2, y2 = box.unbind(1)
            box = torch.stack([SIZE - x2, y1, SIZE - x1, y2], 1)
        return image, box

    def retouch(self, picture, draw):
        """Changes colours and adds what cameras and codecs add."""
        strength = self.strength
        if draw.happens(strength.colour):
            picture = recolour(picture, draw)
        if draw.happens(strength.grey):
            picture = torch.matmul(luma(), picture.flatten(1)).view(1, *picture.shape[1:])
            picture = picture.repeat(3, 1, 1)
        if draw.happens(strength.blur):
            picture = blur(picture, draw)
        if draw.happens(strength.noise):
            sigma = draw.uniform(0, strength.most_noise)
            at = int(draw.uniform(0, len(self.pool) - picture.numel()))
            picture.view(-1).add_(self.pool[at : at + picture.numel()], alpha=sigma)
        if draw.happens(strength.blocks):
            picture = self.compress(picture, draw)
        return picture.clamp_(0, 1)

    def compress(self, picture, draw):
        """Quantises the cosine transform of blocks of 8×8, as JPEG and the video codecs do."""
        _, height, width = picture.shape
        rows, columns = height // 8, width // 8
        step = self.quantiser * draw.uniform(0.3, 2.0)
        blocks = picture.reshape(3, rows, 8, columns, 8).transpose(2, 3).reshape(-1, 64)
        coefficients = (blocks @ self.cosines.T).div_(step).round_().mul_(step)
        blocks = (coefficients @ self.cosines).reshape(3, rows, columns, 8, 8)
        return blocks.transpose(2, 3).reshape(3, height, width)


class Draw:
    """Random numbers of one picture."""

    def __init__(self, generator):
        # Drawn at once: a call for each would cost more.
        self.numbers = iter(torch.rand(40, generator=generator).tolist())

    def uniform(self, low, high):
        return low + (high - low) * next(self.numbers)

    def happens(self, share):
        return next(self.numbers) < share


def window(length, draw):
    """First pixel and length of a window that shows as much as it can of the image."""
    length = round(length)
    least, most = sorted((0, SIZE - length))
    return round(draw.uniform(least, most)), length


def cut(image, x, y):
    """That window of an image, scaled to the whole; grey where it reaches out of the image."""
    (x, width), (y, tall) = x, y
    left, top = max(0, x), max(0, y)
    right, bottom = min(SIZE, x + width), min(SIZE, y + tall)
    # In the new picture, the part that is there.
    to = [
        round((left - x) * SIZE / width),
        round((top - y) * SIZE / tall),
        round((right - x) * SIZE / width),
        round((bottom - y) * SIZE / tall),
    ]
    part = image[:, top:bottom, left:right]
    size = (to[3] - to[1], to[2] - to[0])
    if part.shape[1:] != size:
        part = F.interpolate(part[None], size, mode="bilinear", antialias=True)[0]
    if size == (SIZE, SIZE):
        return part
    new = torch.full((3, SIZE, SIZE), GREY, dtype=image.dtype)
    new[:, to[1] : to[3], to[0] : to[2]] = part
    return new


def clipped(objects):
    """Boxes cut at the edges; what is cut off is no longer visible, what is gone is left out."""
    box = objects.box.clamp(min=0, max=SIZE)
    visible = objects.visible * area(box) / area(objects.box).clamp(min=1e-6)
    kept = area(box) > 1.0
    return Objects(objects.picture[kept], objects.label[kept], box[kept], visible[kept])


def area(box):
    return (box[:, 2] - box[:, 0]).clamp(min=0) * (box[:, 3] - box[:, 1]).clamp(min=0)


def recolour(picture, draw):
    """Brightness, contrast, saturation and hue, in one linear map of each pixel's colour."""
    contrast = math.exp(draw.uniform(-0.3, 0.3))
    offset = 0.45 * (1 - contrast) + draw.uniform(-0.12, 0.12)
    offsets = torch.full((3, 1), offset)
    colours = torch.addmm(offsets, contrast * colour_map(draw), picture.flatten(1))
    return colours.view_as(picture).clamp_(0, 1)


def luma():
    """BT.601 weights of red, green and blue, [1, 3]."""
    return torch.tensor([[0.299, 0.587, 0.114]])


TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = torch.linalg.inv(TO_YIQ)


def colour_map(draw):
    """A change of saturation and hue, and a slight tint: [3, 3] on RGB."""
    angle, saturation = draw.uniform(-0.4, 0.4), draw.uniform(0.2, 1.5)
    c, s = saturation * math.cos(angle), saturation * math.sin(angle)
    turn = torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]])
    tint = torch.tensor([[draw.uniform(0.9, 1.1)] for _ in range(3)])
    return tint * (FROM_YIQ @ turn @ TO_YIQ)


def blur(picture, draw):
    """Slightly out of focus, or a small picture that was enlarged."""
    if draw.happens(0.5):
        return picture.lerp_(soft(picture), draw.uniform(0.3, 1.0))
    _, height, width = picture.shape
    scale = draw.uniform(1.2, 2.0)
    small = (int(height / scale), int(width / scale))
    picture = F.interpolate(picture[None], small, mode="bilinear", antialias=True)
    return F.interpolate(picture, (height, width), mode="bilinear")[0]


def soft(picture):
    """Each pixel the mean of itself and its eight neighbours; the outermost stay."""
    rows = picture.clone()
    rows[:, 1:-1] += picture[:, :-2]
    rows[:, 1:-1] += picture[:, 2:]
    rows[:, 1:-1] /= 3
    both = rows.clone()
    both[..., 1:-1] += rows[..., :-2]
    both[..., 1:-1] += rows[..., 2:]
    both[..., 1:-1] /= 3
    return both


def cosines():
    """The orthonormal cosine transform of a block of 8×8 as a matrix [64, 64]."""
    k = torch.arange(8, dtype=torch.float32)
    one = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) * 0.5
    one[0] *= math.sqrt(0.5)
    return torch.kron(one, one)


def quantiser():
    """Step of each coefficient of a block, of a range of 1: coarser the finer the detail."""
    k = torch.arange(8, dtype=torch.float32)
    return ((16 + 9 * (k[:, None] + k[None])) / 255).flatten()


def usable(objects, least_height):
    """Which objects the detector has to find: visible enough, and not smaller than that."""
    height = objects.box[:, 3] - objects.box[:, 1]
    return (objects.visible >= MIN_VISIBLE) & (height >= least_height)
