"""The entry: reads a request as JSON from standard input, writes the answer as JSON.

A request is {"step": NAME, ...}; an answer is {"ok": ...} or {"error": "what went wrong"}. What
the libraries print goes to standard error, so that it cannot mix with the answer.
"""

import importlib
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from catalogue.worker.form import Unsuitable  # noqa: E402

STEPS = {"pytorch", "half", "quantise", "compare"}


def main() -> int:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    step = request.pop("step")
    assert step in STEPS, step
    try:
        said = {"ok": importlib.import_module(f"catalogue.worker.{step}").run(**request)}
    except Unsuitable as error:
        said = {"error": str(error)}
    json.dump(said, answer)
    answer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
