"""Batch: many frames received into one reusable buffer, without an object for each."""

from libc.stdint cimport int64_t
from libc.stdlib cimport realloc

cdef enum:
    BATCH_BYTES = 64 * 1024     # room of a new Batch
    BATCH_FRAMES = 1024
    KEEP_GIL_UP_TO = 1024       # messages: more are received without the GIL
    COPY_WITH_GIL = 4096        # bytes: the same for a first frame that is larger


@cython.final
@cython.no_gc                   # refers to nothing
cdef class BatchStorage:
    """The memory of a Batch. Does not move or change while anybody views it."""

    cdef char *data
    cdef int64_t *offsets       # count + 1
    cdef unsigned char *more    # count: whether another frame of the same message follows
    cdef size_t room            # bytes
    cdef Py_ssize_t frames      # that there is room for
    cdef Py_ssize_t count
    cdef atomic_int_t views     # BatchColumns that live

    def __cinit__(self):
        if not self.grow(BATCH_BYTES, BATCH_FRAMES):
            raise MemoryError
        self.offsets[0] = 0

    def __dealloc__(self):
        free(self.data)
        free(self.offsets)
        free(self.more)

    cdef bint grow(self, size_t room, Py_ssize_t frames) noexcept nogil:
        """Whether there is now room for so many bytes and frames."""
        cdef void *grown
        if room > self.room:
            grown = realloc(self.data, room)
            if grown == NULL:
                return False
            self.data = <char *>grown
            self.room = room
        if frames > self.frames:
            grown = realloc(self.offsets, (frames + 1) * sizeof(int64_t))
            if grown == NULL:
                return False
            self.offsets = <int64_t *>grown
            grown = realloc(self.more, frames)
            if grown == NULL:
                return False
            self.more = <unsigned char *>grown
            self.frames = frames
        return True

    cdef inline bint append(self, libzmq.zmq_msg_t *msg) noexcept nogil:
        """Copy a frame to the end; whether there was memory for it."""
        cdef size_t used = self.offsets[self.count]
        cdef size_t size = message_size(msg)
        if used + size > self.room and not self.grow(2 * (used + size), self.frames):
            return False
        if self.count == self.frames and not self.grow(self.room, 2 * self.frames):
            return False
        memcpy(self.data + used, message_data(msg), size)
        self.more[self.count] = libzmq.zmq_msg_more(msg)
        self.count += 1
        self.offsets[self.count] = used + size
        return True


@cython.final
@cython.no_gc                   # refers to a BatchStorage only
cdef class BatchColumn:
    """One array of a BatchStorage, as a buffer that cannot be written."""

    cdef BatchStorage storage
    cdef void *start
    cdef const char *format
    cdef Py_ssize_t shape[1]
    cdef Py_ssize_t strides[1]

    def __dealloc__(self):
        atomic_add(&self.storage.views, -1)

    def __getbuffer__(self, Py_buffer *view, int flags):
        if flags & PyBUF_WRITABLE == PyBUF_WRITABLE:
            view.obj = None
            raise BufferError("a Batch cannot be written")
        view.obj = self
        view.buf = self.start
        view.itemsize = self.strides[0]
        view.len = self.shape[0] * view.itemsize
        view.readonly = 1
        view.ndim = 1
        view.format = <char *>self.format if flags & PyBUF_FORMAT == PyBUF_FORMAT else NULL
        view.shape = self.shape if flags & PyBUF_ND == PyBUF_ND else NULL
        view.strides = self.strides if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        view.suboffsets = NULL
        view.internal = NULL


cdef object column(BatchStorage storage, void *start, Py_ssize_t count, Py_ssize_t itemsize, const char *format):
    """A memoryview of `count` items."""
    cdef BatchColumn made = BatchColumn.__new__(BatchColumn)
    made.storage = storage
    atomic_add(&storage.views, 1)
    made.start = start
    made.format = format
    made.shape[0] = count
    made.strides[0] = itemsize
    return memoryview(made)


cdef class Batch:
    """Frames received by `recv_batch`, one after the other in one buffer. Use it from one thread at a time.

    A Batch that is received into again reuses its memory, unless a view of it still lives: that keeps what it shows,
    and the Batch gets new memory.
    """

    cdef BatchStorage storage       # None while it is being filled
    cdef object view                # of the data, once asked for

    def __cinit__(self):
        self.storage = BatchStorage()

    cdef BatchStorage own(self):
        cdef BatchStorage storage = self.storage
        if storage is None:
            raise SocketBusy(EBUSY, "another thread is receiving into this Batch")
        return storage

    cdef BatchStorage take(self):
        """The memory, empty and nobody else's, until put back."""
        cdef BatchStorage storage
        with cython.critical_section(self):     # as wherever it is looked at
            storage = self.own()
            self.storage = None
            self.view = None
        if atomic_get(&storage.views) > 0:
            storage = BatchStorage()
        storage.count = 0
        return storage

    @property
    def data(self):
        """All frames' bytes, as one memoryview."""
        with cython.critical_section(self):
            return self.all_bytes()

    cdef int put_back(self, BatchStorage storage) except -1:
        with cython.critical_section(self):
            self.storage = storage
        return 0

    cdef object all_bytes(self):
        """Caller has locked us."""
        cdef BatchStorage storage = self.own()
        if self.view is None:
            self.view = column(storage, storage.data, storage.offsets[storage.count], 1, "B")
        return self.view

    @property
    def offsets(self):
        """Where frames begin in `data`, and where the last one ends: a memoryview of len + 1 int64."""
        cdef BatchStorage storage
        with cython.critical_section(self):
            storage = self.own()
            return column(storage, storage.offsets, storage.count + 1, sizeof(int64_t), "q")

    @property
    def more(self):
        """For each frame 1 if another frame of the same message follows, else 0: a memoryview of len bytes."""
        cdef BatchStorage storage
        with cython.critical_section(self):
            storage = self.own()
            return column(storage, storage.more, storage.count, 1, "B")

    def __len__(self):
        """How many frames."""
        with cython.critical_section(self):
            return self.own().count

    def __getitem__(self, Py_ssize_t i):
        """Frame `i`, a memoryview."""
        cdef BatchStorage storage
        with cython.critical_section(self):
            storage = self.own()
            if i < 0:
                i += storage.count
            if not 0 <= i < storage.count:
                raise IndexError(f"the Batch has {storage.count} frames")
            return self.all_bytes()[storage.offsets[i]:storage.offsets[i + 1]]

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def tolist(self):
        """The frames, as a list of bytes."""
        cdef BatchStorage storage
        cdef Py_ssize_t i
        with cython.critical_section(self):
            storage = self.own()
            return [
                PyBytes_FromStringAndSize(storage.data + storage.offsets[i], storage.offsets[i + 1] - storage.offsets[i])
                for i in range(storage.count)
            ]

    def __repr__(self):
        return f"<zmq.Batch of {len(self)} frames, {len(self.data)} bytes>"


cdef int recv_into_batch(SocketHandle handle, Batch batch, Py_ssize_t max_messages, int flags, object timeout) except -1:
    """recv_batch(): replace what the batch holds."""
    cdef libzmq.zmq_msg_t msg
    cdef BatchStorage storage
    check_max_messages(max_messages, "recv_batch")
    storage = batch.take()
    libzmq.zmq_msg_init(&msg)           # never fails
    try:
        handle.enter()
        try:
            recv_frame(handle, &msg, flags, timeout)
            guard_hold(&handle.state)
            try:
                fill_storage(handle, storage, &msg, max_messages)
            finally:
                guard_let_go(&handle.state)
        except Again:
            if not flags & libzmq.ZMQ_DONTWAIT:
                raise
        finally:
            handle.leave()
    finally:
        batch.put_back(storage)
        close_msg(&msg)
    return 0


cdef int fill_storage(
    SocketHandle handle, BatchStorage storage, libzmq.zmq_msg_t *msg, Py_ssize_t max_messages
) except -1:
    """Append `msg` and what else is there, in whole messages. The handle is held."""
    cdef int errnum
    cdef Py_ssize_t whole = 0           # messages
    cdef Py_ssize_t known = 0           # frames of whole messages
    cdef Py_ssize_t wanted = max_messages
    if libzmq.zmq_msg_size(msg) <= COPY_WITH_GIL:
        wanted = min(wanted, <Py_ssize_t>KEEP_GIL_UP_TO)
        errnum = append_burst(handle.ptr, storage, msg, wanted, &whole, &known)
    else:
        with nogil:
            errnum = append_burst(handle.ptr, storage, msg, wanted, &whole, &known)
    while whole < max_messages and (errnum != 0 or storage.offsets[known] < ENOUGH_BYTES):
        if errnum == 0 and libzmq.zmq_msg_recv(msg, handle.ptr, libzmq.ZMQ_DONTWAIT) == -1:
            errnum = libzmq.zmq_errno()
        if errnum == ENOMEM:
            raise MemoryError("recv_batch: no memory for another frame")
        if errnum != 0 and known == storage.count:
            return 0                    # whatever it was, the next call says so
        if errnum == EAGAIN or errnum == EINTR:     # a message has begun
            libzmq.set_errno(errnum)
            finish(handle, msg, 0, <transfer_t>libzmq.zmq_msg_recv)
        elif errnum != 0:
            storage.count = known
            return 0 if known else fail_plain(errnum)
        with nogil:
            errnum = append_burst(handle.ptr, storage, msg, max_messages, &whole, &known)
    return 0


cdef int append_burst(
    void *socket,
    BatchStorage storage,
    libzmq.zmq_msg_t *msg,
    Py_ssize_t wanted,
    Py_ssize_t *whole,
    Py_ssize_t *known,
) noexcept nogil:
    """Append `msg`, then receive and append until `wanted` messages, or enough bytes, are whole; 0, or the errno that
    ended it before."""
    while True:
        if not storage.append(msg):
            return ENOMEM
        if not storage.more[storage.count - 1]:
            whole[0] += 1
            known[0] = storage.count
            if whole[0] >= wanted or storage.offsets[storage.count] >= ENOUGH_BYTES:
                return 0
        if libzmq.zmq_msg_recv(msg, socket, libzmq.ZMQ_DONTWAIT) == -1:
            return libzmq.zmq_errno()
