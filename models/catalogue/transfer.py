"""Gets one file: resumed where it broke off, tried again, checked, and renamed into place whole."""

import dataclasses
import errno
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import sources
from .store import locked, sha256, write_atomically
from .terminal import Failure, Progress, Voice, megabytes

BLOCK = 256 * 1024
# Seconds without a byte after which a connection counts as broken.
SILENCE = 30
# Seconds to wait at most between two tries.
LONGEST_WAIT = 30
# Tries at most, however far each of them gets.
MOST_TRIES = 100
# Answers that another try may mend.
PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclasses.dataclass
class Job:
    """One file that is wanted: the URL of its card, where it is to be, and what it must be."""

    name: str
    url: str
    target: Path
    sha256: str | None
    size: int | None
    retries: int


class Broken(Exception):
    """A failure that another try may mend, and the seconds that the server asks to wait."""

    def __init__(self, why: str, wait: float | None = None):
        super().__init__(why)
        self.wait = wait


class Part:
    """The part of a file that is there so far, and what the server called the file.

    Both lie beside the target, so that another run goes on where this one stopped.
    """

    def __init__(self, target: Path, source: str):
        self.path = target.with_name(f".{target.name}.part")
        self.about = target.with_name(f".{target.name}.part.json")
        self.source = source
        held = self.read()
        # A part of something else, or one whose origin is not known, is of no use.
        if held.get("source") != source:
            self.drop()
            held = {}
        self.validator: str | None = held.get("validator")
        self.total: int | None = held.get("total")
        self.resumed = False

    def read(self) -> dict:
        try:
            held = json.loads(self.about.read_text())
            return held if isinstance(held, dict) else {}
        except (OSError, ValueError):
            return {}

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def describe(self, validator: str | None, total: int | None) -> None:
        self.validator, self.total = validator, total
        held = {"source": self.source, "validator": validator, "total": total}
        write_atomically(self.about, json.dumps(held) + "\n")

    def drop(self) -> None:
        """Forgets what is there."""
        self.path.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)
        self.validator, self.total, self.resumed = None, None, False


def get(job: Job, voice: Voice) -> str:
    """Makes sure that the right file is at the job's target, and gives its sha256.

    Fails with a `Failure` that says why; nothing with the target's name is then left that is not
    the right file. Two processes may want one file: the second waits, and finds it there.
    """
    with locked(job.target, voice):
        if job.target.is_file():
            digest = sha256(job.target)
            if job.sha256 in (None, digest):
                return digest
            voice.say(
                f"{job.target} is there, but is not the file that is wanted (sha256 {digest}): fetching it anew"
            )
        source = sources.place(job.url, job.target.name)
        part = Part(job.target, source)
        voice.say(f"fetching {job.name} from {source}" + (f" ({megabytes(job.size)})" if job.size else ""))
        try:
            download(job, source, part, voice)
            return keep(job, source, part, voice)
        except OSError as error:
            raise Failure(disk_trouble(job.target.parent, error)) from None
        finally:
            voice.clear()


def keep(job: Job, source: str, part: Part, voice: Voice) -> str:
    """Checks what came, and renames it into place."""
    digest = sha256(part.path)
    if job.sha256 not in (None, digest) and part.resumed:
        voice.say("what was resumed is not the right file: once more from the beginning")
        part.drop()
        download(job, source, part, voice)
        digest = sha256(part.path)
    seems = looks_like(part.path)
    if job.sha256 not in (None, digest):
        part.drop()
        raise Failure(
            f"what came from {source} is not {job.name}, and was thrown away{seems}:\n"
            f"    sha256 wanted  {job.sha256}\n"
            f"    sha256 found   {digest}\n"
            f"    Either the file was changed where it is published, or something between changed it."
        )
    if job.sha256 is None and seems:
        part.drop()
        raise Failure(f"what came from {source} is not {job.name}, and was thrown away{seems}")
    os.replace(part.path, job.target)
    part.drop()
    return digest


def download(job: Job, source: str, part: Part, voice: Voice) -> None:
    """Brings the part to its full length, in as many tries as it takes and the job allows."""
    if source.startswith("file:"):
        copy(job, Path(sources.file_path(source)), part, voice)
        return
    opener = urllib.request.build_opener()
    failures = 0
    for _ in range(MOST_TRIES):
        before = part.size()
        try:
            attempt(opener, job, source, part, voice)
            return
        except Broken as broken:
            # A try that got further proves that the way is open.
            failures = 1 if part.size() > before else failures + 1
            if failures > job.retries:
                raise Failure(
                    f"{job.name} was not fetched: {broken}. Tried {failures} times without getting further.\n"
                    f"    {source}" + went_so_far(part)
                ) from None
            wait = min(broken.wait or 2.0 ** (failures - 1), LONGEST_WAIT)
            voice.say(f"{broken}; again in {wait:.0f} s{went_so_far(part)}")
            time.sleep(wait)
    raise Failure(f"{job.name} was not fetched: the connection broke {MOST_TRIES} times{went_so_far(part)}")


def went_so_far(part: Part) -> str:
    size = part.size()
    return f" ({megabytes(size)} are there, the next try goes on from them)" if size else ""


def attempt(opener: urllib.request.OpenerDirector, job: Job, source: str, part: Part, voice: Voice) -> None:
    """One request: asks for what is missing, and writes what comes behind what is there."""
    have = part.size()
    headers = {"User-Agent": "vigil-models", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if part.validator:
            headers["If-Range"] = part.validator
    with connect(opener, urllib.request.Request(source, headers=headers), part) as response:
        start, total = begin(response, have)
        if job.size and total and total != job.size:
            part.drop()
            raise Failure(
                f"the file at {source} has {total} bytes, and {job.name} has {job.size}: it is another one,"
                f" and was not fetched"
            )
        check_room(job.target.parent, (total or job.size or 0) - start)
        if start == 0 or part.total != total:
            part.describe(validator(response), total)
        part.resumed = part.resumed or start > 0
        if start:
            voice.say(f"going on from {megabytes(start)}")
        receive(response, part, start, total, Progress(voice, job.name, start, total))


def connect(opener: urllib.request.OpenerDirector, request: urllib.request.Request, part: Part):
    """Sends the request; turns every failure into one that may pass or one that is final."""
    try:
        return opener.open(request, timeout=SILENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            # What is there is as long as the file or longer: nobody can say which.
            part.drop()
            raise Broken("the server has no more of it than is here") from None
        told = f"the server answers {error.code} {error.reason}".rstrip()
        if error.code in PASSING:
            raise Broken(told, retry_after(error.headers.get("Retry-After"))) from None
        hints = {401: "it asks for a login", 403: "it may not be given to you", 404: "the file is not there",
                 407: "the proxy asks for a login (http_proxy=http://user:password@proxy)"}  # fmt: skip
        hint = f": {hints[error.code]}" if error.code in hints else ""
        raise Failure(f"{told}{hint}.\n    {request.full_url}") from None
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise Failure(
                f"the certificate of {request.host} is not trusted: {reason.verify_message}. "
                f"Behind a company's proxy, SSL_CERT_FILE names its certificates"
            ) from None
        if isinstance(reason, socket.gaierror):
            raise Broken(f"the name {request.host} is not known (no network? a proxy needed?)") from None
        raise Broken(f"{request.host} cannot be reached: {reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the connection to {request.host} broke: {error or type(error).__name__}") from None
    except ValueError as error:
        raise Failure(f"{request.full_url} is no URL that can be fetched: {error}") from None


def retry_after(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None


def begin(response: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
    """Where what comes begins in the file, and how long the file is (None where it is not said)."""
    if response.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not span or int(span[1]) != have:
            raise Broken(
                f"the server sent another range than was asked for ({response.headers.get('Content-Range')})"
            )
        return have, int(span[2]) if span[2].isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def validator(response: http.client.HTTPResponse) -> str | None:
    """What tells this very file from a later one under the same URL (RFC 9110, If-Range)."""
    tag = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def receive(
    response: http.client.HTTPResponse, part: Part, start: int, total: int | None, progress: Progress
) -> None:
    """Writes what comes into the part, from `start` on."""
    with open(part.path, "ab" if start else "wb") as file:
        done = start
        while True:
            try:
                block = response.read(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise Broken(f"the connection broke: {error or type(error).__name__}") from None
            if not block:
                break
            file.write(block)
            done += len(block)
            progress.update(done)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise Broken(f"the connection broke off at {megabytes(done)} of {megabytes(total)}")


def copy(job: Job, path: Path, part: Part, voice: Voice) -> None:
    """The same for a file on this machine; it is copied, so that the cache stands for itself."""
    try:
        source = open(path, "rb")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    with source:
        total = os.fstat(source.fileno()).st_size
        check_room(job.target.parent, total)
        part.describe(None, total)
        progress = Progress(voice, job.name, 0, total)
        with open(part.path, "wb") as file:
            while block := source.read(BLOCK):
                file.write(block)
                progress.update(file.tell())
            file.flush()
            os.fsync(file.fileno())


def check_room(folder: Path, needed: int) -> None:
    """Fails before anything is fetched where the disk cannot hold it."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise Failure(f"{folder} has {megabytes(free)} free, and {megabytes(needed)} are needed")


def disk_trouble(folder: Path, error: OSError) -> str:
    """Says what a failed write means."""
    full = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your quota is used up",
        errno.EFBIG: "files may not get so large here",
    }
    why = full.get(error.errno, error.strerror or str(error))
    return f"cannot write to {folder}: {why}. What was fetched so far is kept, the same command goes on from there"


def looks_like(path: Path) -> str:
    """A hint where what came is not even a model: '' for anything that could be one."""
    with open(path, "rb") as file:
        head = file.read(512)
    start = head.lstrip().lower()
    if not head:
        return " (it is empty)"
    if start.startswith((b"<!doctype html", b"<html")):
        return " (it is a web page: the login of a proxy or of the site?)"
    if start.startswith(b"version https://git-lfs"):
        return " (it is a Git LFS pointer, not the file itself)"
    if start.startswith((b"<?xml", b"{")):
        return " (it is a message in XML or JSON)"
    return ""
