"""Who is connected: handshakes counted on the socket's own monitor, so that nobody has to sleep before a first send.

bind() and connect() start a watch before they begin; else a handshake could be over before it is asked for. It costs
two descriptors and 16 KiB, so the first use of the socket ends it, in the branch that looks for other threads anyway
(guard.h), unless wait_connected() was called before; and at most MAX_IDLE_WATCHES sockets have one unasked.
"""

cdef enum:
    MAX_IDLE_WATCHES = 64
    WATCH_HWM = 10000           # events; a reader that never reads makes libzmq drop, not wait
    INPROC_LOOK_MS = 5          # inproc has no handshake, and so no events: we look

    REAPER_MS = 1000            # how long a socket may wait for the reaper, where it would have failed without

    WATCHED_EVENTS = 0x1000 | 0x0200 | 0x0800 | 0x2000 | 0x4000     # HANDSHAKE_SUCCEEDED, DISCONNECTED, and failures
    EVENT_VERSION = 1

cdef atomic_int_t idle_watches = 0
cdef atomic_int_t watch_numbers = 0


cdef int start_watch_before(SocketHandle handle, bytes endpoint) except -1:
    """Start the watch, if this is going to be a connection with a handshake. Caller is inside."""
    if endpoint.startswith(b"inproc://"):
        return 0
    if handle.watch is None and not handle.named_unwatched:
        if handle.monitor_endpoint is not None or atomic_get(&idle_watches) >= MAX_IDLE_WATCHES or not start_watch(handle):
            handle.named_unwatched = True
    return 0


cdef bint start_watch(SocketHandle handle) except -1:
    """Whether the watch could be started. It is idle until somebody waits."""
    cdef SocketHandle reader
    cdef bytes endpoint = b"inproc://zmqfast.watch.%d" % atomic_add(&watch_numbers, 1)
    cdef int rc
    handle.context.opening_watch = True
    try:
        reader = SocketHandle(handle.context, libzmq.ZMQ_SUB if libzmq.ZMQFAST_DRAFTS else libzmq.ZMQ_PAIR)
    except Exception:           # no descriptors, or no room within MAX_SOCKETS: the user's sockets come first
        return False
    finally:
        handle.context.opening_watch = False
    reader.set_int(libzmq.ZMQ_LINGER, 0)
    if libzmq.ZMQFAST_DRAFTS:
        reader.set_int(libzmq.ZMQ_RCVHWM, WATCH_HWM)
        libzmq.zmq_setsockopt(reader.ptr, libzmq.ZMQ_SUBSCRIBE, NULL, 0)    # fails for socket types other than SUB only
        rc = libzmq.zmq_socket_monitor_versioned(handle.ptr, endpoint, WATCHED_EVENTS, EVENT_VERSION, libzmq.ZMQ_PUB)
    else:                       # a monitor is a PAIR, which must not be full
        reader.set_int(libzmq.ZMQ_RCVHWM, 0)
        rc = libzmq.zmq_socket_monitor(handle.ptr, endpoint, WATCHED_EVENTS)
    if rc == -1 or libzmq.zmq_connect(reader.ptr, endpoint) == -1:
        libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)      # fails only if the context is ending
        return False                                        # reader closes itself
    handle.watch = reader
    handle.context.watched[id(handle)] = PyWeakref_NewRef(handle, None)
    count_add(&idle_watches, 1)
    atomic_add(&handle.state, GUARD_WATCHED)
    return True


cdef void end_watch(SocketHandle handle) noexcept:
    """The socket is used, monitored or closed. Caller is inside; the idle mark has been taken off `state`."""
    if handle.watch is not None:
        libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)      # fails only if the context is ending
        handle.watch.shut()
        handle.watch = None
        handle.named_unwatched = True
        handle.context.watch_ended = monotonic()
        handle.context.watched.pop(id(handle), None)


cdef bint end_idle_watches(ContextHandle context) noexcept:
    """Make room for sockets of the user's; whether there was a watch to end."""
    cdef SocketHandle handle
    cdef bint ended = False
    for reference in list(context.watched.values()):
        handle = reference()
        if handle is not None and guard_take_over(&handle.state):
            count_add(&idle_watches, -1)
            end_watch(handle)
            handle.leave()
            ended = True
    return ended


cdef bint make_room(ContextHandle context) noexcept:
    """Whether a socket that found no room may find some soon: a watch ends now, or has ended just before."""
    return end_idle_watches(context) or monotonic() - context.watch_ended < REAPER_MS / 1000.0


cdef void *socket_once_reaped(void *context, int socket_type) except? NULL:
    """A socket, as soon as libzmq's reaper thread has taken the ends of watches away; NULL if that does not help."""
    cdef void *socket = NULL
    cdef int tries
    for tries in range(REAPER_MS):
        sleep(0.001)
        socket = libzmq.zmq_socket(context, socket_type)
        if socket != NULL or libzmq.zmq_errno() != EMFILE:
            break
    return socket


cdef int keep_watch(SocketHandle handle) except -1:
    """From now on somebody wants to know. Caller is inside, quietly."""
    if atomic_get(&handle.state) & GUARD_WATCHED:
        atomic_add(&handle.state, -GUARD_WATCHED)
        count_add(&idle_watches, -1)
    if handle.watch is not None:
        return 0
    if handle.monitor_endpoint is not None:
        raise error_for(EBUSY, "wait_connected: get_monitor_socket() or monitor() has this socket's one monitor")
    if handle.named_unwatched:
        raise error_for(libzmq.EFSM, "wait_connected: the socket was used since bind or connect; "
                                     "call wait_connected(0) before its first use to have its peers counted")
    if not start_watch(handle):
        fail(libzmq.zmq_errno(), "wait_connected", None)
    return keep_watch(handle)


cdef int count_peers(SocketHandle handle) except -1:
    """How many peers are connected now."""
    cdef libzmq.zmq_msg_t msg
    cdef int event
    libzmq.zmq_msg_init(&msg)           # never fails
    try:
        while handle.watch is not None:
            if libzmq.zmq_msg_recv(&msg, handle.watch.ptr, libzmq.ZMQ_DONTWAIT) == -1:
                if not would_wait():
                    fail_plain(libzmq.zmq_errno())
                break
            event = (<unsigned short *>libzmq.zmq_msg_data(&msg))[0]
            libzmq.zmq_msg_recv(&msg, handle.watch.ptr, libzmq.ZMQ_DONTWAIT)    # the endpoint, of the same message
            if event == libzmq.ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
                handle.peers += 1
            elif event != libzmq.ZMQ_EVENT_DISCONNECTED:
                handle.failures += 1    # a handshake that failed is followed by DISCONNECTED
            elif handle.failures:
                handle.failures -= 1
            elif handle.peers:
                handle.peers -= 1
    finally:
        libzmq.zmq_msg_close(&msg)      # never fails once initialised
    return handle.peers + count_inproc_peers(handle)


cdef int count_inproc_peers(SocketHandle handle) except -1:
    """How many peers there are over inproc, where a connection is one as soon as both ends are named."""
    cdef SocketHandle other
    cdef int peers = 0
    for endpoint, reference, binds in list(handle.context.inproc_ends):
        if reference() is not handle:
            continue
        for other_endpoint, other_reference, other_binds in list(handle.context.inproc_ends):
            other = other_reference()
            if other_endpoint == endpoint and other_binds != binds and other is not None and other.ptr != NULL:
                peers += 1
    return peers


cdef int name_inproc_end(SocketHandle handle, bytes endpoint, str call) except -1:
    """Remember, or forget, one end of an inproc connection."""
    cdef list ends = handle.context.inproc_ends
    if not endpoint.startswith(b"inproc://"):
        return 0
    if call == "bind" or call == "connect":
        # ends of sockets that are gone go when a new one comes
        ends[:] = [end for end in ends if end[1]() is not None and (<SocketHandle>end[1]()).ptr != NULL]
        if call == "bind":
            handle.context.inproc_waiting.pop(endpoint, None)
        elif not any(end[0] == endpoint and end[2] for end in ends):
            handle.context.inproc_waiting.setdefault(endpoint, []).append(handle.socket_type)
        ends.append((endpoint, PyWeakref_NewRef(handle, None), call == "bind"))
        return 0
    for end in ends:
        if end[0] == endpoint and end[1]() is handle and end[2] == (call == "unbind"):
            ends.remove(end)
            return 0
    return 0


cdef int wait_for_peers(SocketHandle handle, int peers, object timeout) except -1:
    """Wait, GIL released, for so many peers; how many there are. The socket itself stays free for other threads."""
    cdef SocketHandle watch
    cdef int limit_ms = -1 if timeout is None else milliseconds(timeout)
    cdef double deadline = monotonic() * 1000 + limit_ms
    cdef double left_ms
    cdef int connected
    handle.enter_quietly()
    try:
        keep_watch(handle)
    finally:
        handle.leave()
    while True:
        connected = count_peers(handle)
        if connected >= peers:
            if guard_enter(&handle.state):
                handle.events()         # libzmq takes the new connections in now, not some ms into the first sends
                handle.leave()
            return connected
        watch = handle.watch
        if watch is None:
            handle.fail(libzmq.ENOTSOCK)        # another thread has closed or used it
        left_ms = SIGNAL_CHECK_MS if limit_ms < 0 else deadline - monotonic() * 1000
        if left_ms <= 0:
            raise error_for(EAGAIN, f"wait_connected: {connected} of {peers} peers in {timeout} s")
        watch.enter()
        try:
            wait_readable(watch, <int>min(ceil(left_ms), <double>INPROC_LOOK_MS))
        finally:
            watch.leave()
