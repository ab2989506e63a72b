"""Endpoints and option values that libzmq accepts, and then ends the process over: refused here, before it sees them.

An address is looked at once more by libzmq's I/O thread, which cannot return an error and aborts instead.
"""

from time import sleep

cdef enum:
    NORM_DESCRIPTORS = 32       # more than its sockets, pipes and thread take
    NORM_LONGEST_FRAME = 2038   # bytes: norm_engine.cpp never ends sending what its encoder does not give in one piece
    NORM_SETTLES_MS = 1000
    SMALLEST_BATCH = 64         # bytes
    LARGEST_BATCH = 64 * 1024 * 1024
    BATCH_MULTIPLE = 4
    UDP_LONGEST_FRAME = 8192    # udp_engine.hpp: beyond that libzmq 4.3.4 writes beyond its buffer, and later ones say nothing

cdef frozenset ROUTING = frozenset((libzmq.ZMQ_ROUTER, libzmq.ZMQ_REP))     # want to be told
cdef frozenset NOT_RAW = frozenset((b"inproc", b"ws", b"wss"))              # STREAM would get messages of several frames
cdef frozenset NOT_UDP = NOT_RAW | frozenset((b"tcp", b"ipc", b"tipc", b"vsock", b"hyperv"))    # no encoder for DGRAM


cdef int check_endpoint(SocketHandle handle, bytes endpoint, str call) except -1:
    """Whether this socket can bind or connect there without harm. Caller is inside."""
    cdef bytes transport, address
    transport, _, address = endpoint.partition(b"://")
    if not address:
        return 0                        # libzmq refuses it
    if handle.socket_type == libzmq.ZMQ_STREAM and transport in NOT_RAW:        # zmq_assert in stream.cpp
        return fail(libzmq.ENOCOMPATPROTO, call, f"{printable(endpoint)} with a STREAM socket")
    if handle.socket_type == libzmq.ZMQ_DGRAM and transport in NOT_UDP:         # zmq_assert in stream_engine_base.cpp
        return fail(libzmq.ENOCOMPATPROTO, call, f"{printable(endpoint)} with a DGRAM socket")
    if transport == b"inproc":
        check_inproc_peer(handle, endpoint, call)
        if call == "connect":
            before_waiting(handle, endpoint)
    return check_system(handle, endpoint, call)


cdef str printable(bytes endpoint):
    return endpoint.decode("utf-8", "replace")


cdef int check_inproc_peer(SocketHandle handle, bytes endpoint, str call) except -1:
    """Whether the peers there, known so far, can be peers of this socket.

    DISH tells its peers what it joins: any but RADIO takes that for a message, which has no bytes (msg.cpp).
    """
    cdef SocketHandle other
    if call == "bind" and (handle.socket_type == libzmq.ZMQ_PAIR or handle.socket_type == libzmq.ZMQ_CHANNEL):
        check_one_peer(handle.context, endpoint, call)
    for other in inproc_sockets(handle.context, endpoint, call != "bind"):
        types = {handle.socket_type, other.socket_type}
        if libzmq.ZMQ_DISH in types and types != {libzmq.ZMQ_DISH, libzmq.ZMQ_RADIO}:
            return fail(libzmq.ENOCOMPATPROTO, call, f"{printable(endpoint)}: the peer of a DISH socket is a RADIO")
    return 0


cdef int name_inproc(SocketHandle handle, int (*call)(void *, const char *) noexcept nogil, const char *endpoint) except -1:
    """Bind, connect, unbind or disconnect, which does not wait here; the errno, or 0. Caller is inside, and has locked `naming`.

    The GIL is kept, so that no other thread ends the context meanwhile: see before_ending(). Where nobody has bound, both ends
    of the connection are this socket's until somebody does. When one goes, which for a PAIR's second one is at once, it tells
    the other: that is heard here, as later the other may be in the hands of libzmq's reaper.
    """
    cdef int events, errnum
    cdef size_t size = sizeof(events)
    if handle.context.refusing and call == libzmq.zmq_connect:
        return libzmq.ETERM
    errnum = error_of(call(handle.ptr, endpoint))
    if errnum == 0 and (call == libzmq.zmq_connect or call == libzmq.zmq_disconnect):
        libzmq.zmq_getsockopt(handle.ptr, libzmq.ZMQ_EVENTS, &events, &size)    # hears all; fails where the context has ended
    return errnum


cdef int before_waiting(SocketHandle handle, bytes endpoint) except -1:
    """Before a socket connects to an inproc endpoint where nobody has bound yet. Caller is inside."""
    if is_bound(handle.context, endpoint):
        return 0
    if not handle.context.refusing and not keep_spare(handle.context):
        return fail(EMFILE, "connect", f"{printable(endpoint)}: nobody has bound there, and no socket is left to end the wait")
    if not handle.get_int(libzmq.ZMQ_CONFLATE):
        return 0
    if handle.socket_type == libzmq.ZMQ_SUB:    # its one slot takes either its routing id or its subscription
        return fail(
            libzmq.ENOCOMPATPROTO, "connect", f"{printable(endpoint)}: with CONFLATE a SUB connects after its peer has bound"
        )
    if handle.conflated is None:
        handle.conflated = []
    handle.conflated.append(endpoint)
    return 0


cdef bint before_leaving(SocketHandle handle, bytes endpoint) except -1:
    """Before a socket disconnects from an inproc endpoint; whether that may be done already. Caller is inside."""
    if endpoint not in handle.context.inproc_waiting:
        return False
    if handle.socket_type in ROUTING or (handle.conflated is not None and endpoint in handle.conflated):
        if len(handle.context.inproc_waiting[endpoint]) > 1:
            return fail(EBUSY, "disconnect", f"{printable(endpoint)}: others wait there as well for somebody to bind")
        end_waiting(handle.context, [endpoint])
        return True
    return False


cdef void before_closing(SocketHandle handle) noexcept:
    """Before a socket closes whose conflating connections still wait for somebody to bind."""
    for endpoint in handle.conflated or ():
        if endpoint in handle.context.inproc_waiting:
            end_waiting(handle.context, [endpoint])


cdef int before_ending(ContextHandle context, str call) except -1:
    """Before a context ends: nobody waits over inproc any more, and nobody begins to, as `refusing` is set.

    libzmq does this with a socket for each connection, and aborts when there is none to be had (ctx_t::terminate);
    a connection that begins after that, in another thread, it waits for in vain.
    """
    if context.inproc_waiting and not end_waiting(context, list(context.inproc_waiting)) and libzmq.zmq_errno() == EMFILE:
        return fail(EMFILE, call, "while sockets wait over inproc for somebody to bind: close a socket first")
    give_up_spare(context)
    return 0


cdef bint keep_spare(ContextHandle context) except -1:
    """Have a socket to end waits with, for when there is no room for one; whether there is one.

    Who waits over inproc keeps its room, also once closed, until somebody binds: so waits alone can fill a context.
    """
    cdef void *spare
    if context.spare == NULL:
        spare = new_spare(context)
        if spare == NULL:
            return libzmq.zmq_errno() != EMFILE     # an ending context is for libzmq to tell of
        keep_as_spare(context, spare)
    return True


cdef void keep_as_spare(ContextHandle context, void *socket) noexcept:
    """What new_spare() has made, unless another thread has kept one meanwhile, or the context is about to end."""
    if context.spare == NULL and not context.refusing:
        context.spare = socket
    else:
        libzmq.zmq_close(socket)        # fails for what is no socket only


cdef void *new_spare(ContextHandle context) noexcept:
    """A socket, perhaps in the place of one that libzmq's reaper still closes; or NULL."""
    cdef void *spare = libzmq.zmq_socket(context.ptr, libzmq.ZMQ_ROUTER)
    if spare == NULL and libzmq.zmq_errno() == EMFILE and \
            (end_idle_watches(context) or seconds_now(NULL) - context.socket_closed <= REAPER_MS // 1000):
        spare = socket_once_reaped(context, libzmq.ZMQ_ROUTER)
    return spare


cdef bint give_up_spare(ContextHandle context) noexcept:
    """Whether there was one, and so there will be room."""
    cdef void *spare = context.spare
    context.spare = NULL
    if spare != NULL:
        libzmq.zmq_close(spare)         # fails for what is no socket only
    return spare != NULL


cdef bint end_waiting(ContextHandle context, list endpoints) noexcept:
    """Give those who wait at inproc endpoints a peer that goes at once; whether there was a socket for that.

    A connection that was left while it waited is still completed by whoever binds: libzmq then aborts for want of the
    routing id that a conflating pipe has lost (connect_inproc_sockets), or of a pipe to tell a ROUTER's peer's.
    """
    cdef void *peer = context.spare
    context.spare = NULL
    if peer == NULL:
        peer = new_spare(context)
        if peer == NULL:                # no room for sockets, or the context is ending
            return False
    for endpoint in endpoints:
        libzmq.zmq_bind(peer, <bytes>endpoint)      # fails only if somebody else has just bound, which is as good
        libzmq.zmq_unbind(peer, <bytes>endpoint)    # at once, and not whenever libzmq's reaper closes it
        context.inproc_waiting.pop(endpoint, None)
    if context.inproc_waiting:
        keep_as_spare(context, peer)    # others wait
    else:
        libzmq.zmq_close(peer)          # fails for what is no socket only
    return True


cdef int check_one_peer(ContextHandle context, bytes endpoint, str call) except -1:
    """A PAIR turns its second peer away, which libzmq then tells its routing id all the same (send_routing_id)."""
    cdef list waiting = context.inproc_waiting.get(endpoint) or []
    if len(waiting) > 1 and not ROUTING.isdisjoint(waiting):
        return fail(libzmq.ENOCOMPATPROTO, call, f"{printable(endpoint)}: it has more than one peer already")
    return 0


cdef int check_system(SocketHandle handle, bytes endpoint, str call) except -1:
    """What endpoint_checks.py can find out about an endpoint."""
    cdef int fd = handle.get_int(libzmq.ZMQ_USE_FD) if call == "bind" else -1
    cdef str subject = printable(endpoint)
    if endpoint.startswith(b"udp://"):
        handle.limit_frames(UDP_LONGEST_FRAME)
    if fd == -1 and not endpoint.startswith((b"pgm://", b"norm://")):
        return 0
    from zmqfast import endpoint_checks

    if endpoint.startswith(b"norm://") and not descriptors_left(NORM_DESCRIPTORS):
        return fail(EMFILE, call, subject)
    try:
        if fd != -1:
            endpoint_checks.check_listening(fd)
        if endpoint.startswith(b"pgm://"):
            endpoint_checks.check_raw_socket()
        if endpoint.startswith(b"norm://"):
            endpoint_checks.check_norm(subject)
            handle.limit_frames(NORM_LONGEST_FRAME)
    except OSError as error:
        if fd != -1:
            subject += f" with USE_FD={fd}, which does not listen"
        return fail(error.errno, call, subject)
    return 0


cdef int settle_norm(SocketHandle handle, bytes endpoint) except -1:
    """Wait until the I/O thread has taken the port, so that the next one to ask finds it taken. Caller is inside."""
    from zmqfast import endpoint_checks

    guard_hold(&handle.state)
    try:
        for _ in range(NORM_SETTLES_MS):
            if endpoint_checks.is_taken(printable(endpoint)):
                break
            sleep(0.001)
    finally:
        guard_let_go(&handle.state)
    return 0


cdef int check_batch_size(int option, str name, int size) except -1:
    """Refuse a batch size that libzmq takes and then aborts on.

    Its decoder writes outside of a buffer that is shorter than a frame's header, keeps counters behind the buffer, and
    ends the process when it gets no memory for it.
    """
    if option != libzmq.ZMQ_IN_BATCH_SIZE and option != libzmq.ZMQ_OUT_BATCH_SIZE:
        return 0
    if not SMALLEST_BATCH <= size <= LARGEST_BATCH or size % BATCH_MULTIPLE:
        raise error_for(EINVAL, f"setsockopt {name} to {size}: from {SMALLEST_BATCH} to {LARGEST_BATCH} bytes, "
                                f"a multiple of {BATCH_MULTIPLE}")
    return 0
