"""Who is connected: handshakes counted on the socket's own monitor, so that nobody has to sleep before a first send.

peers() and stats() tell what the same watch has seen.

bind() and connect() start a watch before they begin; else a handshake could be over before it is asked for. It costs
two descriptors and 16 KiB, so the first use of the socket ends it, in the branch that looks for other threads anyway
(guard.h), unless wait_connected() was called before; and at most MAX_IDLE_WATCHES sockets have one unasked.
"""

cdef enum:
    MAX_IDLE_WATCHES = 64
    WATCH_HWM = 10000           # events; a reader that never reads makes libzmq drop, not wait
    INPROC_LOOK_MS = 5          # inproc has no handshake, and so no events: we look
    WATCH_LOOK_MS = 100         # while a loop waits for the watch, which another thread may read

    REAPER_MS = 1000            # how long a socket may wait for the reaper, where it would have failed without

    STATS_MS = 1000             # how long stats() waits for the queues of peers that are connected
    STATS_SETTLE_MS = 5         # and after the last of them for those of peers that are not, or over inproc

    HANDSHAKE_FAILED = libzmq.ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | libzmq.ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | libzmq.ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
    WATCHED_EVENTS = libzmq.ZMQ_EVENT_HANDSHAKE_SUCCEEDED | libzmq.ZMQ_EVENT_DISCONNECTED | HANDSHAKE_FAILED
    EVENT_VERSION = 2

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
        rc = libzmq.zmq_socket_monitor_versioned(handle.ptr, endpoint, WATCHED_EVENTS | libzmq.ZMQ_EVENT_PIPES_STATS, EVENT_VERSION, libzmq.ZMQ_PUB)
    else:                       # a monitor is a PAIR, which must not be full
        reader.set_int(libzmq.ZMQ_RCVHWM, 0)
        rc = libzmq.zmq_socket_monitor(handle.ptr, endpoint, WATCHED_EVENTS)
    if rc == -1 or libzmq.zmq_connect(reader.ptr, endpoint) == -1:
        libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)      # fails only if the context is ending
        return False                                        # reader closes itself
    handle.seen = Seen()        # once, as no second watch follows
    handle.watch = reader
    handle.context.watched[id(handle)] = PyWeakref_NewRef(handle, None)
    count_add(&idle_watches, 1)
    atomic_add(&handle.state, GUARD_WATCHED)
    return True


cdef void end_watch(SocketHandle handle) noexcept:
    """The socket is used, monitored or closed. Caller is inside; the idle mark has been taken off `state`."""
    cdef SocketHandle watch
    if handle.watch is not None:
        libzmq.zmq_socket_monitor(handle.ptr, NULL, 0)      # fails only if the context is ending
        watch = handle.watch
        try:
            watch.tell_closed()             # a loop may wait for its descriptor
        except Exception:
            pass
        with cython.critical_section(handle.seen):
            handle.watch = None             # another thread has read it to the end, or finds it gone
        watch.shut()
        handle.named_unwatched = True
        handle.context.watch_ended = seconds_now(NULL)
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
    """Whether a socket that found no room may find some soon: what is ours ends now, or has ended just before."""
    if end_idle_watches(context):
        return True
    with cython.critical_section(context.naming):
        if give_up_spare(context):
            return True
    return seconds_now(NULL) - context.watch_ended <= REAPER_MS // 1000


cdef SocketHandle watch_of(SocketHandle handle):
    """The reading end, or None: for those who are not inside."""
    if handle.seen is None:
        return None
    with cython.critical_section(handle.seen):
        return handle.watch


cdef void *socket_once_reaped(ContextHandle context, int socket_type) except? NULL:
    """A socket, as soon as libzmq's reaper thread has taken the ends of watches away; NULL if that does not help."""
    cdef void *socket = NULL
    cdef int tries
    for tries in range(REAPER_MS):
        sleep(0.001)
        with cython.critical_section(context):
            if context.ptr == NULL or context.ending:       # by another thread, while we slept
                libzmq.set_errno(libzmq.ETERM)
            else:
                socket = libzmq.zmq_socket(context.ptr, socket_type)
        if socket != NULL or libzmq.zmq_errno() != EMFILE:
            break
    return socket


cdef int keep_watch(SocketHandle handle, str call) except -1:
    """From now on somebody wants to know. Caller is inside, quietly."""
    if atomic_get(&handle.state) & GUARD_WATCHED:
        atomic_add(&handle.state, -GUARD_WATCHED)
        count_add(&idle_watches, -1)
    if handle.watch is not None:
        return 0
    if handle.monitor_endpoint is not None:
        raise error_for(EBUSY, f"{call}: get_monitor_socket() or monitor() has this socket's one monitor")
    if handle.named_unwatched:
        raise error_for(libzmq.EFSM, f"{call}: the socket was used since bind or connect; "
                                     "call wait_connected(0) before its first use to have its peers counted")
    if not start_watch(handle):
        fail(libzmq.zmq_errno(), call, None)
    return keep_watch(handle, call)


cdef int count_peers(SocketHandle handle) except -1:
    """How many peers are connected now."""
    read_watch(handle)
    return handle.seen.connected_now() + len(inproc_peers(handle))


cdef int read_watch(SocketHandle handle) except -1:
    """Take in what the watch has reported, one thread after the other."""
    cdef list frames
    with cython.critical_section(handle.seen):
        while handle.watch is not None:
            try:
                frames = recv_frames(handle.watch, libzmq.ZMQ_DONTWAIT, True, False, None)
            except Again:
                break
            handle.seen.take(frames)
    return 0


@cython.final
cdef class Seen:
    """What a watch has reported of a socket's peers."""

    cdef list peers             # (local, remote) address of each that is connected
    cdef list failing           # the same of handshakes that failed, and are not yet disconnected
    cdef list queues            # (local, remote, messages out, messages in) of each, as last asked for
    cdef object failure         # the last: (event, value, local or remote address)
    cdef readonly int connected         # handshakes that succeeded
    cdef readonly int disconnected      # and of these were lost again
    cdef readonly int failed            # handshakes that failed

    def __cinit__(self):
        self.peers = []
        self.failing = []
        self.queues = []

    cdef int connected_now(self):
        return len(self.peers)

    cdef object last_failure(self):
        with cython.critical_section(self):
            return self.failure

    cdef int forget_failure(self) except -1:
        with cython.critical_section(self):
            self.failure = None
        return 0

    cdef int take(self, list frames) except -1:
        """One event, of either version: zmq_socket_monitor, zmq_socket_monitor_versioned."""
        cdef const char *header = frames[0]
        cdef long long event, value
        if len(frames) == 2:
            event = (<unsigned short *>header)[0]
            value = (<unsigned int *>(header + 2))[0]
            addresses = frames[1].decode(), ""
        else:
            event = number_in(frames[0])
            value = number_in(frames[2])
            addresses = frames[len(frames) - 2].decode(), frames[len(frames) - 1].decode()
        if event == libzmq.ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            self.connected += 1
            self.peers.append(addresses)
        elif event == libzmq.ZMQ_EVENT_PIPES_STATS:
            self.queues.append((*addresses, value, number_in(frames[3])))
        elif event & HANDSHAKE_FAILED:
            self.failed += 1
            self.failing.append(addresses)      # followed by DISCONNECTED
            self.failure = event, value, addresses[1] or addresses[0]
        elif addresses in self.failing:
            self.failing.remove(addresses)
        elif addresses in self.peers:
            self.disconnected += 1
            self.peers.remove(addresses)
        return 0


cdef inline long long number_in(bytes frame):
    """A number of a message of version 2."""
    return (<unsigned long long *><const char *>frame)[0]


cdef int watch_peers(SocketHandle handle, str call) except -1:
    """Count, from now on, unless that has begun."""
    handle.enter_quietly()
    try:
        return keep_watch(handle, call)
    finally:
        handle.leave()


cdef int wait_for_peers(SocketHandle handle, int peers, object timeout) except -1:
    """Wait, GIL released, for so many peers; how many there are. The socket itself stays free for other threads."""
    cdef int limit_ms = -1 if timeout is None else milliseconds(timeout)
    cdef double deadline = monotonic_seconds() * 1000 + limit_ms
    cdef double left_ms = INPROC_LOOK_MS
    cdef int connected
    while True:
        if limit_ms >= 0:
            left_ms = deadline - monotonic_seconds() * 1000
        connected = look_for_peers(handle, peers, timeout, left_ms <= 0)
        if connected >= peers:
            return connected
        wait_for_watch(handle, <int>min(ceil(left_ms), <double>INPROC_LOOK_MS))


cdef int look_for_peers(SocketHandle handle, int peers, object timeout, bint over) except -1:
    """How many peers there are; raises where more will not come, or have not come by the end of `timeout` s."""
    cdef int connected
    if handle.watch is None or atomic_get(&handle.state) & GUARD_WATCHED:
        watch_peers(handle, "wait_connected")
    connected = count_peers(handle)
    if connected >= peers:
        if guard_enter(&handle.state):
            handle.events()         # libzmq takes the new connections in now, not some ms into the first sends
            handle.leave()
        return connected
    last = handle.seen.last_failure()
    failure = failed_handshake(last)
    if failure is not None and not handle.listens and last[0] != libzmq.ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        handle.seen.forget_failure()
        raise failure               # libzmq does not try again
    if over:
        text = f"wait_connected: {connected} of {peers} peers in {timeout} s"
        raise error_for(EAGAIN, text if failure is None else f"{text}; the last {failure}") from failure
    return connected


cdef int look_again_ms(SocketHandle handle) except -1:
    """When to look for peers again though the watch has reported nothing."""
    return INPROC_LOOK_MS if handle.inproc_ends else WATCH_LOOK_MS


cdef object failed_handshake(object failure):
    """The last handshake that failed, as an exception, or None."""
    if failure is None:
        return None
    from zmqfast.monitor import error_of

    return error_of(*failure)


cdef int wait_for_watch(SocketHandle handle, int timeout_ms) except -1:
    """Sleep, GIL released, until the watch may have something to report; several threads may do so at once."""
    cdef libzmq.zmq_pollitem_t item
    cdef int rc
    cdef SocketHandle watch = watch_of(handle)
    if watch is None:
        handle.fail(libzmq.ENOTSOCK)    # another thread has closed or used it
    item.socket = NULL
    item.fd = watch.fd                  # another thread may close it: callers look again soon
    item.events = libzmq.ZMQ_POLLIN
    item.revents = 0
    with nogil:
        rc = libzmq.zmq_poll(&item, 1, timeout_ms)
    if rc == -1:
        if libzmq.zmq_errno() != EINTR:
            return fail_plain(libzmq.zmq_errno())
        PyErr_CheckSignals()
    return 0


cdef tuple peers_of(SocketHandle handle):
    """(local, remote) address of each peer."""
    watch_peers(handle, "peers")
    read_watch(handle)
    return tuple(handle.seen.peers) + tuple([(endpoint, endpoint) for endpoint in inproc_peers(handle)])


cdef tuple stats_of(SocketHandle handle):
    """What the watch has counted, and (local, remote, messages out, messages in) of each queue."""
    cdef double deadline = monotonic_seconds() * 1000 + STATS_MS
    cdef double now
    watch_peers(handle, "stats")
    read_watch(handle)
    handle.seen.queues.clear()
    if ask_for_queues(handle):
        while True:
            now = monotonic_seconds() * 1000
            if len(handle.seen.queues) >= len(handle.seen.peers):
                deadline = min(deadline, now + STATS_SETTLE_MS)
            if now >= deadline:
                break
            wait_for_watch(handle, 1)
            take_in_answers(handle)
            read_watch(handle)
    return handle.seen.connected, handle.seen.disconnected, handle.seen.failed, tuple(handle.seen.queues)


cdef bint ask_for_queues(SocketHandle handle) except -1:
    """Whether there is a queue to be told of (zmq_socket_monitor_pipes_stats)."""
    handle.enter_quietly()
    try:
        if libzmq.zmq_socket_monitor_pipes_stats(handle.ptr) == 0:
            return True
        if libzmq.zmq_errno() != EAGAIN and libzmq.zmq_errno() != libzmq.ZMQFAST_MISSING:
            fail(libzmq.zmq_errno(), "stats", None)
        return False
    finally:
        handle.leave()


cdef int take_in_answers(SocketHandle handle) except -1:
    """Have libzmq report what its other threads have answered; a use of the socket, but for its watch."""
    handle.enter_quietly()
    try:
        handle.events()
    finally:
        handle.use_by(None)
        handle.leave()
    return 0
