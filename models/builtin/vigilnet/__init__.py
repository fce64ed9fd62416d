"""The training of Vigil's built-in detector: network, data, loss, metrics."""

CLASSES = ("person", "car", "bicycle", "truck", "dog")
"""What it detects; the index is the class id, in the data as in the model's output."""

SIZE = 320
"""Width and height of its input in pixels."""

STRIDES = (8, 16, 32)
"""Pixels of the input per cell of each grid on which boxes are predicted."""
