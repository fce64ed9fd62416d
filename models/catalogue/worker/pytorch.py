"""A .pt to ONNX, by Ultralytics."""

import os
import shutil
import tempfile
from pathlib import Path

from .form import Unsuitable


def run(source: str, target: str, size: list[int] | None, dynamic: bool, nms: bool, opset: int) -> dict:
    """Exports `source` into `target`. `size` is width and height; None takes the model's own.

    A .pt is a pickle: loading it runs what is in it.
    """
    # Neither packages nor figures of use go over the network behind the user's back.
    os.environ |= {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "true"}
    with tempfile.TemporaryDirectory(prefix=".export-", dir=Path(target).parent) as scratch:
        os.environ["YOLO_CONFIG_DIR"] = scratch
        copied = Path(shutil.copy(source, Path(scratch, Path(source).name)))
        try:
            from ultralytics import YOLO, settings

            settings.update({"sync": False})
            model = YOLO(copied)
            if model.task != "detect":
                raise Unsuitable(f"{source} is a model for {model.task!r}; vigildetect reads detectors")
            wish = {"imgsz": [size[1], size[0]]} if size else {}
            made = model.export(
                format="onnx",
                dynamic=dynamic,
                nms=nms,
                opset=opset,
                simplify=True,
                device="cpu",
                verbose=False,
                **wish,
            )
        except Unsuitable:
            raise
        except Exception as error:  # a stranger's pickle may raise anything
            raise Unsuitable(
                f"Ultralytics cannot export {source}: {type(error).__name__}: {error}"
            ) from error
        os.replace(made, target)
    return {"classes": len(model.names)}
