// What the kernels need of CUDA, without NVIDIA's headers: clang's own names for the parts of the
// GPU. Compiled for the host (tests), the same names come from kernel_host.h, and the threads of a
// launch run one after the other.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef __CUDA__

#define DEVICE __attribute__((device, always_inline)) static inline
// Not inlined: for what is rare and large.
#define DEVICE_CALL __attribute__((device, noinline)) static
#define SHARED __attribute__((shared))
#define UNROLLED _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")
#define KERNEL(name, ...) extern "C" __attribute__((global)) void name(__VA_ARGS__)
#define KERNEL_WITH_BARRIERS KERNEL

#define THREAD_X __nvvm_read_ptx_sreg_tid_x()
#define THREAD_Y __nvvm_read_ptx_sreg_tid_y()
#define BLOCK_X __nvvm_read_ptx_sreg_ctaid_x()
#define BLOCK_Y __nvvm_read_ptx_sreg_ctaid_y()
#define BLOCK_Z __nvvm_read_ptx_sreg_ctaid_z()
#define THREADS_X __nvvm_read_ptx_sreg_ntid_x()
#define THREADS_Y __nvvm_read_ptx_sreg_ntid_y()

// All threads of a block come here before any goes on.
DEVICE void barrier() { __syncthreads(); }

// A byte that nothing writes while the kernel runs: through the cache for such data.
DEVICE u32 load_byte(u64 address) {
    u32 value;
    asm("ld.global.nc.u8 %0, [%1];" : "=r"(value) : "l"(address));
    return value;
}

// The samples of a texel, as integers.
DEVICE void load_texel(u64 texture, u32 x, u32 y, u32 samples[4]) {
    asm("tex.2d.v4.u32.s32 {%0, %1, %2, %3}, [%4, {%5, %6}];"
        : "=r"(samples[0]), "=r"(samples[1]), "=r"(samples[2]), "=r"(samples[3])
        : "l"(texture), "r"(x), "r"(y));
}

// The GPUs that this is for at least have no arithmetic of halves that all share: only conversions.
DEVICE u16 half_of(float value) {
    u16 half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(value));
    return half;
}

DEVICE float float_of(u16 half) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half));
    return value;
}

#else

#include "kernel_host.h"

#define DEVICE static inline
#define DEVICE_CALL static
#define SHARED static
#define UNROLLED
#define ROLLED
#define HOST_KERNEL(name, barriers, ...)                                             \
    extern "C" void name(__VA_ARGS__);                                               \
    static vigil_host::Register<name> register_##name(#name, barriers);              \
    extern "C" void name(__VA_ARGS__)
#define KERNEL(name, ...) HOST_KERNEL(name, false, __VA_ARGS__)
#define KERNEL_WITH_BARRIERS(name, ...) HOST_KERNEL(name, true, __VA_ARGS__)

#define THREAD_X vigil_host::threadIdx.x
#define THREAD_Y vigil_host::threadIdx.y
#define BLOCK_X vigil_host::blockIdx.x
#define BLOCK_Y vigil_host::blockIdx.y
#define BLOCK_Z vigil_host::blockIdx.z
#define THREADS_X vigil_host::blockDim.x
#define THREADS_Y vigil_host::blockDim.y

DEVICE void barrier() { vigil_host::barrier(); }

DEVICE u32 load_byte(u64 address) { return *reinterpret_cast<const u8*>(address); }

DEVICE void load_texel(u64 texture, u32 x, u32 y, u32 samples[4]) {
    auto& view = *reinterpret_cast<const vigil_host::TextureView*>(texture);
    x = x < view.width ? x : view.width - 1;
    y = y < view.height ? y : view.height - 1;
    for (u32 i = 0; i < 4; i++)
        samples[i] = i < view.channels ? view.data[y * view.pitch + x * view.channels + i] : 0;
}

DEVICE u16 half_of(float value) {
    _Float16 half = static_cast<_Float16>(value);
    u16 bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}

DEVICE float float_of(u16 bits) {
    _Float16 half;
    memcpy(&half, &bits, sizeof bits);
    return static_cast<float>(half);
}

#endif

DEVICE u32 min_of(u32 a, u32 b) { return a < b ? a : b; }
DEVICE float min_of(float a, float b) { return a < b ? a : b; }
DEVICE float max_of(float a, float b) { return a > b ? a : b; }

DEVICE u32 bits_of(float value) {
    union {
        float value;
        u32 bits;
    } both;
    both.value = value;
    return both.bits;
}

DEVICE float of_bits(u32 bits) {
    union {
        u32 bits;
        float value;
    } both;
    both.bits = bits;
    return both.value;
}

DEVICE bool is_finite(float value) { return (bits_of(value) & 0x7f800000u) != 0x7f800000u; }
