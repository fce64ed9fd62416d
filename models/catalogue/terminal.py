"""What is said to the user. Everything goes to standard error: standard output is for paths."""

import sys
import time

# Exit codes of both tools.
FAILED, USAGE, REFUSED = 1, 2, 3


class Failure(Exception):
    """What went wrong, in words for the user, and the exit code that tells a script."""

    def __init__(self, text: str, code: int = FAILED):
        super().__init__(text)
        self.code = code


class Voice:
    """Lines with the tool's name before them, and one progress bar."""

    def __init__(self, tool: str):
        self.tool = tool
        self.bar = False

    def say(self, text: str) -> None:
        self.clear()
        print(f"{self.tool}: {text}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the progress bar off the terminal, so that a line can stand there."""
        if self.bar:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self.bar = False


def megabytes(size: float) -> str:
    """A size in words: '3.7 MB', '396 MB'."""
    mb = size / 1e6
    return f"{mb:.0f} MB" if mb >= 10 else f"{mb:.1f} MB"


class Progress:
    """How far a download is: a bar on a terminal, a line every few seconds elsewhere."""

    WIDTH = 30
    # Seconds between two drawings, and between two lines where there is no terminal.
    DRAW, LINE = 0.1, 10.0

    def __init__(self, voice: Voice, name: str, done: int, total: int | None):
        self.voice, self.name, self.total = voice, name, total
        self.start, self.first = time.monotonic(), done
        self.told = self.start
        self.terminal = sys.stderr.isatty()

    def update(self, done: int) -> None:
        now = time.monotonic()
        if now - self.told < (self.DRAW if self.terminal else self.LINE):
            return
        self.told = now
        if self.terminal:
            sys.stderr.write(f"\r\033[K{self.text(done, now)}")
            sys.stderr.flush()
            self.voice.bar = True
        else:
            self.voice.say(self.text(done, now))

    def text(self, done: int, now: float) -> str:
        speed = (done - self.first) / max(now - self.start, 1e-6)
        if not self.total:
            return f"{self.name}  {megabytes(done)}  {megabytes(speed)}/s"
        share = min(done / self.total, 1.0)
        filled = int(share * self.WIDTH)
        bar = "#" * filled + "." * (self.WIDTH - filled)
        left = (self.total - done) / speed if speed > 0 else 0
        eta = f"{int(left) // 60}:{int(left) % 60:02} left" if speed > 0 else ""
        return (
            f"{self.name} [{bar}] {share:4.0%}  {megabytes(done)} of {megabytes(self.total)}"
            f"  {megabytes(speed)}/s  {eta}"
        )
