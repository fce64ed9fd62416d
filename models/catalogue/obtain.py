"""Gets a file that a card names: licence, hash, cache, download, trust."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from . import consent, store, transfer
from .terminal import Failure, Voice


def obtain(card: dict, table: str, target: Path, args: argparse.Namespace, voice: Voice) -> str:
    """Fetches the file of one of a card's tables ("download" or "weights") to `target`; gives its sha256.

    `args` has what the user said: yes, trust_first_download, retries.
    """
    held, trusted = card[table], store.Trusted()
    known = held.get("sha256") or trusted.get(held["url"])
    if known is None and not args.trust_first_download:
        raise Failure(
            f"the sha256 of {target.name} is not known, so that nobody can tell whether the right file comes.\n"
            f"    --trust-first-download fetches it all the same, and checks it against what came from then on.\n"
            f"    {held['url']}"
        )
    if is_there(target, known):
        return known
    consent.ask(voice, card["title"], card["licence"], args.yes)
    cached = store.models() / target.name
    if cached != target and is_there(cached, known):
        copy_into_place(cached, target, voice)
        return known
    job = transfer.Job(card["name"], held["url"], target, known, held.get("size"), args.retries)
    digest = transfer.get(job, voice)
    if known is None:
        trusted.add(held["url"], card["name"], digest, target.stat().st_size, voice)
        voice.say(f"trusted from now on: sha256 {digest} (in {trusted.path})")
    return digest


def is_there(path: Path, digest: str | None) -> bool:
    return digest is not None and path.is_file() and store.sha256(path) == digest


def copy_into_place(source: Path, target: Path, voice: Voice) -> None:
    """Copies a checked file out of the cache, so that it is there whole or not at all."""
    with (
        store.locked(target, voice),
        tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file,
    ):
        try:
            with open(source, "rb") as held:
                shutil.copyfileobj(held, file)
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except OSError as error:
            os.unlink(file.name)
            raise Failure(transfer.disk_trouble(target.parent, error)) from None
