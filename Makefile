# Every target only calls ./dev, which finds or makes an environment with GStreamer >= 1.24.
# `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-track install lint fuzz

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

# Passed to the tools as they are, so that quotes and spaces in them survive.
export MODEL INPUT RULES OUTPUT ARGS VIDEO MOT PREFIX DESTDIR FUZZ_SECONDS

## make demo [MODEL=yolov8n.onnx] [INPUT=video.mp4] [RULES=rules.toml] [OUTPUT=dir] [ARGS="…"]
##     detect, track and turn into events; leaves an annotated video, the events and a page of it all
##     in OUTPUT (target/demo). Without INPUT it renders a street, and says how well it did;
##     INPUT is a file, an URI (rtsp://…) or a camera (/dev/video0). Without MODEL it takes the
##     detector that is built in, which knows rendered scenes only. ARGS: more options of the demo
demo:
	@./dev tools/demo

## make test
##     every test; fetches ONNX Runtime first (without network its tests are skipped)
test:
	@./dev tools/test

## make bench [VIDEO=video.mp4] [MODEL=yolov8n.onnx] [ARGS="…"]
##     benchmarks, optimised; a table, and JSON in target/bench/
bench:
	@./dev tools/bench

## make bench-track [MOT=folder] [ARGS="--times"]
##     how well each tracking algorithm does on sequences with ground truth (MOTChallenge's format,
##     ../shared/mot by default); a table, and JSON in target/bench/track.json
bench-track:
	@./dev tools/bench-track

## make install [PREFIX=/usr/local] [DESTDIR=…]
##     the plugins into GStreamer's plugin folder, or into that of PREFIX
install:
	@./dev tools/install

## make lint
##     formatting, clippy, and licences and sources of what we depend on (where cargo-deny is there)
lint:
	@./dev tools/lint

## make fuzz [FUZZ_SECONDS=10]
##     what reads models, their metadata, cards and rules, on what libFuzzer makes up
fuzz:
	@./dev tools/fuzz
