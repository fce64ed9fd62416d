"""Where files are kept, who may write them, and which of them are known to be right."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .terminal import Failure, Voice


def cache() -> Path:
    """The cache that all of Vigil's tools share."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigil"
    return Path(os.environ.get("VIGIL_CACHE") or default)


def models() -> Path:
    return cache() / "models"


@contextlib.contextmanager
def locked(path: Path, voice: Voice) -> Iterator[None]:
    """Holds the lock of a file that is to be made; waits while another process holds it.

    Locks lie in the cache, so that other folders stay clean; they stay there, since a lock whose
    file is gone locks nothing.
    """
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    folder = cache() / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / f"{name}.lock", "a")
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot write to {error.filename}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            voice.say(f"another process is making {path.name}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sha256(path: Path) -> str:
    """The hash of a file's content, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Writes a small file so that it is there whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


class Trusted:
    """Hashes that the user chose to trust at the first download, by URL.

    They are in trusted.json in the cache: what comes from the same URL is checked against them
    from then on. A URL whose hash stands in its card is never looked up here.
    """

    def __init__(self) -> None:
        self.path = models() / "trusted.json"

    def read(self) -> dict[str, dict]:
        try:
            held = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Failure(
                f"{self.path} cannot be read ({error}). Put it right, or delete it to trust anew"
            ) from None
        if not isinstance(held, dict):
            raise Failure(f"{self.path} holds no table of URLs. Put it right, or delete it to trust anew")
        return held

    def get(self, url: str) -> str | None:
        entry = self.read().get(url)
        digest = entry.get("sha256") if isinstance(entry, dict) else None
        return digest if isinstance(digest, str) else None

    def add(self, url: str, name: str, digest: str, size: int, voice: Voice) -> None:
        with locked(self.path, voice):
            held = self.read()
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            held[url] = {"name": name, "sha256": digest, "size": size, "first-seen": when}
            write_atomically(self.path, json.dumps(held, indent=2, sort_keys=True) + "\n")
