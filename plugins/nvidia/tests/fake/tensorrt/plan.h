// A plan of the fake: TensorRT's head, then lines of text.
#pragma once

#include "fake.h"

#include <array>

using Bounds = std::array<std::vector<int64_t>, 3>;

struct PlanData {
    Graph graph;
    std::map<std::string, Bounds> bounds;
    // Computes in FP16 by the builder's flag.
    bool half = false;
    // Runs with later versions.
    bool portable = false;
    size_t workspace = 0;
    int level = 3;
    int sm = 0;
    int version = 0;
};

std::string write_plan(PlanData const& plan);
// Whether the bytes are a plan.
bool read_plan(std::string const& bytes, PlanData& plan);
