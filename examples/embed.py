#!/usr/bin/env python3
"""The smallest app that embeds the suite, in Python: objects of a video, tracked, as events.

    ./dev python3 examples/embed.py --model yolov8n.onnx --input street.mp4

Needs PyGObject and GStreamer's typelibs (Debian, Ubuntu: python3-gi, gir1.2-gst-plugins-base-1.0).
It shows both ways to receive events: a line of JSON for each at an appsink on the `events` pad,
and an element message named `vigil-event` on the bus.
"""

import argparse
import collections
import json
import pathlib
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402, F401 (GstApp gives appsink its methods)

def on_line(sink, events):
    """Runs in the pad's own thread, once for each event; a slow one delays no video."""
    buffer = sink.pull_sample().get_buffer()
    line = buffer.extract_dup(0, buffer.get_size()).decode()
    events.append(json.loads(line))
    print(line, end="", flush=True)
    return Gst.FlowReturn.OK


def run(pipeline, patience):
    """Counts the events on the bus by kind until the end of the video."""
    by_kind = collections.Counter()
    while message := pipeline.get_bus().timed_pop(patience):
        if message.type == Gst.MessageType.ELEMENT:
            # The same fields as the JSON; "object" is a structure within the structure.
            event = message.get_structure()
            if event.get_name() == "vigil-event":
                by_kind[event.get_value("event")] += 1
        elif message.type == Gst.MessageType.WARNING:
            print(f"warning: {message.parse_warning()[0].message}", file=sys.stderr)
        elif message.type == Gst.MessageType.ERROR:
            # The detail is for those who ask what exactly.
            error, detail = message.parse_error()
            raise RuntimeError(f"{error.message} ({detail})")
        elif message.type == Gst.MessageType.EOS:
            return by_kind
    raise RuntimeError("the pipeline did not start")


def main():
    parser = argparse.ArgumentParser(description="Prints the events of a video.")
    parser.add_argument("--model", required=True, help="the detection model, an ONNX file")
    parser.add_argument("--input", required=True, help="the video, a file or an URI")
    parser.add_argument("--rules", help="what to report, a TOML file; default: objects that appear and leave")
    parser.add_argument("--max-frames", type=int, default=-1, help="stop after this many frames")
    args = parser.parse_args()

    Gst.init(None)
    # The suite's elements take what decoders give, so nothing has to be converted before them. The
    # video itself goes nowhere here; where yours goes is up to you.
    pipeline = Gst.parse_launch(
        "uridecodebin3 name=source ! video/x-raw ! identity name=limit"
        " ! vigildetect name=detect ! vigiltrack ! vigilevents name=events"
        " ! fakesink sync=false"
        " events.events ! appsink name=lines sync=false emit-signals=true"
    )
    # Paths are set as properties, not put into the string: no quoting to get wrong.
    uri = args.input if "://" in args.input else pathlib.Path(args.input).absolute().as_uri()
    pipeline.get_by_name("source").set_property("uri", uri)
    pipeline.get_by_name("limit").set_property("eos-after", args.max_frames)
    pipeline.get_by_name("detect").set_property("model", args.model)
    if args.rules:
        pipeline.get_by_name("events").set_property("rules-file", args.rules)

    from_pad = []
    pipeline.get_by_name("lines").connect("new-sample", on_line, from_pad)

    # Where the pipeline does not start, for example because the model is none, the reason is on the
    # bus already, and nothing else will come.
    started = pipeline.set_state(Gst.State.PLAYING) != Gst.StateChangeReturn.FAILURE
    try:
        by_kind = run(pipeline, Gst.CLOCK_TIME_NONE if started else 0)
    except RuntimeError as error:
        return f"error: {error}"
    finally:
        pipeline.set_state(Gst.State.NULL)

    print(f"{len(from_pad)} events from the pad, {sum(by_kind.values())} from the bus")
    for kind, n in sorted(by_kind.items()):
        print(f"{n:6} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
