"""A picture as the model's input: the values that the models' own tools feed."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .form import Form, Unsuitable

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp"}


def paths(folder: str) -> list[Path]:
    """The pictures in a folder and below, in order of their names."""
    found = sorted(
        path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not found:
        raise Unsuitable(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return found


def read(path: Path) -> np.ndarray:
    """The picture upright, as bytes [height, width, 3], RGB."""
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise Unsuitable(f"{path} cannot be read as a picture: {error}") from None


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear, without smoothing, as cv2.resize(INTER_LINEAR) does it; rounded to levels."""

    def taps(length: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, length - 1), (at - low).astype(np.float32)

    y0, y1, fy = taps(image.shape[0], height)
    x0, x1, fx = taps(image.shape[1], width)
    source = image.astype(np.float32)
    rows = source[y0] * (1 - fy)[:, None, None] + source[y1] * fy[:, None, None]
    return np.rint(rows[:, x0] * (1 - fx)[:, None] + rows[:, x1] * fx[:, None])


def tensor(image: np.ndarray, form: Form) -> np.ndarray:
    """The picture fitted into the input: 32-bit floats [1, 3, height, width]."""
    height, width = image.shape[:2]
    left, top, wide, high = placement(width, height, form)
    levels = np.full((form.height, form.width, 3), float(form.pad), np.float32)
    levels[top : top + high, left : left + wide] = resized(image, wide, high)
    if form.colour == "bgr":
        levels = levels[:, :, ::-1]
    samples = (levels * form.scale - np.asarray(form.mean)) / np.asarray(form.std)
    return np.ascontiguousarray(samples.transpose(2, 0, 1)[None], np.float32)


def placement(width: int, height: int, form: Form) -> tuple[int, int, int, int]:
    """Where the picture lies in the input: left, top, width, height."""
    if form.fit == "stretch":
        return 0, 0, form.width, form.height
    ratio = min(form.width / width, form.height / height)
    if form.fit == "letterbox-top-left":
        return 0, 0, max(int(width * ratio), 1), max(int(height * ratio), 1)
    wide, high = max(round(width * ratio), 1), max(round(height * ratio), 1)
    return round((form.width - wide) / 2 - 0.1), round((form.height - high) / 2 - 0.1), wide, high
