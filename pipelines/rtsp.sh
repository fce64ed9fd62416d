#!/usr/bin/env bash
# Objects before an RTSP camera, tracked, as events: one line of JSON for each on standard output.
#
#   ./dev pipelines/rtsp.sh MODEL rtsp://user:password@camera/stream [RULES]
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; fi
model=$1 input=$2 rules=${3-}

# latency: milliseconds that packets may be late. protocols=tcp: what is lost on the way costs
# boxes. Where inference cannot keep up, vigildetect lets frames pass unseen and never delays the
# video; the events carry the camera's own time where it sends one (RTCP sender reports).
exec gst-launch-1.0 --quiet \
    rtspsrc location="$input" latency=200 protocols=tcp add-reference-timestamp-meta=true \
    ! application/x-rtp,media=video ! decodebin3 \
    ! vigildetect model="$model" \
    ! vigiltrack \
    ! vigilevents name=events ${rules:+rules-file="$rules"} \
    ! fakesink sync=false \
    events.events ! fdsink fd=1 sync=false
