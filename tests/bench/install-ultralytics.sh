#!/usr/bin/env bash
# Installs Ultralytics with PyTorch for `make bench` (several gigabytes), into the cache.
# Run it as: ./dev tests/bench/install-ultralytics.sh
set -euo pipefail
folder=${VIGIL_CACHE:?run this through ./dev}/bench/ultralytics
python3 -m pip install --upgrade --target "$folder" \
    ultralytics==8.4.190 onnxruntime==1.31.1 opencv-python-headless
