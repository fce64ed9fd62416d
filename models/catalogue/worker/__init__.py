"""Runs in a virtual environment of models/export's own: numpy, Pillow, onnx, onnxruntime; and for
`pytorch` PyTorch and Ultralytics.

run         the entry: a request as JSON on standard input, the answer on standard output
form        how a model is fed and how its boxes are read: from its card, or from the file itself
picture     a picture as the model's input
boxes       the model's output as boxes
runner      a model on pictures, in ONNX Runtime
pytorch     a .pt to ONNX, by Ultralytics
half        32-bit to 16-bit floats
quantise    32-bit floats to 8-bit integers (QDQ)
compare     whether two models see the same
"""
