"""`cimport zmqfast`: Context, Socket and Frame with libzmq's own handles, for extensions written in Cython.

The handles belong to the libzmq inside zmqfast._core: give them to the functions below, not to another copy of libzmq.
"""

from zmqfast._core cimport context_pointer, frame_message, last_errno, socket_pointer, zmq_recv, zmq_send

cdef extern from *:
    # Nothing is said of what is inside the objects: that may change with each version.
    ctypedef class zmqfast._core.Context [object PyObject, check_size ignore]:
        @property
        cdef inline void *handle(self) except NULL:
            """libzmq's context, valid until term()."""
            return context_pointer(self)

    ctypedef class zmqfast._core.Socket [object PyObject, check_size ignore]:
        @property
        cdef inline void *handle(self) except NULL:
            """libzmq's socket, valid until close()."""
            return socket_pointer(self)

    ctypedef class zmqfast._core.Frame [object PyObject, check_size ignore]:
        @property
        cdef inline void *zmq_msg(self) except NULL:
            """The frame's zmq_msg_t, valid as long as the frame."""
            return frame_message(self)
