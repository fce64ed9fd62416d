"""Frames a second of Ultralytics' predict on a video: MODEL VIDEO SIZE THREADS [square].

Prints one line, `fps N`: all frames of the file from the second on (the first one loads), with
reading, preprocessing, inference and postprocessing, as a user's loop over the results. With `square` the input is SIZE by SIZE; without,
it is as low as the video allows where the model's axes are dynamic, as is predict's habit.
"""

import os
import sys
import time

model_path, video, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ.setdefault("YOLO_OFFLINE", "true")

import onnxruntime  # noqa: E402

# Ultralytics gives no way to set the engine's threads.
_session = onnxruntime.InferenceSession


def session(path, sess_options=None, **options):
    sess_options = sess_options or onnxruntime.SessionOptions()
    sess_options.intra_op_num_threads = threads
    return _session(path, sess_options, **options)


onnxruntime.InferenceSession = session

import torch  # noqa: E402
from ultralytics import YOLO  # noqa: E402

torch.set_num_threads(threads)
model = YOLO(model_path, task="detect")
results = model.predict(
    video, imgsz=(size, size), rect="square" not in sys.argv[5:], stream=True, verbose=False, conf=0.25,
    iou=0.45,
)
next(results)
started, frames = time.perf_counter(), 0
for _ in results:
    frames += 1
print("fps", frames / (time.perf_counter() - started))
