"""Frame: one zmq_msg_t, its bytes, its buffer."""

import sys

from libc.string cimport memcpy

cdef extern from "core/msg_header.h":
    bint msg_layout_known() noexcept nogil
    bint msg_is_closed(const libzmq.zmq_msg_t *msg) noexcept nogil
    bint msg_is_zclmsg(const libzmq.zmq_msg_t *msg) noexcept nogil
    bint msg_owns_bytes(libzmq.zmq_msg_t *msg) noexcept nogil
    void msg_move_header(libzmq.zmq_msg_t *to, libzmq.zmq_msg_t *source) noexcept nogil

cdef extern from "core/body.h":
    bint body_settle()
    PyObject *body_take(libzmq.zmq_msg_t *msg)

cdef extern from "core/pool.h":
    enum:
        POOL_SMALLEST, POOL_LARGEST
    void pool_settle_heap() noexcept nogil
    bint pool_owns(const libzmq.zmq_msg_t *msg) noexcept nogil
    int pool_init_msg(libzmq.zmq_msg_t *msg, size_t size) noexcept nogil

COPY_THRESHOLD = 65536              # bytes: below it a copy is cheaper than a loan; see threshold()

cdef enum:
    RELEASE_GIL_FROM = 128 * 1024   # bytes: a copy that long lets other threads run
    OWN_MEMORY_BELOW = 8192         # bytes: a smaller frame does not stay inside libzmq's decode buffer
    LONGEST_REPR = 16               # bytes: of a longer frame the repr shows fewer, and how many there are
    REPR_BYTES = 12
    GROUP_SIZE = 255                # bytes: ZMQ_GROUP_MAX_LENGTH

cdef atomic_int_t live_frames = 0
cdef bint LAYOUT_KNOWN = msg_layout_known()
pool_settle_heap()
if CONTENT_KNOWN and SMALL_KNOWN:
    body_settle()


@cython.no_gc               # no cycle can go through libzmq, and a frame refers to nothing that could close one
@cython.freelist(64)
cdef class Frame:
    """One frame of a message. Holds its bytes in libzmq; sending it shares them, so it can be sent again.

    Args:
        data: bytes-like, or None for an empty frame.
        track: keep a MessageTracker in `tracker`.
        copy: True copies, False lends the buffer, None lends from `copy_threshold` on.
        copy_threshold: bytes; zmqfast.COPY_THRESHOLD when None.
    """

    cdef libzmq.zmq_msg_t msg
    cdef bytes cached               # what `bytes` returned, or the bytes that we were made of
    cdef readonly object tracker    # MessageTracker, or None
    cdef bint written               # somebody has a view that can be written, so `bytes` may change

    def __cinit__(self, *args, **kwargs):
        libzmq.zmq_msg_init(&self.msg)      # never fails
        count_add(&live_frames, 1)

    def __dealloc__(self):
        close_msg(&self.msg)
        count_add(&live_frames, -1)

    def __init__(self, data=None, track=False, copy=None, copy_threshold=None):
        if data is None:
            self.tracker = FINISHED_TRACKER if track else None
            return
        if isinstance(data, str):
            raise TypeError("Frame takes bytes-like data, not str: encode it first")
        if copy is None:
            copy = byte_count(data) < threshold(copy_threshold)
        libzmq.zmq_msg_close(&self.msg)
        libzmq.zmq_msg_init(&self.msg)
        if copy:
            fill(&self.msg, data)
            self.tracker = FINISHED_TRACKER if track else None
        else:
            self.tracker = lend(&self.msg, data, track)
        if PyBytes_CheckExact(data):
            self.cached = data

    @property
    def bytes(self):
        """The frame's bytes: copied once, then kept, unless a view of them can be written."""
        if self.written:
            return message_bytes(&self.msg)
        with cython.critical_section(self):     # or another thread replaces what we return
            if self.cached is None:
                self.cached = message_bytes(&self.msg)
            return self.cached

    @property
    def buffer(self):
        """A memoryview of the frame's bytes, without a copy; the frame lives as long as the view.

        It can be written if the bytes are the frame's own: received, or copied into it, and not sent since.
        """
        return memoryview(self)

    @property
    def more(self):
        """Whether more frames of the same message follow this one."""
        return bool(libzmq.zmq_msg_more(&self.msg))

    @property
    def routing_id(self):
        """The peer's routing id on SERVER and PEER sockets, an int above 0; 0 where there is none (draft)."""
        return libzmq.zmq_msg_routing_id(&self.msg)

    @routing_id.setter
    def routing_id(self, routing_id):
        set_routing_id(&self.msg, routing_id)

    @property
    def group(self):
        """The group on RADIO and DISH sockets, text of at most 255 bytes (draft)."""
        cdef const char *group = libzmq.zmq_msg_group(&self.msg)
        if group == NULL:
            fail(libzmq.zmq_errno(), "group", None)
        return group.decode()

    @group.setter
    def group(self, group):
        set_group(&self.msg, group)

    def get(self, option):
        """A message option by number (MORE, SRCFD, SHARED), or a metadata property by name.

        Names are `routing_id`, `group`, and what zmq_msg_gets(3) lists: "Socket-Type", "Routing-Id", "User-Id",
        "Peer-Address", and X- properties of ZAP.

        Raises:
            ZMQError: the frame has no such property (EINVAL).
        """
        cdef const char *value
        if not isinstance(option, str):
            return check(libzmq.zmq_msg_get(&self.msg, option), "zmq_msg_get", option)
        if option == "routing_id":
            return self.routing_id
        if option == "group":
            return self.group
        name = option.encode()
        value = libzmq.zmq_msg_gets(&self.msg, name)
        if value == NULL:
            fail(libzmq.zmq_errno(), "zmq_msg_gets", repr(option))
        return value.decode("utf-8", "replace")

    def set(self, option, value):
        """Set a message option by number, or `routing_id` or `group` by name."""
        if option == "routing_id":
            self.routing_id = value
        elif option == "group":
            self.group = value
        elif isinstance(option, str):
            fail(EINVAL, "set", repr(option))
        else:
            check(libzmq.zmq_msg_set(&self.msg, option, value), "zmq_msg_set", option)

    def __getitem__(self, name):
        return self.get(name)

    def __len__(self):
        return libzmq.zmq_msg_size(&self.msg)

    def __bytes__(self):
        return self.bytes

    def __copy__(self):
        """A frame that shares our bytes."""
        return self.fast_copy()

    def fast_copy(self):
        """A frame that shares our bytes."""
        cdef Frame other = <Frame>type(self).__new__(type(self))
        with cython.critical_section(self):     # the first copy begins to count copies
            check(libzmq.zmq_msg_copy(&other.msg, &self.msg), "zmq_msg_copy")
            other.cached = self.cached
        other.tracker = self.tracker
        return other

    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef bint own = LAYOUT_KNOWN and msg_owns_bytes(&self.msg) and not (CONTENT_KNOWN and release_lends(&self.msg))
        Py_DECREF(None)     # what Cython has put into view.obj, which is not given up there
        PyBuffer_FillInfo(view, self, libzmq.zmq_msg_data(&self.msg), libzmq.zmq_msg_size(&self.msg), not own, flags)
        if own:
            with cython.critical_section(self):
                self.written = True
                self.cached = None

    def __repr__(self):
        cdef size_t size = libzmq.zmq_msg_size(&self.msg)
        shown = PyBytes_FromStringAndSize(<char *>libzmq.zmq_msg_data(&self.msg), size if size <= LONGEST_REPR else REPR_BYTES)
        return f"<zmq.{type(self).__name__}({shown!r}{'' if size <= LONGEST_REPR else '...' + short_size(size)})>"


cdef str short_size(size_t size):
    """A number of bytes in a few characters: 20B, 2kB, 2MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            break
        size //= 1000
    return f"{size}{unit}"


cdef Py_ssize_t threshold(object copy_threshold) except? -1:
    """What is asked for, else zmqfast.COPY_THRESHOLD, which programs set."""
    if copy_threshold is None:
        return getattr(sys.modules.get("zmqfast"), "COPY_THRESHOLD", COPY_THRESHOLD)
    return copy_threshold


cdef Py_ssize_t byte_count(object data) except -1:
    """How many bytes `data` exports."""
    cdef Py_buffer view
    if PyBytes_CheckExact(data):
        return PyBytes_GET_SIZE(data)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    cdef Py_ssize_t size = view.len
    PyBuffer_Release(&view)
    return size


cdef inline size_t message_size(libzmq.zmq_msg_t *msg) noexcept nogil:
    return msg_small_size(msg) if SMALL_KNOWN and msg_is_small(msg) else libzmq.zmq_msg_size(msg)


cdef inline char *message_data(libzmq.zmq_msg_t *msg) noexcept nogil:
    return msg_small_data(msg) if SMALL_KNOWN and msg_is_small(msg) else <char *>libzmq.zmq_msg_data(msg)


cdef bytes message_bytes(libzmq.zmq_msg_t *msg, bint taking=False):
    """The message's bytes: the very object that somebody of this process lent, or a copy; a long one is made without the GIL.

    `taking`: nobody needs the message any more. A long one may become the object.
    """
    cdef size_t size
    cdef bytes result
    cdef char *target
    cdef PyObject *whole
    if SMALL_KNOWN and msg_is_small(msg):
        return PyBytes_FromStringAndSize(msg_small_data(msg), msg_small_size(msg))
    if CONTENT_KNOWN and release_lends(msg):
        whole = release_bytes(msg)
        if whole != NULL:
            return <bytes>whole
    elif taking and CONTENT_KNOWN:
        whole = body_take(msg)
        if whole != NULL:
            result = <bytes>whole
            Py_DECREF(result)       # counted when it was made, and now once more
            return result
    size = libzmq.zmq_msg_size(msg)
    if size < RELEASE_GIL_FROM:
        return PyBytes_FromStringAndSize(<char *>libzmq.zmq_msg_data(msg), size)
    result = PyBytes_FromStringAndSize(NULL, size)
    target = PyBytes_AS_STRING(result)
    with nogil:
        memcpy(target, libzmq.zmq_msg_data(msg), size)
    return result


cdef inline int fill(libzmq.zmq_msg_t *msg, object data) except -1:
    """Initialise `msg` with a copy of `data`, under a held export. On error `msg` stays untouched."""
    cdef Py_buffer view
    if PyBytes_CheckExact(data):
        return fill_from(msg, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return fill_from(msg, <const char *>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef inline int fill_from(libzmq.zmq_msg_t *msg, const char *source, size_t size) except -1:
    """Initialise `msg` with a copy of `size` bytes; a long one is made without the GIL."""
    cdef int rc
    if SMALL_KNOWN and size <= LONGEST_SMALL:
        msg_init_small(msg, size)
        memcpy(msg_small_data(msg), source, size)
        return 0
    if size >= POOL_SMALLEST and size <= POOL_LARGEST and CONTENT_KNOWN:
        rc = pool_init_msg(msg, size)
    else:
        rc = libzmq.zmq_msg_init_size(msg, size)
    if rc == -1:
        raise MemoryError(f"no memory for a frame of {size} bytes")
    if size < RELEASE_GIL_FROM:
        memcpy(libzmq.zmq_msg_data(msg), source, size)
    else:
        with nogil:
            memcpy(libzmq.zmq_msg_data(msg), source, size)
    return 0


cdef Frame adopt(libzmq.zmq_msg_t *msg):
    """A Frame with the content of `msg`, which is empty afterwards.

    One kept frame inside libzmq's decode buffer would keep the whole buffer: a small one gets memory of its own.
    """
    cdef Frame frame = Frame.__new__(Frame)
    cdef size_t size = libzmq.zmq_msg_size(msg)
    if size < OWN_MEMORY_BELOW and LAYOUT_KNOWN and msg_is_zclmsg(msg) and not pool_owns(msg) and not release_lends(msg):
        fill_from(&frame.msg, <const char *>libzmq.zmq_msg_data(msg), size)
        msg_move_header(&frame.msg, msg)
        libzmq.zmq_msg_close(msg)           # never fails once initialised
        libzmq.zmq_msg_init(msg)
    else:
        libzmq.zmq_msg_move(&frame.msg, msg)    # never fails on two initialised messages
    return frame


cdef int set_routing_id(libzmq.zmq_msg_t *msg, object routing_id) except -1:
    cdef libzmq.uint32_t number
    try:
        number = routing_id
    except OverflowError:
        raise OverflowError(f"routing_id takes 1 to 4294967295, not {routing_id}") from None
    return check(libzmq.zmq_msg_set_routing_id(msg, number), "routing_id", number)


cdef int set_group(libzmq.zmq_msg_t *msg, object group) except -1:
    name = group_bytes(group)
    return check(libzmq.zmq_msg_set_group(msg, name), "group", repr(group))


cdef bytes group_bytes(object group):
    """A group's name as libzmq takes it; it would cut a longer one off."""
    cdef bytes name
    if isinstance(group, str):
        name = group.encode()
    elif isinstance(group, bytes):
        name = group
    else:
        raise TypeError(f"a group is str or bytes, not {type(group).__name__}")
    if 0 in name:
        raise ValueError(f"a group has no NUL in it: {group!r}")
    if len(name) > GROUP_SIZE:
        raise error_for(EINVAL, f"a group has at most {GROUP_SIZE} bytes, not {len(name)}")
    return name
