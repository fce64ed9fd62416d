// What a model's outputs are, and the candidate that is at a place of them.
//
// The rules are those of the CPU's decoders (plugins/detect/src/decode): a candidate per box with its
// best class (per box and class for raw DETR), the first of equal ones; scores above the threshold of
// the class and above 0, clipped to 1; only finite boxes that have an area.
#pragma once
#include "prelude.cuh"

// As `Layout` in params.rs.
enum Layout {
    // [4 + classes, rows]: cx, cy, w, h, a score for each class.
    V8 = 0,
    // [rows, 4 + classes].
    V8_TRANSPOSED = 1,
    // [rows, 5 + classes]: cx, cy, w, h, objectness, a score for each class.
    V5 = 2,
    // As V5, relative to the cells of grids.
    YOLOX = 3,
    // [rows, 4] of corners and [rows, classes].
    YOLO_NAS = 4,
    // [rows, 6]: x1, y1, x2, y2, score, class.
    END_TO_END = 5,
    // Logits [rows, classes] and [rows, 4] of fractions cx, cy, w, h.
    DETR = 6,
    // [rows, 4 + classes]: fractions cx, cy, w, h, a score for each class.
    DETR_ROWS = 7,
    // Labels [rows], [rows, 4] of corners, scores [rows].
    DETR_DECODED = 8,
};

// As `NumberType` in params.rs; of labels only, which may be whole numbers.
enum Number { FLOAT32 = 0, FLOAT16 = 1, INT32 = 2, INT64 = 3 };

static const u32 MOST_GRIDS = 4;

// As `Head` in params.rs.
struct Head {
    // The outputs that are read, in the order in which the layout names them.
    u64 outputs[3];
    // A threshold for each class; f32.
    u64 thresholds;
    // Of each picture: keys of candidates, as many as `capacity`; how many they are; boxes that are
    // kept, as many as `most_kept`; and the result.
    u64 keys, counts, kept, results;
    u32 layout, labels;
    u32 rows, classes;
    // Classes that have a threshold; others have that of the last one.
    u32 known;
    u32 capacity, most_kept;
    // Boxes of a result, at most.
    u32 limit;
    // Candidates that are looked at, at most: the best.
    u32 considered;
    // Of a result, in bytes.
    u32 stride;
    float width, height;
    // The lowest threshold; of raw DETR the logit that is just below it.
    float least;
    float iou;
    u32 grids, reserved;
    // Columns, rows and stride of each grid of YOLOX.
    u32 grid[MOST_GRIDS][3];
};

struct Candidate {
    float box[4];
    float score;
    u32 class_;
};

struct Floats {
    typedef float Value;
    DEVICE float of(float value) { return value; }
};

struct Halves {
    typedef u16 Value;
    DEVICE float of(u16 value) { return float_of(value); }
};

// An output of one picture.
template <class Format> struct View {
    const typename Format::Value* data;
    DEVICE View<Format> make(const Head& h, u32 output, u32 picture, u64 values) {
        View<Format> view = {reinterpret_cast<const typename Format::Value*>(h.outputs[output]) + picture * values};
        return view;
    }
};

template <class Format> DEVICE float value(const View<Format>& view, u64 index) {
    return Format::of(view.data[index]);
}

// e^x, to the nearest float: computed with 64 bits, as C libraries do.
DEVICE float exp_of(float x) {
    if (x != x) return x;
    if (x > 89.0f) return of_bits(0x7f800000u);
    if (x < -104.0f) return 0.0f;
    double whole = __builtin_rint(static_cast<double>(x) * 1.4426950408889634);
    double r = static_cast<double>(x) - whole * 0.69314718055994530942;
    double sum = 1.0;
    UNROLLED for (int i = 13; i >= 1; i--) sum = 1.0 + sum * r * (1.0 / static_cast<double>(i));
    union {
        u64 bits;
        double value;
    } power;
    power.bits = static_cast<u64>(static_cast<long long>(whole) + 1023) << 52;
    return static_cast<float>(sum * power.value);
}

DEVICE float logistic(float x) { return 1.0f / (1.0f + exp_of(-x)); }

// The first of the best scores; those that are not numbers are passed over.
template <class Format>
DEVICE float best_of(const View<Format>& scores, u64 start, u64 step, u32 classes, u32& class_) {
    float best = of_bits(0xff800000u);
    class_ = 0;
    for (u32 i = 0; i < classes; i++) {
        float score = value(scores, start + i * step);
        if (score > best) {
            best = score;
            class_ = i;
        }
    }
    return best;
}

DEVICE void centred(float cx, float cy, float w, float h, float box[4]) {
    float rx = w / 2.0f, ry = h / 2.0f;
    box[0] = cx - rx;
    box[1] = cy - ry;
    box[2] = cx + rx;
    box[3] = cy + ry;
}

// A class id that an output holds as a number, rounded half away from zero; false where it is none.
DEVICE bool class_of(float value, u32& class_) {
    float whole = __builtin_truncf(value);
    float rest = value - whole;
    if (rest >= 0.5f) whole += 1.0f;
    if (rest <= -0.5f) whole -= 1.0f;
    if (!(whole >= 0.0f && whole <= 65535.0f)) return false;
    class_ = static_cast<u32>(whole);
    return true;
}

// A label of the output of labels.
template <class Format> DEVICE float label_at(const Head& h, u64 index) {
    u64 base = h.outputs[0];
    if (h.labels == INT32) return static_cast<float>(reinterpret_cast<const int*>(base)[index]);
    if (h.labels == INT64) return static_cast<float>(reinterpret_cast<const long long*>(base)[index]);
    if (h.labels == FLOAT16) return float_of(reinterpret_cast<const u16*>(base)[index]);
    return reinterpret_cast<const float*>(base)[index];
}

// Column, row and stride of a cell of the grids.
DEVICE void cell_of(const Head& h, u32 index, float cell[3]) {
    for (u32 i = 0; i < MOST_GRIDS && i < h.grids; i++) {
        u32 columns = h.grid[i][0], cells = columns * h.grid[i][1];
        if (index < cells) {
            cell[0] = static_cast<float>(index % columns);
            cell[1] = static_cast<float>(index / columns);
            cell[2] = static_cast<float>(h.grid[i][2]);
            return;
        }
        index -= cells;
    }
}

// Whether a candidate is wanted; its score is clipped then.
DEVICE bool is_wanted(const Head& h, Candidate& c) {
    u32 known = min_of(c.class_, h.known - 1);
    float threshold = reinterpret_cast<const float*>(h.thresholds)[known];
    if (!(c.score > max_of(threshold, 0.0f)) || !is_finite(c.score)) return false;
    for (u32 i = 0; i < 4; i++)
        if (!is_finite(c.box[i])) return false;
    c.score = min_of(c.score, 1.0f);
    return c.box[0] < c.box[2] && c.box[1] < c.box[3];
}

// Rows of a box, perhaps objectness, and scores.
template <class Format>
DEVICE bool row_at(const Head& h, u32 picture, u32 index, Candidate& c) {
    bool has_objectness = h.layout == V5 || h.layout == YOLOX;
    u32 values = h.classes + (has_objectness ? 5 : 4);
    View<Format> rows = View<Format>::make(h, 0, picture, static_cast<u64>(h.rows) * values);
    u64 at = static_cast<u64>(index) * values;
    float objectness = 1.0f;
    if (has_objectness) {
        objectness = value(rows, at + 4);
        // Probabilities are at most 1, so most rows need no look at their classes.
        if (!(objectness > h.least)) return false;
    }
    c.score = best_of(rows, at + values - h.classes, 1, h.classes, c.class_);
    if (has_objectness) c.score = objectness * c.score;
    float b[4];
    for (u32 i = 0; i < 4; i++) b[i] = value(rows, at + i);
    if (h.layout == YOLOX) {
        float cell[3] = {0.0f, 0.0f, 0.0f};
        cell_of(h, index, cell);
        b[0] = (b[0] + cell[0]) * cell[2];
        b[1] = (b[1] + cell[1]) * cell[2];
        b[2] = exp_of(b[2]) * cell[2];
        b[3] = exp_of(b[3]) * cell[2];
    }
    if (h.layout == DETR_ROWS) {
        b[0] *= h.width;
        b[1] *= h.height;
        b[2] *= h.width;
        b[3] *= h.height;
    }
    centred(b[0], b[1], b[2], b[3], c.box);
    return is_wanted(h, c);
}

template <class Format> DEVICE bool v8_at(const Head& h, u32 picture, u32 index, Candidate& c) {
    View<Format> all = View<Format>::make(h, 0, picture, static_cast<u64>(h.rows) * (4 + h.classes));
    u64 rows = h.rows;
    c.score = best_of(all, 4 * rows + index, rows, h.classes, c.class_);
    if (!(c.score > h.least)) return false;
    centred(value(all, index), value(all, rows + index), value(all, 2 * rows + index),
            value(all, 3 * rows + index), c.box);
    return is_wanted(h, c);
}

template <class Format> DEVICE bool detr_at(const Head& h, u32 picture, u32 index, Candidate& c) {
    View<Format> logits = View<Format>::make(h, 0, picture, static_cast<u64>(h.rows) * h.classes);
    float logit = value(logits, index);
    if (!(logit > h.least)) return false;
    View<Format> boxes = View<Format>::make(h, 1, picture, static_cast<u64>(h.rows) * 4);
    u64 at = static_cast<u64>(index / h.classes) * 4;
    c.class_ = index % h.classes;
    c.score = logistic(logit);
    centred(value(boxes, at) * h.width, value(boxes, at + 1) * h.height, value(boxes, at + 2) * h.width,
            value(boxes, at + 3) * h.height, c.box);
    return is_wanted(h, c);
}

// Boxes by their corners.
template <class Format> DEVICE bool corners_at(const Head& h, u32 picture, u32 index, Candidate& c) {
    u64 rows = h.rows, values = h.layout == END_TO_END ? 6 : 4;
    u32 output = h.layout == YOLO_NAS || h.layout == END_TO_END ? 0 : 1;
    View<Format> boxes = View<Format>::make(h, output, picture, rows * values);
    for (u32 i = 0; i < 4; i++) c.box[i] = value(boxes, index * values + i);
    if (h.layout == END_TO_END) {
        c.score = value(boxes, index * values + 4);
        return class_of(value(boxes, index * values + 5), c.class_) && is_wanted(h, c);
    }
    if (h.layout == YOLO_NAS) {
        View<Format> scores = View<Format>::make(h, 1, picture, rows * h.classes);
        c.score = best_of(scores, static_cast<u64>(index) * h.classes, 1, h.classes, c.class_);
        return is_wanted(h, c);
    }
    c.score = value(View<Format>::make(h, 2, picture, rows), index);
    return class_of(label_at<Format>(h, picture * rows + index), c.class_) && is_wanted(h, c);
}

// The candidate at a place of a picture's outputs; false where there is none that is wanted.
template <class Format> DEVICE bool candidate_at(const Head& h, u32 picture, u32 index, Candidate& c) {
    switch (h.layout) {
    case V8: return v8_at<Format>(h, picture, index, c);
    case DETR: return detr_at<Format>(h, picture, index, c);
    case V8_TRANSPOSED:
    case V5:
    case YOLOX:
    case DETR_ROWS: return row_at<Format>(h, picture, index, c);
    default: return corners_at<Format>(h, picture, index, c);
    }
}
