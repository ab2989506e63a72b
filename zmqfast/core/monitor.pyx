"""The monitor of a socket: libzmq reports events to a PAIR, and waits, in its I/O thread, where nobody takes them.

So a monitor begins when its reading end connects, whose queue then has no limit, and ends before that end goes.
Events before are not reported: with libzmq alone the first of them would have stopped the socket.

The two ends may be closed in two threads. Callers have locked the context's `naming`: until that is let go of, neither closes.
"""


cdef int set_monitor(SocketHandle handle, bytes endpoint, int events, int version) except -1:
    """Announce the monitor at an inproc endpoint, or with None end it. Caller is inside."""
    if endpoint is not None:
        check_monitor(handle, endpoint, events, version)
    end_watch(handle)               # a socket has one monitor
    end_monitor(handle)
    if endpoint is None:
        return 0
    handle.monitor_endpoint = endpoint
    handle.monitor_events = events
    handle.monitor_version = version
    handle.context.monitored[endpoint] = PyWeakref_NewRef(handle, None)
    if endpoint in handle.context.inproc_waiting:
        begin_monitor(handle, waiting_reader(handle.context, endpoint))
    return 0


cdef int check_monitor(SocketHandle handle, bytes endpoint, int events, int version) except -1:
    """What zmq_socket_monitor would refuse."""
    cdef SocketHandle other
    text = endpoint.decode("utf-8", "replace")
    if not endpoint.startswith(b"inproc://") or endpoint == b"inproc://":
        return check(libzmq.zmq_socket_monitor(handle.ptr, endpoint, events), "monitor", text)  # fails: but how?
    if version < 1 or version > 2:
        return fail(EINVAL, "monitor", f"{text} with version {version}, which is neither 1 nor 2")
    if version == 2 and not libzmq.ZMQFAST_DRAFTS:
        return fail(libzmq.ZMQFAST_MISSING, "zmq_socket_monitor_versioned", None)
    if events < 0 or events > (0x1ffff if version == 2 else 0xffff):
        return fail(EINVAL, "monitor", f"{text} for events {events:#x}")
    if is_bound(handle.context, endpoint):
        return fail(EADDRINUSE, "monitor", text)
    if endpoint in handle.context.inproc_waiting and waiting_reader(handle.context, endpoint) is None:
        return fail(libzmq.ENOCOMPATPROTO, "monitor", f"{text}: what has connected there is not one PAIR")
    other = monitored_at(handle.context, endpoint)
    return 0 if other is None or other is handle else fail(EADDRINUSE, "monitor", text)


cdef int end_monitor(SocketHandle handle) except -1:
    """Its reading end still gives what was reported, MONITOR_STOPPED last. Caller is inside."""
    cdef int rc
    guard_hold(&handle.state)
    with nogil:     # reports the end
        rc = libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)
    guard_let_go(&handle.state)
    unlink_monitor(handle)
    return check(rc, "monitor")


cdef int begin_monitor(SocketHandle handle, SocketHandle reader) except -1:
    """`reader` connects, or has connected, to the monitor of `handle`."""
    cdef int rc
    if handle.monitor_version == 1:
        rc = libzmq.zmq_socket_monitor(handle.ptr, handle.monitor_endpoint, handle.monitor_events)  # thread-safe
    else:
        rc = libzmq.zmq_socket_monitor_versioned(
            handle.ptr, handle.monitor_endpoint, handle.monitor_events, handle.monitor_version, libzmq.ZMQ_PAIR)
    check(rc, "monitor", handle.monitor_endpoint.decode("utf-8", "replace"))
    handle.context.inproc_waiting.pop(handle.monitor_endpoint, None)
    handle.monitor = PyWeakref_NewRef(reader, None)
    reader.monitored = PyWeakref_NewRef(handle, None)
    return 0


cdef int join_monitor(SocketHandle reader, bytes endpoint) except -1:
    """Before `reader` connects to an inproc endpoint: begin the monitor that waits there. Caller is inside."""
    cdef SocketHandle handle = monitored_at(reader.context, endpoint)
    if handle is None or handle.monitor is not None:
        return 0
    if reader.socket_type != libzmq.ZMQ_PAIR or handle is reader:
        return fail(libzmq.ENOCOMPATPROTO, "connect", f"{printable(endpoint)}: the reading end of a monitor is a PAIR")
    reader.set_int(libzmq.ZMQ_RCVHWM, 0)
    return begin_monitor(handle, reader)


cdef int leave_monitor(SocketHandle reader, bytes endpoint) except -1:
    """Before `reader` disconnects from an inproc endpoint: end the monitor there. Caller is inside."""
    if monitored_by(reader) is not None and monitored_by(reader).monitor_endpoint == endpoint:
        unlink_reader(reader)
    return 0


cdef void unlink_reader(SocketHandle reader) noexcept:
    """The reading end goes, so its monitor ends first."""
    cdef SocketHandle handle = monitored_by(reader)
    reader.monitored = None
    if handle is not None:
        libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)      # thread-safe; fails only if the context is ending
        unlink_monitor(handle)


cdef void unlink_monitor(SocketHandle handle) noexcept:
    """Its monitor has ended, or never began; the reading end may live on, and has nothing left to end."""
    cdef SocketHandle reader = None if handle.monitor is None else handle.monitor()
    if reader is not None:
        reader.monitored = None
    handle.monitor = None
    if handle.monitor_endpoint is not None:
        handle.context.monitored.pop(handle.monitor_endpoint, None)
        handle.monitor_endpoint = None


cdef SocketHandle waiting_reader(ContextHandle context, bytes endpoint):
    """The PAIR that has connected to an endpoint where nobody has bound, or None unless it is the only one there."""
    cdef list readers
    if context.inproc_waiting[endpoint] == [libzmq.ZMQ_PAIR]:
        readers = inproc_sockets(context, endpoint, False)
        if readers:
            return readers[0]
    return None


cdef SocketHandle monitored_by(SocketHandle reader):
    """The open socket whose monitor `reader` reads, or None."""
    cdef SocketHandle handle = None if reader.monitored is None else reader.monitored()
    return None if handle is None or handle.ptr == NULL else handle


cdef SocketHandle monitored_at(ContextHandle context, bytes endpoint):
    """The open socket whose monitor was announced at an endpoint, or None."""
    cdef SocketHandle handle
    reference = context.monitored.get(endpoint)
    handle = None if reference is None else reference()
    return None if handle is None or handle.ptr == NULL else handle
