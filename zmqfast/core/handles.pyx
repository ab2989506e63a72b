"""For other extensions: the pointers inside a Context, Socket and Frame, and the calls that go with them.

They are declared in zmqfast/_core.pxd. libzmq is inside this extension, so another one can call it only through us.
"""


cdef void *context_pointer(object context) except NULL:
    """libzmq's context, valid until term(); RuntimeError where it has ended."""
    return (<Context?>context).own().opened()


cdef void *socket_pointer(object socket) except NULL:
    """libzmq's socket, valid until close(); ENOTSOCK where it is closed. Nothing guards what is done with it."""
    cdef void *ptr = (<Socket?>socket).own().ptr
    (<Socket>socket).own().expose()
    if ptr == NULL:
        fail_plain(libzmq.ENOTSOCK)
    return ptr


cdef void *frame_message(object frame) except NULL:
    """The zmq_msg_t inside a frame, valid as long as the frame. Its bytes may be shared: do not write them."""
    return &(<Frame?>frame).msg


cdef int zmq_send(void *socket, const void *data, size_t size, int flags) noexcept nogil:
    """zmq_send(3) of the libzmq inside; -1 on failure: see last_errno()."""
    return libzmq.zmq_send(socket, data, size, flags)


cdef int zmq_recv(void *socket, void *data, size_t size, int flags) noexcept nogil:
    """zmq_recv(3) of the libzmq inside; -1 on failure: see last_errno()."""
    return libzmq.zmq_recv(socket, data, size, flags)


cdef int last_errno() noexcept nogil:
    """The errno of this thread's last failed call of libzmq."""
    return libzmq.zmq_errno()
