"""The exported model as a user has it: run by ONNX Runtime, on one thread."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort

from . import SIZE


def session(model):
    """A session of a file's path or bytes."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_free_dimension_override_by_name("batch", 1)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def infer(runner, image):
    """The output [4 + classes, cells] for an image, bytes [3, 320, 320]."""
    return runner.run(None, {"images": image[None].astype(np.float32) / 255})[0][0]


def outputs(runner, images):
    """The outputs for images, in order, worked out on all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda image: infer(runner, image), images)


def latency(runner, times=300):
    """Least and median milliseconds of a picture."""
    image = np.random.default_rng(0).random((1, 3, SIZE, SIZE), np.float32)
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        runner.run(None, {"images": image})
        spent.append(1e3 * (time.perf_counter() - started))
    return {"least_ms": min(spent), "median_ms": float(np.median(spent))}
