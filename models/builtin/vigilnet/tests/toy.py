"""Toy scenes in the renderer's format, to try the training without the renderer.

Coloured shapes on coloured noise, drawn over each other, so that there are classes, sizes,
occlusion and objects cut by the edge; what is visible is counted in pixels.
"""

import argparse
import json
from pathlib import Path

import numpy as np

SIZE = 320
CLASSES = ["person", "car", "bicycle", "truck", "dog"]
ASPECTS = [0.4, 1.9, 1.2, 2.3, 1.4]
"""Width to height, by class."""


def background(rng):
    """Smooth colours with some grain; grey bars as of a letterboxed 16:9 picture."""
    coarse = rng.integers(30, 200, (10, 10, 3)).astype(np.float32)
    image = np.kron(coarse, np.ones((32, 32, 1), np.float32))
    for axis in (0, 1):
        image = (image + np.roll(image, 8, axis) + np.roll(image, 16, axis)) / 3
    image += rng.normal(0, 8, image.shape)
    return image


def silhouette(label, y, x, height, width, cy, cx):
    """Which pixels a shape of the class covers."""
    u, v = (x - cx) / (width / 2), (y - cy) / (height / 2)
    inside = (abs(u) <= 1) & (abs(v) <= 1)
    if label == 0:
        head = (u / 0.5) ** 2 + ((v + 0.78) / 0.22) ** 2 <= 1
        body = (abs(u) <= 0.75) & (v > -0.6) & (v < 0.3)
        legs = (abs(abs(u) - 0.55) <= 0.45) & (v >= 0.3)
        return inside & (head | body | legs)
    if label == 1:
        cabin = (abs(u) <= 0.6) & (v < 0)
        return inside & (cabin | ((v >= -0.1) & (v < 0.7)) | ((abs(abs(u) - 0.6) < 0.2) & (v >= 0)))
    if label == 2:
        wheels = (((abs(u) - 0.55) / 0.45) ** 2 + ((v - 0.35) / 0.65) ** 2 - 0.75).__abs__() < 0.25
        return inside & (wheels | ((abs(u) < 0.5) & (abs(v + 0.6) < 0.4)))
    if label == 3:
        return inside & ((u > -0.5) | (v > -0.3))
    trunk = (u / 1.0) ** 2 + (v / 0.5) ** 2 <= 1
    legs = (abs(abs(u) - 0.6) < 0.15) & (v > 0)
    return inside & (trunk | legs | ((u > 0.6) & (v < 0)))


def scene(rng, crowd):
    """One picture [3, 320, 320] and its rows."""
    image = background(rng)
    ids = np.zeros((SIZE, SIZE), np.int32)
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    drawn = []
    for number in range(1, rng.integers(1, 16 if crowd else 8) + 1):
        label = int(rng.choice(5, p=[0.5, 0.2, 0.1, 0.1, 0.1]))
        height = float(np.exp(rng.uniform(np.log(14), np.log(120 if label in (0, 3) else 60))))
        width = height * ASPECTS[label] * rng.uniform(0.85, 1.15)
        cx, cy = rng.uniform(0, SIZE), rng.uniform(70 + height / 2, 250 - height / 4)
        mask = silhouette(label, y, x, height, width, cy, cx)
        if not mask.any():
            continue
        colour, other = rng.integers(0, 256, 3), rng.integers(0, 256, 3)
        upper = mask & (y < cy)
        image[mask], image[upper] = colour, other
        ids[mask] = number
        drawn.append((number, label, mask, cx - width / 2, cy - height / 2, width, height))
    image[:70], image[250:] = 114, 114
    ids[:70], ids[250:] = 0, 0
    rows = []
    for number, label, mask, left, top, width, height in drawn:
        x1, y1 = max(left, 0), max(top, 70)
        x2, y2 = min(left + width, SIZE), min(top + height, 250)
        seen = (ids == number).sum() / (mask.sum() * width * height / (height * width))
        if x2 - x1 > 1 and y2 - y1 > 1 and seen > 0:
            rows.append([0, label, x1, y1, x2 - x1, y2 - y1, seen, height])
    return image.clip(0, 255).astype(np.uint8).transpose(2, 0, 1), rows


def write(folder, split, count, seed):
    """Writes a split."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, kinds = [], []
    with open(folder / f"{split}.images", "wb") as file:
        for index in range(count):
            crowd = bool(rng.random() < 0.3)
            image, objects = scene(rng, crowd)
            file.write(image.tobytes())
            rows += [[index, *row[1:]] for row in objects]
            kinds.append("crowd" if crowd else "street")
    np.array(rows, "<f4").reshape(-1, 8).tofile(folder / f"{split}.boxes")
    info = {"images": count, "boxes": len(rows), "classes": CLASSES, "scenes": kinds}
    (folder / f"{split}.json").write_text(json.dumps(info))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--val", type=int, default=300)
    args = parser.parse_args()
    write(args.folder, "train", args.train, 1)
    write(args.folder, "val", args.val, 2)
