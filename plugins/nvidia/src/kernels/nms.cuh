// Sorting and suppression: one block for each picture.
#pragma once
#include "head.cuh"
#include "picture.cuh"

// Threads of the block, and candidates that are compared with each other at a time.
static const u32 CHUNK = 256;
static const u32 WORDS = CHUNK / 32;
// As many keys are sorted in shared memory; more of them where they are.
static const u32 MOST_SHARED = 2048;

// As `Kept` in params.rs.
struct Kept {
    float box[4];
    float area;
    u32 class_;
};

// As `Detected` in params.rs: in pixels of the source.
struct Detected {
    float box[4];
    float score;
    u32 class_;
};

// As `ResultHeader` in params.rs; detections follow it.
struct Result {
    u32 count, candidates, reserved[2];
};

DEVICE float area_of(const float b[4]) { return (b[2] - b[0]) * (b[3] - b[1]); }

DEVICE bool overlap(const float a[4], float area_a, const float b[4], float area_b, float threshold) {
    float w = max_of(min_of(a[2], b[2]) - max_of(a[0], b[0]), 0.0f);
    float h = max_of(min_of(a[3], b[3]) - max_of(a[1], b[1]), 0.0f);
    float shared = w * h;
    return shared > 0.0f && shared / (area_a + area_b - shared) > threshold;
}

// Bitonic sort of so many keys, a power of two, by all threads of the block.
DEVICE void sort(u64* keys, u32 count) {
    for (u32 size = 2; size <= count; size *= 2) {
        for (u32 distance = size / 2; distance > 0; distance /= 2) {
            barrier();
            for (u32 i = THREAD_X; i < count / 2; i += CHUNK) {
                u32 low = 2 * i - (i & (distance - 1)), high = low + distance;
                bool ascending = (low & size) == 0;
                u64 a = keys[low], b = keys[high];
                if ((a > b) == ascending) {
                    keys[low] = b;
                    keys[high] = a;
                }
            }
        }
    }
    barrier();
}

DEVICE float clamp_of(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

// A box of the input in pixels of the source, clipped to the picture; false where nothing is left.
DEVICE bool to_source(const Picture& p, const float box[4], float out[4]) {
    float left = static_cast<float>(p.left), top = static_cast<float>(p.top);
    for (u32 i = 0; i < 4; i += 2) {
        float x = (box[i] - left) / p.gain_x + p.origin_x;
        float y = (box[i + 1] - top) / p.gain_y + p.origin_y;
        out[i] = clamp_of(x, p.origin_x, p.origin_x + static_cast<float>(p.width));
        out[i + 1] = clamp_of(y, p.origin_y, p.origin_y + static_cast<float>(p.height));
    }
    return out[0] < out[2] && out[1] < out[3];
}

static const u32 NONE = 0xffffffffu;

// What the threads of a block share while they go through a chunk.
struct Chunk {
    float boxes[CHUNK][4];
    float areas[CHUNK];
    // NONE: not in it, or suppressed by a box of an earlier chunk.
    u32 classes[CHUNK];
    // Which earlier ones of the chunk overlap each one too much.
    u32 masks[CHUNK][WORDS];
    // Whether something of it is left in the picture; then where it goes among the kept boxes and in
    // the result, NONE for nowhere.
    u32 visible[CHUNK], kept_at[CHUNK], result_at[CHUNK];
    u32 kept, found, done;
};

// By one thread: who of the chunk is kept, the best first, until there are enough.
DEVICE void decide(Chunk& s, u32 limit) {
    u32 alive[WORDS];
    for (u32 w = 0; w < WORDS; w++) alive[w] = 0;
    for (u32 i = 0; i < CHUNK; i++) {
        s.kept_at[i] = s.result_at[i] = NONE;
        if (s.done || s.classes[i] == NONE) continue;
        u32 suppressed = 0;
        for (u32 w = 0; w < WORDS; w++) suppressed |= s.masks[i][w] & alive[w];
        if (suppressed) continue;
        for (u32 w = 0; w < WORDS; w++)
            if (w == i / 32) alive[w] |= 1u << (i % 32);
        s.kept_at[i] = s.kept++;
        if (s.visible[i] && s.found < limit) s.result_at[i] = s.found++;
        s.done = s.found >= limit;
    }
}

// By each thread: its own candidate against what is kept, and against those of the chunk before it.
DEVICE void compare(Chunk& s, const Kept* kept, const Candidate& c, bool is_there, float iou) {
    u32 me = THREAD_X;
    float area = area_of(c.box);
    bool compares = iou < 1.0f;
    for (u32 i = 0; is_there && compares && i < s.kept; i++)
        if (kept[i].class_ == c.class_ && overlap(kept[i].box, kept[i].area, c.box, area, iou)) is_there = false;
    for (u32 i = 0; i < 4; i++) s.boxes[me][i] = c.box[i];
    s.areas[me] = area;
    s.classes[me] = is_there ? c.class_ : NONE;
    barrier();
    for (u32 w = 0; w < WORDS; w++) {
        u32 mask = 0;
        for (u32 j = w * 32; is_there && compares && j < (w + 1) * 32 && j < me; j++)
            if (s.classes[j] == c.class_ && overlap(s.boxes[j], s.areas[j], c.box, area, iou)) mask |= 1u << (j % 32);
        s.masks[me][w] = mask;
    }
    barrier();
}

template <class Format> DEVICE void select(const Picture* pictures, const Head& h) {
    SHARED u64 few[MOST_SHARED];
    SHARED Chunk s;
    u32 me = THREAD_X, picture = BLOCK_X;
    u32 count = min_of(reinterpret_cast<const u32*>(h.counts)[picture], h.capacity);
    u64* all = reinterpret_cast<u64*>(h.keys) + static_cast<u64>(picture) * h.capacity;
    Kept* kept = reinterpret_cast<Kept*>(h.kept) + static_cast<u64>(picture) * h.most_kept;
    Result* result = reinterpret_cast<Result*>(h.results + static_cast<u64>(picture) * h.stride);
    Detected* found = reinterpret_cast<Detected*>(result + 1);

    u32 padded = 1;
    while (padded < count) padded *= 2;
    u64* keys = padded <= MOST_SHARED ? few : all;
    for (u32 i = me; i < padded; i += CHUNK) keys[i] = i < count ? all[i] : ~0ull;
    sort(keys, padded);

    if (me == 0) {
        s.kept = s.found = 0;
        s.done = h.limit == 0;
    }
    barrier();
    u32 considered = min_of(min_of(count, h.considered), h.most_kept);
    for (u32 start = 0; start < considered && !s.done; start += CHUNK) {
        Candidate c = {{0.0f, 0.0f, 0.0f, 0.0f}, 0.0f, 0};
        bool is_there = start + me < considered &&
                        candidate_at<Format>(h, picture, static_cast<u32>(keys[start + me]), c);
        Detected mine = {{0.0f, 0.0f, 0.0f, 0.0f}, c.score, c.class_};
        s.visible[me] = to_source(pictures[picture], c.box, mine.box);
        compare(s, kept, c, is_there, h.iou);
        if (me == 0) decide(s, h.limit);
        barrier();
        if (s.kept_at[me] != NONE) {
            Kept& k = kept[s.kept_at[me]];
            for (u32 i = 0; i < 4; i++) k.box[i] = c.box[i];
            k.area = s.areas[me];
            k.class_ = c.class_;
        }
        if (s.result_at[me] != NONE) found[s.result_at[me]] = mine;
        barrier();
    }
    if (me == 0) {
        result->count = s.found;
        result->candidates = count;
    }
}
