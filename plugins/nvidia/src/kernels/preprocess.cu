// Pictures to the input tensor of a model: colour, crop, letterbox and number format in one pass.
//
// The arithmetic is that of the CPU's preprocessing (plugins/detect/src/preprocess), level for level:
// 8-bit R, G, B at the picture's own size, resampled as cv2.resize does with INTER_LINEAR in fixed
// point. So a model sees the same numbers whoever prepares them.
//
// Value launch for all pictures of a batch: blocks along z are pictures. A thread makes COLUMNS columns
// of ROWS rows, so that the positions in the source, which need 64-bit floats to be the CPU's, are
// computed once for several pixels, and stores are vectors.
#include "picture.cuh"

// As `Target` in params.rs.
struct Target {
    u64 tensor;
    u32 width, height;
    // Planes in the tensor's order.
    float scale[3];
    float offset[3];
    float pad;
    // Blue is the first plane.
    u32 reversed;
};

static const u32 COLUMNS = 2;
static const u32 ROWS = 4;

// Two neighbours along an axis, with their weights in 2048ths.
struct Tap {
    u32 first, second;
    int first_weight, second_weight;
};

DEVICE Tap tap_of(u32 i, double ratio, u32 length, bool along_x) {
    float at = static_cast<float>((static_cast<double>(i) + 0.5) * ratio - 0.5);
    float floor = __builtin_floorf(at);
    float share = at - floor;
    int first = static_cast<int>(floor), last = static_cast<int>(length) - 1;
    int second = first + 1;
    first = first < 0 ? 0 : first > last ? last : first;
    second = second < 0 ? 0 : second > last ? last : second;
    Tap tap = {static_cast<u32>(first), static_cast<u32>(second),
               static_cast<int>(__builtin_rintf((1.0f - share) * 2048.0f)),
               static_cast<int>(__builtin_rintf(share * 2048.0f))};
    // Along x all weight is on a sample at the edge; along y two shares go to one row.
    if (along_x && first == second) {
        tap.first_weight = 2048;
        tap.second_weight = 0;
    }
    return tap;
}

// Samples by address and pitch.
struct Linear {
    static const bool IS_TEXTURED = false;
    DEVICE float load(const Component& c, u32 column, u32 row) {
        return static_cast<float>(load_byte(c.base + static_cast<u64>(row) * c.pitch + column * c.step));
    }
};

// Samples of arrays, whose layout only the GPU knows.
struct Textured {
    static const bool IS_TEXTURED = true;
    DEVICE float load(const Component& c, u32 column, u32 row) {
        u32 samples[4];
        load_texel(c.base, c.x + column, c.y + row, samples);
        u32 value = c.channel == 0 ? samples[0] : c.channel == 1 ? samples[1] : samples[2];
        return static_cast<float>(value);
    }
};

DEVICE float between(float a, float b, float share) { return a + (b - a) * share; }

// A component at a pixel, interpolated between its samples.
template <class Samples> DEVICE_CALL float interpolated(const Picture& p, const Component& c, u32 x, u32 y) {
    float scale_x = 1.0f / static_cast<float>(1u << c.sub_x), scale_y = 1.0f / static_cast<float>(1u << c.sub_y);
    float at_x = (static_cast<float>(x) - (c.sub_x ? p.first_x : 0.0f)) * scale_x;
    float at_y = (static_cast<float>(y) - (c.sub_y ? p.first_y : 0.0f)) * scale_y;
    at_x = min_of(max_of(at_x, 0.0f), static_cast<float>(c.columns - 1));
    at_y = min_of(max_of(at_y, 0.0f), static_cast<float>(c.rows - 1));
    u32 column = static_cast<u32>(at_x), row = static_cast<u32>(at_y);
    float share_x = at_x - static_cast<float>(column), share_y = at_y - static_cast<float>(row);
    u32 right = min_of(column + 1, c.columns - 1), below = min_of(row + 1, c.rows - 1);
    float a = between(Samples::load(c, column, row), Samples::load(c, column, below), share_y);
    float b = between(Samples::load(c, right, row), Samples::load(c, right, below), share_y);
    return between(a, b, share_x);
}

template <class Samples> DEVICE float sample(const Picture& p, const Component& c, u32 x, u32 y) {
    if (p.linear && (c.sub_x | c.sub_y)) return interpolated<Samples>(p, c, x, y);
    return Samples::load(c, x >> c.sub_x, y >> c.sub_y);
}

// Adding and subtracting this rounds a float of magnitude below 2^22 to the nearest integer.
static const float ROUND = 12582912.0f;

// Levels of R, G and B of a pixel.
template <class Samples> DEVICE void levels(const Picture& p, u32 x, u32 y, int rgb[3]) {
    float a = sample<Samples>(p, p.components[0], x, y);
    float b = sample<Samples>(p, p.components[1], x, y);
    float c = sample<Samples>(p, p.components[2], x, y);
    UNROLLED for (u32 i = 0; i < 3; i++) {
        float level = p.matrix[3 * i] * a + p.matrix[3 * i + 1] * b + p.matrix[3 * i + 2] * c + p.offset[i];
        level = min_of(max_of(level, 0.0f), 255.0f) + ROUND - ROUND;
        rgb[i] = static_cast<int>(level);
    }
}

// Levels of a row at a column of the tensor, in 128ths, rounded down.
template <class Samples> DEVICE void along_row(const Picture& p, const Tap& column, u32 y, int out[3]) {
    int first[3], second[3];
    levels<Samples>(p, column.first, y, first);
    levels<Samples>(p, column.second, y, second);
    UNROLLED for (u32 i = 0; i < 3; i++)
        out[i] = (first[i] * column.first_weight + second[i] * column.second_weight) >> 4;
}

// Levels of R, G and B at a place of the tensor that is in the picture.
template <class Samples> DEVICE void resampled(const Picture& p, const Tap& column, const Tap& row, float rgb[3]) {
    int upper[3], lower[3];
    along_row<Samples>(p, column, row.first, upper);
    along_row<Samples>(p, column, row.second, lower);
    UNROLLED for (u32 i = 0; i < 3; i++) {
        int quarters = ((upper[i] * row.first_weight) >> 16) + ((lower[i] * row.second_weight) >> 16);
        rgb[i] = static_cast<float>((quarters + 2) >> 2);
    }
}

// Numbers of the tensor.
struct Single {
    typedef float Vector __attribute__((vector_size(8)));
    typedef float Value;
    DEVICE float of(float value) { return value; }
};

struct Half {
    typedef u16 Vector __attribute__((vector_size(4)));
    typedef u16 Value;
    DEVICE u16 of(float value) { return half_of(value); }
};

template <class Number>
DEVICE void store(const Target& t, u32 plane, u32 x, u32 y, const float levels[COLUMNS]) {
    u64 index = (static_cast<u64>(BLOCK_Z) * 3 + plane) * t.height * t.width + static_cast<u64>(y) * t.width + x;
    typename Number::Value* to = reinterpret_cast<typename Number::Value*>(t.tensor) + index;
    typename Number::Value values[COLUMNS];
    UNROLLED for (u32 i = 0; i < COLUMNS; i++) values[i] = Number::of(levels[i] * t.scale[plane] + t.offset[plane]);
    if ((t.width & (COLUMNS - 1)) == 0) {
        typename Number::Vector vector = {values[0], values[1]};
        *reinterpret_cast<typename Number::Vector*>(to) = vector;
        return;
    }
    UNROLLED for (u32 i = 0; i < COLUMNS; i++)
        if (x + i < t.width) to[i] = values[i];
}

template <class Samples, class Number> DEVICE void preprocess(const Picture* pictures, const Target& t) {
    u32 x = (BLOCK_X * THREADS_X + THREAD_X) * COLUMNS;
    u32 y = (BLOCK_Y * THREADS_Y + THREAD_Y) * ROWS;
    if (x >= t.width || y >= t.height) return;
    const Picture& p = pictures[BLOCK_Z];
    // The other kind's launch makes it.
    if ((p.textured != 0) != Samples::IS_TEXTURED) return;
    Tap columns[COLUMNS];
    UNROLLED for (u32 i = 0; i < COLUMNS; i++) columns[i] = tap_of(x + i - p.left, p.ratio_x, p.width, true);
    ROLLED for (u32 end = min_of(y + ROWS, t.height); y < end; y++) {
        float planes[3][COLUMNS];
        // In the padding the difference wraps to a large number.
        bool is_row = y - p.top < p.content_height;
        Tap row = tap_of(y - p.top, p.ratio_y, p.height, false);
        UNROLLED for (u32 i = 0; i < COLUMNS; i++) {
            float rgb[3] = {t.pad, t.pad, t.pad};
            if (is_row && x + i - p.left < p.content_width) resampled<Samples>(p, columns[i], row, rgb);
            planes[0][i] = t.reversed ? rgb[2] : rgb[0];
            planes[1][i] = rgb[1];
            planes[2][i] = t.reversed ? rgb[0] : rgb[2];
        }
        UNROLLED for (u32 plane = 0; plane < 3; plane++) store<Number>(t, plane, x, y, planes[plane]);
    }
}

KERNEL(vigil_preprocess_linear_f32, const Picture* pictures, Target target) {
    preprocess<Linear, Single>(pictures, target);
}
KERNEL(vigil_preprocess_linear_f16, const Picture* pictures, Target target) {
    preprocess<Linear, Half>(pictures, target);
}
KERNEL(vigil_preprocess_texture_f32, const Picture* pictures, Target target) {
    preprocess<Textured, Single>(pictures, target);
}
KERNEL(vigil_preprocess_texture_f16, const Picture* pictures, Target target) {
    preprocess<Textured, Half>(pictures, target);
}
