//! The GPU's kernels, compiled for the host, against the CPU's preprocessing and decoding: the same
//! numbers to the bit, and the same boxes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the report of a test"
)]

mod decode;
mod preprocess;

#[path = "../../../nvidia/tests/fake/mod.rs"]
mod fake;

use vigil_nvidia::driver::{Context, DeviceBuffer, Stream};
use vigil_nvidia::kernels::Kernels;

/// A GPU that is none, with the kernels loaded.
struct Gpu {
    kernels: Kernels,
    stream: Stream,
    context: Context,
    cuda: fake::Cuda,
}

impl Gpu {
    fn new() -> Self {
        let cuda = fake::Cuda::new("capability=53");
        let context = cuda.context();
        Self {
            kernels: Kernels::load(&context).unwrap(),
            stream: Stream::new(&context).unwrap(),
            context,
            cuda,
        }
    }

    fn room(&self, bytes: usize) -> DeviceBuffer {
        DeviceBuffer::new(&self.context, bytes).unwrap()
    }

    fn upload(&self, bytes: &[u8]) -> DeviceBuffer {
        let buffer = self.room(bytes.len());
        // SAFETY: the fake reads memory that is not pinned before it returns.
        unsafe {
            self.stream
                .upload(buffer.pointer(), bytes.as_ptr(), bytes.len())
        }
        .unwrap();
        buffer
    }

    fn download(&self, buffer: &DeviceBuffer) -> Vec<u8> {
        let mut bytes = vec![0; buffer.bytes()];
        // SAFETY: the stream is waited for.
        unsafe {
            self.stream
                .download(bytes.as_mut_ptr(), buffer.pointer(), buffer.bytes())
                .unwrap();
        }
        self.stream.synchronize().unwrap();
        bytes
    }
}

/// The bytes of plain values.
fn bytes_of<T: Copy>(values: &[T]) -> &[u8] {
    // SAFETY: callers pass numbers and structures without padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let number = |b: &[u8]| f32::from_ne_bytes(b.try_into().unwrap());
    bytes.chunks_exact(4).map(number).collect()
}

/// Halves as floats, by the definition of the format.
fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(2)
        .map(|b| half(u16::from_ne_bytes([b[0], b[1]])))
        .collect()
}

fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// The half that is nearest to a float, the even one of two.
fn to_half(value: f32) -> u16 {
    if value.is_nan() {
        return 0x7e00;
    }
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = value.abs();
    // Halves of one sign are ordered as their bits are.
    let (mut low, mut high) = (0u16, 0x7c00u16);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if half(middle) <= magnitude {
            low = middle
        } else {
            high = middle
        }
    }
    // Infinity stands where the next half would be.
    let at = |bits: u16| {
        if bits == 0x7c00 {
            65536.0
        } else {
            f64::from(half(bits))
        }
    };
    let (below, above) = (
        f64::from(magnitude) - at(low),
        at(high) - f64::from(magnitude),
    );
    let is_up = magnitude.is_infinite() || above < below || (above == below && low & 1 == 1);
    sign | if is_up { high } else { low }
}

/// Numbers that are the same in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 24) as f32
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

#[test]
fn halves_are_converted_both_ways() {
    for bits in (0..0x7c00).chain([0x7c00, 0x8000, 0xbc00, 0xfc00]) {
        assert_eq!(to_half(half(bits)), bits);
    }
    let between = (half(0x3c00) + half(0x3c01)) / 2.0;
    assert_eq!(
        (to_half(between), to_half(between * 1.0001)),
        (0x3c00, 0x3c01)
    );
    assert_eq!((to_half(65519.0), to_half(65520.0)), (0x7bff, 0x7c00));
}
