// Compares what Vigil assumes of TensorRT's binary interface with TensorRT's own headers.
//
//   g++ -std=c++14 -DTRT_MAJOR=10 -I$TENSORRT_INCLUDE_DIR -I../fake/tensorrt abi_check.cpp
//
// It links nothing: a program that compiles, and that prints no difference, is the proof.
// -std=c++14, because `noexcept` is part of a function's type after it.

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#if NV_TENSORRT_MAJOR != TRT_MAJOR
#error "these are headers of another major version than TRT_MAJOR says"
#endif

namespace {

int differences = 0;

// The slot of a virtual method, from a pointer to it (Itanium C++ ABI 2.3: the offset in the table,
// plus 1 where the low bit of the first word says that it is virtual; on ARM the second word does).
template <typename Pointer> long slot_of(Pointer pointer) {
    std::ptrdiff_t words[2] = {0, 0};
    static_assert(sizeof pointer == sizeof words, "a pointer to a method is two words");
    std::memcpy(words, &pointer, sizeof words);
#if defined(__aarch64__) || defined(__arm__)
    const bool is_virtual = words[1] & 1;
    const std::ptrdiff_t offset = words[0];
#else
    const bool is_virtual = words[0] & 1;
    const std::ptrdiff_t offset = words[0] - 1;
#endif
    return is_virtual ? static_cast<long>(offset / static_cast<long>(sizeof(void*))) : -1;
}

void compare(char const* what, long assumed, long real) {
    if (assumed != real) {
        std::printf("%s: %ld is assumed, it is %ld\n", what, assumed, real);
        ++differences;
    }
}

} // namespace

namespace check {
using namespace nvinfer1;
using namespace nvinfer1::apiv;
using nvonnxparser::IParser;
using nvonnxparser::IParserError;
using ErrorCode = nvonnxparser::ErrorCode;

void slots() {
#define SLOT(class, method, slot, type) \
    compare(#class "::" #method, slot, slot_of(static_cast<type>(&class ::method)));
#include "slots.inc"
#undef SLOT
}

void callbacks() {
    compare("ILogger::log", TRT_MAJOR >= 11 ? 4 : 0, slot_of(&ILogger::log));
#if TRT_MAJOR >= 10
    compare("getAPILanguage", 0, slot_of(&IProgressMonitor::getAPILanguage));
    compare("getInterfaceInfo", 1, slot_of(&IProgressMonitor::getInterfaceInfo));
    compare("phaseStart", 4, slot_of(&IProgressMonitor::phaseStart));
    compare("stepComplete", 5, slot_of(&IProgressMonitor::stepComplete));
    compare("phaseFinish", 6, slot_of(&IProgressMonitor::phaseFinish));
    compare("sizeof InterfaceInfo", 16, sizeof(InterfaceInfo));
    compare("sizeof APILanguage", 4, sizeof(APILanguage));
#endif
}

#define VALUE(name, assumed) compare(#name, assumed, static_cast<long>(name));

void values() {
    const long extent = TRT_MAJOR == 8 ? 4 : 8;
    compare("sizeof Dims", extent == 4 ? 36 : 72, sizeof(Dims));
    compare("offset of Dims::d", extent, offsetof(Dims, d));
    compare("sizeof DataType", 4, sizeof(DataType));
    compare("sizeof ErrorCode", 4, sizeof(ErrorCode));
    compare("sizeof TensorIOMode", 4, sizeof(TensorIOMode));
    compare("sizeof TensorFormat", 4, sizeof(TensorFormat));
    compare("sizeof BuilderFlag", 4, sizeof(BuilderFlag));
    compare("sizeof IRuntime", 16, sizeof(IRuntime));
    VALUE(DataType::kFLOAT, 0)
    VALUE(DataType::kHALF, 1)
    VALUE(DataType::kINT8, 2)
    VALUE(DataType::kINT32, 3)
    VALUE(DataType::kBOOL, 4)
    VALUE(DataType::kUINT8, 5)
#if TRT_MAJOR >= 10
    VALUE(DataType::kBF16, 7)
    VALUE(DataType::kINT64, 8)
#endif
    VALUE(TensorIOMode::kINPUT, 1)
    VALUE(TensorIOMode::kOUTPUT, 2)
    VALUE(TensorLocation::kDEVICE, 0)
    VALUE(TensorFormat::kLINEAR, 0)
    VALUE(OptProfileSelector::kMIN, 0)
    VALUE(OptProfileSelector::kOPT, 1)
    VALUE(OptProfileSelector::kMAX, 2)
    VALUE(MemoryPoolType::kWORKSPACE, 0)
    VALUE(ILogger::Severity::kINTERNAL_ERROR, 0)
    VALUE(ILogger::Severity::kVERBOSE, 4)
#if TRT_MAJOR <= 10
    VALUE(BuilderFlag::kFP16, 0)
    VALUE(BuilderFlag::kINT8, 1)
#endif
    VALUE(BuilderFlag::kVERSION_COMPATIBLE, TRT_MAJOR == 8 ? 15 : TRT_MAJOR == 10 ? 13 : 12)
#if TRT_MAJOR == 8
    VALUE(NetworkDefinitionCreationFlag::kEXPLICIT_BATCH, 0)
#elif TRT_MAJOR == 10
    VALUE(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED, 1)
#endif
}
} // namespace check

int main() {
    check::slots();
    check::callbacks();
    check::values();
    std::printf("TensorRT %d.%d: %d differences\n", NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, differences);
    return differences ? 1 : 0;
}
