// What the fake libnvbufsurface gives as an EGLImage and the fake driver takes as one.
#pragma once

struct FakeEglImage {
    static constexpr unsigned MAGIC = 0x45474c49;
    unsigned magic;
    // As in CUeglFrame: 0 for arrays, 1 for addresses.
    unsigned frame_type;
    unsigned plane_count;
    unsigned pitch;
    void* planes[3];
};
