// Kernels: modules from PTX text, and launches that run on the host.
#include "cuda.h"
#include "kernel_host.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

namespace vigil_host {

Index3 threadIdx, blockIdx, blockDim, gridDim;

std::map<std::string, Kernel>& kernels() {
    static auto* all = new std::map<std::string, Kernel>;
    return *all;
}

// The threads of a block that runs: each has a stack of its own, and the next one has its turn when
// one comes to a barrier or to its end.
struct Fibers {
    struct Fiber {
        ucontext_t context;
        std::unique_ptr<char[]> stack;
        Index3 index;
        bool ended = false;
    };
    static const size_t STACK = 64 << 10;
    std::vector<Fiber> all;
    size_t now = 0;
    ucontext_t home;
    const Kernel* kernel = nullptr;
    void** arguments = nullptr;
};

static Fibers fibers;

static void begin() {
    fibers.kernel->run(fibers.arguments);
    fibers.all[fibers.now].ended = true;
}

void barrier() {
    auto& fiber = fibers.all[fibers.now];
    swapcontext(&fiber.context, &fibers.home);
}

static void run_with_barriers(const Kernel& kernel, void** arguments) {
    size_t threads = size_t(blockDim.x) * blockDim.y * blockDim.z;
    fibers.kernel = &kernel;
    fibers.arguments = arguments;
    if (fibers.all.size() < threads) fibers.all.resize(threads);
    for (size_t i = 0; i < threads; i++) {
        auto& fiber = fibers.all[i];
        if (!fiber.stack) fiber.stack.reset(new char[Fibers::STACK]);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = Fibers::STACK;
        fiber.context.uc_link = &fibers.home;
        fiber.ended = false;
        fiber.index = {unsigned(i % blockDim.x), unsigned(i / blockDim.x % blockDim.y),
                       unsigned(i / blockDim.x / blockDim.y)};
        makecontext(&fiber.context, begin, 0);
    }
    for (;;) {
        size_t ended = 0;
        for (size_t i = 0; i < threads; i++) {
            auto& fiber = fibers.all[i];
            if (!fiber.ended) {
                fibers.now = i;
                threadIdx = fiber.index;
                swapcontext(&fibers.home, &fiber.context);
            }
            ended += fiber.ended;
        }
        if (ended == threads) return;
        // A barrier that some threads do not come to hangs on a GPU.
        if (ended) {
            fprintf(stderr, "fake CUDA: %s ends before a barrier in some threads\n", kernel.name);
            abort();
        }
    }
}

static void run(const Kernel& kernel, void** arguments) {
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                if (kernel.barriers) {
                    run_with_barriers(kernel, arguments);
                    continue;
                }
                for (threadIdx.z = 0; threadIdx.z < blockDim.z; threadIdx.z++)
                    for (threadIdx.y = 0; threadIdx.y < blockDim.y; threadIdx.y++)
                        for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++) kernel.run(arguments);
            }
}

}  // namespace vigil_host

// Bytes of a parameter as PTX declares it: `.param .u64 name`, `.param .align 8 .b8 name[40]`.
static size_t bytes_of(const std::string& declaration) {
    size_t bytes = 0;
    for (size_t at = 0; (at = declaration.find('.', at)) != std::string::npos; at++) {
        char kind;
        unsigned bits;
        if (sscanf(declaration.c_str() + at, ".%c%u", &kind, &bits) == 2 && strchr("busf", kind)) bytes = bits / 8;
    }
    size_t bracket = declaration.find('[');
    return bracket == std::string::npos ? bytes : bytes * atol(declaration.c_str() + bracket + 1);
}

static std::map<std::string, std::vector<size_t>> entries_of(const std::string& text) {
    std::map<std::string, std::vector<size_t>> entries;
    const std::string mark = ".visible .entry ";
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
        at += mark.size();
        size_t open = text.find('(', at), close = text.find(')', open);
        std::string name = text.substr(at, open - at), parameters = text.substr(open + 1, close - open - 1);
        std::vector<size_t> sizes;
        for (size_t p = 0; (p = parameters.find(".param", p)) != std::string::npos;) {
            size_t end = std::min(parameters.find(',', p), parameters.size());
            sizes.push_back(bytes_of(parameters.substr(p, end - p)));
            p = end;
        }
        entries[name] = sizes;
    }
    return entries;
}

static CUresult refuse(CUresult code, const std::string& why, unsigned count, const int* options, void** values) {
    char* log = nullptr;
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == 5) log = static_cast<char*>(values[i]);
        if (options[i] == 6) size = reinterpret_cast<size_t>(values[i]);
    }
    if (log && size) snprintf(log, size, "%s\n", why.c_str());
    return code;
}

EXPORT CUresult cuModuleLoadDataEx(Module** module, const char* text, unsigned count, int* options, void** values) {
    CALL_OUTSIDE_CAPTURE(cuModuleLoadDataEx);
    auto no = [&](CUresult code, const std::string& why) { return refuse(code, why, count, options, values); };
    std::string ptx = text;
    size_t target = ptx.find(".target sm_");
    if (ptx.find(".version ") == std::string::npos || target == std::string::npos)
        return no(INVALID_PTX, "ptxas fatal   : Missing .version directive at start of file");
    if (atoi(ptx.c_str() + target + 11) > state().capability)
        return no(NO_BINARY_FOR_GPU, "ptxas fatal   : the target is newer than the GPU");
    auto* loaded = new Module{current, entries_of(ptx)};
    for (auto& [name, sizes] : loaded->entries) {
        auto kernel = vigil_host::kernels().find(name);
        std::string why;
        if (kernel == vigil_host::kernels().end()) why = name + " has no source";
        else if (kernel->second.sizes != sizes) why = name + " has other parameters than its source";
        if (why.empty()) continue;
        delete loaded;
        return no(INVALID_PTX, why);
    }
    state().modules.insert(loaded);
    *module = loaded;
    return SUCCESS;
}

EXPORT CUresult cuModuleUnload(Module* module) {
    CALL_IN_CONTEXT(cuModuleUnload);
    if (!state().modules.erase(module)) {
        complain("cuModuleUnload of something that is no module");
        return INVALID_HANDLE;
    }
    drain_context(module->context);
    for (auto at = state().functions.begin(); at != state().functions.end();) {
        Function* function = *at;
        if (function->module != module) { ++at; continue; }
        at = state().functions.erase(at);
        delete function;
    }
    delete module;
    return SUCCESS;
}

EXPORT CUresult cuModuleGetFunction(Function** function, Module* module, const char* name) {
    CALL_IN_CONTEXT(cuModuleGetFunction);
    if (!state().modules.count(module)) return INVALID_HANDLE;
    if (!module->entries.count(name)) return NOT_FOUND;
    *function = new Function{module, name};
    state().functions.insert(*function);
    return SUCCESS;
}

EXPORT CUresult cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                               unsigned bz, unsigned, Stream* handle, void** parameters, void**) {
    CALL_IN_CONTEXT(cuLaunchKernel);
    Stream* stream = stream_of(handle, current, "cuLaunchKernel");
    if (!stream || !state().functions.count(function)) return INVALID_HANDLE;
    if (function->module->context != current) {
        complain("cuLaunchKernel with a kernel of another context");
        return INVALID_HANDLE;
    }
    bool fits = gx && gy && gz && bx && by && bz && bx * by * bz <= 1024 && gy <= 65535 && gz <= 65535;
    if (!fits) return INVALID_VALUE;
    // Parameters are copied now, as a GPU's launch does.
    auto kept = std::make_shared<std::vector<std::vector<char>>>();
    const auto& sizes = function->module->entries[function->name];
    for (size_t i = 0; i < sizes.size(); i++) {
        auto* begin = static_cast<const char*>(parameters[i]);
        kept->emplace_back(begin, begin + sizes[i]);
    }
    const auto* kernel = &vigil_host::kernels()[function->name];
    return enqueue(stream, {"kernel " + function->name, [=] {
        std::vector<void*> pointers;
        for (auto& bytes : *kept) pointers.push_back(bytes.data());
        vigil_host::gridDim = {gx, gy, gz};
        vigil_host::blockDim = {bx, by, bz};
        vigil_host::run(*kernel, pointers.data());
    }});
}
