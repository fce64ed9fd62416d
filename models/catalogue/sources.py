"""Where a URL is really fetched from: a mirror of everything, or another Hugging Face."""

import os
import re
from urllib.parse import unquote, urlsplit

from .terminal import USAGE, Failure

HUGGING_FACE = "https://huggingface.co/"


def place(url: str, file: str) -> str:
    """The URL to fetch `url` from, by VIGIL_MODEL_MIRROR, else HF_ENDPOINT, else itself.

    VIGIL_MODEL_MIRROR is a base that host and path are put behind
    (https://mirror/x -> https://mirror/x/github.com/…/yolox_s.onnx), or a pattern with {url},
    {host}, {path} or {file}, the name that the file gets here. Files are never mirrored.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return url
    mirror = os.environ.get("VIGIL_MODEL_MIRROR", "").strip()
    if mirror:
        if not re.match(r"(https?|file)://", mirror):
            raise Failure(f"VIGIL_MODEL_MIRROR={mirror!r} must be an https, http or file URL", USAGE)
        fields = {"url": url, "host": parts.netloc, "path": parts.path.lstrip("/"), "file": file}
        if "{" not in mirror:
            mirror = mirror.rstrip("/") + "/{host}/{path}"
        try:
            return mirror.format(**fields)
        except (KeyError, ValueError, IndexError):
            known = ", ".join(f"{{{field}}}" for field in fields)
            raise Failure(
                f"VIGIL_MODEL_MIRROR={mirror!r} may hold {known} in braces, nothing else", USAGE
            ) from None
    endpoint = os.environ.get("HF_ENDPOINT", "").strip()
    if endpoint and url.startswith(HUGGING_FACE):
        if not re.match(r"https?://", endpoint):
            raise Failure(f"HF_ENDPOINT={endpoint!r} must be an https or http URL", USAGE)
        return endpoint.rstrip("/") + "/" + url[len(HUGGING_FACE) :]
    return url


def file_path(url: str) -> str:
    """The path that a file URL names."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise Failure(f"{url} names the machine {parts.netloc!r}: a file URL is file:///path", USAGE)
    return unquote(parts.path)
