"""Frames a second of a plain loop of OpenCV and ONNX Runtime: MODEL VIDEO SIZE THREADS.

Prints one line, `fps N`: all frames of the file from the second on, with reading, preprocessing,
inference and boxes, for a model of YOLOv8's layout. It is what most people write, with what is
usual to make it fast: one resize, one blob, and NumPy on the candidates above the threshold only.
"""

import sys
import time

import cv2
import numpy
import onnxruntime

model_path, video, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name


def letterbox(frame):
    height, width = frame.shape[:2]
    scale = size / max(height, width)
    wide, high = round(width * scale), round(height * scale)
    left, top = (size - wide) // 2, (size - high) // 2
    resized = cv2.resize(frame, (wide, high), interpolation=cv2.INTER_LINEAR)
    border = (top, size - high - top, left, size - wide - left)
    padded = cv2.copyMakeBorder(resized, *border, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True), scale, left, top


def boxes(output, scale, left, top):
    scores = output[4:].max(axis=0)
    keep = scores > 0.25
    candidates, scores = output[:, keep], scores[keep]
    classes = candidates[4:].argmax(axis=0)
    xywh = candidates[:4].T.copy()
    xywh[:, :2] -= xywh[:, 2:] / 2
    best = cv2.dnn.NMSBoxesBatched(xywh.tolist(), scores.tolist(), classes.tolist(), 0.25, 0.45)
    xywh = (xywh[best] - [left, top, 0, 0]) / scale
    return numpy.column_stack([xywh, scores[best], classes[best]])


capture = cv2.VideoCapture(video)
started, frames, found = None, 0, 0
while True:
    read, frame = capture.read()
    if not read:
        break
    blob, *geometry = letterbox(frame)
    found += len(boxes(session.run(None, {name: blob})[0][0], *geometry))
    if started is None:
        started = time.perf_counter()
    else:
        frames += 1
if not found:
    sys.exit("nothing was found")
print("fps", frames / (time.perf_counter() - started))
