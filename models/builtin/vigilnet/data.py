"""The rendered scenes, as the renderer writes them.

For each split a folder holds

- `SPLIT.images`: bytes [N, 3, 320, 320], RGB planes, stretched as vigildetect does;
- `SPLIT.boxes`: little-endian f32 rows of 8: picture, class, x, y, width, height (top left, pixels
  of the input, clipped to it), share that is visible (0 to 1), height of the whole object;
- `SPLIT.json`: `{"images": N, "boxes": M, "classes": […], "scenes": [kind of scene per picture]}`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import CLASSES, SIZE

COLUMNS = 8
MIN_VISIBLE = 0.5
"""Of objects less visible the extent cannot be known: they count neither way."""


class DataError(Exception):
    """The data are not there or not what they should be."""


@dataclass
class Objects:
    """The objects of a batch of pictures, one row each."""

    picture: torch.Tensor
    """Index of the picture in the batch, i64 [G]."""
    label: torch.Tensor
    """Class, i64 [G]."""
    box: torch.Tensor
    """x1, y1, x2, y2 in pixels of the input, f32 [G, 4]."""
    visible: torch.Tensor
    """Visible share, f32 [G]."""

    def __len__(self):
        return len(self.label)


class Scenes:
    """One split, mapped into memory."""

    def __init__(self, folder, split):
        folder = Path(folder)
        about = folder / f"{split}.json"
        try:
            info = json.loads(about.read_text())
            self.kinds = [str(kind) for kind in info["scenes"]]
            count, boxes, classes = info["images"], info["boxes"], tuple(info["classes"])
        except OSError as error:
            raise DataError(f"{about}: {error.strerror}: render the scenes first") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{about}: no description of a split: {error!r}") from error
        if classes != CLASSES:
            raise DataError(f"{about}: classes {classes}, expected {CLASSES}")
        if len(self.kinds) != count or count == 0:
            raise DataError(f"{about}: {len(self.kinds)} scenes named for {count} images")
        self.images = mapped(folder / f"{split}.images", np.uint8, (count, 3, SIZE, SIZE))
        rows = np.array(mapped(folder / f"{split}.boxes", "<f4", (boxes, COLUMNS)))
        self.rows = rows[np.argsort(rows[:, 0], kind="stable")]
        self.check(folder / f"{split}.boxes", count)
        self.starts = np.searchsorted(self.rows[:, 0], np.arange(count + 1))

    def __len__(self):
        return len(self.images)

    def check(self, path, count):
        """Fails for rows that no renderer should write."""
        r = self.rows
        wrong = (
            ~np.isfinite(r).all(1)
            | (r[:, 0] < 0)
            | (r[:, 0] >= count)
            | (r[:, 1] < 0)
            | (r[:, 1] >= len(CLASSES))
            | (r[:, 4:6] <= 0).any(1)
            | (r[:, 2:4] < -0.01).any(1)
            | (r[:, 2:4] + r[:, 4:6] > SIZE + 0.01).any(1)
        )
        if wrong.any():
            raise DataError(f"{path}: {wrong.sum()} rows are no objects, the first {r[wrong][0]}")

    def objects(self, index):
        """The rows of one picture."""
        return self.rows[self.starts[index] : self.starts[index + 1]]

    def batch(self, indices):
        """Pictures as bytes [N, 3, 320, 320], and their objects."""
        images = torch.from_numpy(self.images[np.asarray(indices)])
        return images, gather([self.objects(i) for i in indices])


def gather(rows):
    """The objects of pictures, from the rows of each."""
    counts = [len(r) for r in rows]
    table = torch.from_numpy(np.concatenate(rows)).float()
    corner = table[:, 2:4]
    return Objects(
        picture=torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(counts)),
        label=table[:, 1].long(),
        box=torch.cat([corner, corner + table[:, 4:6]], 1),
        visible=table[:, 6].clone(),
    )


def mapped(path, dtype, shape):
    """A file as an array; an error that says what size it should have."""
    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if size != wanted:
        raise DataError(f"{path}: {size} bytes, expected {wanted} for {shape}")
    if wanted == 0:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", shape=shape)


def order(count, step, batch, seed):
    """Indices of the batch of a step: every picture once in each epoch, shuffled by the seed.

    A function of the step alone, so that a run that goes on after a stop sees what it would have
    seen. The rest of an epoch that does not fill a batch is left out.
    """
    if count < batch:
        raise DataError(f"{count} pictures do not fill a batch of {batch}")
    epoch, at = divmod(step, count // batch)
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    return shuffled[at * batch : (at + 1) * batch]
