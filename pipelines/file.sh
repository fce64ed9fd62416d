#!/usr/bin/env bash
# Objects in a video file, tracked, as events: one line of JSON for each on standard output.
#
#   ./dev pipelines/file.sh MODEL INPUT [RULES]
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; fi
model=$1 input=$2 rules=${3-}

# The video ends in a fakesink here: put an encoder or a display in its place to see it. Nothing
# plays in real time (sync=false), so the file is read as fast as it can be analysed.
exec gst-launch-1.0 --quiet \
    filesrc location="$input" ! decodebin3 \
    ! vigildetect model="$model" \
    ! vigiltrack \
    ! vigilevents name=events ${rules:+rules-file="$rules"} \
    ! fakesink sync=false \
    events.events ! fdsink fd=1 sync=false
