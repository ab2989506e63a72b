"""What other extensions may call in the core; they get it through `cimport zmqfast`. Needs no header of libzmq."""

cdef void *context_pointer(object context) except NULL
cdef void *socket_pointer(object socket) except NULL
cdef void *frame_message(object frame) except NULL

cdef int zmq_send(void *socket, const void *data, size_t size, int flags) noexcept nogil
cdef int zmq_recv(void *socket, void *data, size_t size, int flags) noexcept nogil
cdef int last_errno() noexcept nogil
