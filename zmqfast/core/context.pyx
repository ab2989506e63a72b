"""Context: a libzmq context, shared by threads freely."""

from cpython.exc cimport PyErr_Clear, PyErr_SetInterrupt
from cpython.pythread cimport (
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_get_thread_ident,
    PyThread_release_lock,
    PyThread_type_lock,
)

cdef extern from "Python.h":
    enum:
        PY_LOCK_INTR
    int PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds, int interruptible) nogil

from cpython.weakref cimport PyWeakref_NewRef
from libc.string cimport memset
from libc.time cimport time as seconds_now, time_t     # asked in a dying interpreter as well

cdef extern from "<string.h>":
    size_t strnlen(const char *text, size_t longest) nogil

cdef extern from "core/descriptors.h":
    enum:
        IPC_PATH_MAX
    bint descriptors_left(int wanted) noexcept nogil

cdef extern from "core/threads.h":
    bint threads_left(int wanted) noexcept nogil

IPC_PATH_MAX_LEN = IPC_PATH_MAX     # bytes in the path of an ipc endpoint

cdef enum:
    FIRST_DRAFT_TYPE = 12           # ZMQ_SERVER
    LAST_DRAFT_TYPE = 20            # ZMQ_CHANNEL
    DESCRIPTORS_TO_RESOLVE = 4      # libzmq aborts when it cannot list the network interfaces (ip_resolver.cpp)

cdef extern from *:
    """
    /* dict.get(), of which Cython makes a borrowed reference and then its own: without a GIL, others may let go between. */
    static PyObject *own_entry (PyObject *table, PyObject *key)
    {
    #ifdef Py_GIL_DISABLED
        PyObject *found;
        if (PyDict_GetItemRef (table, key, &found) != 0)
            return found; /* NULL: an error */
    #else
        PyObject *found = PyDict_GetItemWithError (table, key);
        if (found != NULL || PyErr_Occurred ()) {
            Py_XINCREF (found);
            return found;
        }
    #endif
        Py_INCREF (Py_None);
        return Py_None;
    }
    """
    object entry "own_entry"(dict table, object key)

# Without a GIL, a critical section is left wherever CPython waits for another lock, be it for a moment. So what is locked
# is an object of ours, never the dict or list that is changed meanwhile: that has a lock of its own, which nobody else may
# want in that moment. CPython 3.13t even waits for itself where it has locked the same one before.
cdef dict CONTEXTS = {}     # address → weak reference to the ContextHandle
cdef object CONTEXTS_LOCK = object()    # of every look at it, and every change
cdef atomic_int_t live_contexts = 0


@cython.final
@cython.no_gc               # refers to weak references only
cdef class ContextHandle:
    """A libzmq context's pointer, shared by a Context and its shadows.

    Sockets hold it, so it is terminated only after all of them are closed, in garbage cycles too.
    """

    cdef object __weakref__
    cdef void *ptr                      # NULL once terminated
    cdef bint ending                    # somebody has called term(): no new socket, ptr may go at any time
    cdef bint refusing                  # or shutdown(): nobody begins to wait over inproc
    cdef void *spare                    # to end such waits with, see precautions.pyx; or NULL
    cdef bint started                   # libzmq has its threads
    cdef PyThread_type_lock term_lock   # held by the thread that terminates
    cdef dict sockets                   # id → weak reference to the Socket
    cdef object naming                  # locked while endpoints and monitors are named or left, and for `refusing` and `spare`
    cdef bint opening_watch             # a watch makes do with the room that is left
    cdef time_t watch_ended             # s: libzmq's reaper may still have its sockets
    cdef time_t socket_closed           # the same for sockets of the user's
    cdef dict watched                   # id → weak reference to a SocketHandle that may have an idle watch
    cdef dict monitored                 # endpoint → weak reference to the SocketHandle that reports there
    cdef dict inproc_waiting            # endpoint → types of the sockets that connected before anybody has bound
    cdef dict inproc_bound              # endpoint → its ends, keys of a dict: see inproc.pyx
    cdef dict inproc_connected          # the same for those that have connected

    def __cinit__(self):
        self.naming = object()
        self.sockets = {}
        self.watched = {}
        self.monitored = {}
        self.inproc_waiting = {}
        self.inproc_bound = {}
        self.inproc_connected = {}
        self.term_lock = PyThread_allocate_lock()
        if self.term_lock == NULL:
            raise MemoryError
        if not descriptors_left(1):
            fail(EMFILE, "Context", None)
        self.ptr = libzmq.zmq_ctx_new()
        check_new(self.ptr, "zmq_ctx_new")
        with cython.critical_section(CONTEXTS_LOCK):
            CONTEXTS[<size_t>self.ptr] = PyWeakref_NewRef(self, None)
        count_add(&live_contexts, 1)

    def __dealloc__(self):
        if self.ptr != NULL:
            count_add(&live_contexts, -1)
            if not atomic_get(&release_finalising):     # at exit nobody waits; the process ends libzmq
                with cython.critical_section(CONTEXTS_LOCK):
                    CONTEXTS.pop(<size_t>self.ptr, None)
                if prepare_quietly(self):
                    end_quietly(self.ptr)
        PyThread_free_lock(self.term_lock)

    cdef int forget(self) except -1:
        """The pointer is gone: terminated, or inherited by a forked child."""
        if self.ptr != NULL:
            count_add(&live_contexts, -1)
            with cython.critical_section(CONTEXTS_LOCK):
                reference = entry(CONTEXTS, <size_t>self.ptr)
                if reference is not None and reference() is self:   # another thread's new context may live there by now
                    CONTEXTS.pop(<size_t>self.ptr, None)
            self.ptr = NULL
            self.spare = NULL
        return 0

    cdef void *opened(self) except NULL:
        if self.ptr == NULL:
            raise RuntimeError("Context has been destroyed")
        if self.ending:
            fail(libzmq.ETERM, "Context", None)
        return self.ptr

    cdef void *new_socket(self, int socket_type) except NULL:
        cdef void *socket
        with cython.critical_section(self):     # or another thread may end the context
            socket = self.socket_at_once(socket_type)
        if socket == NULL and libzmq.zmq_errno() == EMFILE and not self.opening_watch and make_room(self):
            socket = socket_once_reaped(self, socket_type)
        check_new(socket, "socket")
        self.started = True
        return socket

    cdef void *socket_at_once(self, int socket_type) except? NULL:
        """A socket; or NULL, and errno says why."""
        cdef int io_threads
        if self.ptr == NULL:
            raise error_for(libzmq.ENOTSUP, "socket: the context is closed")
        self.opened()
        if not libzmq.ZMQFAST_DRAFTS and FIRST_DRAFT_TYPE <= socket_type <= LAST_DRAFT_TYPE:
            # libzmq makes them all the same, without the calls that they cannot be used without
            raise ZMQVersionError("4.3.6", f"socket type {socket_type}: the draft API")
        if not self.started:
            # two descriptors for each I/O thread and the reaper, one for the socket
            io_threads = libzmq.zmq_ctx_get(self.ptr, libzmq.ZMQ_IO_THREADS)
            if not descriptors_left(2 * io_threads + 3):
                fail(EMFILE, "socket", None)
            if not threads_left(io_threads + 1):
                raise error_for(ENOMEM, f"socket: the system has no room for the context's {io_threads + 1} threads")
        return libzmq.zmq_socket(self.ptr, socket_type)

    cdef int term(self) except -1:
        cdef void *ptr
        cdef int rc
        cdef int locked
        while self.ptr != NULL:
            with nogil:
                locked = PyThread_acquire_lock_timed(self.term_lock, -1, 1)
            if locked == PY_LOCK_INTR:
                PyErr_CheckSignals()
                continue
            try:
                ptr = self.end_of_waits("term")
                with cython.critical_section(self):     # whoever is about to call libzmq does so before
                    self.ending = True
            except:
                PyThread_release_lock(self.term_lock)
                raise
            rc = 0
            if ptr != NULL:
                with nogil:
                    rc = libzmq.zmq_ctx_term(ptr)   # waits for sockets to close, and for linger
                if rc == 0:
                    self.forget()
            PyThread_release_lock(self.term_lock)
            if rc == -1:
                if libzmq.zmq_errno() != EINTR:
                    check(rc, "term")
                PyErr_CheckSignals()                # without the lock: a handler may call term() as well
        return 0

    cdef void *end_of_waits(self, str call) except? NULL:
        """Before zmq_ctx_term and zmq_ctx_shutdown, neither of which anybody has called yet."""
        with cython.critical_section(self.naming):
            if self.ptr != NULL and not self.refusing:
                self.refusing = True
                try:
                    before_ending(self, call)
                except:
                    self.refusing = False
                    raise
            return self.ptr


cdef class Context:
    """A container of sockets with its own I/O threads. Make one, share it between threads.

    Args:
        io_threads: how many threads do the network work; 0 is enough for inproc alone. Or a Context to shadow.
        shadow: a Context, or the `underlying` address of one, to share instead of making a new one.
    """

    cdef object __weakref__
    cdef ContextHandle handle
    cdef readonly bint _is_shadow

    def __init__(self, io_threads=1, shadow=None):
        cdef int count
        if isinstance(io_threads, Context):
            shadow = io_threads
        if shadow is not None and shadow is not 0:
            self.handle = shadowed_context(shadow)
            self._is_shadow = True
            return
        count = lenient_int("io_threads", io_threads)
        handle = ContextHandle()
        check(libzmq.zmq_ctx_set((<ContextHandle>handle).ptr, libzmq.ZMQ_IO_THREADS, count),
              "Context", f"io_threads={count}")
        self.handle = handle

    cdef ContextHandle own(self):
        if self.handle is None:
            raise RuntimeError("Context.__init__ was not called")
        return self.handle

    @property
    def underlying(self):
        """The address of libzmq's context; 0 once terminated."""
        return <size_t>self.own().ptr

    @property
    def closed(self):
        """Whether the context has been terminated."""
        return self.handle is None or self.handle.ptr == NULL

    def get(self, option):
        """A context option, an int; THREAD_NAME_PREFIX is text (zmq_ctx_get).

        Raises:
            ZMQError: no such option (EINVAL).
            RuntimeError: the context has been terminated.
        """
        cdef char text[256]
        cdef size_t size = sizeof(text)
        cdef int number = option
        cdef int errnum = 0
        cdef int value = 0
        cdef ContextHandle handle = self.own()
        memset(text, 0, sizeof(text))       # libzmq says not how long the text is
        with cython.critical_section(handle):           # or another thread may end the context
            if number == libzmq.ZMQ_THREAD_NAME_PREFIX:
                errnum = error_of(libzmq.zmq_ctx_get_ext(handle.opened(), number, text, &size))
            else:
                handle.opened()
                libzmq.set_errno(0)
                value = libzmq.zmq_ctx_get(handle.ptr, number)
                errnum = error_of(value)            # or 0: -1 is also a scheduling policy
        if errnum:
            fail(errnum, "get", repr(option))
        return text[:strnlen(text, sizeof(text))].decode() if number == libzmq.ZMQ_THREAD_NAME_PREFIX else value

    def set(self, option, optval):
        """Set a context option; most count only before the first socket (zmq_ctx_set).

        Raises:
            ZMQError: no such option, or not such a value (EINVAL).
            RuntimeError: the context has been terminated.
        """
        cdef int number = option
        cdef int value, errnum
        cdef ContextHandle handle = self.own()
        handle.opened()
        if number == libzmq.ZMQ_THREAD_NAME_PREFIX and isinstance(optval, (str, bytes)):
            text = optval.encode() if isinstance(optval, str) else optval
            if len(text) == sizeof(int):
                text += b"\0"       # libzmq takes four bytes for an int
            with cython.critical_section(handle):       # or another thread may end the context
                errnum = error_of(libzmq.zmq_ctx_set_ext(handle.opened(), number, <char *>text, len(text)))
        else:
            value = int_value(option, optval)           # which may run Python code, and that end the context
            with cython.critical_section(handle):
                errnum = error_of(libzmq.zmq_ctx_set(handle.opened(), number, value))
        if errnum:          # repr() may do so, too: not between the pointer and the call, nor between that and its errno
            fail(errnum, "set", f"{option!r} to {optval!r}")

    def shutdown(self):
        """Make every call on the context's sockets raise ContextTerminated; does not wait (zmq_ctx_shutdown)."""
        cdef ContextHandle handle = self.own()
        if handle.ptr != NULL and not handle.ending:
            handle.end_of_waits("shutdown")
            with cython.critical_section(handle):
                if handle.ptr != NULL and not handle.ending:    # by another thread, in the meantime
                    check(libzmq.zmq_ctx_shutdown(handle.ptr), "shutdown")

    def term(self):
        """Terminate: calls on the context's sockets raise ContextTerminated; waits until all are closed.

        Waits, GIL released, for each socket's `linger` as well; Ctrl-C ends the wait, and term() can be called
        again. Does nothing when terminated already.
        """
        drain()
        self.own().term()
        drain()

    def _sockets(self):
        """The living, open sockets."""
        sockets = (reference() for reference in list(self.own().sockets.values()))
        return [socket for socket in sockets if socket is not None and not socket.closed]

    def _close_forgotten(self, linger):
        """Close the sockets that are garbage together with whoever calls this: the collector has cleared what refers to them.

        Raises:
            SocketBusy: another thread is using one of them.
        """
        close_forgotten(self.own(), linger)


cdef ContextHandle shadowed_context(object shadow):
    """The handle of a Context, or of the address of one that we have made."""
    if isinstance(shadow, Context):
        return (<Context>shadow).own()
    address = address_of(shadow, "Context")
    with cython.critical_section(CONTEXTS_LOCK):
        reference = entry(CONTEXTS, address)
    handle = None if reference is None else reference()
    if handle is None:
        raise ValueError(f"shadow: no context of this process lives at {shadow:#x}")
    return handle


cdef size_t address_of(object shadow, str kind) except? 0:
    if not isinstance(shadow, int):
        raise TypeError(f"shadow takes a {kind} or its underlying address, not {type(shadow).__name__}")
    return shadow


cdef bint prepare_quietly(ContextHandle handle) noexcept:
    """end_of_waits() for a context that nobody refers to any more; whether it can be terminated without harm."""
    try:
        handle.end_of_waits("term")
    except Exception:
        return False
    return True


cdef void end_quietly(void *ptr) noexcept:
    """Terminate a context that nobody refers to any more, GIL released; a signal handler that raises ends the wait."""
    cdef int rc
    while True:
        with nogil:
            rc = libzmq.zmq_ctx_term(ptr)
        if rc == 0 or libzmq.zmq_errno() != EINTR:
            return
        try:
            PyErr_CheckSignals()
        except KeyboardInterrupt:
            PyErr_SetInterrupt()    # a destructor cannot raise it: it comes back at the next bytecode
            return
