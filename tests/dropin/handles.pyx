# cython: language_level=3
"""What another project's extension does with zmqfast's Cython interface; test_cython.py compiles it."""

from zmqfast cimport Context, Frame, Socket, last_errno, zmq_recv, zmq_send


def addresses(Context context, Socket socket):
    """The handles as integers, which Python knows as `underlying`."""
    return <size_t>context.handle, <size_t>socket.handle


def relay(Socket source, Socket target, Py_ssize_t count):
    """Pass so many frames of at most 64 bytes on, without the GIL; returns how many bytes that were, or the errno."""
    cdef void *taken_from = source.handle
    cdef void *given_to = target.handle
    cdef char data[64]
    cdef int size
    cdef int total = 0
    with nogil:
        for _ in range(count):
            size = zmq_recv(taken_from, data, sizeof(data), 0)
            if size == -1 or zmq_send(given_to, data, size, 0) == -1:
                total = -last_errno()
                break
            total += size
    return total


def has_message(Frame frame):
    """Whether the frame shows its zmq_msg_t."""
    return frame.zmq_msg != NULL


def takes_a_socket(Socket socket not None):
    """A typed argument: TypeError for anything else."""
    return socket.recv()
