"""Shows a licence, and asks where it binds those who use the model."""

import sys
import textwrap

from .terminal import REFUSED, Failure, Voice

# Licences that ask nothing of a user but to keep notices.
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "ISC", "CC-BY-4.0", "CC0-1.0"}


def binds(spdx: str) -> bool:
    """Whether a licence has to be agreed to first: all but the permissive ones."""
    return spdx not in PERMISSIVE


def show(voice: Voice, title: str, licence: dict) -> None:
    """Prints the licence and what it means, on standard error."""
    note = textwrap.fill(licence["note"], 92, initial_indent="    ", subsequent_indent="    ")
    voice.say(f"{title} is under {licence['spdx']} ({licence['url']})")
    print(note, file=sys.stderr, flush=True)


def ask(voice: Voice, title: str, licence: dict, yes: bool) -> None:
    """Shows the licence; where it binds, goes on only if the user says yes, now or by --yes."""
    show(voice, title, licence)
    if not binds(licence["spdx"]):
        return
    if yes:
        voice.say(f"{licence['spdx']} accepted (--yes)")
        return
    refusal = f"nothing was done: {licence['spdx']} of {title} was not accepted"
    if not sys.stdin.isatty():
        raise Failure(f"{refusal}, and there is no terminal to ask on. Say --yes if you accept it", REFUSED)
    print("    Type yes to accept it: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise Failure(refusal, REFUSED)
