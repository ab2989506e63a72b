"""zmq_poll over sockets, descriptors and objects with fileno().

Sockets are looked at (ZMQ_EVENTS) with the GIL held; the wait without the GIL is on descriptors alone, so no socket
is touched while another thread may have it. Whoever uses or closes a socket meanwhile, and may take the edge of its
descriptor or the descriptor itself, rings a bell, and we look again.
"""

cdef extern from "core/bell.h":
    int bell_open(int *ends) noexcept nogil
    void bell_ring(int *ends) noexcept nogil
    void bell_quiet(int *ends) noexcept nogil
    void bell_close(int *ends) noexcept nogil

cdef enum:
    BELL_LOOK_MS = 50       # after which sockets are looked at again where there is no bell


cdef libzmq.zmq_fd_t descriptor_of(object source) except? -1:
    """Of a descriptor, or an object with fileno()."""
    if isinstance(source, int):
        return source
    if hasattr(source, "fileno"):
        return source.fileno()
    raise TypeError(f"poll takes Sockets, descriptors and objects with fileno(), not {source!r}")


@cython.final
cdef class PollItem(Follower):
    """One thing to poll: a socket, or a descriptor."""

    cdef object source              # what the caller gets back: the socket, or the descriptor
    cdef SocketHandle handle        # or None
    cdef libzmq.zmq_fd_t fd
    cdef short flags
    cdef int *bell                  # of the poll that waits; or NULL

    def __cinit__(self, source, flags):
        self.source = source
        self.flags = flags
        if isinstance(source, Socket):
            self.handle = (<Socket>source).own()
            self.fd = -1
        else:
            self.fd = descriptor_of(source)
            if not isinstance(source, int):
                self.source = self.fd       # reported as a descriptor, as in pyzmq

    cdef int ready(self) except -1:
        """What a socket can do at once. Leaves its descriptor unreadable, so that waiting for it makes sense."""
        cdef SocketHandle handle = self.handle
        if not handle.thread_safe:
            self.fd = handle.fd
            if self.bell == NULL:
                return handle.current_events() & self.flags
        elif self.fd == -1:
            handle.enter()
            try:
                self.fd = handle.descriptor()
            finally:
                handle.leave()
        return handle.look(self, self.flags)

    cdef int on_used(self) except -1:
        with cython.critical_section(self):     # or the bell goes
            if self.bell != NULL:
                bell_ring(self.bell)
        return 0

    cdef int on_looked(self, int events) except -1:
        return self.on_used() if events & self.flags else 0

    cdef int on_closed(self) except -1:
        return self.on_used()


def zmq_poll(sockets, timeout=-1):
    """Wait until one of (socket, flags) pairs is ready; returns (socket, events) for each that is, in their order.

    Args:
        sockets: Sockets, file descriptors, or objects with fileno(), each with POLLIN, POLLOUT, POLLERR, POLLPRI.
        timeout: ms; None or negative waits for ever, 0 not at all.
    Raises:
        ZMQError: a socket is closed, or was closed meanwhile (ENOTSOCK).
        SocketBusy: a socket that another thread is using.
        ContextTerminated: the context of a socket ended (ETERM).
    """
    cdef list items = [PollItem(source, flags) for source, flags in sockets]
    cdef double timeout_ms = -1 if timeout is None else timeout
    cdef double deadline = monotonic_seconds() * 1000 + timeout_ms
    cdef double left_ms
    cdef list ready
    cdef Py_ssize_t count = len(items)
    cdef libzmq.zmq_pollitem_t *waiting
    cdef int bell[2]
    cdef SocketHandle answering = None
    cdef double began = 0
    if timeout_ms != timeout_ms:
        raise ValueError("timeout is not a number of ms")
    if count == 0:
        from threading import Event
        Event().wait(None if timeout_ms < 0 else timeout_ms / 1000)
        return []
    waiting = <libzmq.zmq_pollitem_t *>malloc((count + 1) * sizeof(libzmq.zmq_pollitem_t))
    if waiting == NULL:
        raise MemoryError
    bell[0] = -1
    try:
        ready = poll_once(items, waiting, -1, 0)
        if not ready and timeout_ms != 0:
            began = monotonic_seconds()
            answering = who_waits_for_an_answer(items)
            if answering is not None and answering.waits.awake:
                with nogil:
                    poll_awake(waiting, <int>count, AWAKE_S)
                ready = poll_once(items, waiting, -1, 0)
        if not ready and timeout_ms != 0:
            open_bell(items, bell)
            left_ms = -1
            while not ready and left_ms != 0:
                if timeout_ms > 0:
                    left_ms = max(0.0, ceil(deadline - monotonic_seconds() * 1000))
                ready = poll_once(items, waiting, bell[0], left_ms)
        if ready and answering is not None:
            count_wait(&answering.waits, monotonic_seconds() - began, BRISK_S)
        return ready
    finally:
        close_bell(items, bell)
        free(waiting)


cdef SocketHandle who_waits_for_an_answer(list items):
    """The first socket that has sent since anybody waited for it; or None."""
    cdef PollItem item
    for item in items:
        if item.handle is not None and item.handle.awaits_answer():
            return item.handle
    return None


cdef int open_bell(list items, int *bell) except -1:
    """Have the sockets ring; bell[0] stays -1 where there is none, or no descriptor for it."""
    cdef PollItem item
    if bell_open(bell) == -1:
        bell[0] = -1
        return 0
    for item in items:
        if item.handle is not None:
            item.bell = bell
            item.handle.follow(item)
    return 0


cdef int close_bell(list items, int *bell) except -1:
    cdef PollItem item
    if bell[0] != -1:
        for item in items:
            with cython.critical_section(item):
                item.bell = NULL
            if item.handle is not None:
                item.handle.unfollow(item)
        bell_close(bell)
    return 0


cdef list poll_once(list items, libzmq.zmq_pollitem_t *waiting, int bell, double left_ms):
    """Look at each item; if none is ready, sleep once, so that the caller looks again."""
    cdef PollItem item
    cdef Py_ssize_t count = len(items)
    cdef Py_ssize_t i
    cdef int events
    cdef int rc
    cdef bint any_ready = False
    cdef bint any_socket = False
    cdef bint sockets_only = True
    cdef long wait_ms = <long>min(left_ms, 2147483647.0)
    cdef list found = []
    for i in range(count):
        item = <PollItem>items[i]
        if item.handle is None:
            events = 0
            sockets_only = False
        else:
            events = item.ready()
            any_socket = True
        any_ready = any_ready or events != 0
        found.append(events)
        watch_descriptor(&waiting[i], item.fd, libzmq.ZMQ_POLLIN if item.handle is not None else item.flags)
    if any_ready:
        wait_ms = 0
    if bell != -1:
        watch_descriptor(&waiting[count], bell, libzmq.ZMQ_POLLIN)
    elif any_socket and not 0 <= wait_ms <= BELL_LOOK_MS:
        wait_ms = BELL_LOOK_MS
    if wait_ms == 0 and sockets_only:
        rc = 0          # there is nothing more to find out
    else:
        if wait_ms != 0:
            PyErr_CheckSignals()    # what came while we looked interrupts no wait
        with nogil:
            rc = libzmq.zmq_poll(waiting, <int>count + (bell != -1), wait_ms)
    if rc == -1:
        if libzmq.zmq_errno() != EINTR:
            fail(libzmq.zmq_errno(), "zmq_poll", None)
        PyErr_CheckSignals()
        return []
    if bell != -1 and waiting[count].revents:
        bell_quiet(&bell)
    ready = []
    for i in range(count):
        item = <PollItem>items[i]
        events = found[i] if item.handle is not None else waiting[i].revents & (item.flags | libzmq.ZMQ_POLLERR)
        if events:
            ready.append((item.source, events))
    return ready


cdef inline void watch_descriptor(libzmq.zmq_pollitem_t *item, libzmq.zmq_fd_t fd, short events) noexcept:
    item.socket = NULL
    item.fd = fd
    item.events = events
    item.revents = 0
