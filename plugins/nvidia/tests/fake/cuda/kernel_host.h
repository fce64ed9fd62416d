// What src/kernels needs to be compiled for the host: the threads of a launch run one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace vigil_host {

struct Index3 {
    unsigned x, y, z;
};
extern Index3 threadIdx, blockIdx, blockDim, gridDim;

struct Kernel {
    const char* name;
    void (*run)(void** arguments);
    std::vector<size_t> sizes;
    bool barriers;
};
std::map<std::string, Kernel>& kernels();

// Lets the other threads of the block come to the barrier.
void barrier();

template <auto F> struct Thunk;
template <class... A, void (*F)(A...)> struct Thunk<F> {
    template <size_t... I> static void call(void** arguments, std::index_sequence<I...>) {
        F(*static_cast<A*>(arguments[I])...);
    }
    static void run(void** arguments) { call(arguments, std::index_sequence_for<A...>{}); }
    static std::vector<size_t> sizes() { return {sizeof(A)...}; }
};

template <auto F> struct Register {
    Register(const char* name, bool barriers) {
        kernels()[name] = {name, Thunk<F>::run, Thunk<F>::sizes(), barriers};
    }
};

struct TextureView {
    const uint8_t* data;
    unsigned pitch, width, height, channels;
};

}  // namespace vigil_host
