// Written by tools/tensorrt-slots, not by hand.
#pragma once
#include "types.h"

class IBuilderConfig;
class ICudaEngine;
class IExecutionContext;
class IHostMemory;
class INetworkDefinition;
class IOptimizationProfile;
class IPluginFactory;
class IProgressMonitor;
class ITensor;
class ITimingCache;
class IParserError;

#if TRT_MAJOR == 8
class VHostMemory {
public:
    virtual ~VHostMemory() noexcept = default;
    virtual void* data() const noexcept = 0;
    virtual size_t size() const noexcept = 0;
};
class VRuntime {
public:
    virtual ~VRuntime() noexcept = default;
    virtual ICudaEngine* deserializeCudaEngine(void const*, size_t, IPluginFactory*) noexcept = 0;
    virtual void gap3() { unused("VRuntime", 3); }
    virtual void gap4() { unused("VRuntime", 4); }
    virtual void gap5() { unused("VRuntime", 5); }
    virtual void gap6() { unused("VRuntime", 6); }
    virtual void gap7() { unused("VRuntime", 7); }
    virtual void gap8() { unused("VRuntime", 8); }
    virtual void gap9() { unused("VRuntime", 9); }
    virtual void gap10() { unused("VRuntime", 10); }
    virtual void gap11() { unused("VRuntime", 11); }
    virtual void gap12() { unused("VRuntime", 12); }
    virtual void gap13() { unused("VRuntime", 13); }
    virtual void gap14() { unused("VRuntime", 14); }
    virtual void gap15() { unused("VRuntime", 15); }
    virtual void gap16() { unused("VRuntime", 16); }
    virtual void gap17() { unused("VRuntime", 17); }
    virtual void gap18() { unused("VRuntime", 18); }
    virtual void gap19() { unused("VRuntime", 19); }
    virtual void setEngineHostCodeAllowed(bool) noexcept = 0;
};
class VCudaEngine {
public:
    virtual ~VCudaEngine() noexcept = default;
    virtual void gap2() { unused("VCudaEngine", 2); }
    virtual void gap3() { unused("VCudaEngine", 3); }
    virtual void gap4() { unused("VCudaEngine", 4); }
    virtual void gap5() { unused("VCudaEngine", 5); }
    virtual void gap6() { unused("VCudaEngine", 6); }
    virtual void gap7() { unused("VCudaEngine", 7); }
    virtual void gap8() { unused("VCudaEngine", 8); }
    virtual void gap9() { unused("VCudaEngine", 9); }
    virtual void gap10() { unused("VCudaEngine", 10); }
    virtual IExecutionContext* createExecutionContext() noexcept = 0;
    virtual void gap12() { unused("VCudaEngine", 12); }
    virtual void gap13() { unused("VCudaEngine", 13); }
    virtual size_t getDeviceMemorySize() const noexcept = 0;
    virtual void gap15() { unused("VCudaEngine", 15); }
    virtual void gap16() { unused("VCudaEngine", 16); }
    virtual void gap17() { unused("VCudaEngine", 17); }
    virtual void gap18() { unused("VCudaEngine", 18); }
    virtual void gap19() { unused("VCudaEngine", 19); }
    virtual void gap20() { unused("VCudaEngine", 20); }
    virtual void gap21() { unused("VCudaEngine", 21); }
    virtual int32_t getNbOptimizationProfiles() const noexcept = 0;
    virtual void gap23() { unused("VCudaEngine", 23); }
    virtual void gap24() { unused("VCudaEngine", 24); }
    virtual void gap25() { unused("VCudaEngine", 25); }
    virtual void gap26() { unused("VCudaEngine", 26); }
    virtual void gap27() { unused("VCudaEngine", 27); }
    virtual void gap28() { unused("VCudaEngine", 28); }
    virtual void gap29() { unused("VCudaEngine", 29); }
    virtual void gap30() { unused("VCudaEngine", 30); }
    virtual void gap31() { unused("VCudaEngine", 31); }
    virtual void gap32() { unused("VCudaEngine", 32); }
    virtual void gap33() { unused("VCudaEngine", 33); }
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual DataType getTensorDataType(char const*) const noexcept = 0;
    virtual TensorLocation getTensorLocation(char const*) const noexcept = 0;
    virtual void gap37() { unused("VCudaEngine", 37); }
    virtual TensorIOMode getTensorIOMode(char const*) const noexcept = 0;
    virtual void gap39() { unused("VCudaEngine", 39); }
    virtual void gap40() { unused("VCudaEngine", 40); }
    virtual TensorFormat getTensorFormat(char const*) const noexcept = 0;
    virtual char const* getTensorFormatDesc(char const*) const noexcept = 0;
    virtual void gap43() { unused("VCudaEngine", 43); }
    virtual Dims getProfileShape(char const*, int32_t, OptProfileSelector) const noexcept = 0;
    virtual int32_t getNbIOTensors() const noexcept = 0;
    virtual char const* getIOTensorName(int32_t) const noexcept = 0;
};
class VExecutionContext {
public:
    virtual ~VExecutionContext() noexcept = default;
    virtual void gap2() { unused("VExecutionContext", 2); }
    virtual void gap3() { unused("VExecutionContext", 3); }
    virtual void gap4() { unused("VExecutionContext", 4); }
    virtual void gap5() { unused("VExecutionContext", 5); }
    virtual void gap6() { unused("VExecutionContext", 6); }
    virtual void gap7() { unused("VExecutionContext", 7); }
    virtual void gap8() { unused("VExecutionContext", 8); }
    virtual void gap9() { unused("VExecutionContext", 9); }
    virtual void gap10() { unused("VExecutionContext", 10); }
    virtual void gap11() { unused("VExecutionContext", 11); }
    virtual void gap12() { unused("VExecutionContext", 12); }
    virtual void gap13() { unused("VExecutionContext", 13); }
    virtual void gap14() { unused("VExecutionContext", 14); }
    virtual void gap15() { unused("VExecutionContext", 15); }
    virtual void gap16() { unused("VExecutionContext", 16); }
    virtual void gap17() { unused("VExecutionContext", 17); }
    virtual void gap18() { unused("VExecutionContext", 18); }
    virtual void gap19() { unused("VExecutionContext", 19); }
    virtual void gap20() { unused("VExecutionContext", 20); }
    virtual void gap21() { unused("VExecutionContext", 21); }
    virtual void gap22() { unused("VExecutionContext", 22); }
    virtual void gap23() { unused("VExecutionContext", 23); }
    virtual void gap24() { unused("VExecutionContext", 24); }
    virtual void gap25() { unused("VExecutionContext", 25); }
    virtual void gap26() { unused("VExecutionContext", 26); }
    virtual void gap27() { unused("VExecutionContext", 27); }
    virtual void gap28() { unused("VExecutionContext", 28); }
    virtual bool setInputShape(char const*, Dims const&) noexcept = 0;
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual void gap31() { unused("VExecutionContext", 31); }
    virtual bool setTensorAddress(char const*, void*) noexcept = 0;
    virtual void gap33() { unused("VExecutionContext", 33); }
    virtual void gap34() { unused("VExecutionContext", 34); }
    virtual int32_t inferShapes(int32_t, char const**) noexcept = 0;
    virtual void gap36() { unused("VExecutionContext", 36); }
    virtual void gap37() { unused("VExecutionContext", 37); }
    virtual void gap38() { unused("VExecutionContext", 38); }
    virtual void gap39() { unused("VExecutionContext", 39); }
    virtual void gap40() { unused("VExecutionContext", 40); }
    virtual void gap41() { unused("VExecutionContext", 41); }
    virtual void gap42() { unused("VExecutionContext", 42); }
    virtual void gap43() { unused("VExecutionContext", 43); }
    virtual bool enqueueV3(cudaStream_t) noexcept = 0;
};
class VBuilder {
public:
    virtual ~VBuilder() noexcept = default;
    virtual void gap2() { unused("VBuilder", 2); }
    virtual void gap3() { unused("VBuilder", 3); }
    virtual bool platformHasFastFp16() const noexcept = 0;
    virtual void gap5() { unused("VBuilder", 5); }
    virtual void gap6() { unused("VBuilder", 6); }
    virtual void gap7() { unused("VBuilder", 7); }
    virtual void gap8() { unused("VBuilder", 8); }
    virtual IBuilderConfig* createBuilderConfig() noexcept = 0;
    virtual void gap10() { unused("VBuilder", 10); }
    virtual INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags) noexcept = 0;
    virtual IOptimizationProfile* createOptimizationProfile() noexcept = 0;
    virtual void gap13() { unused("VBuilder", 13); }
    virtual void gap14() { unused("VBuilder", 14); }
    virtual void gap15() { unused("VBuilder", 15); }
    virtual void gap16() { unused("VBuilder", 16); }
    virtual IHostMemory* buildSerializedNetwork(INetworkDefinition&, IBuilderConfig&) noexcept = 0;
};
class VBuilderConfig {
public:
    virtual ~VBuilderConfig() noexcept = default;
    virtual void gap2() { unused("VBuilderConfig", 2); }
    virtual void gap3() { unused("VBuilderConfig", 3); }
    virtual void gap4() { unused("VBuilderConfig", 4); }
    virtual void gap5() { unused("VBuilderConfig", 5); }
    virtual void gap6() { unused("VBuilderConfig", 6); }
    virtual void gap7() { unused("VBuilderConfig", 7); }
    virtual void gap8() { unused("VBuilderConfig", 8); }
    virtual void gap9() { unused("VBuilderConfig", 9); }
    virtual void gap10() { unused("VBuilderConfig", 10); }
    virtual void gap11() { unused("VBuilderConfig", 11); }
    virtual void gap12() { unused("VBuilderConfig", 12); }
    virtual void gap13() { unused("VBuilderConfig", 13); }
    virtual void clearFlag(BuilderFlag) noexcept = 0;
    virtual void setFlag(BuilderFlag) noexcept = 0;
    virtual void gap16() { unused("VBuilderConfig", 16); }
    virtual void gap17() { unused("VBuilderConfig", 17); }
    virtual void gap18() { unused("VBuilderConfig", 18); }
    virtual void gap19() { unused("VBuilderConfig", 19); }
    virtual void gap20() { unused("VBuilderConfig", 20); }
    virtual void gap21() { unused("VBuilderConfig", 21); }
    virtual void gap22() { unused("VBuilderConfig", 22); }
    virtual void gap23() { unused("VBuilderConfig", 23); }
    virtual void gap24() { unused("VBuilderConfig", 24); }
    virtual void gap25() { unused("VBuilderConfig", 25); }
    virtual void gap26() { unused("VBuilderConfig", 26); }
    virtual void gap27() { unused("VBuilderConfig", 27); }
    virtual void gap28() { unused("VBuilderConfig", 28); }
    virtual int32_t addOptimizationProfile(IOptimizationProfile const*) noexcept = 0;
    virtual void gap30() { unused("VBuilderConfig", 30); }
    virtual void gap31() { unused("VBuilderConfig", 31); }
    virtual void gap32() { unused("VBuilderConfig", 32); }
    virtual void gap33() { unused("VBuilderConfig", 33); }
    virtual void gap34() { unused("VBuilderConfig", 34); }
    virtual void gap35() { unused("VBuilderConfig", 35); }
    virtual void gap36() { unused("VBuilderConfig", 36); }
    virtual void gap37() { unused("VBuilderConfig", 37); }
    virtual void gap38() { unused("VBuilderConfig", 38); }
    virtual void gap39() { unused("VBuilderConfig", 39); }
    virtual void gap40() { unused("VBuilderConfig", 40); }
    virtual void gap41() { unused("VBuilderConfig", 41); }
    virtual void gap42() { unused("VBuilderConfig", 42); }
    virtual void gap43() { unused("VBuilderConfig", 43); }
    virtual ITimingCache* createTimingCache(void const*, size_t) const noexcept = 0;
    virtual bool setTimingCache(ITimingCache const&, bool) noexcept = 0;
    virtual ITimingCache const* getTimingCache() const noexcept = 0;
    virtual void setMemoryPoolLimit(MemoryPoolType, size_t) noexcept = 0;
    virtual void gap48() { unused("VBuilderConfig", 48); }
    virtual void gap49() { unused("VBuilderConfig", 49); }
    virtual void gap50() { unused("VBuilderConfig", 50); }
    virtual void setBuilderOptimizationLevel(int32_t) noexcept = 0;
};
class VNetworkDefinition {
public:
    virtual ~VNetworkDefinition() noexcept = default;
    virtual void gap2() { unused("VNetworkDefinition", 2); }
    virtual void gap3() { unused("VNetworkDefinition", 3); }
    virtual void gap4() { unused("VNetworkDefinition", 4); }
    virtual void gap5() { unused("VNetworkDefinition", 5); }
    virtual void gap6() { unused("VNetworkDefinition", 6); }
    virtual void gap7() { unused("VNetworkDefinition", 7); }
    virtual void gap8() { unused("VNetworkDefinition", 8); }
    virtual void gap9() { unused("VNetworkDefinition", 9); }
    virtual void gap10() { unused("VNetworkDefinition", 10); }
    virtual void gap11() { unused("VNetworkDefinition", 11); }
    virtual void gap12() { unused("VNetworkDefinition", 12); }
    virtual void gap13() { unused("VNetworkDefinition", 13); }
    virtual void gap14() { unused("VNetworkDefinition", 14); }
    virtual void gap15() { unused("VNetworkDefinition", 15); }
    virtual void gap16() { unused("VNetworkDefinition", 16); }
    virtual int32_t getNbLayers() const noexcept = 0;
    virtual void gap18() { unused("VNetworkDefinition", 18); }
    virtual int32_t getNbInputs() const noexcept = 0;
    virtual ITensor* getInput(int32_t) const noexcept = 0;
};
class VOptimizationProfile {
public:
    virtual ~VOptimizationProfile() noexcept = default;
    virtual bool setDimensions(char const*, OptProfileSelector, Dims) noexcept = 0;
    virtual void gap3() { unused("VOptimizationProfile", 3); }
    virtual void gap4() { unused("VOptimizationProfile", 4); }
    virtual void gap5() { unused("VOptimizationProfile", 5); }
    virtual void gap6() { unused("VOptimizationProfile", 6); }
    virtual void gap7() { unused("VOptimizationProfile", 7); }
    virtual void gap8() { unused("VOptimizationProfile", 8); }
    virtual bool isValid() const noexcept = 0;
};
class VTensor {
public:
    virtual ~VTensor() noexcept = default;
    virtual void gap2() { unused("VTensor", 2); }
    virtual char const* getName() const noexcept = 0;
    virtual void gap4() { unused("VTensor", 4); }
    virtual Dims getDimensions() const noexcept = 0;
};
class VTimingCache {
public:
    virtual ~VTimingCache() noexcept = default;
    virtual IHostMemory* serialize() const noexcept = 0;
    virtual bool combine(ITimingCache const&, bool) noexcept = 0;
};
class IParser {
public:
    virtual bool parse(void const*, size_t, char const*) noexcept = 0;
    virtual void gap1() { unused("IParser", 1); }
    virtual void gap2() { unused("IParser", 2); }
    virtual void gap3() { unused("IParser", 3); }
    virtual void gap4() { unused("IParser", 4); }
    virtual void gap5() { unused("IParser", 5); }
    virtual int getNbErrors() const noexcept = 0;
    virtual IParserError const* getError(int) const noexcept = 0;
    virtual void gap8() { unused("IParser", 8); }
    virtual void gap9() { unused("IParser", 9); }
    virtual void gap10() { unused("IParser", 10); }
    virtual void gap11() { unused("IParser", 11); }
    virtual void gap12() { unused("IParser", 12); }
    virtual void gap13() { unused("IParser", 13); }
    virtual ~IParser() noexcept = default;
};
class IParserError {
public:
    virtual ErrorCode code() const noexcept = 0;
    virtual char const* desc() const noexcept = 0;
    virtual char const* file() const noexcept = 0;
    virtual int line() const noexcept = 0;
    virtual char const* func() const noexcept = 0;
    virtual int node() const noexcept = 0;
};
#endif
#if TRT_MAJOR == 10
class VHostMemory {
public:
    virtual ~VHostMemory() noexcept = default;
    virtual void* data() const noexcept = 0;
    virtual size_t size() const noexcept = 0;
};
class VRuntime {
public:
    virtual ~VRuntime() noexcept = default;
    virtual void gap2() { unused("VRuntime", 2); }
    virtual ICudaEngine* deserializeCudaEngine(void const*, size_t) noexcept = 0;
    virtual void gap4() { unused("VRuntime", 4); }
    virtual void gap5() { unused("VRuntime", 5); }
    virtual void gap6() { unused("VRuntime", 6); }
    virtual void gap7() { unused("VRuntime", 7); }
    virtual void gap8() { unused("VRuntime", 8); }
    virtual void gap9() { unused("VRuntime", 9); }
    virtual void gap10() { unused("VRuntime", 10); }
    virtual void gap11() { unused("VRuntime", 11); }
    virtual void gap12() { unused("VRuntime", 12); }
    virtual void gap13() { unused("VRuntime", 13); }
    virtual void gap14() { unused("VRuntime", 14); }
    virtual void gap15() { unused("VRuntime", 15); }
    virtual void gap16() { unused("VRuntime", 16); }
    virtual void gap17() { unused("VRuntime", 17); }
    virtual void gap18() { unused("VRuntime", 18); }
    virtual void gap19() { unused("VRuntime", 19); }
    virtual void gap20() { unused("VRuntime", 20); }
    virtual void setEngineHostCodeAllowed(bool) noexcept = 0;
};
class VCudaEngine {
public:
    virtual ~VCudaEngine() noexcept = default;
    virtual void gap2() { unused("VCudaEngine", 2); }
    virtual void gap3() { unused("VCudaEngine", 3); }
    virtual void gap4() { unused("VCudaEngine", 4); }
    virtual IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept = 0;
    virtual void gap6() { unused("VCudaEngine", 6); }
    virtual size_t getDeviceMemorySize() const noexcept = 0;
    virtual void gap8() { unused("VCudaEngine", 8); }
    virtual void gap9() { unused("VCudaEngine", 9); }
    virtual int32_t getNbOptimizationProfiles() const noexcept = 0;
    virtual void gap11() { unused("VCudaEngine", 11); }
    virtual void gap12() { unused("VCudaEngine", 12); }
    virtual void gap13() { unused("VCudaEngine", 13); }
    virtual void gap14() { unused("VCudaEngine", 14); }
    virtual void gap15() { unused("VCudaEngine", 15); }
    virtual void gap16() { unused("VCudaEngine", 16); }
    virtual void gap17() { unused("VCudaEngine", 17); }
    virtual void gap18() { unused("VCudaEngine", 18); }
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual DataType getTensorDataType(char const*) const noexcept = 0;
    virtual TensorLocation getTensorLocation(char const*) const noexcept = 0;
    virtual void gap22() { unused("VCudaEngine", 22); }
    virtual TensorIOMode getTensorIOMode(char const*) const noexcept = 0;
    virtual void gap24() { unused("VCudaEngine", 24); }
    virtual void gap25() { unused("VCudaEngine", 25); }
    virtual TensorFormat getTensorFormat(char const*) const noexcept = 0;
    virtual char const* getTensorFormatDesc(char const*) const noexcept = 0;
    virtual void gap28() { unused("VCudaEngine", 28); }
    virtual Dims getProfileShape(char const*, int32_t, OptProfileSelector) const noexcept = 0;
    virtual int32_t getNbIOTensors() const noexcept = 0;
    virtual char const* getIOTensorName(int32_t) const noexcept = 0;
};
class VExecutionContext {
public:
    virtual ~VExecutionContext() noexcept = default;
    virtual void gap2() { unused("VExecutionContext", 2); }
    virtual void gap3() { unused("VExecutionContext", 3); }
    virtual void gap4() { unused("VExecutionContext", 4); }
    virtual void gap5() { unused("VExecutionContext", 5); }
    virtual void gap6() { unused("VExecutionContext", 6); }
    virtual void gap7() { unused("VExecutionContext", 7); }
    virtual void gap8() { unused("VExecutionContext", 8); }
    virtual void gap9() { unused("VExecutionContext", 9); }
    virtual void gap10() { unused("VExecutionContext", 10); }
    virtual void gap11() { unused("VExecutionContext", 11); }
    virtual void gap12() { unused("VExecutionContext", 12); }
    virtual void gap13() { unused("VExecutionContext", 13); }
    virtual void gap14() { unused("VExecutionContext", 14); }
    virtual void gap15() { unused("VExecutionContext", 15); }
    virtual void gap16() { unused("VExecutionContext", 16); }
    virtual void gap17() { unused("VExecutionContext", 17); }
    virtual void gap18() { unused("VExecutionContext", 18); }
    virtual void gap19() { unused("VExecutionContext", 19); }
    virtual void gap20() { unused("VExecutionContext", 20); }
    virtual bool setInputShape(char const*, Dims const&) noexcept = 0;
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual void gap23() { unused("VExecutionContext", 23); }
    virtual bool setTensorAddress(char const*, void*) noexcept = 0;
    virtual void gap25() { unused("VExecutionContext", 25); }
    virtual void gap26() { unused("VExecutionContext", 26); }
    virtual void gap27() { unused("VExecutionContext", 27); }
    virtual int32_t inferShapes(int32_t, char const**) noexcept = 0;
    virtual void gap29() { unused("VExecutionContext", 29); }
    virtual void gap30() { unused("VExecutionContext", 30); }
    virtual void gap31() { unused("VExecutionContext", 31); }
    virtual void gap32() { unused("VExecutionContext", 32); }
    virtual void gap33() { unused("VExecutionContext", 33); }
    virtual void gap34() { unused("VExecutionContext", 34); }
    virtual void gap35() { unused("VExecutionContext", 35); }
    virtual void gap36() { unused("VExecutionContext", 36); }
    virtual bool enqueueV3(cudaStream_t) noexcept = 0;
};
class VBuilder {
public:
    virtual ~VBuilder() noexcept = default;
    virtual bool platformHasFastFp16() const noexcept = 0;
    virtual void gap3() { unused("VBuilder", 3); }
    virtual void gap4() { unused("VBuilder", 4); }
    virtual void gap5() { unused("VBuilder", 5); }
    virtual void gap6() { unused("VBuilder", 6); }
    virtual IBuilderConfig* createBuilderConfig() noexcept = 0;
    virtual INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags) noexcept = 0;
    virtual IOptimizationProfile* createOptimizationProfile() noexcept = 0;
    virtual void gap10() { unused("VBuilder", 10); }
    virtual void gap11() { unused("VBuilder", 11); }
    virtual void gap12() { unused("VBuilder", 12); }
    virtual void gap13() { unused("VBuilder", 13); }
    virtual IHostMemory* buildSerializedNetwork(INetworkDefinition&, IBuilderConfig&) noexcept = 0;
};
class VBuilderConfig {
public:
    virtual ~VBuilderConfig() noexcept = default;
    virtual void gap2() { unused("VBuilderConfig", 2); }
    virtual void gap3() { unused("VBuilderConfig", 3); }
    virtual void gap4() { unused("VBuilderConfig", 4); }
    virtual void gap5() { unused("VBuilderConfig", 5); }
    virtual void gap6() { unused("VBuilderConfig", 6); }
    virtual void gap7() { unused("VBuilderConfig", 7); }
    virtual void gap8() { unused("VBuilderConfig", 8); }
    virtual void gap9() { unused("VBuilderConfig", 9); }
    virtual void clearFlag(BuilderFlag) noexcept = 0;
    virtual void setFlag(BuilderFlag) noexcept = 0;
    virtual void gap12() { unused("VBuilderConfig", 12); }
    virtual void gap13() { unused("VBuilderConfig", 13); }
    virtual void gap14() { unused("VBuilderConfig", 14); }
    virtual void gap15() { unused("VBuilderConfig", 15); }
    virtual void gap16() { unused("VBuilderConfig", 16); }
    virtual void gap17() { unused("VBuilderConfig", 17); }
    virtual void gap18() { unused("VBuilderConfig", 18); }
    virtual void gap19() { unused("VBuilderConfig", 19); }
    virtual void gap20() { unused("VBuilderConfig", 20); }
    virtual void gap21() { unused("VBuilderConfig", 21); }
    virtual void gap22() { unused("VBuilderConfig", 22); }
    virtual void gap23() { unused("VBuilderConfig", 23); }
    virtual void gap24() { unused("VBuilderConfig", 24); }
    virtual int32_t addOptimizationProfile(IOptimizationProfile const*) noexcept = 0;
    virtual void gap26() { unused("VBuilderConfig", 26); }
    virtual void gap27() { unused("VBuilderConfig", 27); }
    virtual void gap28() { unused("VBuilderConfig", 28); }
    virtual void gap29() { unused("VBuilderConfig", 29); }
    virtual void gap30() { unused("VBuilderConfig", 30); }
    virtual void gap31() { unused("VBuilderConfig", 31); }
    virtual void gap32() { unused("VBuilderConfig", 32); }
    virtual void gap33() { unused("VBuilderConfig", 33); }
    virtual void gap34() { unused("VBuilderConfig", 34); }
    virtual void gap35() { unused("VBuilderConfig", 35); }
    virtual void gap36() { unused("VBuilderConfig", 36); }
    virtual void gap37() { unused("VBuilderConfig", 37); }
    virtual void gap38() { unused("VBuilderConfig", 38); }
    virtual void gap39() { unused("VBuilderConfig", 39); }
    virtual ITimingCache* createTimingCache(void const*, size_t) const noexcept = 0;
    virtual bool setTimingCache(ITimingCache const&, bool) noexcept = 0;
    virtual ITimingCache const* getTimingCache() const noexcept = 0;
    virtual void setMemoryPoolLimit(MemoryPoolType, size_t) noexcept = 0;
    virtual void gap44() { unused("VBuilderConfig", 44); }
    virtual void gap45() { unused("VBuilderConfig", 45); }
    virtual void gap46() { unused("VBuilderConfig", 46); }
    virtual void setBuilderOptimizationLevel(int32_t) noexcept = 0;
    virtual void gap48() { unused("VBuilderConfig", 48); }
    virtual void gap49() { unused("VBuilderConfig", 49); }
    virtual void gap50() { unused("VBuilderConfig", 50); }
    virtual void gap51() { unused("VBuilderConfig", 51); }
    virtual void gap52() { unused("VBuilderConfig", 52); }
    virtual void gap53() { unused("VBuilderConfig", 53); }
    virtual void gap54() { unused("VBuilderConfig", 54); }
    virtual void gap55() { unused("VBuilderConfig", 55); }
    virtual void setProgressMonitor(IProgressMonitor*) noexcept = 0;
};
class VNetworkDefinition {
public:
    virtual ~VNetworkDefinition() noexcept = default;
    virtual void gap2() { unused("VNetworkDefinition", 2); }
    virtual void gap3() { unused("VNetworkDefinition", 3); }
    virtual void gap4() { unused("VNetworkDefinition", 4); }
    virtual void gap5() { unused("VNetworkDefinition", 5); }
    virtual void gap6() { unused("VNetworkDefinition", 6); }
    virtual void gap7() { unused("VNetworkDefinition", 7); }
    virtual void gap8() { unused("VNetworkDefinition", 8); }
    virtual void gap9() { unused("VNetworkDefinition", 9); }
    virtual void gap10() { unused("VNetworkDefinition", 10); }
    virtual void gap11() { unused("VNetworkDefinition", 11); }
    virtual int32_t getNbLayers() const noexcept = 0;
    virtual void gap13() { unused("VNetworkDefinition", 13); }
    virtual int32_t getNbInputs() const noexcept = 0;
    virtual ITensor* getInput(int32_t) const noexcept = 0;
};
class VOptimizationProfile {
public:
    virtual ~VOptimizationProfile() noexcept = default;
    virtual bool setDimensions(char const*, OptProfileSelector, Dims const&) noexcept = 0;
    virtual void gap3() { unused("VOptimizationProfile", 3); }
    virtual void gap4() { unused("VOptimizationProfile", 4); }
    virtual void gap5() { unused("VOptimizationProfile", 5); }
    virtual void gap6() { unused("VOptimizationProfile", 6); }
    virtual void gap7() { unused("VOptimizationProfile", 7); }
    virtual void gap8() { unused("VOptimizationProfile", 8); }
    virtual bool isValid() const noexcept = 0;
};
class VTensor {
public:
    virtual ~VTensor() noexcept = default;
    virtual void gap2() { unused("VTensor", 2); }
    virtual char const* getName() const noexcept = 0;
    virtual void gap4() { unused("VTensor", 4); }
    virtual Dims getDimensions() const noexcept = 0;
};
class VTimingCache {
public:
    virtual ~VTimingCache() noexcept = default;
    virtual IHostMemory* serialize() const noexcept = 0;
    virtual bool combine(ITimingCache const&, bool) noexcept = 0;
};
class IParser {
public:
    virtual bool parse(void const*, size_t, char const*) noexcept = 0;
    virtual void gap1() { unused("IParser", 1); }
    virtual void gap2() { unused("IParser", 2); }
    virtual void gap3() { unused("IParser", 3); }
    virtual void gap4() { unused("IParser", 4); }
    virtual int getNbErrors() const noexcept = 0;
    virtual IParserError const* getError(int) const noexcept = 0;
    virtual void gap7() { unused("IParser", 7); }
    virtual ~IParser() noexcept = default;
};
class IParserError {
public:
    virtual ErrorCode code() const noexcept = 0;
    virtual char const* desc() const noexcept = 0;
    virtual char const* file() const noexcept = 0;
    virtual int line() const noexcept = 0;
    virtual char const* func() const noexcept = 0;
    virtual int node() const noexcept = 0;
    virtual char const* nodeName() const noexcept = 0;
    virtual char const* nodeOperator() const noexcept = 0;
};
#endif
#if TRT_MAJOR == 11
class VHostMemory {
public:
    virtual ~VHostMemory() noexcept = default;
    virtual void* data() const noexcept = 0;
    virtual size_t size() const noexcept = 0;
};
class VRuntime {
public:
    virtual ~VRuntime() noexcept = default;
    virtual void gap2() { unused("VRuntime", 2); }
    virtual ICudaEngine* deserializeCudaEngine(void const*, size_t) noexcept = 0;
    virtual void gap4() { unused("VRuntime", 4); }
    virtual void gap5() { unused("VRuntime", 5); }
    virtual void gap6() { unused("VRuntime", 6); }
    virtual void gap7() { unused("VRuntime", 7); }
    virtual void gap8() { unused("VRuntime", 8); }
    virtual void gap9() { unused("VRuntime", 9); }
    virtual void gap10() { unused("VRuntime", 10); }
    virtual void gap11() { unused("VRuntime", 11); }
    virtual void gap12() { unused("VRuntime", 12); }
    virtual void gap13() { unused("VRuntime", 13); }
    virtual void gap14() { unused("VRuntime", 14); }
    virtual void gap15() { unused("VRuntime", 15); }
    virtual void gap16() { unused("VRuntime", 16); }
    virtual void gap17() { unused("VRuntime", 17); }
    virtual void gap18() { unused("VRuntime", 18); }
    virtual void gap19() { unused("VRuntime", 19); }
    virtual void setEngineHostCodeAllowed(bool) noexcept = 0;
};
class VCudaEngine {
public:
    virtual ~VCudaEngine() noexcept = default;
    virtual void gap2() { unused("VCudaEngine", 2); }
    virtual void gap3() { unused("VCudaEngine", 3); }
    virtual void gap4() { unused("VCudaEngine", 4); }
    virtual IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept = 0;
    virtual void gap6() { unused("VCudaEngine", 6); }
    virtual void gap7() { unused("VCudaEngine", 7); }
    virtual int32_t getNbOptimizationProfiles() const noexcept = 0;
    virtual void gap9() { unused("VCudaEngine", 9); }
    virtual void gap10() { unused("VCudaEngine", 10); }
    virtual void gap11() { unused("VCudaEngine", 11); }
    virtual void gap12() { unused("VCudaEngine", 12); }
    virtual void gap13() { unused("VCudaEngine", 13); }
    virtual void gap14() { unused("VCudaEngine", 14); }
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual DataType getTensorDataType(char const*) const noexcept = 0;
    virtual TensorLocation getTensorLocation(char const*) const noexcept = 0;
    virtual void gap18() { unused("VCudaEngine", 18); }
    virtual TensorIOMode getTensorIOMode(char const*) const noexcept = 0;
    virtual void gap20() { unused("VCudaEngine", 20); }
    virtual void gap21() { unused("VCudaEngine", 21); }
    virtual TensorFormat getTensorFormat(char const*) const noexcept = 0;
    virtual char const* getTensorFormatDesc(char const*) const noexcept = 0;
    virtual void gap24() { unused("VCudaEngine", 24); }
    virtual Dims getProfileShape(char const*, int32_t, OptProfileSelector) const noexcept = 0;
    virtual int32_t getNbIOTensors() const noexcept = 0;
    virtual char const* getIOTensorName(int32_t) const noexcept = 0;
    virtual void gap28() { unused("VCudaEngine", 28); }
    virtual void gap29() { unused("VCudaEngine", 29); }
    virtual void gap30() { unused("VCudaEngine", 30); }
    virtual void gap31() { unused("VCudaEngine", 31); }
    virtual void gap32() { unused("VCudaEngine", 32); }
    virtual void gap33() { unused("VCudaEngine", 33); }
    virtual void gap34() { unused("VCudaEngine", 34); }
    virtual void gap35() { unused("VCudaEngine", 35); }
    virtual void gap36() { unused("VCudaEngine", 36); }
    virtual void gap37() { unused("VCudaEngine", 37); }
    virtual void gap38() { unused("VCudaEngine", 38); }
    virtual void gap39() { unused("VCudaEngine", 39); }
    virtual void gap40() { unused("VCudaEngine", 40); }
    virtual void gap41() { unused("VCudaEngine", 41); }
    virtual void gap42() { unused("VCudaEngine", 42); }
    virtual void gap43() { unused("VCudaEngine", 43); }
    virtual int64_t getDeviceMemorySizeV2() const noexcept = 0;
};
class VExecutionContext {
public:
    virtual ~VExecutionContext() noexcept = default;
    virtual void gap2() { unused("VExecutionContext", 2); }
    virtual void gap3() { unused("VExecutionContext", 3); }
    virtual void gap4() { unused("VExecutionContext", 4); }
    virtual void gap5() { unused("VExecutionContext", 5); }
    virtual void gap6() { unused("VExecutionContext", 6); }
    virtual void gap7() { unused("VExecutionContext", 7); }
    virtual void gap8() { unused("VExecutionContext", 8); }
    virtual void gap9() { unused("VExecutionContext", 9); }
    virtual void gap10() { unused("VExecutionContext", 10); }
    virtual void gap11() { unused("VExecutionContext", 11); }
    virtual void gap12() { unused("VExecutionContext", 12); }
    virtual void gap13() { unused("VExecutionContext", 13); }
    virtual void gap14() { unused("VExecutionContext", 14); }
    virtual void gap15() { unused("VExecutionContext", 15); }
    virtual void gap16() { unused("VExecutionContext", 16); }
    virtual void gap17() { unused("VExecutionContext", 17); }
    virtual void gap18() { unused("VExecutionContext", 18); }
    virtual void gap19() { unused("VExecutionContext", 19); }
    virtual bool setInputShape(char const*, Dims const&) noexcept = 0;
    virtual Dims getTensorShape(char const*) const noexcept = 0;
    virtual void gap22() { unused("VExecutionContext", 22); }
    virtual bool setTensorAddress(char const*, void*) noexcept = 0;
    virtual void gap24() { unused("VExecutionContext", 24); }
    virtual void gap25() { unused("VExecutionContext", 25); }
    virtual void gap26() { unused("VExecutionContext", 26); }
    virtual int32_t inferShapes(int32_t, char const**) noexcept = 0;
    virtual void gap28() { unused("VExecutionContext", 28); }
    virtual void gap29() { unused("VExecutionContext", 29); }
    virtual void gap30() { unused("VExecutionContext", 30); }
    virtual void gap31() { unused("VExecutionContext", 31); }
    virtual void gap32() { unused("VExecutionContext", 32); }
    virtual void gap33() { unused("VExecutionContext", 33); }
    virtual void gap34() { unused("VExecutionContext", 34); }
    virtual void gap35() { unused("VExecutionContext", 35); }
    virtual bool enqueueV3(cudaStream_t) noexcept = 0;
};
class VBuilder {
public:
    virtual ~VBuilder() noexcept = default;
    virtual void gap2() { unused("VBuilder", 2); }
    virtual void gap3() { unused("VBuilder", 3); }
    virtual void gap4() { unused("VBuilder", 4); }
    virtual IBuilderConfig* createBuilderConfig() noexcept = 0;
    virtual INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags) noexcept = 0;
    virtual IOptimizationProfile* createOptimizationProfile() noexcept = 0;
    virtual void gap8() { unused("VBuilder", 8); }
    virtual void gap9() { unused("VBuilder", 9); }
    virtual void gap10() { unused("VBuilder", 10); }
    virtual IHostMemory* buildSerializedNetwork(INetworkDefinition&, IBuilderConfig&) noexcept = 0;
};
class VBuilderConfig {
public:
    virtual ~VBuilderConfig() noexcept = default;
    virtual void gap2() { unused("VBuilderConfig", 2); }
    virtual void gap3() { unused("VBuilderConfig", 3); }
    virtual void gap4() { unused("VBuilderConfig", 4); }
    virtual void gap5() { unused("VBuilderConfig", 5); }
    virtual void gap6() { unused("VBuilderConfig", 6); }
    virtual void gap7() { unused("VBuilderConfig", 7); }
    virtual void clearFlag(BuilderFlag) noexcept = 0;
    virtual void setFlag(BuilderFlag) noexcept = 0;
    virtual void gap10() { unused("VBuilderConfig", 10); }
    virtual void gap11() { unused("VBuilderConfig", 11); }
    virtual void gap12() { unused("VBuilderConfig", 12); }
    virtual void gap13() { unused("VBuilderConfig", 13); }
    virtual void gap14() { unused("VBuilderConfig", 14); }
    virtual void gap15() { unused("VBuilderConfig", 15); }
    virtual void gap16() { unused("VBuilderConfig", 16); }
    virtual void gap17() { unused("VBuilderConfig", 17); }
    virtual void gap18() { unused("VBuilderConfig", 18); }
    virtual void gap19() { unused("VBuilderConfig", 19); }
    virtual void gap20() { unused("VBuilderConfig", 20); }
    virtual void gap21() { unused("VBuilderConfig", 21); }
    virtual void gap22() { unused("VBuilderConfig", 22); }
    virtual int32_t addOptimizationProfile(IOptimizationProfile const*) noexcept = 0;
    virtual void gap24() { unused("VBuilderConfig", 24); }
    virtual void gap25() { unused("VBuilderConfig", 25); }
    virtual void gap26() { unused("VBuilderConfig", 26); }
    virtual void gap27() { unused("VBuilderConfig", 27); }
    virtual void gap28() { unused("VBuilderConfig", 28); }
    virtual ITimingCache* createTimingCache(void const*, size_t) const noexcept = 0;
    virtual bool setTimingCache(ITimingCache const&, bool) noexcept = 0;
    virtual ITimingCache const* getTimingCache() const noexcept = 0;
    virtual void setMemoryPoolLimit(MemoryPoolType, size_t) noexcept = 0;
    virtual void gap33() { unused("VBuilderConfig", 33); }
    virtual void gap34() { unused("VBuilderConfig", 34); }
    virtual void gap35() { unused("VBuilderConfig", 35); }
    virtual void setBuilderOptimizationLevel(int32_t) noexcept = 0;
    virtual void gap37() { unused("VBuilderConfig", 37); }
    virtual void gap38() { unused("VBuilderConfig", 38); }
    virtual void gap39() { unused("VBuilderConfig", 39); }
    virtual void gap40() { unused("VBuilderConfig", 40); }
    virtual void gap41() { unused("VBuilderConfig", 41); }
    virtual void gap42() { unused("VBuilderConfig", 42); }
    virtual void gap43() { unused("VBuilderConfig", 43); }
    virtual void gap44() { unused("VBuilderConfig", 44); }
    virtual void setProgressMonitor(IProgressMonitor*) noexcept = 0;
};
class VNetworkDefinition {
public:
    virtual ~VNetworkDefinition() noexcept = default;
    virtual void gap2() { unused("VNetworkDefinition", 2); }
    virtual void gap3() { unused("VNetworkDefinition", 3); }
    virtual void gap4() { unused("VNetworkDefinition", 4); }
    virtual void gap5() { unused("VNetworkDefinition", 5); }
    virtual void gap6() { unused("VNetworkDefinition", 6); }
    virtual void gap7() { unused("VNetworkDefinition", 7); }
    virtual void gap8() { unused("VNetworkDefinition", 8); }
    virtual void gap9() { unused("VNetworkDefinition", 9); }
    virtual void gap10() { unused("VNetworkDefinition", 10); }
    virtual void gap11() { unused("VNetworkDefinition", 11); }
    virtual int32_t getNbLayers() const noexcept = 0;
    virtual void gap13() { unused("VNetworkDefinition", 13); }
    virtual int32_t getNbInputs() const noexcept = 0;
    virtual ITensor* getInput(int32_t) const noexcept = 0;
};
class VOptimizationProfile {
public:
    virtual ~VOptimizationProfile() noexcept = default;
    virtual bool setDimensions(char const*, OptProfileSelector, Dims const&) noexcept = 0;
    virtual void gap3() { unused("VOptimizationProfile", 3); }
    virtual void gap4() { unused("VOptimizationProfile", 4); }
    virtual void gap5() { unused("VOptimizationProfile", 5); }
    virtual void gap6() { unused("VOptimizationProfile", 6); }
    virtual bool isValid() const noexcept = 0;
};
class VTensor {
public:
    virtual ~VTensor() noexcept = default;
    virtual void gap2() { unused("VTensor", 2); }
    virtual char const* getName() const noexcept = 0;
    virtual void gap4() { unused("VTensor", 4); }
    virtual Dims getDimensions() const noexcept = 0;
};
class VTimingCache {
public:
    virtual ~VTimingCache() noexcept = default;
    virtual IHostMemory* serialize() const noexcept = 0;
    virtual bool combine(ITimingCache const&, bool) noexcept = 0;
};
class IParser {
public:
    virtual bool parse(void const*, size_t, char const*) noexcept = 0;
    virtual void gap1() { unused("IParser", 1); }
    virtual void gap2() { unused("IParser", 2); }
    virtual int getNbErrors() const noexcept = 0;
    virtual IParserError const* getError(int) const noexcept = 0;
    virtual void gap5() { unused("IParser", 5); }
    virtual ~IParser() noexcept = default;
};
class IParserError {
public:
    virtual ErrorCode code() const noexcept = 0;
    virtual char const* desc() const noexcept = 0;
    virtual char const* file() const noexcept = 0;
    virtual int line() const noexcept = 0;
    virtual char const* func() const noexcept = 0;
    virtual int node() const noexcept = 0;
    virtual char const* nodeName() const noexcept = 0;
    virtual char const* nodeOperator() const noexcept = 0;
};
#endif
