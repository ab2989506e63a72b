"""Buffers lent to libzmq by zero-copy sends, and how they come back.

Each lent buffer is one node that holds the `Py_buffer` export, so its owner can neither resize nor free it. When
libzmq lets go, often in an I/O thread, release.h pushes the node onto a lock-free list. The list is drained, GIL held,
by the next zero-copy send, by a tracker, by close and term, and by a pending call, so memory returns although nobody
sends. A receiver over inproc, who holds the GIL, gives the buffer back at once.
"""

import atexit
import time

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_SIMPLE,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, PyObject

from zmqfast.errors import NotDone

cdef extern from "core/msg_header.h":
    enum:
        LONGEST_SMALL
    bint msg_content_known() noexcept nogil
    bint msg_small_known() noexcept nogil
    bint msg_is_small(const libzmq.zmq_msg_t *msg) noexcept nogil
    bint msg_is_alone(const libzmq.zmq_msg_t *msg) noexcept nogil
    char *msg_small_data(libzmq.zmq_msg_t *msg) noexcept nogil
    size_t msg_small_size(const libzmq.zmq_msg_t *msg) noexcept nogil
    void msg_init_small(libzmq.zmq_msg_t *msg, size_t size) noexcept nogil

cdef extern from "core/release.h":
    ctypedef long atomic_int_t
    ctypedef struct release_node_t:
        release_node_t *next
        Py_buffer view
        PyObject *tracker
    void release_on_free(void *data, void *hint) noexcept nogil
    release_node_t *release_new_node() noexcept
    void release_free_node(release_node_t *node) noexcept
    void release_init_msg(libzmq.zmq_msg_t *msg, release_node_t *node) noexcept nogil
    bint release_lends(const libzmq.zmq_msg_t *msg) noexcept nogil
    PyObject *release_bytes(const libzmq.zmq_msg_t *msg) noexcept
    bint release_here(libzmq.zmq_msg_t *msg, void (*on_free)(void *data, void *hint) noexcept) noexcept
    release_node_t *release_take() noexcept nogil
    void release_wait(int ms) noexcept nogil
    void release_after_fork() noexcept nogil
    void count_add(atomic_int_t *counter, long n) noexcept nogil
    long atomic_add(atomic_int_t *counter, long n) noexcept nogil
    long atomic_get(atomic_int_t *counter) noexcept nogil
    long atomic_get_after_writes(atomic_int_t *counter) noexcept nogil
    void atomic_clear(atomic_int_t *counter) noexcept nogil
    atomic_int_t release_finalising
    atomic_int_t release_scheduled
    atomic_int_t release_lent
    int (*release_pending_call)(void *unused) noexcept

cdef enum:
    SIGNAL_CHECK_MS = 50    # how long a tracker's wait may keep a signal handler waiting

cdef bint CONTENT_KNOWN = msg_content_known()
cdef bint SMALL_KNOWN = msg_small_known()


cdef class MessageTracker:
    """Whether libzmq has let go of every frame of a message sent with `copy=False`.

    Made from frames, trackers, or nothing (done at once). Any thread may ask or wait; it can be awaited.
    """

    cdef atomic_int_t lent          # our own frames that libzmq still holds
    cdef tuple others               # trackers that we cover as well

    def __init__(self, *towatch):
        others = []
        for item in towatch:
            tracker = item.tracker if isinstance(item, Frame) else item
            if tracker is None and isinstance(item, Frame):
                raise ValueError(f"{item!r} is not tracked")
            if not isinstance(tracker, MessageTracker):
                raise TypeError(f"MessageTracker takes Frames and MessageTrackers, not {type(item).__name__}")
            others.append(tracker)
        self.others = tuple(others)

    @property
    def done(self):
        """Whether libzmq holds none of the message's buffers any more."""
        drain()
        return self.finished()

    cdef bint finished(self):
        cdef MessageTracker other
        if atomic_get(&self.lent) > 0:
            return False
        for other in self.others or ():
            if not other.finished():
                return False
        return True

    def wait(self, timeout=-1):
        """Wait, GIL released, until libzmq has let go; `timeout` in seconds, negative or None for ever.

        Raises:
            NotDone: the time was over first.
        """
        cdef double left_ms = -1
        cdef int slice_ms
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while not self.done:
            slice_ms = SIGNAL_CHECK_MS
            if deadline is not None:
                left_ms = (deadline - time.monotonic()) * 1000
                if left_ms <= 0:
                    raise NotDone
                slice_ms = min(slice_ms, <int>left_ms + 1)
            with nogil:
                release_wait(slice_ms)
            PyErr_CheckSignals()

    def __await__(self):
        """Wait in an executor thread, so that the loop goes on."""
        import asyncio

        if not self.done:
            yield from asyncio.get_running_loop().run_in_executor(None, self.wait).__await__()


cdef MessageTracker FINISHED_TRACKER = MessageTracker()

_FINISHED_TRACKER = FINISHED_TRACKER    # pyzmq's name


cdef MessageTracker lend(libzmq.zmq_msg_t *msg, object data, bint track):
    """Make `msg` of `data`'s own memory, which stays exported until libzmq lets go; the tracker, or None.

    Raises BufferError or TypeError as the owner of the buffer does.
    """
    cdef release_node_t *node
    cdef MessageTracker tracker = None
    drain()
    if track:
        tracker = MessageTracker()
    node = release_new_node()
    if node == NULL:
        raise MemoryError
    node.tracker = NULL
    try:
        PyObject_GetBuffer(data, &node.view, PyBUF_SIMPLE)
    except:
        release_free_node(node)
        raise
    if track:
        atomic_add(&tracker.lent, 1)
        Py_INCREF(tracker)
        node.tracker = <PyObject *>tracker
    lend_node(msg, node)
    return tracker


cdef inline int lend_bytes(libzmq.zmq_msg_t *msg, object data) except -1:
    """lend() for exact bytes, untracked."""
    cdef release_node_t *node
    drain()
    node = release_new_node()
    if node == NULL:
        raise MemoryError
    node.tracker = NULL
    PyBuffer_FillInfo(&node.view, data, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), True, PyBUF_SIMPLE)
    return lend_node(msg, node)


cdef inline int lend_node(libzmq.zmq_msg_t *msg, release_node_t *node) except -1:
    count_add(&release_lent, 1)
    if CONTENT_KNOWN:
        release_init_msg(msg, node)
    elif libzmq.zmq_msg_init_data(msg, node.view.buf, node.view.len, release_on_free, node) == -1:
        give_back(node)
        raise MemoryError
    return 0


cdef inline void close_msg(libzmq.zmq_msg_t *msg) noexcept:
    """Close a message that is not used any more, GIL held. May run Python code: the owner's last reference may be here."""
    if SMALL_KNOWN and msg_is_alone(msg):
        return
    if CONTENT_KNOWN:
        release_here(msg, give_back_now)
    libzmq.zmq_msg_close(msg)       # fails only where libzmq has closed it already


cdef inline void end_loan_of_bytes(libzmq.zmq_msg_t *msg) noexcept:
    """After message_bytes(), inside a socket: it has returned what was lent, so to give it back runs nobody's code."""
    if CONTENT_KNOWN and release_lends(msg) and release_bytes(msg) != NULL and release_here(msg, give_back_now):
        libzmq.zmq_msg_close(msg)   # never fails once initialised
        libzmq.zmq_msg_init(msg)


cdef void give_back_now(void *data, void *hint) noexcept:
    """libzmq's callback while we close a message, in place of release_on_free()."""
    give_back(<release_node_t *>hint)


cdef void give_back(release_node_t *node) noexcept:
    """End one loan, GIL held."""
    if node.tracker != NULL:
        atomic_add(&(<MessageTracker>node.tracker).lent, -1)
        Py_XDECREF(node.tracker)
    PyBuffer_Release(&node.view)    # may run Python code: the owner's last reference may be here
    release_free_node(node)
    count_add(&release_lent, -1)


cdef void drain() noexcept:
    """Give back all that libzmq has let go of, GIL held."""
    cdef release_node_t *node = release_take()
    cdef release_node_t *following
    while node != NULL:
        following = node.next
        give_back(node)
        node = following


cdef int drain_pending(void *unused) noexcept:
    """The pending call: runs in the main thread, between two bytecodes.

    Before 3.13 CPython looks for what another thread has scheduled only when the main thread has had to take the GIL
    again, after any call that gave it away.
    """
    atomic_clear(&release_scheduled)
    drain()
    return 0


release_pending_call = drain_pending


def _leak_from_now_on():
    """At exit the interpreter is going: the list keeps what comes, no pending call is made any more."""
    count_add(&release_finalising, 1)


atexit.register(_leak_from_now_on)
