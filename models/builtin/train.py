#!/usr/bin/env python3
"""Trains the built-in detector on rendered scenes, on the CPU.

Leaves in the work folder: model.pt (the averaged weights), training-log.csv, and checkpoint.pt,
from which --resume goes on.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with the rendered scenes (train.* and val.*)")
    parser.add_argument("work", help="folder for what comes out")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=90, help="time to train (%(default)s)")
    length.add_argument("--steps", type=int, help="steps to train: can be made again exactly")
    parser.add_argument("--batch", type=int, default=32, help="pictures a step (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, of one "
                        "thread each (%(default)s); another number gives another model")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate "
                        "(%(default)s)")
    parser.add_argument("--decay", type=float, default=0.02, help="weight decay (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (%(default)s)")
    parser.add_argument("--least-height", type=float, default=0.0, help="height in pixels below "
                        "which objects do not count when it is tried out (%(default)s)")
    parser.add_argument("--no-bf16", dest="bf16", action="store_false", help="compute in f32")
    parser.add_argument("--weights", help="model.pt to start from, in place of random weights")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    args = parser.parse_args()
    if args.batch % args.workers:
        parser.error(f"--batch {args.batch} cannot be shared by {args.workers} workers")
    return args


def run(rank, args, meeting):
    """One worker, in its process."""
    import torch
    import torch.distributed as dist

    from vigilnet.worker import Worker

    torch.set_num_threads(1)
    if args.workers > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        dist.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=args.workers
        )
    Worker(rank, args.workers, args).run()
    if args.workers > 1:
        dist.destroy_process_group()


def main():
    args = arguments()
    # One thread each, before the libraries start theirs.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    from torch.multiprocessing import spawn

    from vigilnet.data import DataError, Scenes

    try:
        for split in ("train", "val"):
            Scenes(args.data, split)
    except DataError as error:
        sys.exit(f"train.py: {error}")
    if args.weights and not Path(args.weights).is_file():
        sys.exit(f"train.py: {args.weights}: no such file")
    Path(args.work).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        if args.workers == 1:
            run(0, args, meeting)
        else:
            spawn(run, (args, meeting), nprocs=args.workers)


if __name__ == "__main__":
    main()
