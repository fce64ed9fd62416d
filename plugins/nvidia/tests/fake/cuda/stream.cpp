// Streams, events and graphs.
#include "cuda.h"

// Captures that this thread has begun.
static thread_local int capturing = 0;

bool Call::forbidden() {
    if (!capturing) return false;
    for (Stream* stream : state().streams)
        if (stream->capture) stream->capture->invalid = true;
    return true;
}

Stream* stream_of(Stream* handle, Context* current, const char* call) {
    if (!handle) return current->default_stream;
    if (!state().streams.count(handle)) {
        complain(std::string(call) + " with a stream that is none");
        return nullptr;
    }
    if (handle->context != current) {
        complain(std::string(call) + " with a stream of another context");
        return nullptr;
    }
    return handle;
}

CUresult enqueue(Stream* stream, Op op) {
    if (stream->capture) {
        if (stream->capture->invalid) return CAPTURE_INVALIDATED;
        stream->capture->ops.push_back(std::move(op));
        return SUCCESS;
    }
    stream->ops.push_back(std::move(op));
    stream->enqueued++;
    return SUCCESS;
}

void drain(Stream* stream, uint64_t upto) {
    if (stream->done >= upto) return;
    Opened opened;
    while (stream->done < upto && !stream->ops.empty()) {
        Op op = std::move(stream->ops.front());
        stream->ops.pop_front();
        // A lost device does nothing any more.
        if (state().devices[stream->context->device].lost == SUCCESS) op.run();
        stream->done++;
    }
}

void drain_context(Context* context) {
    drain(context->default_stream, context->default_stream->enqueued);
    for (Stream* stream : state().streams)
        if (stream->context == context) drain(stream, stream->enqueued);
}

// What the device says after work was done.
static CUresult after(Stream* stream) { return state().devices[stream->context->device].lost; }

EXPORT CUresult cuStreamCreateWithPriority(Stream** stream, unsigned, int) {
    CALL_IN_CONTEXT(cuStreamCreateWithPriority);
    *stream = new Stream;
    (*stream)->context = current;
    state().streams.insert(*stream);
    return SUCCESS;
}

EXPORT CUresult cuStreamDestroy_v2(Stream* handle) {
    CALL_IN_CONTEXT(cuStreamDestroy);
    Stream* stream = stream_of(handle, current, "cuStreamDestroy");
    if (!stream || !handle) return INVALID_HANDLE;
    drain(stream, stream->enqueued);
    for (Event* event : state().events)
        if (event->stream == stream) event->stream = nullptr;
    state().streams.erase(stream);
    delete stream;
    return SUCCESS;
}

EXPORT CUresult cuStreamSynchronize(Stream* handle) {
    CALL_OUTSIDE_CAPTURE(cuStreamSynchronize);
    Stream* stream = stream_of(handle, current, "cuStreamSynchronize");
    if (!stream) return INVALID_HANDLE;
    drain(stream, stream->enqueued);
    return after(stream);
}

EXPORT CUresult cuStreamQuery(Stream* handle) {
    CALL_OUTSIDE_CAPTURE(cuStreamQuery);
    Stream* stream = stream_of(handle, current, "cuStreamQuery");
    if (!stream) return INVALID_HANDLE;
    if (stream->done == stream->enqueued) return after(stream);
    drain(stream, stream->done + 1);
    return NOT_READY;
}

EXPORT CUresult cuStreamGetCtx(Stream* handle, Context** context) {
    CALL_IN_CONTEXT(cuStreamGetCtx);
    *context = handle ? handle->context : current;
    return SUCCESS;
}

EXPORT CUresult cuStreamWaitEvent(Stream* handle, Event* event, unsigned) {
    CALL_IN_CONTEXT(cuStreamWaitEvent);
    Stream* stream = stream_of(handle, current, "cuStreamWaitEvent");
    if (!stream || !state().events.count(event)) return INVALID_HANDLE;
    if (event->capture) {
        // The stream joins what the event's stream records.
        stream->capture = event->capture;
        event->capture->streams.insert(stream);
        return SUCCESS;
    }
    Stream* other = event->stream;
    uint64_t at = event->at;
    if (!other) return SUCCESS;
    bool is_default = other == event->context->default_stream;
    return enqueue(stream, {"wait", [=] {
        // A stream that is gone has done its work.
        if (is_default || state().streams.count(other)) drain(other, at);
    }});
}

EXPORT CUresult cuLaunchHostFunc(Stream* handle, void (*function)(void*), void* data) {
    CALL_IN_CONTEXT(cuLaunchHostFunc);
    Stream* stream = stream_of(handle, current, "cuLaunchHostFunc");
    if (!stream) return INVALID_HANDLE;
    return enqueue(stream, {"host", [=] { function(data); }});
}

EXPORT CUresult cuEventCreate(Event** event, unsigned flags) {
    CALL_IN_CONTEXT(cuEventCreate);
    *event = new Event;
    (*event)->context = current;
    (*event)->flags = flags;
    state().events.insert(*event);
    return SUCCESS;
}

EXPORT CUresult cuEventDestroy_v2(Event* event) {
    CALL_IN_CONTEXT(cuEventDestroy);
    if (!state().events.erase(event)) {
        complain("cuEventDestroy of something that is no event");
        return INVALID_HANDLE;
    }
    delete event;
    return SUCCESS;
}

static bool is_event(Event* event, const char* call) {
    if (state().events.count(event)) return true;
    complain(std::string(call) + " with something that is no event");
    return false;
}

EXPORT CUresult cuEventRecord(Event* event, Stream* handle) {
    CALL_IN_CONTEXT(cuEventRecord);
    Stream* stream = stream_of(handle, current, "cuEventRecord");
    if (!stream || !is_event(event, "cuEventRecord")) return INVALID_HANDLE;
    if (event->context != stream->context) {
        complain("cuEventRecord with an event of another context");
        return INVALID_HANDLE;
    }
    event->capture = stream->capture;
    if (!stream->capture) {
        event->stream = stream;
        event->at = stream->enqueued;
    }
    return SUCCESS;
}

EXPORT CUresult cuEventQuery(Event* event) {
    CALL_OUTSIDE_CAPTURE(cuEventQuery);
    if (!is_event(event, "cuEventQuery")) return INVALID_HANDLE;
    Stream* stream = event->stream;
    if (stream && stream->done < event->at) {
        drain(stream, stream->done + 1);
        return NOT_READY;
    }
    return state().devices[event->context->device].lost;
}

EXPORT CUresult cuEventSynchronize(Event* event) {
    CALL_OUTSIDE_CAPTURE(cuEventSynchronize);
    if (!is_event(event, "cuEventSynchronize")) return INVALID_HANDLE;
    // 1: the waiting thread sleeps. Who spins takes a core from the decoders.
    if (!(event->flags & 1)) complain("cuEventSynchronize on an event that spins");
    if (event->stream) drain(event->stream, event->at);
    return state().devices[event->context->device].lost;
}

EXPORT CUresult cuEventElapsedTime(float* ms, Event* start, Event* end) {
    CALL_IN_CONTEXT(cuEventElapsedTime);
    if (!is_event(start, "cuEventElapsedTime") || !is_event(end, "cuEventElapsedTime")) return INVALID_HANDLE;
    if ((start->flags | end->flags) & 2) return INVALID_HANDLE;
    *ms = 0.25f;
    return SUCCESS;
}

// ------------------------------------------------------------------------------------ graphs

EXPORT CUresult cuStreamBeginCapture_v2(Stream* handle, int) {
    CALL_IN_CONTEXT(cuStreamBeginCapture_v2);
    Stream* stream = stream_of(handle, current, "cuStreamBeginCapture");
    if (!stream) return INVALID_HANDLE;
    if (!handle || stream->capture) return CAPTURE_UNSUPPORTED;
    stream->capture = std::make_shared<Capture>();
    stream->capture->streams.insert(stream);
    capturing++;
    return SUCCESS;
}

EXPORT CUresult cuStreamEndCapture(Stream* handle, Graph** graph) {
    CALL(cuStreamEndCapture);
    Context* current = call.current();
    *graph = nullptr;
    // Also of a device that is lost: the thread may go on with another one.
    Stream* stream = current ? stream_of(handle, current, "cuStreamEndCapture") : nullptr;
    if (!stream || !stream->capture) return INVALID_VALUE;
    auto capture = stream->capture;
    for (Stream* joined : capture->streams) joined->capture = nullptr;
    capturing--;
    if (call.result != SUCCESS) return call.result;
    if (capture->invalid) return CAPTURE_INVALIDATED;
    *graph = new Graph{capture->ops};
    state().graphs.insert(*graph);
    return SUCCESS;
}

EXPORT CUresult cuStreamIsCapturing(Stream* handle, int* status) {
    CALL_IN_CONTEXT(cuStreamIsCapturing);
    Stream* stream = stream_of(handle, current, "cuStreamIsCapturing");
    if (!stream) return INVALID_HANDLE;
    *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
    return SUCCESS;
}

EXPORT CUresult cuGraphInstantiate_v2(Graph** exec, Graph* graph, void**, char*, size_t) {
    CALL_IN_CONTEXT(cuGraphInstantiate_v2);
    if (!state().graphs.count(graph)) return INVALID_HANDLE;
    *exec = new Graph(*graph);
    state().execs.insert(*exec);
    return SUCCESS;
}

#ifndef VIGIL_FAKE_OLD
EXPORT CUresult cuGraphExecUpdate_v2(Graph* exec, Graph* graph, void*) {
    CALL_IN_CONTEXT(cuGraphExecUpdate_v2);
    if (!state().execs.count(exec) || !state().graphs.count(graph)) return INVALID_HANDLE;
    if (exec->ops.size() != graph->ops.size()) return GRAPH_UPDATE_FAILURE;
    for (size_t i = 0; i < exec->ops.size(); i++)
        if (exec->ops[i].kind != graph->ops[i].kind) return GRAPH_UPDATE_FAILURE;
    exec->ops = graph->ops;
    return SUCCESS;
}
#endif

EXPORT CUresult cuGraphLaunch(Graph* exec, Stream* handle) {
    CALL_IN_CONTEXT(cuGraphLaunch);
    Stream* stream = stream_of(handle, current, "cuGraphLaunch");
    if (!stream || !state().execs.count(exec)) return INVALID_HANDLE;
    for (const Op& op : exec->ops)
        if (CUresult error = enqueue(stream, op)) return error;
    return SUCCESS;
}

EXPORT CUresult cuGraphDestroy(Graph* graph) {
    CALL(cuGraphDestroy);
    if (!state().graphs.erase(graph)) return INVALID_HANDLE;
    delete graph;
    return SUCCESS;
}

EXPORT CUresult cuGraphExecDestroy(Graph* exec) {
    CALL(cuGraphExecDestroy);
    if (!state().execs.erase(exec)) return INVALID_HANDLE;
    delete exec;
    return SUCCESS;
}
