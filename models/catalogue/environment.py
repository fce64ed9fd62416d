"""The virtual environments of models/export, and the running of a step in one of them."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from .cards import HERE
from .store import cache, locked
from .terminal import Failure, Voice, megabytes

# Bytes that an environment takes on the disk (x86-64; less elsewhere).
ROOM = {"onnx": 300_000_000, "pytorch": 6_500_000_000}
# Python versions that all pinned packages are made for.
OLDEST, NEWEST = (3, 11), (3, 13)
# Lines of a failed step's output that are shown.
SHOWN = 15


class Environment:
    """A Python that has the packages of requirements/KIND.txt."""

    def __init__(self, kind: str, voice: Voice, own: str | None):
        self.kind, self.voice, self.own = kind, voice, own
        self.requirements = HERE / "requirements" / f"{kind}.txt"

    def python(self) -> Path:
        """The interpreter; makes the environment first where it is not there."""
        if self.own:
            found = shutil.which(self.own)
            if not found:
                raise Failure(f"{self.own} (from --python or VIGIL_EXPORT_PYTHON) is no program")
            return Path(found)
        folder = self.folder()
        with locked(folder, self.voice):
            if not (folder / ".complete").exists():
                self.make(folder)
        return folder / "bin" / "python"

    def folder(self) -> Path:
        recipe = hashlib.sha256(self.requirements.read_bytes()).hexdigest()[:12]
        version = "{}.{}".format(*sys.version_info)
        return cache() / "export" / f"{self.kind}-py{version}-{platform.machine()}-{recipe}"

    def make(self, folder: Path) -> None:
        """Installs the pinned packages into a new environment. What is not whole has no .complete."""
        if not OLDEST <= sys.version_info[:2] <= NEWEST:
            raise Failure(
                f"the pinned packages are for Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}, and this is"
                f" {platform.python_version()}. ./dev models/export has one, or say --python"
            )
        free = shutil.disk_usage(folder.parent).free
        if free < ROOM[self.kind]:
            raise Failure(
                f"{folder.parent} has {megabytes(free)} free; {megabytes(ROOM[self.kind])} are needed"
            )
        self.voice.say(
            f"making a Python environment for this, once, of up to {megabytes(ROOM[self.kind])}: {folder}"
        )
        shutil.rmtree(folder, ignore_errors=True)
        # pip of this Python installs into the new one, so that it needs none of its own: Debian
        # ships Python without ensurepip.
        venv.create(folder, with_pip=False)
        command = [
            sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--no-input",
            "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--require-hashes",
            "--only-binary=:all:", "--progress-bar=off", "--requirement", str(self.requirements),
        ]  # fmt: skip
        pip = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if pip.returncode:
            raise Failure(f"{self.requirements.name} was not installed: {explain(pip.stdout)}")
        (folder / ".complete").touch()

    def run(self, step: str, **request: object) -> dict:
        """Runs a step of catalogue/worker and gives its answer; a failure with its own words."""
        worker = HERE / "catalogue" / "worker" / "run.py"
        command = [str(self.python()), *([] if self.own else ["-I"]), str(worker)]
        environment = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")
        }
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            done = subprocess.run(
                command, input=json.dumps({"step": step} | request), stdout=subprocess.PIPE, stderr=log, text=True,
                env=environment,
            )  # fmt: skip
            log.seek(0)
            tail = "".join(f"    {line}" for line in log.readlines()[-SHOWN:])
        if done.returncode < 0:
            raise Failure(
                f"{step} was killed by signal {-done.returncode} (9: out of memory?)\n{tail}".rstrip()
            )
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise Failure(f"{step} failed in {command[0]}:\n{tail}".rstrip()) from None
        if "error" in answer:
            raise Failure(answer["error"])
        return answer["ok"]


def explain(output: str) -> str:
    """What pip's failure means, with the end of what it printed."""
    text = " ".join(output.split())
    if "No module named pip" in text:
        why = f"{sys.executable} has no pip (Debian, Ubuntu: apt-get install python3-pip)"
    elif "DO NOT MATCH THE HASHES" in text:
        why = "the package index gave another file than the pinned one"
    elif any(
        sign in text
        for sign in ("NewConnectionError", "name resolution", "unreachable", "Max retries", "Timeout")
    ):
        why = "the package index cannot be reached (no network?)"
    elif "No space left" in text:
        why = "the disk is full"
    else:
        why = "pip failed"
    return why + "\n" + "\n".join(f"    {line}" for line in output.strip().splitlines()[-SHOWN:])
