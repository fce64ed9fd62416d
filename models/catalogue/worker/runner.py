"""A model on pictures, in ONNX Runtime."""

import time
from pathlib import Path

import numpy as np
import onnxruntime

from . import boxes, picture
from .form import Form, Unsuitable


class Runner:
    """One model, loaded; counts the time that it takes."""

    def __init__(self, path: str, form: Form):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes have no common one
            raise Unsuitable(f"{path} does not load in ONNX Runtime: {error}") from None
        self.form, self.path = form, path
        self.seconds: list[float] = []

    def output(self, samples: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        try:
            result = self.session.run([self.form.output], {self.form.input_name: samples})[0]
        except Exception as error:
            raise Unsuitable(f"{self.path} does not run in ONNX Runtime: {error}") from None
        self.seconds.append(time.perf_counter() - start)
        return result

    def boxes(self, path: Path, least: float, overlap: float = 0.45) -> np.ndarray:
        """The boxes on a picture, in its pixels."""
        image = picture.read(path)
        output = self.output(picture.tensor(image, self.form))
        return boxes.decode(output, self.form, image.shape[1], image.shape[0], least, overlap)
