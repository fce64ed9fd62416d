#!/usr/bin/env bash
# Several cameras or files at once, their events joined into one stream on standard output.
#
#   ./dev pipelines/cameras.sh MODEL INPUT…
#
# INPUT is a file or an URI (rtsp://…). `stream` of an event says whose it is: cam-1, cam-2, …
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; fi
model=$1
shift

# The events pads of all streams meet in an ordinary funnel.
pipeline=(funnel name=all ! fdsink fd=1 sync=false)
n=0
for input in "$@"; do
    n=$((n + 1))
    case $input in
    *://*) pipeline+=(uridecodebin3 uri="$input") ;;
    *) pipeline+=(filesrc location="$input" ! decodebin3) ;;
    esac
    # The queue gives each stream a thread of its own from there on.
    pipeline+=(! queue max-size-buffers=4 ! vigildetect model="$model" ! vigiltrack
        ! vigilevents name="events$n" stream-id="cam-$n" ! fakesink sync=false
        "events$n.events" ! all.)
done
exec gst-launch-1.0 --quiet "${pipeline[@]}"
