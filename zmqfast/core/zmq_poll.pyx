"""zmq_poll over sockets, descriptors and objects with fileno().

Sockets are looked at (ZMQ_EVENTS) with the GIL held; the wait without the GIL is on descriptors alone, so no socket
is touched while another thread may have it.
"""


cdef libzmq.zmq_fd_t descriptor_of(object source) except? -1:
    """Of a descriptor, or an object with fileno()."""
    if isinstance(source, int):
        return source
    if hasattr(source, "fileno"):
        return source.fileno()
    raise TypeError(f"poll takes Sockets, descriptors and objects with fileno(), not {source!r}")


cdef class PollItem:
    """One thing to poll: a socket, or a descriptor."""

    cdef object source              # what the caller gets back: the socket, or the descriptor
    cdef SocketHandle handle        # or None
    cdef libzmq.zmq_fd_t fd
    cdef short flags

    def __cinit__(self, source, flags):
        self.source = source
        self.flags = flags
        if isinstance(source, Socket):
            self.handle = (<Socket>source).own()
        else:
            self.fd = descriptor_of(source)
            if not isinstance(source, int):
                self.source = self.fd       # reported as a descriptor, as in pyzmq

    cdef int ready(self) except -1:
        """What a socket can do at once. Leaves its descriptor unreadable, so that waiting for it makes sense."""
        cdef SocketHandle handle = self.handle
        if not handle.thread_safe:
            self.fd = handle.fd
            return handle.current_events() & self.flags
        handle.enter()
        try:
            self.fd = handle.descriptor()
            handle.quiet_descriptor()
            return handle.events() & self.flags
        finally:
            handle.leave()


def zmq_poll(sockets, timeout=-1):
    """Wait until one of (socket, flags) pairs is ready; returns (socket, events) for each that is, in their order.

    Args:
        sockets: Sockets, file descriptors, or objects with fileno(), each with POLLIN, POLLOUT, POLLERR, POLLPRI.
        timeout: ms; None or negative waits for ever, 0 not at all.
    Raises:
        ZMQError: a socket that is closed (ENOTSOCK).
        SocketBusy: a socket that another thread is using.
    """
    cdef list items = [PollItem(source, flags) for source, flags in sockets]
    cdef double timeout_ms = -1 if timeout is None else timeout
    cdef double deadline = monotonic() * 1000 + timeout_ms
    cdef double left_ms
    cdef list ready
    cdef Py_ssize_t count = len(items)
    cdef libzmq.zmq_pollitem_t *waiting
    if timeout_ms != timeout_ms:
        raise ValueError("timeout is not a number of ms")
    if count == 0:
        from threading import Event
        Event().wait(None if timeout_ms < 0 else timeout_ms / 1000)
        return []
    waiting = <libzmq.zmq_pollitem_t *>malloc(count * sizeof(libzmq.zmq_pollitem_t))
    if waiting == NULL:
        raise MemoryError
    try:
        while True:
            left_ms = -1 if timeout_ms < 0 else max(0.0, ceil(deadline - monotonic() * 1000))
            ready = poll_once(items, waiting, min(left_ms, 2147483647.0))
            if ready or left_ms == 0:
                return ready
    finally:
        free(waiting)


cdef list poll_once(list items, libzmq.zmq_pollitem_t *waiting, double left_ms):
    """Look at each item; if none is ready, sleep once, so that the caller looks again."""
    cdef PollItem item
    cdef Py_ssize_t count = len(items)
    cdef Py_ssize_t i
    cdef int events
    cdef int rc
    cdef bint any_ready = False
    cdef bint sockets_only = True
    cdef long wait_ms = <long>left_ms
    cdef list found = []
    for i in range(count):
        item = <PollItem>items[i]
        if item.handle is None:
            events = 0
            sockets_only = False
        else:
            events = item.ready()
        any_ready = any_ready or events != 0
        found.append(events)
        waiting[i].socket = NULL
        waiting[i].fd = item.fd
        waiting[i].events = libzmq.ZMQ_POLLIN if item.handle is not None else item.flags
        waiting[i].revents = 0
    if any_ready:
        wait_ms = 0
    if wait_ms == 0 and sockets_only:
        rc = 0          # there is nothing more to find out
    else:
        with nogil:
            rc = libzmq.zmq_poll(waiting, <int>count, wait_ms)
    if rc == -1:
        if libzmq.zmq_errno() != EINTR:
            fail(libzmq.zmq_errno(), "zmq_poll", None)
        PyErr_CheckSignals()
        return []
    ready = []
    for i in range(count):
        item = <PollItem>items[i]
        events = found[i] if item.handle is not None else waiting[i].revents & (item.flags | libzmq.ZMQ_POLLERR)
        if events:
            ready.append((item.source, events))
    return ready
