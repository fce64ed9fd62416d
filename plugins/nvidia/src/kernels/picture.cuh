// A picture as the kernels get it.
#pragma once
#include "prelude.cuh"

// As `Component` in params.rs.
struct Component {
    // First sample of the picture; for textures, the texture.
    u64 base;
    // Bytes from row to row and from sample to sample.
    u32 pitch, step;
    // Textures: first column and row of the picture, and which of a texel's samples.
    u32 x, y, channel;
    // Binary logarithms of the subsampling.
    u32 sub_x, sub_y;
    // Samples of the picture along each axis.
    u32 columns, rows;
    u32 reserved;
};

// As `Picture` in params.rs.
struct Picture {
    Component components[3];
    double ratio_x, ratio_y;
    u32 width, height;
    u32 left, top, content_width, content_height;
    float matrix[9];
    float offset[3];
    // Chroma is interpolated; where its first sample stands, in pixels.
    u32 linear;
    float first_x, first_y;
    float gain_x, gain_y;
    float origin_x, origin_y;
    // Its samples are read through textures.
    u32 textured;
};
