"""How far the training is, and what follows from that: learning rate and averaging."""

import math
import time
from dataclasses import dataclass

WARM_UP = 0.03
"""Share of the training in which the rate rises."""
LAST_RATE = 0.01
"""The rate at the end, as a share of the highest."""
FADE = 0.9
"""From here on augmentation is weaker, so that the last steps see what is to come."""
FADED = 0.5
MEASURED = 40
"""Steps between two measurements of how long one takes."""
RESERVE = 5.0
"""Seconds kept for what comes after the last step."""


def rate(progress):
    """Share of the highest learning rate at this progress (0 to 1)."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.02)
    along = (progress - WARM_UP) / (1 - WARM_UP)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


@dataclass
class Schedule:
    """Progress from 0 to 1, by steps or by time.

    With `steps` a run can be made again exactly. With `minutes` each step goes on by its share of
    the steps that the rest of the time still allows, as measured: on a machine that others use
    too, the rate still comes down to its end in time.
    """

    steps: int | None = None
    minutes: float | None = None
    progress: float = 0.0
    done: int = 0
    spent: float = 0.0
    """Seconds, of runs before a stop too."""
    step_time: float = 0.0

    def __post_init__(self):
        self.begin()

    def begin(self):
        """Starts the clock, at first and after a stop."""
        self.started = self.mark = time.monotonic() - self.spent
        self.marked = self.done

    def elapsed(self):
        return time.monotonic() - self.started

    def step(self):
        """Counts a step."""
        self.done += 1
        if self.steps:
            self.progress = self.done / self.steps
            return
        now = time.monotonic()
        if self.done - self.marked >= MEASURED or self.step_time == 0.0:
            # With whatever else was done meanwhile: it will be done again.
            fresh = (now - max(self.mark, self.started)) / (self.done - self.marked)
            old = self.step_time or fresh
            self.step_time = old + 0.5 * (fresh - old)
            self.mark, self.marked = now, self.done
        left = 60 * self.minutes - RESERVE - self.elapsed()
        ahead = max(left / self.step_time, 0.0)
        self.progress += (1 - self.progress) / (1 + ahead) if left > 0 else 1 - self.progress

    @property
    def finished(self):
        return self.progress >= 1.0 - 1e-6

    def state(self):
        """What a later run goes on from."""
        return {"progress": self.progress, "done": self.done, "spent": self.elapsed()}

    def restore(self, state):
        self.progress, self.done, self.spent = state["progress"], state["done"], state["spent"]
        if self.steps:
            self.progress = self.done / self.steps
        self.begin()
