"""One process of the training.

Each has one thread and a share of every batch; they meet once a step to average gradients. That
keeps cores busy that other programs use too, where one process with many threads would wait for
the slowest at every layer.
"""

import copy
import csv
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from tqdm import tqdm

from .augment import Augment, Strength
from .data import Scenes, order
from .loss import detection_loss
from .metrics import Tally, at_threshold, best_threshold, detections, report
from .muon import Both
from .network import Detector
from .schedule import FADE, FADED, Schedule, rate

AVERAGING = 0.999
"""Share that the averaged weights keep at each step."""
CLIP = 10.0
"""Largest norm of the gradient."""
LOGGED = 50
SAVED = 120.0
"""Seconds between two checkpoints."""
CHECKS = 8
"""How often, over the whole run, some pictures of the other split are tried."""
CHECKED = 400
CHECK_FLOOR = 0.05
"""Lowest score that is looked at then."""
COLUMNS = (
    "step", "minutes", "progress", "rate", "loss", "boxes", "classes", "positives",
    "pictures_per_second", "ap50", "recall_at_1_percent_false",
)  # fmt: skip


class Worker:
    """The training as one of `world` processes sees it."""

    def __init__(self, rank, world, args):
        self.rank, self.world, self.args = rank, world, args
        torch.manual_seed(args.seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self.scenes = Scenes(args.data, "train")
        self.network = Detector()
        if args.weights:
            self.network.load_state_dict(torch.load(args.weights, weights_only=True))
        self.network = self.network.to(memory_format=torch.channels_last).train()
        self.averaged = copy.deepcopy(self.network).eval()
        self.optimiser = Both(self.network, args.rate, args.decay)
        self.schedule = Schedule(args.steps, None if args.steps else args.minutes)
        self.augment = Augment(), Augment(Strength().faded(FADED))
        self.dtype = torch.bfloat16 if args.bf16 else torch.float32
        if args.resume:
            self.restore(Path(args.work) / "checkpoint.pt")

    def batch(self, step):
        """This process' share of the pictures of a step, augmented."""
        share = self.args.batch // self.world
        indices = order(len(self.scenes), step, self.args.batch, self.args.seed)
        mine = np.sort(indices[self.rank * share : (self.rank + 1) * share])
        images, objects = self.scenes.batch(mine)
        seed = np.random.SeedSequence([self.args.seed, step, self.rank]).generate_state(1)[0]
        generator = torch.Generator().manual_seed(int(seed))
        augment = self.augment[self.schedule.progress >= FADE]
        return augment(images, objects, generator, self.dtype)

    def step(self):
        """One step of all processes; the loss of this one."""
        speed = self.args.rate * rate(self.schedule.progress)
        images, objects = self.batch(self.schedule.done)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.args.bf16):
            raw = self.network(images)
        loss = detection_loss(self.network, raw, objects)
        loss.total.backward()
        self.schedule.step()
        self.meet()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step(speed)
        self.average()
        return loss

    def meet(self):
        """Averages the gradients, and takes over the first process' progress."""
        if self.world == 1:
            return
        gradients = [p.grad for p in self.network.parameters()]
        progress = self.schedule.progress * self.world if self.rank == 0 else 0.0
        flat = torch.cat([g.reshape(-1) for g in gradients] + [torch.tensor([progress])])
        dist.all_reduce(flat)
        flat /= self.world
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        self.schedule.progress = flat[-1].item()

    @torch.no_grad()
    def average(self):
        """Lets the averaged weights follow; at first quickly."""
        keep = min(AVERAGING, (1 + self.schedule.done) / (10 + self.schedule.done))
        new, old = self.network.state_dict().values(), self.averaged.state_dict().values()
        for mean, value in zip(old, new, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    def run(self):
        """Trains to the end."""
        log = Log(self.args, self.schedule) if self.rank == 0 else None
        saved, check = time.monotonic(), self.schedule.progress + 1 / CHECKS
        while not self.schedule.finished:
            loss = self.step()
            if log:
                log.step(self.schedule, loss, rate(self.schedule.progress) * self.args.rate)
            if self.schedule.progress >= check and not self.schedule.finished:
                check += 1 / CHECKS
                if log:
                    log.check(self.schedule, try_out(self.averaged, self.args))
            if log and time.monotonic() - saved > SAVED:
                saved = time.monotonic()
                self.save()
        if log:
            self.save()
            log.check(self.schedule, try_out(self.averaged, self.args))
            log.close(self.schedule)
            torch.save(self.averaged.state_dict(), Path(self.args.work) / "model.pt")

    def save(self):
        """Writes what a later run goes on from, never half a file."""
        path = Path(self.args.work) / "checkpoint.pt"
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state(),
        }
        torch.save(state, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)

    def restore(self, path):
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.restore(state["schedule"])


@torch.no_grad()
def try_out(network, args):
    """The metrics on some pictures of the validation split."""
    scenes = Scenes(args.data, "val")
    picked = np.unique(np.linspace(0, len(scenes) - 1, CHECKED).astype(int))
    tally = Tally()
    for part in np.array_split(picked, -(-len(picked) // 16)):
        images = torch.from_numpy(scenes.images[part]).float().div_(255)
        output = network.decode(network(images.contiguous(memory_format=torch.channels_last)))
        for index, values in zip(part, output.numpy(), strict=True):
            tally.add(detections(values, CHECK_FLOOR), scenes.objects(index), args.least_height)
    threshold = best_threshold(tally, 0.01)
    return report(tally, 0.5)["ap50"], at_threshold(tally, threshold)["recall"]


class Log:
    """The progress bar and the CSV file."""

    def __init__(self, args, schedule):
        path = Path(args.work) / "training-log.csv"
        new = not (args.resume and path.exists())
        self.file = open(path, "w" if new else "a", newline="")
        self.writer = csv.writer(self.file)
        if new:
            self.writer.writerow(COLUMNS)
        self.bar = tqdm(
            total=100.0, initial=100 * schedule.progress, unit="%",
            bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        )  # fmt: skip
        self.batch = args.batch
        self.sums, self.count, self.since = np.zeros(4), 0, time.monotonic()

    def step(self, schedule, loss, rate):
        self.sums += loss.total.item(), loss.boxes, loss.classes, loss.positives
        self.count += 1
        if self.count < LOGGED:
            return
        now = time.monotonic()
        speed = self.count * self.batch / (now - self.since)
        mean = self.sums / self.count
        self.write(
            schedule, f"{rate:.6f}", *(f"{v:.4f}" for v in mean[:3]), f"{mean[3]:.0f}",
            f"{speed:.0f}", "", "",
        )  # fmt: skip
        self.bar.update(100 * schedule.progress - self.bar.n)
        self.bar.set_postfix_str(
            f"step {schedule.done}, loss {mean[0]:.3f}, boxes {mean[1]:.3f}, "
            f"classes {mean[2]:.3f}, {speed:.0f} pictures/s"
        )
        self.sums[:], self.count, self.since = 0, 0, now

    def write(self, schedule, *cells):
        minutes = f"{schedule.elapsed() / 60:.2f}"
        self.writer.writerow([schedule.done, minutes, f"{schedule.progress:.4f}", *cells])
        self.file.flush()

    def check(self, schedule, figures):
        ap50, recall = figures
        self.write(schedule, *[""] * 6, f"{ap50:.4f}", f"{recall:.4f}")
        self.bar.write(f"AP50 {ap50:.4f}, recall at 1 % false boxes {recall:.4f}")
        self.sums[:], self.count, self.since = 0, 0, time.monotonic()

    def close(self, schedule):
        self.bar.update(100 - self.bar.n)
        self.bar.close()
        self.file.close()
        print(f"{schedule.done} steps in {schedule.elapsed() / 60:.1f} minutes")
