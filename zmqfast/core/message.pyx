"""Frames and messages through a SocketHandle: try first, then wait without the GIL.

The caller is inside the handle (enter, leave). libzmq's own wait is used, so a frame that comes wakes us directly;
the clock is read, and RCVTIMEO or SNDTIMEO looked at, only once we have to wait.
"""

from libc.math cimport ceil
from libc.stdlib cimport free, malloc

from time import sleep

ctypedef int (*transfer_t)(libzmq.zmq_msg_t *msg, void *socket, int flags) noexcept nogil

# A processor that sleeps takes some 50 us to wake, twice in a round trip. So who has sent, and waits for the answer, does
# not sleep for AWAKE_S, where answers come within BRISK_S.
cdef double BRISK_S = 300e-6
cdef double AWAKE_S = 200e-6

cdef unsigned long main_thread_ident    # 0 until somebody waits

cdef enum:
    SHARED_WAIT_MS = 50     # how long a waiter on a thread-safe socket sleeps before it looks again: see wait_shared
    FIRST_TURN_MS = 50      # see wait_alone
    LONGEST_TURN_MS = 1000
    FRAMES_ON_STACK = 16


cdef inline bint try_send(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags) noexcept:
    """Send at once if that is possible: the hot path, without a way to raise. For a caller that is outside.

    After a failure zmq_errno() says why: EBUSY where libzmq was not asked, because somebody is inside.
    """
    cdef int rc
    if not guard_enter(&handle.state) and not guard_enter_known(&handle.state):
        libzmq.set_errno(EBUSY)
        return False
    rc = libzmq.zmq_msg_send(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT)
    handle.conversing = True
    guard_leave(&handle.state)
    return rc != -1


cdef inline bint try_recv(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags) noexcept:
    """Receive what is there; as try_send()."""
    cdef int rc
    if not guard_enter(&handle.state) and not enter_if_not_empty(handle):
        return False
    rc = libzmq.zmq_msg_recv(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT)
    if rc == -1:
        leave_empty(handle)
    else:
        guard_leave(&handle.state)
    return rc != -1


cdef bint enter_if_not_empty(SocketHandle handle) noexcept:
    """Enter, unless somebody is inside (EBUSY), or there was nothing to receive and nothing has happened since (EAGAIN).

    To ask libzmq once more whether it has something would cost it a system call.
    """
    if not guard_enter_known(&handle.state):
        libzmq.set_errno(EBUSY)
        return False
    if handle.known_empty and not zmqfast_has_news(handle.ptr):
        guard_leave_known(&handle.state)
        libzmq.set_errno(EAGAIN)
        return False
    return True


cdef inline void leave_empty(SocketHandle handle) noexcept:
    """A receive has just failed; if because there is nothing, that holds until there is news or the socket is used."""
    if would_wait() and handle.peekable:
        handle.known_empty = True
        handle.known_events = -1
        guard_leave_known(&handle.state)
    else:
        guard_leave(&handle.state)


cdef int send_patiently(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, object timeout) except -1:
    """After try_send() has failed: raise, or wait. On error `msg` is still the caller's to close."""
    return patiently(handle, msg, flags, timeout, <transfer_t>libzmq.zmq_msg_send, libzmq.ZMQ_SNDTIMEO)


cdef int recv_patiently(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, object timeout) except -1:
    """After try_recv() has failed: raise, or wait."""
    return patiently(handle, msg, flags, timeout, <transfer_t>libzmq.zmq_msg_recv, libzmq.ZMQ_RCVTIMEO)


cdef int patiently(
    SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, object timeout, transfer_t transfer, int timeout_option
) except -1:
    cdef int errnum = libzmq.zmq_errno()
    drain()
    handle.enter()
    try:
        if handle.longest_frame and timeout_option == libzmq.ZMQ_SNDTIMEO:
            check_length(handle, msg)
        if errnum == EBUSY:     # not tried yet: enter() has found out that it may be
            if transfer(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) != -1:
                return 0
            errnum = libzmq.zmq_errno()
        return retry(handle, msg, flags, timeout, transfer, timeout_option, errnum)
    finally:
        handle.leave()


cdef inline int send_frame(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, object timeout) except -1:
    """Send `msg`, for a caller that is inside. libzmq owns it afterwards; on error it is the caller's to close."""
    handle.conversing = True
    if libzmq.zmq_msg_send(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) != -1:
        return 0
    return retry(handle, msg, flags, timeout, <transfer_t>libzmq.zmq_msg_send, libzmq.ZMQ_SNDTIMEO, libzmq.zmq_errno())


cdef inline int recv_frame(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, object timeout) except -1:
    """Receive into `msg`, an initialised message, for a caller that is inside."""
    if libzmq.zmq_msg_recv(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) != -1:
        return 0
    return retry(handle, msg, flags, timeout, <transfer_t>libzmq.zmq_msg_recv, libzmq.ZMQ_RCVTIMEO, libzmq.zmq_errno())


cdef int retry(
    SocketHandle handle,
    libzmq.zmq_msg_t *msg,
    int flags,
    object timeout,
    transfer_t transfer,
    int timeout_option,
    int errnum,
) except -1:
    """After a try that failed with `errnum`: raise, or wait as long as the caller allows.

    Only EAGAIN and EINTR leave `msg` as it was; after any other failure libzmq may have closed it.
    """
    cdef int limit_ms
    if handle.socket_type == libzmq.ZMQ_DGRAM and msg_is_closed(msg):
        # an unbound DGRAM drops the frame, reports a failure and leaves errno as it was
        return fail(ENOTCONN, "send", "on a DGRAM socket that is not bound")
    if errnum == EINTR:
        handle.run_signal_handlers()
    elif errnum != EAGAIN or flags & libzmq.ZMQ_DONTWAIT:
        return fail_plain(errnum)
    if flags & libzmq.ZMQ_DONTWAIT:
        limit_ms = 0
    elif timeout is None:
        limit_ms = handle.get_int(timeout_option)
    else:
        limit_ms = milliseconds(timeout)
    if limit_ms == 0:
        if transfer(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) != -1:
            return 0
        return fail_plain(libzmq.zmq_errno())
    if handle.thread_safe:
        return wait_shared(handle, msg, flags, limit_ms, transfer)
    return wait_alone(handle, msg, flags, limit_ms, transfer, timeout_option)


cdef int wait_alone(
    SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, int limit_ms, transfer_t transfer, int timeout_option
) except -1:
    """Wait inside libzmq, at most `limit_ms` (-1: for ever). After a signal it waits on for the time that is left.

    A signal that comes when libzmq has just been woken, by what is no message, interrupts no system call, and it waits
    on: so the thread that runs signal handlers comes back now and then, soon at first, when a peer has just had news of us.
    """
    cdef double began = monotonic_seconds()
    cdef bint answers = timeout_option == libzmq.ZMQ_RCVTIMEO and handle.peekable and handle.awaits_answer()
    cdef int configured_ms = handle.get_int(timeout_option)
    cdef int current_ms = configured_ms
    cdef int wanted_ms = limit_ms
    cdef int turn_ms = FIRST_TURN_MS if runs_signal_handlers() else 0
    cdef bint comes_back
    cdef int rc, errnum = 0
    if answers and handle.waits.awake:
        guard_hold(&handle.state)
        with nogil:
            stay_awake(handle.ptr, AWAKE_S)
        guard_let_go(&handle.state)
    try:
        while True:
            comes_back = turn_ms and not 0 <= wanted_ms <= turn_ms
            if comes_back:
                wanted_ms = turn_ms
                turn_ms = min(2 * turn_ms, LONGEST_TURN_MS)
            if wanted_ms != current_ms:
                handle.set_int(timeout_option, wanted_ms)
                current_ms = wanted_ms
            guard_hold(&handle.state)
            with nogil:
                rc = transfer(msg, handle.ptr, flags)
                if rc == -1:
                    errnum = libzmq.zmq_errno()
            guard_let_go(&handle.state)
            if rc != -1:
                if answers:
                    count_wait(&handle.waits, monotonic_seconds() - began, BRISK_S)
                return 0
            if errnum != EINTR and not (errnum == EAGAIN and comes_back):
                return fail_plain(errnum)
            if current_ms != configured_ms:     # handlers find the option as it was, and may change it
                handle.set_int(timeout_option, configured_ms)
                current_ms = configured_ms
            handle.run_signal_handlers()
            configured_ms = current_ms = handle.get_int(timeout_option)
            wanted_ms = limit_ms if limit_ms < 0 else max(0, <int>ceil(limit_ms - (monotonic_seconds() - began) * 1000))
    finally:
        if current_ms != configured_ms and handle.ptr != NULL:
            # fails only when the context is ending, and then nobody waits any more
            libzmq.zmq_setsockopt(handle.ptr, timeout_option, &configured_ms, sizeof(int))


def _awake_waits(waits):
    """For the tests: of waits for answers, each the seconds that it takes asleep and awake, which would stay awake."""
    cdef waits_t counted
    memset(&counted, 0, sizeof(counted))
    decisions = []
    for asleep_s, awake_s in waits:
        decisions.append(counted.awake != 0)
        count_wait(&counted, awake_s if counted.awake else asleep_s, BRISK_S)
    return decisions


cdef bint runs_signal_handlers() except -1:
    """Whether this is Python's main thread."""
    global main_thread_ident
    if main_thread_ident == 0:
        from threading import main_thread

        main_thread_ident = main_thread().ident
    return PyThread_get_thread_ident() == main_thread_ident


cdef int wait_shared(
    SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, int limit_ms, transfer_t transfer
) except -1:
    """Wait on a socket that other threads use at the same time.

    libzmq waits for such a socket on a condition variable, where no signal reaches it, so we wait for its
    zmq_poller's descriptor. Whoever wakes first takes the readability from the others: they look again by themselves.
    """
    cdef double deadline = monotonic_seconds() * 1000 + limit_ms
    cdef double left_ms = SHARED_WAIT_MS
    while True:
        if limit_ms >= 0:
            left_ms = deadline - monotonic_seconds() * 1000
        wait_readable(handle, <int>ceil(min(max(left_ms, 0.0), <double>SHARED_WAIT_MS)))
        if transfer(msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) != -1:
            return 0
        if not would_wait() or left_ms <= 0:
            return fail_plain(libzmq.zmq_errno())


cdef int wait_readable(SocketHandle handle, int timeout_ms) except -1:
    """Sleep, GIL released, until the socket's descriptor says that something may have changed. Runs signal handlers."""
    cdef libzmq.zmq_pollitem_t item
    cdef int rc
    item.socket = NULL
    item.fd = handle.descriptor()
    item.events = libzmq.ZMQ_POLLIN
    item.revents = 0
    guard_hold(&handle.state)
    with nogil:
        rc = libzmq.zmq_poll(&item, 1, timeout_ms)
    guard_let_go(&handle.state)
    if rc == -1:
        if libzmq.zmq_errno() != EINTR:
            return fail_plain(libzmq.zmq_errno())
        handle.run_signal_handlers()
    handle.quiet_descriptor()
    return 0


cdef int milliseconds(object timeout) except? -2:
    """A per-call timeout, in seconds, as libzmq's int; rounded up, so that a short wait is not none at all."""
    cdef double ms = ceil(<double>timeout * 1000)
    if ms != ms:
        raise ValueError("timeout is not a number of seconds")
    if ms < 0 or ms >= 2147483647.0:
        return -1       # for ever, and 24 days come to the same
    return <int>ms


cdef MessageTracker send_parts(
    SocketHandle handle,
    tuple parts,
    int flags,
    bint copy,
    bint track,
    object routing_id,
    object group,
    object timeout,
    Py_ssize_t copy_threshold,
):
    """Send one message of Python objects: whole, or not at all. The tracker if one was asked for."""
    cdef Py_ssize_t count = len(parts)
    cdef Py_ssize_t loaded = 0
    cdef Py_ssize_t i
    cdef libzmq.zmq_msg_t on_stack[FRAMES_ON_STACK]
    cdef libzmq.zmq_msg_t *frames = on_stack
    cdef MessageTracker tracker
    cdef list trackers = []
    if count == 0:
        raise ValueError("a message has at least one frame")
    if count > FRAMES_ON_STACK:
        frames = <libzmq.zmq_msg_t *>malloc(count * sizeof(libzmq.zmq_msg_t))
        if frames == NULL:
            raise MemoryError
    try:
        for i in range(count):
            tracker = load_numbered(handle, &frames[i], parts, i, copy, track, copy_threshold)
            loaded += 1
            if tracker is not None:
                trackers.append(tracker)
            if routing_id is not None:
                set_routing_id(&frames[i], routing_id)
            if group is not None:
                set_group(&frames[i], group)
        handle.enter()
        try:
            send_frames(handle, frames, count, flags, timeout)
        finally:
            handle.leave()
    finally:
        for i in range(loaded):
            close_msg(&frames[i])       # empty where libzmq took it
        if frames != on_stack:
            free(frames)
    if not trackers:
        return None
    return trackers[0] if count == 1 else MessageTracker(*trackers)


cdef MessageTracker load_numbered(
    SocketHandle handle,
    libzmq.zmq_msg_t *msg,
    tuple parts,
    Py_ssize_t i,
    bint copy,
    bint track,
    Py_ssize_t copy_threshold,
):
    """load() for one frame of a message; its error says which."""
    try:
        return load(handle, msg, parts[i], copy, track, copy_threshold)
    except (TypeError, BufferError, ValueError) as error:
        raise type(error)(f"frame {i}: {error}") from None


cdef int send_frames(
    SocketHandle handle, libzmq.zmq_msg_t *frames, Py_ssize_t count, int flags, object timeout
) except -1:
    """Send one message whole. Only its first frame may fail or wait; what libzmq has begun, it is given to the end."""
    cdef Py_ssize_t i
    cdef int more
    if handle.longest_frame:
        for i in range(count):
            check_length(handle, &frames[i])
    send_frame(handle, frames, flags | libzmq.ZMQ_SNDMORE if count > 1 else flags, timeout)
    for i in range(1, count):
        more = libzmq.ZMQ_SNDMORE if i + 1 < count else flags & libzmq.ZMQ_SNDMORE
        if libzmq.zmq_msg_send(&frames[i], handle.ptr, more | libzmq.ZMQ_DONTWAIT) == -1:
            finish(handle, &frames[i], more, <transfer_t>libzmq.zmq_msg_send)
    return 0


cdef int check_length(SocketHandle handle, libzmq.zmq_msg_t *msg) except -1:
    """Refuse a frame that an endpoint of the socket could not send: see precautions.pyx."""
    if libzmq.zmq_msg_size(msg) > handle.longest_frame:
        return fail(EMSGSIZE, "send", f"over norm or udp: a frame has at most {handle.longest_frame} bytes")
    return 0


cdef int finish(SocketHandle handle, libzmq.zmq_msg_t *msg, int flags, transfer_t transfer) except -1:
    """Transfer a later frame of a message, however long it takes: signal handlers run when the message is whole."""
    cdef int rc = -1
    cdef int errnum = libzmq.zmq_errno()
    while rc == -1:
        if errnum != EAGAIN and errnum != EINTR:
            return fail_plain(errnum)
        guard_hold(&handle.state)
        with nogil:
            rc = transfer(msg, handle.ptr, flags)
            if rc == -1:
                errnum = libzmq.zmq_errno()
        guard_let_go(&handle.state)
    return 0


cdef list recv_frames(SocketHandle handle, int flags, bint copy, bint track, object timeout):
    """Receive one message whole, as a list of bytes or Frames."""
    cdef libzmq.zmq_msg_t msg
    cdef list frames = []       # made first: nothing may fail between two frames of one message
    libzmq.zmq_msg_init(&msg)   # never fails
    try:
        recv_frame(handle, &msg, flags, timeout)
        return take_frames(handle, &msg, frames, copy, track)
    finally:
        close_msg(&msg)


cdef list take_frames(SocketHandle handle, libzmq.zmq_msg_t *msg, list frames, bint copy, bint track):
    """Fill `frames` with the message whose first frame is in `msg`, for a caller that is inside."""
    cdef bint more
    while True:
        more = libzmq.zmq_msg_more(msg)
        frames.append(take_frame(handle, msg, copy, track))
        if not more:
            return frames
        # the next frame replaces the content of msg
        if libzmq.zmq_msg_recv(msg, handle.ptr, libzmq.ZMQ_DONTWAIT) == -1:
            finish(handle, msg, 0, <transfer_t>libzmq.zmq_msg_recv)


cdef inline object take_frame(SocketHandle handle, libzmq.zmq_msg_t *msg, bint copy, bint track=False):
    """What was received into `msg`, as bytes or a Frame, for a caller that is inside."""
    if not copy:
        return received_frame(msg, track)
    if SMALL_KNOWN and msg_is_small(msg):
        return message_bytes(msg, True)
    guard_hold(&handle.state)   # a long copy releases the GIL
    try:
        return message_bytes(msg, True)
    finally:
        guard_let_go(&handle.state)
        end_loan_of_bytes(msg)


cdef Frame received_frame(libzmq.zmq_msg_t *msg, bint track):
    cdef Frame frame = adopt(msg)
    if track:
        frame.tracker = FINISHED_TRACKER
    return frame


cdef inline int load_bytes(SocketHandle handle, libzmq.zmq_msg_t *msg, object data) except -1:
    """Initialise `msg` with exact bytes that are to be sent: a copy, or the object itself, which nobody can change."""
    if PyBytes_GET_SIZE(data) < handle.lend_from:
        return fill_from(msg, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return lend_bytes(msg, data)


cdef MessageTracker load(
    SocketHandle handle, libzmq.zmq_msg_t *msg, object data, bint copy, bint track, Py_ssize_t copy_threshold
):
    """Initialise `msg` with what is to be sent; the tracker if one was asked for. On error `msg` stays untouched."""
    cdef Frame frame
    if isinstance(data, Frame):
        frame = <Frame>data
        if track and frame.tracker is None:
            raise ValueError("track: this Frame was made without track=True")
        libzmq.zmq_msg_init(msg)                    # never fails
        with cython.critical_section(frame):        # the first copy begins to count copies
            libzmq.zmq_msg_copy(msg, &frame.msg)    # never fails on two initialised messages
        return frame.tracker if track or not copy else None
    if isinstance(data, str):
        raise TypeError("a frame is bytes-like, not str: use send_string, or encode it first")
    if copy and PyBytes_CheckExact(data):
        load_bytes(handle, msg, data)
        return None
    if copy or byte_count(data) < copy_threshold:
        fill(msg, data)
        return None if copy else FINISHED_TRACKER
    return lend(msg, data, track)
