// Types of TensorRT's binary interface, in our own words, for each major version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#ifndef TRT_MAJOR
#error "define TRT_MAJOR as 8, 10 or 11"
#endif

#if TRT_MAJOR == 8
using Extent = int32_t;
#else
using Extent = int64_t;
#endif

struct Dims {
    int32_t count;
    Extent extents[8];
};

using BuilderFlag = int32_t;
using DataType = int32_t;
using ErrorCode = int32_t;
using ExecutionContextAllocationStrategy = int32_t;
using MemoryPoolType = int32_t;
using OptProfileSelector = int32_t;
using TensorFormat = int32_t;
using TensorIOMode = int32_t;
using TensorLocation = int32_t;
using NetworkDefinitionCreationFlags = uint32_t;
using cudaStream_t = void*;

enum : DataType { FLOAT = 0, HALF = 1, INT32 = 3, INT64 = 8 };

struct InterfaceInfo {
    char const* kind;
    int32_t major;
    int32_t minor;
};

class IVersionedInterface {
public:
    virtual int32_t getAPILanguage() const noexcept = 0;
    virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
    virtual ~IVersionedInterface() noexcept = default;
};

#if TRT_MAJOR >= 11
class ILogger : public IVersionedInterface {
public:
    virtual void log(int32_t severity, char const* text) noexcept = 0;
};
#else
class ILogger {
public:
    virtual void log(int32_t severity, char const* text) noexcept = 0;
    virtual ~ILogger() = default;
};
#endif

class IProgressMonitor : public IVersionedInterface {
public:
    virtual void phaseStart(char const* phase, char const* parent, int32_t steps) noexcept = 0;
    virtual bool stepComplete(char const* phase, int32_t step) noexcept = 0;
    virtual void phaseFinish(char const* phase) noexcept = 0;
};

// What stands where a method is that nobody should call.
[[noreturn]] inline void unused(char const* name, int slot) {
    std::fprintf(stderr, "slot %d of %s was called, which is not used\n", slot, name);
    std::abort();
}
