// A model's outputs to the detections of each picture.
//
// First every place of the outputs is looked at, by as many threads; those that hold a candidate add
// its key to the picture's list, in whatever order they come. Then a block for each picture sorts the
// keys and suppresses doubles. A key holds score and place, so that the order is the CPU's, and the
// same each time: the best first, of equal scores the one that comes first in the output.
#include "head.cuh"
#include "nms.cuh"

// Ascending keys are best first: the bits of positive floats are ordered as the floats are.
DEVICE u64 key_of(float score, u32 index) { return static_cast<u64>(~bits_of(score)) << 32 | index; }

template <class Format> DEVICE void find_candidates(const Head& h) {
    u32 index = BLOCK_X * THREADS_X + THREAD_X, picture = BLOCK_Y;
    u32 places = h.layout == DETR ? h.rows * h.classes : h.rows;
    Candidate c;
    if (index >= places || !candidate_at<Format>(h, picture, index, c)) return;
    u32* count = reinterpret_cast<u32*>(h.counts) + picture;
    u32 at = __atomic_fetch_add(count, 1u, __ATOMIC_RELAXED);
    if (at < h.capacity) reinterpret_cast<u64*>(h.keys)[static_cast<u64>(picture) * h.capacity + at] = key_of(c.score, index);
}

KERNEL(vigil_candidates_f32, Head head) { find_candidates<Floats>(head); }
KERNEL(vigil_candidates_f16, Head head) { find_candidates<Halves>(head); }

KERNEL_WITH_BARRIERS(vigil_select_f32, const Picture* pictures, Head head) { select<Floats>(pictures, head); }
KERNEL_WITH_BARRIERS(vigil_select_f16, const Picture* pictures, Head head) { select<Halves>(pictures, head); }
