"""The compiled half of the asyncio engine: who waits for a socket, and who is served when. It knows no event loop.

A call tries at once and is finished if that was enough. Otherwise it waits in the queue of its direction, in the order
of asking. The descriptor of a socket is edge-triggered and any call may take the edge, so whoever has called libzmq on
a socket with waiters reads ZMQ_EVENTS and serves what it says, until it says nothing, before the loop goes on.

A message that was given to a task which was cancelled before it resumed goes back to the head of the socket.
"""

from zmqfast.errors import ZMQError

cdef enum:
    RECEIVING               # what a waiter does, and which queue it is in
    SENDING
    POLLING

cdef enum:
    ONE_FRAME               # what a receive takes from libzmq, and so what it may have to give back
    ONE_MESSAGE
    MANY_MESSAGES           # or a Batch of them

cdef enum:
    CALLS_BY_THE_CLOCK = 8  # calls that finish at once before the clock is looked at

cdef double TURN_S = 0.004      # for so long calls may finish at once; then the loop gets its turn

# Where messages come faster than BRISK_S, the loop does not sleep for AWAKE_S after each of them (see message.pyx), and
# when it has had nothing else to do for QUIET_S, we look for the next message in one go for LOOK_S.
cdef double QUIET_S = 80e-6
cdef double LOOK_S = 30e-6

cdef object WOULD_WAIT = object()
cdef tuple NO_ARGUMENTS = ()

cdef extern from *:
    """
    /* Borrowed: an object that is another one whenever another loop, or none, runs in this thread; NULL if Python has
       none. Before 3.12, asking asyncio for the running loop asks the system for the process. */
    #if PY_VERSION_HEX < 0x030C0000
    static PyObject *running_loop_token (void)
    {
        static PyObject *key = NULL; /* the GIL is held */
        PyObject *state = PyThreadState_GetDict ();
        if (key == NULL)
            key = PyUnicode_InternFromString ("__asyncio_running_event_loop__");
        return state == NULL || key == NULL ? NULL : PyDict_GetItem (state, key);
    }
    #else
    #define running_loop_token() ((PyObject *) NULL)
    #endif
    """
    void *running_loop_token() noexcept

cdef extern from *:
    """
    /* Whether nobody but the caller can tell `one` from a new one: it has one reference, none that is weak, and no
       attributes. Where that cannot be known, no. */
    #ifdef Py_GIL_DISABLED
    #define is_as_new(one) 0
    #else
    static int is_as_new (PyObject *one)
    {
        PyTypeObject *type = Py_TYPE (one);
        return Py_REFCNT (one) == 1 && type->tp_weaklistoffset > 0 && type->tp_dictoffset > 0
               && *(PyObject **) ((char *) one + type->tp_weaklistoffset) == NULL
               && *(PyObject **) ((char *) one + type->tp_dictoffset) == NULL;
    }
    #endif
    """
    bint is_as_new(PyObject *one) noexcept

cdef extern from "Python.h":
    object PyObject_Call(object callable, tuple arguments, dict keywords)


cdef class LoopLink:
    """An event loop as its sockets see it: its Futures, and when it last had its turn. A subclass reaches the loop:

    watch(fd, callback) and unwatch(fd), call_soon(callback) and call_soon_threadsafe(callback), call_later(seconds,
    callback) with its handle, call_there(callback), which waits until the loop has called it in its own thread, and
    is_over(), whether the loop has been closed.

    Args:
        loop: the loop.
        running: tells the loop that runs in this thread, or None.
        future_class: of calls that finish at once; takes the keyword `loop`.
        waiting_class: of calls that wait: a subclass of it, with await_waiting() for `__await__` and a place for
            `_waiter`, whose leave() it calls when it is cancelled.
    """

    cdef object __weakref__
    cdef readonly object loop
    cdef object running
    cdef object future_class
    cdef object waiting_class
    cdef object set_result
    cdef dict arguments
    cdef object nothing             # a Future whose result is None, as of a send; given again once all have let go of it
    cdef unsigned int calls         # that finished at once since the loop had its turn
    cdef double began               # monotonic s: the first of them for which the clock was looked at, or 0
    cdef double woken               # monotonic s: the last time that a descriptor fired
    cdef double pace                # s: the mean of the times between
    cdef bint awake                 # _stay_awake() is going to be called
    cdef double stayed              # monotonic s: when it had been called last
    cdef dict registrations         # descriptor → weak reference to its Registration
    cdef object together            # weak reference to the WatchedTogether that keeps them, or None
    cdef Wakeup latest              # whose descriptors fired last
    cdef Wakeup second

    def __init__(self, loop, running, future_class, waiting_class):
        self.loop = loop
        self.running = running
        self.future_class = future_class
        self.waiting_class = waiting_class
        self.set_result = future_class.set_result
        self.pace = 1.0
        self.arguments = {"loop": loop}
        self.registrations = {}

    cdef int register(self, int fd, Wakeup wakeup) except -1:
        """Have the loop tell when the descriptor fires."""
        cdef Registration registration = self.registration_of(fd)
        if registration is not None:
            if registration.handle() is wakeup.handle:
                registration.wakeups.append(wakeup)
                return 0
            self.stop(fd)       # of a socket that was closed in another thread; the number is another's now
        registration = Registration(wakeup)
        self.start(fd, registration)
        self.registrations[fd] = PyWeakref_NewRef(registration, None)
        return 0

    def _unregister(self, int fd, Wakeup wakeup):
        """Let the loop forget the descriptor, unless it is watched for others as well."""
        cdef Registration registration = self.registration_of(fd)
        if registration is None or wakeup not in registration.wakeups:
            return
        registration.wakeups.remove(wakeup)
        if not registration.wakeups:
            del self.registrations[fd]
            self.stop(fd)

    cdef Registration registration_of(self, int fd):
        reference = self.registrations.get(fd)
        return None if reference is None else reference()

    cdef int start(self, int fd, Registration registration) except -1:
        """Have the loop watch the descriptor: with all others as one, where the system can do that."""
        cdef WatchedTogether together
        if not HAS_READINESS:
            self.watch(fd, registration)
            return 0
        together = self.watched_together()
        if together is None:
            together = WatchedTogether()
            self.watch(together.set, together)
            self.together = PyWeakref_NewRef(together, None)
        return together.add(fd, registration)

    cdef int stop(self, int fd) except -1:
        cdef WatchedTogether together
        if not HAS_READINESS:
            self.unwatch(fd)
            return 0
        together = self.watched_together()
        if together is not None:
            together.remove(fd)
            if together.count == 0:
                self.together = None
                self.unwatch(together.set)
        return 0

    cdef WatchedTogether watched_together(self):
        return None if self.together is None else self.together()

    cdef str name(self):
        return f"{self.loop!r} at {id(self.loop):#x}"

    cdef bint is_here(self) except -1:
        """Whether it is safe to call the loop from this thread."""
        return self.running() is self.loop or not self.loop.is_running()

    cdef inline object finished(self, object value):
        """A Future that has its result."""
        if value is None and self.nothing is not None and is_as_new(<PyObject *>self.nothing):
            return self.nothing
        future = PyObject_Call(self.future_class, NO_ARGUMENTS, self.arguments)
        self.set_result(future, value)
        if value is None:
            self.nothing = future
        return future

    cdef object failed(self, object error):
        """A Future that has an exception."""
        future = PyObject_Call(self.future_class, NO_ARGUMENTS, self.arguments)
        future.set_exception(error)
        return future

    cdef inline bint has_time(self) except -1:
        """Whether another call may finish at once; if not, the loop has to have its turn first."""
        self.calls += 1
        return self.calls % CALLS_BY_THE_CLOCK != 0 or self.look_at_clock()

    cdef bint look_at_clock(self) except -1:
        cdef double now = monotonic_seconds()
        if self.began == 0:
            self.began = now
        return now - self.began < TURN_S

    cdef inline void had_turn(self) noexcept:
        self.calls = 0
        self.began = 0

    cdef int was_woken(self, Wakeup wakeup) except -1:
        """Something came: where that goes on and on, do not let the loop sleep before the next."""
        cdef double now = monotonic_seconds()
        self.pace += (min(now - self.woken, 1.0) - self.pace) / 8
        self.woken = now
        if wakeup is not self.latest:
            self.latest, self.second = wakeup, self.latest
        if self.pace < BRISK_S and not self.awake:
            self.awake = True
            self.call_soon(self._stay_awake)
        return 0

    def _stay_awake(self):
        """Look for what may come at once, if the loop has nothing else to do; then again, unless nothing came for long."""
        cdef double now = monotonic_seconds()
        cdef double until = now + LOOK_S
        self.awake = now - self.woken < AWAKE_S
        if not self.awake:
            return
        if now - self.stayed < QUIET_S:
            while now < until and not self.serve_latest():
                with nogil:
                    yield_processor()
                now = monotonic_seconds()
        self.stayed = now
        self.call_soon(self._stay_awake)

    cdef bint serve_latest(self) except -1:
        """Whether there was something for the two sockets that had something last."""
        cdef Wakeup latest = self.latest
        cdef Wakeup second = self.second
        return (latest is not None and latest.serve()) or (second is not None and second.serve())


cdef class Taken:
    """Frames that were taken from a socket and given back; they sort as they came."""

    cdef unsigned long long serial  # counts messages, and frames that were received one by one
    cdef Py_ssize_t place           # of the first frame, within what was taken
    cdef list frames
    cdef bint more                  # whether the message goes on, in the socket

    def __cinit__(self, unsigned long long serial, Py_ssize_t place, list frames, bint more):
        self.serial = serial
        self.place = place
        self.frames = frames
        self.more = more

    def __lt__(self, Taken other):
        return self.serial < other.serial or (self.serial == other.serial and self.place < other.place)


@cython.final
cdef class Queue:
    """Who waits for the same, in the order of asking."""

    cdef Waiter first
    cdef Waiter last

    cdef void append(self, Waiter waiter) noexcept:
        waiter.earlier = self.last
        if self.last is None:
            self.first = waiter
        else:
            self.last.later = waiter
        self.last = waiter

    cdef void remove(self, Waiter waiter) noexcept:
        if waiter.earlier is None:
            self.first = waiter.later
        else:
            waiter.earlier.later = waiter.later
        if waiter.later is None:
            self.last = waiter.earlier
        else:
            waiter.later.earlier = waiter.earlier
        waiter.earlier = waiter.later = None


@cython.final
@cython.freelist(64)
cdef class Waiter:
    """A call that waits for its socket, and what it was given."""

    cdef AsyncSocket socket
    cdef object future              # None once it is done
    cdef int kind
    cdef Waiter earlier             # in its queue
    cdef Waiter later
    cdef object attempt             # in place of the form: a callable that raises Again where it would have to wait
    cdef int form
    cdef int flags                  # of a poll: which events; of a send: SNDMORE
    cdef bint copy
    cdef bint track
    cdef object data                # to be sent
    cdef object convert             # makes the result from what was received, or None
    cdef object timer
    cdef object received            # what was taken from libzmq, until the task has gone on
    cdef Taken returned             # where that had been given back before
    cdef list many                  # Taken, what of many messages had been given back before; they are the first
    cdef list unfinished            # of the others in one list of frames: the places of frames that have more to come
    cdef unsigned long long serial
    cdef bint more

    cdef object try_again(self):
        """The result of another try, or WOULD_WAIT."""
        if self.attempt is not None:
            return try_to(self.attempt)
        if self.kind == RECEIVING:
            return self.socket.take(self.form, self.copy, self.track)
        return self.socket.put(self.data, self.flags)

    cdef int finish(self, object value) except -1:
        """Give the result."""
        cdef AsyncSocket socket = self.socket
        future = self.future
        self.leave()
        if self.kind == RECEIVING:
            self.received = value
            self.returned = socket.last_returned
            if self.form == MANY_MESSAGES:
                self.many = socket.last_many
                self.unfinished = socket.last_unfinished
            self.serial = socket.serial
            self.more = socket.more
            if self.convert is not None:
                try:
                    value = self.convert(value)
                except Exception as error:      # the message was none of the kind that was asked for
                    self.received = None
                    future.set_exception(error)
                    return 0
        socket._loop_link.set_result(future, value)
        return 0

    cdef int fail(self, object error) except -1:
        future = self.future
        self.leave()
        future.set_exception(error)
        return 0

    def expire(self):
        """The time is over: Again, unless there is something to tell."""
        if self.future is not None:
            self.timer = None
            if self.kind == POLLING:
                self.finish(0)
            elif sent_by(self):
                self.finish(sent_by(self))
            else:
                self.fail(Again())

    cpdef leave(self):
        """Wait no longer: done, or cancelled."""
        if self.future is not None:
            self.future = None
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
            self.socket.remove(self)

    cdef int give_back(self) except -1:
        """Put what we were given back to the head of the socket, once."""
        received = self.received
        self.received = None
        if received is not None:
            self.socket.give_back(self, received)
        return 0

    cdef int check_loop(self) except -1:
        """Say what is wrong where a task of another loop awaits us; asyncio's own error knows no socket."""
        cdef LoopLink link = self.socket._loop_link
        if self.future is not None and link.running() is not link.loop:
            raise self.socket.in_use(self.socket._link()) from None
        return 0


cdef Waiter receiver(int form, bint copy, bint track, object convert, object attempt):
    cdef Waiter waiter = Waiter()
    waiter.kind = RECEIVING
    waiter.form = form
    waiter.copy = copy
    waiter.track = track
    waiter.convert = convert
    waiter.attempt = attempt
    return waiter


@cython.final
cdef class ManySends:
    """Messages to be sent one after the other, and how far that has come."""

    cdef AsyncSocket socket
    cdef list messages
    cdef bint copy
    cdef bint patient           # waits until all are sent
    cdef Py_ssize_t sent

    def __cinit__(self, AsyncSocket socket, list messages, bint copy):
        self.socket = socket
        self.messages = messages
        self.copy = copy
        self.patient = True

    def __call__(self):
        """Send what can be sent at once: how many in all, or Again while there are more."""
        try:
            self.sent += send_messages(
                self.socket.own(), self.messages[self.sent:] if self.sent else self.messages, libzmq.ZMQ_DONTWAIT,
                self.copy, None, self.socket.copy_threshold)
        except Again:
            raise
        except Exception as error:
            error.sent = self.sent = self.sent + getattr(error, "sent", 0)
            raise
        if self.patient and self.sent < len(self.messages):
            raise Again()
        return self.sent


cdef Py_ssize_t sent_by(Waiter waiter) noexcept:
    """How many of many messages are out."""
    return (<ManySends>waiter.attempt).sent if isinstance(waiter.attempt, ManySends) else 0


@cython.binding(True)
def await_waiting(future):
    """`__await__` of the Futures that wait: a task that is cancelled after it was told to go on keeps nothing."""
    cdef Waiter waiter = future._waiter
    if not future.done():
        future._asyncio_future_blocking = True
        try:
            yield future
        except BaseException as error:
            waiter.give_back()
            if isinstance(error, RuntimeError):
                waiter.check_loop()
            raise
    return future.result()


@cython.final
cdef class WatchedTogether:
    """The descriptors of a loop's sockets, which the loop watches as one, and lets go of when it is closed."""

    cdef object __weakref__
    cdef list registrations     # by descriptor; None where it is no socket's
    cdef Py_ssize_t count       # of those that are not None
    cdef int set
    cdef int forks              # when `set` was made

    def __cinit__(self):
        self.registrations = []
        self.forks = forks
        self.set = readiness_open()
        if self.set == -1:
            fail(libzmq.zmq_errno(), "asyncio", "needs a descriptor to watch the sockets of a loop")

    def __dealloc__(self):
        if self.set != -1 and (self.forks == forks or SET_IS_INHERITED):
            readiness_close(self.set)

    cdef int add(self, int fd, Registration registration) except -1:
        """Serve it each time that the descriptor becomes readable, and once if it is. It need not be made quiet."""
        if readiness_add_once(self.set, fd) == -1:
            return fail(libzmq.zmq_errno(), "asyncio", "the socket's descriptor cannot be watched")
        while len(self.registrations) <= fd:
            self.registrations.append(None)
        self.registrations[fd] = registration
        self.count += 1
        return 0

    cdef int remove(self, int fd) except -1:
        if self.forks == forks:
            readiness_remove(self.set, fd)
        self.registrations[fd] = None
        self.count -= 1
        return 0

    def __call__(self):
        """Serve those whose descriptors have fired; each twice at most, then the loop has its turn."""
        cdef int fds[READY_AT_ONCE]
        cdef Py_ssize_t left = 2 * self.count
        cdef int count = READY_AT_ONCE
        cdef int i
        while count == READY_AT_ONCE and left > 0:
            count = readiness_wait(self.set, fds, 0)
            left -= count
            for i in range(count):
                try:
                    self.of(fds[i]).on_readable()
                except:     # KeyboardInterrupt: the system does not tell again of those that are left
                    for i in range(i, count):
                        self.of(fds[i]).serve_soon()
                    raise

    cdef inline Registration of(self, int fd):
        """Whose descriptor has fired; nobody's where it was let go of in the meantime."""
        registration = self.registrations[fd] if fd < len(self.registrations) else None
        return NOBODY if registration is None else <Registration>registration


@cython.final
cdef class Registration:
    """What is called when a descriptor fires, and let go of when the loop is closed.

    Sockets that share a libzmq socket share its descriptor, for which a loop calls one only.
    """

    cdef object __weakref__
    cdef list wakeups
    cdef object handle          # weak reference to the SocketHandle whose descriptor it is

    def __cinit__(self, Wakeup wakeup):
        self.wakeups = []
        if wakeup is not None:
            self.wakeups.append(wakeup)
            self.handle = PyWeakref_NewRef(wakeup.handle, None)

    def __call__(self):
        self.on_readable()

    cdef int on_readable(self) except -1:
        if len(self.wakeups) == 1:
            return (<Wakeup>self.wakeups[0]).on_readable()
        for wakeup in tuple(self.wakeups):
            (<Wakeup>wakeup).on_readable()
        return 0

    cdef int serve_soon(self) except -1:
        for wakeup in tuple(self.wakeups):
            (<Wakeup>wakeup).on_used()
        return 0

    def __del__(self):
        cdef Wakeup wakeup
        cdef AsyncSocket socket
        for wakeup in tuple(self.wakeups):
            socket = wakeup.who_waits()
            if socket is not None and socket.wakeup is wakeup and socket._loop_link.is_over():
                socket._let_go()


cdef Registration NOBODY = Registration(None)


@cython.final
cdef class Wakeup(Follower):
    """What ties a socket to its descriptor. It keeps the socket alive only while somebody waits."""

    cdef AsyncSocket kept
    cdef object reference       # weak
    cdef SocketHandle handle    # whose descriptor it is; None once that is watched no more

    def __cinit__(self, AsyncSocket socket):
        self.reference = PyWeakref_NewRef(socket, None)
        self.handle = socket.own()

    cdef inline AsyncSocket who_waits(self):
        """The socket, if anybody waits for it; asked in any thread."""
        with cython.critical_section(self):
            return self.kept

    cdef inline void keep(self, AsyncSocket socket) noexcept:
        with cython.critical_section(self):
            self.kept = socket

    cdef int on_readable(self) except -1:
        cdef AsyncSocket socket = self.who_waits()
        if socket is not None:
            return socket.on_readable()
        if not HAS_READINESS:           # the descriptor would go on waking us
            socket = self.reference()
            if socket is not None:
                socket._unwatch()
        return 0

    cdef int on_used(self) except -1:
        """Somebody calls libzmq past us, and may take the edge that we wait for."""
        cdef AsyncSocket socket = self.who_waits()
        if socket is not None:
            socket.serve_soon()
        return 0

    cdef int on_looked(self, int events) except -1:
        cdef AsyncSocket socket = self.who_waits()
        if socket is not None and socket.awaits(events):
            socket.serve_soon()
        return 0

    cdef int on_closed(self) except -1:
        cdef AsyncSocket socket = self.reference()
        if socket is not None:
            if socket._loop_link.is_over() or socket._loop_link.is_here():
                socket._let_go()
            else:       # before the descriptor's number can be another's
                socket._loop_link.call_there(socket._let_go)
        return 0

    cdef bint serve(self) except -1:
        """Whether there was something for one who waits."""
        cdef AsyncSocket socket = self.who_waits()
        cdef LoopLink link
        cdef Py_ssize_t waiting
        if socket is None:
            return False
        waiting = socket._waiting
        socket.serve()
        if socket._waiting == waiting:
            return False
        link = socket._loop_link
        link.was_woken(self)
        return True


cdef class AsyncSocket(Socket):
    """A Socket whose calls return Futures. It stays with the loop in which somebody waits for it.

    A subclass has _link(), which gives the LoopLink of the loop that runs, or of the one to use when none does.
    """

    cdef readonly LoopLink _loop_link   # of the last call, or None
    cdef object token               # running_loop_token() of that call, or None
    cdef Queue receiving
    cdef Queue sending
    cdef Queue polling
    cdef readonly Py_ssize_t _waiting   # how many wait
    cdef Wakeup wakeup              # what is registered with the loop, or None
    cdef int watched_fd             # for this descriptor
    cdef bint serving
    cdef bint woken_soon            # the loop is going to call _take_turn()
    cdef list returned              # what was given back: Taken, in order
    cdef Taken last_returned        # what the last receive took from there, or None
    cdef list last_many             # of the last receive of many messages, as a Waiter has it
    cdef list last_unfinished
    cdef unsigned long long serial  # of the message, or single frame, that was taken last
    cdef bint more                  # whether the frame that was taken last has more to come

    def __cinit__(self, *args, **kwargs):
        self.receiving = Queue()
        self.sending = Queue()
        self.polling = Queue()
        self.returned = []

    # receiving

    def recv(self, int flags=0, bint copy=True, bint track=False, *, timeout=None):
        """Receive one frame; a Future. Arguments and errors are the blocking socket's."""
        return self.receive(ONE_FRAME, flags, copy, track, timeout, None)

    def recv_multipart(self, int flags=0, bint copy=True, bint track=False, *, timeout=None):
        """Receive one message whole; a Future. Arguments and errors are the blocking socket's."""
        return self.receive(ONE_MESSAGE, flags, copy, track, timeout, None)

    def recv_into(self, buffer, /, *, Py_ssize_t nbytes=0, int flags=0, timeout=None):
        """Receive one frame into a writable buffer; a Future of its size. Arguments and errors: the blocking socket's."""
        view = memoryview(buffer).cast("B")
        if view.readonly:
            raise BufferError("recv_into: the buffer cannot be written")
        if not 0 <= nbytes <= len(view):
            raise ValueError(f"nbytes={nbytes} does not fit a buffer of {len(view)} bytes")

        def fill_buffer(frame):
            room = nbytes or len(view)
            view[:min(len(frame), room)] = memoryview(frame)[:room]
            return len(frame)

        return self.receive(ONE_FRAME, flags, False, False, timeout, fill_buffer)

    def _recv_frame_as(self, convert, int flags=0, *, timeout=None):
        """Receive one frame; a Future of `convert(bytes)`."""
        return self.receive(ONE_FRAME, flags, True, False, timeout, convert)

    def _recv_message_as(self, convert, int flags=0, bint copy=True, *, timeout=None):
        """Receive one message; a Future of `convert(frames)`."""
        return self.receive(ONE_MESSAGE, flags, copy, False, timeout, convert)

    cdef object receive(self, int form, int flags, bint copy, bint track, object timeout, object convert):
        cdef LoopLink link = self.enter_loop()
        if self.receiving.first is None and (link.has_time() or flags & libzmq.ZMQ_DONTWAIT):
            try:
                value = self.take(form, copy, track)
                if value is not WOULD_WAIT and convert is not None:
                    value = convert(value)
            except Exception as error:
                return self.failed(link, error)
            if value is not WOULD_WAIT:
                return self.finished(link, value)
        if flags & libzmq.ZMQ_DONTWAIT:
            return self.failed(link, Again())
        return self.wait(link, receiver(form, copy, track, convert, None), self.receiving, timeout, libzmq.ZMQ_RCVTIMEO)

    cdef object take(self, int form, bint copy, bint track):
        """What there is to receive, or WOULD_WAIT. Raises what libzmq says."""
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        cdef object taken
        if self.returned:
            return self.take_returned(form, copy)
        libzmq.zmq_msg_init(&msg)           # never fails
        if not try_recv(handle, &msg, 0):
            if would_wait():
                return WOULD_WAIT
            try:
                recv_patiently(handle, &msg, libzmq.ZMQ_DONTWAIT, None)
            except Again:
                return WOULD_WAIT
        self.serial += 1
        self.last_returned = None
        try:
            if form == ONE_FRAME:
                self.more = libzmq.zmq_msg_more(&msg)
                return message_bytes(&msg, True) if copy else received_frame(&msg, track)
            self.more = False
            handle.enter()
            try:
                return take_frames(handle, &msg, [], copy, track)
            finally:
                handle.leave()
        finally:
            close_msg(&msg)

    def recv_many(
        self, Py_ssize_t max_messages=1024, int flags=0, *, timeout=None, bint multipart=False, bint copy=True
    ):
        """Wait for one message, and take what else is there; a Future. Arguments and errors: the blocking socket's."""
        check_max_messages(max_messages, "recv_many")
        cdef LoopLink link = self.enter_loop()
        if self.may_take_many(flags):
            try:
                messages = recv_messages(self.own(), max_messages, libzmq.ZMQ_DONTWAIT, None, multipart, copy)
            except Exception as error:
                return self.failed(link, error)
            self.note_many(len(messages))
            if messages or flags & libzmq.ZMQ_DONTWAIT:
                return self.finished(link, messages)
        attempt = lambda: self.take_many(max_messages, multipart, copy)
        return self.receive_many(link, attempt, [], flags, timeout)

    def recv_batch(self, Batch batch=None, Py_ssize_t max_messages=1024, int flags=0, *, timeout=None):
        """recv_many() into one buffer; a Future of `batch`, or of a new Batch. Errors are the blocking socket's."""
        cdef Batch target = Batch() if batch is None else batch
        check_max_messages(max_messages, "recv_batch")
        cdef LoopLink link = self.enter_loop()
        if self.may_take_many(flags):
            try:
                recv_into_batch(self.own(), target, max_messages, libzmq.ZMQ_DONTWAIT, None)
            except Exception as error:
                return self.failed(link, error)
            self.note_many(len(target))
            if len(target) or flags & libzmq.ZMQ_DONTWAIT:
                return self.finished(link, target)
        attempt = lambda: self.take_batch(target, max_messages)
        return self.receive_many(link, attempt, target, flags, timeout)

    cdef bint may_take_many(self, int flags) except -1:
        """Whether what there is may be taken straight from libzmq."""
        return (self.receiving.first is None and not self.returned
                and (self._loop_link.has_time() or flags & libzmq.ZMQ_DONTWAIT))

    cdef int note_many(self, Py_ssize_t count) except -1:
        self.serial += count
        self.more = False
        self.last_returned = None
        return 0

    cdef object receive_many(self, LoopLink link, object attempt, object nothing, int flags, object timeout):
        """Take what was given back, and more; or wait for the first."""
        if self.returned and self.receiving.first is None:
            try:
                value = attempt()
            except Exception as error:
                return self.failed(link, error)
            return self.finished(link, value)
        if flags & libzmq.ZMQ_DONTWAIT:
            return self.finished(link, nothing)
        waiter = receiver(MANY_MESSAGES, True, False, None, attempt)
        return self.wait(link, waiter, self.receiving, timeout, libzmq.ZMQ_RCVTIMEO)

    cdef object take_many(self, Py_ssize_t max_messages, bint multipart, bint copy):
        """What messages there are, or WOULD_WAIT; what was given back comes first."""
        cdef list messages = []
        cdef list taken = []
        cdef list unfinished = None if multipart else []
        cdef list message
        while self.returned and len(taken) < max_messages:
            message = self.take_returned_message(copy)
            taken.append(self.last_returned)
            if multipart:
                messages.append(message)
            else:
                messages += message
        if len(taken) < max_messages:
            try:
                fresh = recv_messages(
                    self.own(), max_messages - len(taken), libzmq.ZMQ_DONTWAIT, None, multipart, copy, unfinished)
            except ZMQError:
                if not messages:
                    raise
                fresh = []      # the next call says why
            self.note_many(len(fresh))
            messages = messages + fresh if messages else fresh
        self.last_many = taken
        self.last_unfinished = unfinished
        return messages if messages else WOULD_WAIT

    cdef object take_batch(self, Batch batch, Py_ssize_t max_messages):
        """What messages there are, in a Batch, or WOULD_WAIT; what was given back comes first, and alone."""
        cdef list taken = []
        cdef list messages = []
        while self.returned and len(messages) < max_messages:
            messages.append(self.take_returned_message(True))
            taken.append(self.last_returned)
        self.last_many = taken
        self.last_unfinished = None
        if messages:
            put_into_batch(batch, messages)
        else:
            recv_into_batch(self.own(), batch, max_messages, libzmq.ZMQ_DONTWAIT, None)
            self.note_many(len(batch))
        return batch if len(batch) else WOULD_WAIT

    def try_recv(self, default=None):
        """Receive one frame if one is there; a finished Future of it, or of `default`. Errors: the blocking socket's."""
        cdef LoopLink link = self.enter_loop()
        try:
            value = WOULD_WAIT if self.receiving.first is not None else self.take(ONE_FRAME, True, False)
        except Exception as error:
            return self.failed(link, error)
        return self.finished(link, default if value is WOULD_WAIT else value)

    def __iter__(self):
        raise TypeError(f"{type(self).__name__} is iterated with async for")

    # sending

    def send(self, data, int flags=0, bint copy=True, bint track=False, routing_id=None, group=None, *, timeout=None):
        """Send one frame; a Future of the MessageTracker, or of None. Arguments and errors: the blocking socket's."""
        if not PyBytes_CheckExact(data) or not copy or routing_id is not None or group is not None:
            return self.transmit(
                lambda: Socket.send(self, data, flags | libzmq.ZMQ_DONTWAIT, copy, track, routing_id, group),
                None, flags, timeout)
        return self.transmit(None, data, flags, timeout)

    def send_multipart(
        self, msg_parts, int flags=0, bint copy=True, bint track=False, routing_id=None, group=None, *, timeout=None
    ):
        """Send one message whole; a Future. Arguments and errors are the blocking socket's."""
        frames = tuple(msg_parts)
        return self.transmit(
            lambda: Socket.send_multipart(self, frames, flags | libzmq.ZMQ_DONTWAIT, copy, track, routing_id, group),
            None, flags, timeout)

    def send_many(self, messages, int flags=0, *, timeout=None, bint copy=True):
        """Send messages one after the other; a Future of how many went out.

        Arguments and errors are the blocking socket's. Cancelled, some may have been sent.
        """
        cdef ManySends sends = ManySends(self, messages if type(messages) is list else list(messages), copy)
        if not sends.messages:
            return self.finished(self.enter_loop(), 0)
        if flags & libzmq.ZMQ_DONTWAIT:
            sends.patient = False
        return self.transmit(sends, None, flags, timeout)

    def try_send(self, data):
        """Send one message if that is possible at once; a finished Future of whether it was sent."""
        cdef LoopLink link = self.enter_loop()
        try:
            sent = self.sending.first is None and Socket.try_send(self, data)
        except Exception as error:
            return self.failed(link, error)
        return self.finished(link, sent)

    cdef object transmit(self, object attempt, object data, int flags, object timeout):
        """Send `data`, bytes, or what `attempt` sends."""
        cdef Waiter waiter
        cdef LoopLink link = self.enter_loop()
        if self.sending.first is None and (link.has_time() or flags & libzmq.ZMQ_DONTWAIT):
            try:
                value = self.put(data, flags) if attempt is None else try_to(attempt)
            except Exception as error:
                return self.failed(link, error)
            if value is not WOULD_WAIT:
                return self.finished(link, value)
        if flags & libzmq.ZMQ_DONTWAIT:
            return self.failed(link, Again())
        waiter = Waiter()
        waiter.kind = SENDING
        waiter.flags = flags
        waiter.data = data
        waiter.attempt = attempt
        return self.wait(link, waiter, self.sending, timeout, libzmq.ZMQ_SNDTIMEO)

    cdef object put(self, bytes data, int flags):
        """Send one frame at once: None, or WOULD_WAIT. Raises what libzmq says."""
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        load_bytes(handle, &msg, data)
        if try_send(handle, &msg, flags):
            return None
        try:
            if would_wait() and handle.socket_type != libzmq.ZMQ_DGRAM:
                return WOULD_WAIT
            try:
                send_patiently(handle, &msg, flags | libzmq.ZMQ_DONTWAIT, None)
            except Again:
                return WOULD_WAIT
        finally:
            close_msg(&msg)     # empty where libzmq took it
        return None

    # events

    def poll(self, timeout=None, int flags=1):     # ZMQ_POLLIN, as a number that inspect.signature() can read
        """Wait until the socket can do one of `flags`; a Future of which, or of 0 when `timeout` ms were over."""
        cdef Waiter waiter
        cdef int events
        cdef LoopLink link = self.enter_loop()
        try:
            events = self.look() & flags
        except Exception as error:
            return self.failed(link, error)
        if (events and link.has_time()) or timeout == 0:
            return self.finished(link, events)
        waiter = Waiter()
        waiter.kind = POLLING
        waiter.flags = flags
        return self.wait(link, waiter, self.polling, None if timeout is None else timeout / 1000, 0)

    cdef int look(self) except -1:
        """ZMQ_EVENTS, and whether something was given back."""
        cdef SocketHandle handle = self.own()
        cdef int events
        handle.enter()
        try:
            handle.quiet_descriptor()
            events = handle.events()
        finally:
            handle.leave()
        return events | libzmq.ZMQ_POLLIN if self.returned else events

    def get(self, option):
        """The value of a socket option. Errors are the blocking socket's."""
        value = Socket.get(self, option)
        if option == libzmq.ZMQ_EVENTS and self.returned:
            return value | libzmq.ZMQ_POLLIN
        return value

    # waiting

    cdef inline LoopLink enter_loop(self):
        """Be in the loop that runs now; what libzmq is asked from here on is served by after() or wait().

        The caller keeps the link that it is given: another thread may take the socket to its loop meanwhile.
        """
        if self.token is None or running_loop_token() != <void *>self.token:
            self.find_loop()
        if self._waiting:       # last: who takes the mark off goes on to after() or wait(), which put it on again
            self.own().use_by(self.wakeup)
        return self._loop_link

    cdef int find_loop(self) except -1:
        cdef LoopLink link = self._loop_link
        cdef void *token
        if link is None or link.running() is not link.loop:
            link = self._link()
            if link is not self._loop_link:
                if self._waiting and not self._loop_link.is_over():
                    raise self.in_use(link)
                self.cancel_all()
                self._unwatch()
                self._loop_link = link
                self.woken_soon = False
        token = running_loop_token()
        self.token = <object>token if token != NULL and link.running() is link.loop else None
        return 0

    cdef object in_use(self, LoopLink link):
        """The error of a call that comes from the loop of `link` while somebody waits in ours."""
        return RuntimeError(f"{self!r} is in use in another event loop, {self._loop_link.name()}: it was called in "
                            f"{link.name()}, and could move there once nobody waits for it")

    cdef inline object after(self, LoopLink link, object future):
        """What a call returns that has finished at once: those who wait for the same socket come first."""
        if self._waiting:
            if self._loop_link is link:
                self.serve()
            else:
                self.serve_soon()
        return future

    cdef inline object finished(self, LoopLink link, object value):
        """A Future that has its result, for a call that has finished at once."""
        return self.after(link, link.finished(value))

    cdef object failed(self, LoopLink link, object error):
        """A Future that has an exception, for a call that has failed at once."""
        return self.after(link, link.failed(error))

    cdef object wait(self, LoopLink link, Waiter waiter, Queue queue, object timeout, int timeout_option):
        """Wait for at most `timeout` s, by default what the option says; the Future."""
        cdef double seconds
        try:
            seconds = timeout if timeout is not None else self.option_ms(timeout_option) / 1000.0 if timeout_option else -1
            if seconds != seconds:
                raise ValueError("timeout is not a number of seconds")
            self.watch()
        except Exception as error:
            return self.failed(link, error)
        future = PyObject_Call(link.waiting_class, NO_ARGUMENTS, link.arguments)
        future._waiter = waiter
        if self.wakeup is None or self._loop_link is not link:      # another thread has come in between
            self.own()
            raise self.in_use(link)
        waiter.future = future
        waiter.socket = self
        queue.append(waiter)
        if self._waiting == 0:
            self.wakeup.keep(self)
        self._waiting += 1
        if 0 <= seconds < 1e9:
            waiter.timer = link.call_later(seconds, waiter.expire)
        if not link.calls % CALLS_BY_THE_CLOCK and not link.look_at_clock():
            self.serve_soon()
        elif self._waiting > 1 or waiter.kind != RECEIVING or self.own().thread_safe:
            self.serve()
        else:       # the receive in vain that brought us here has taken all that the descriptor had to tell
            guard_mark_followed(&self.own().state)
        return future

    cdef int option_ms(self, int option) except? -1:
        cdef SocketHandle handle = self.own()
        handle.enter()
        try:
            return handle.get_int(option)
        finally:
            handle.leave()

    cdef void remove(self, Waiter waiter) noexcept:
        (self.receiving if waiter.kind == RECEIVING else self.sending if waiter.kind == SENDING
         else self.polling).remove(waiter)
        self._waiting -= 1
        if self._waiting == 0 and self.wakeup is not None:
            self.wakeup.keep(None)

    cdef int watch(self) except -1:
        """Have the loop tell when the descriptor fires."""
        cdef SocketHandle handle = self.own()
        cdef LoopLink link = self._loop_link
        if self.wakeup is None:
            handle.enter()
            try:
                self.watched_fd = handle.descriptor()
            finally:
                handle.leave()
            wakeup = Wakeup(self)
            link.register(self.watched_fd, wakeup)
            self.wakeup = wakeup
            handle.follow(wakeup)
        return 0

    def _unwatch(self):
        """Let the loop forget the descriptor."""
        cdef Wakeup wakeup = self.wakeup
        link, fd = self._loop_link, self.watched_fd
        if wakeup is not None:
            self.own().unfollow(wakeup)
            wakeup.keep(None)
            wakeup.handle = None
            self.wakeup = None
            if link.is_over():
                return
            if link.is_here():
                link._unregister(fd, wakeup)
            else:       # the garbage collector runs in any thread
                link.call_there(lambda: link._unregister(fd, wakeup))

    cdef int on_readable(self) except -1:
        """The descriptor has fired while somebody waits."""
        cdef LoopLink link = self._loop_link
        cdef Wakeup wakeup = self.wakeup
        link.had_turn()
        if wakeup is not None:
            link.was_woken(wakeup)
        return self.serve()

    cdef int serve_soon(self) except -1:
        cdef LoopLink link = self._loop_link
        if not self.woken_soon and not link.is_over():
            self.woken_soon = True
            if link.is_here():
                link.call_soon(self._take_turn)
            else:
                link.call_soon_threadsafe(self._take_turn)
        return 0

    def _take_turn(self):
        """The loop had its turn: whoever waited for that goes on."""
        self.woken_soon = False
        self._loop_link.had_turn()
        self.serve()

    cdef int serve(self) except -1:
        """Give everyone who waits what there is. Ends with ZMQ_EVENTS empty for them."""
        cdef SocketHandle handle = self.own()
        cdef int events = 0         # in the end those that nobody of ours waits for, or that were no use
        cdef LoopLink link = self._loop_link
        cdef Waiter sender
        cdef bint served
        cdef bint followed
        cdef bint shared            # others follow the socket as well
        if self.serving:
            return 0        # a converter of ours called: whoever called it looks again
        self.serving = True
        followed = guard_unmark_followed(&handle.state)
        try:
            while self._waiting:
                if self.sending.first is None and self.polling.first is None and not self.own().thread_safe:
                    if self.serve_first(self.receiving):    # in vain, a receive takes all that the descriptor tells
                        continue
                    events = 0
                    break
                try:
                    events = self.look()
                except ZMQError as error:
                    self.fail_all(error)
                    break
                served = False
                if self.polling.first is not None:
                    self.serve_polls(events)
                if events & libzmq.ZMQ_POLLIN and self.receiving.first is not None:
                    served = self.serve_first(self.receiving)
                sender = self.sending.first
                if events & libzmq.ZMQ_POLLOUT and sender is not None and self.serve_first(self.sending):
                    served = True
                    if self.sending.first is sender and not link.has_time():    # it has more, and others want their turn
                        self.serve_soon()
                        break
                if not served:
                    break
        finally:
            self.serving = False
            shared = followed and len(handle.all_followers()) > 1
            if self._waiting or shared:
                guard_mark_followed(&handle.state)
            elif handle.socket_type != libzmq.ZMQ_REQ and handle.socket_type != libzmq.ZMQ_REP:
                handle.note_taken()
        if shared and handle.ptr != NULL:
            self.tell_others(handle, events)
        return 0

    cdef int tell_others(self, SocketHandle handle, int left) except -1:
        """Who else waits for the socket learns what we have left; if more has come meanwhile, we look again, too."""
        cdef int events
        try:
            handle.enter_quietly()
            try:
                handle.quiet_descriptor()
                events = handle.events()
            finally:
                handle.leave()
        except ZMQError:        # they will see for themselves
            return handle.tell_used(self.wakeup)
        if self.awaits(events & ~left):
            self.serve_soon()
        return handle.tell_looked(self.wakeup, events)

    cdef bint serve_first(self, Queue queue) except -1:
        """Try for the one who has waited longest; whether anything was done, be it that some of many were sent."""
        cdef Waiter waiter = queue.first
        cdef Py_ssize_t sent
        if waiter is None:
            return False        # another thread has taken it off
        sent = sent_by(waiter)
        try:
            value = waiter.try_again()
        except Exception as error:
            waiter.fail(error)
            return True
        if value is WOULD_WAIT:
            return sent_by(waiter) > sent
        waiter.finish(value)
        return True

    cdef int serve_polls(self, int events) except -1:
        """Answer the polls that `events` answers; they take nothing, so all of them at once."""
        cdef Waiter waiter = self.polling.first
        cdef Waiter later
        while waiter is not None:
            later = waiter.later
            if events & waiter.flags:
                waiter.finish(events & waiter.flags)
            waiter = later
        return 0

    cdef bint awaits(self, int events) noexcept:
        """Whether somebody waits for one of them."""
        cdef Waiter waiter = self.polling.first
        while waiter is not None:
            if events & waiter.flags:
                return True
            waiter = waiter.later
        return ((events & libzmq.ZMQ_POLLIN and self.receiving.first is not None)
                or (events & libzmq.ZMQ_POLLOUT and self.sending.first is not None))

    cdef Waiter anyone(self):
        """One who waits, or None."""
        return self.receiving.first or self.sending.first or self.polling.first

    cdef int fail_all(self, object error) except -1:
        cdef Waiter waiter = self.anyone()
        while waiter is not None:
            waiter.fail(error)
            waiter = self.anyone()
        return 0

    cdef int cancel_all(self) except -1:
        cdef Waiter waiter = self.anyone()
        while waiter is not None:
            future = waiter.future
            waiter.leave()
            try:
                future.cancel()
            except RuntimeError:    # it is cancelled, but its loop is closed and tells nobody
                pass
            waiter = self.anyone()
        return 0

    # messages that nobody took

    cdef int give_back(self, Waiter waiter, object received) except -1:
        cdef list taken
        if waiter.form == MANY_MESSAGES:
            taken = waiter.many + fresh_of(waiter, received)
        elif waiter.returned is not None:
            taken = [waiter.returned]
        else:
            taken = [Taken(waiter.serial, 0, received if waiter.form == ONE_MESSAGE else [received], waiter.more)]
        self.returned = sorted(self.returned + taken)
        if self._waiting and not self._loop_link.is_over():
            self.serve()
        return 0

    cdef object take_returned(self, int form, bint copy):
        if form == ONE_FRAME:
            return self.take_returned_frame(copy)
        return self.take_returned_message(copy)

    cdef object take_returned_frame(self, bint copy):
        cdef Taken taken = self.returned.pop(0)
        if len(taken.frames) > 1:
            self.returned.insert(0, Taken(taken.serial, taken.place + 1, taken.frames[1:], taken.more))
            taken = Taken(taken.serial, taken.place, taken.frames[:1], True)
        self.last_returned = taken
        return in_form(taken.frames[0], copy)

    cdef list take_returned_message(self, bint copy):
        """The message that the first of what was given back belongs to, with what is left of it in the socket."""
        cdef Taken taken = self.returned.pop(0)
        cdef Taken following
        cdef unsigned long long serial = taken.serial
        cdef bint more = taken.more
        cdef list frames = list(taken.frames)
        while self.returned:
            following = self.returned[0]
            if following.serial != serial and not (more and following.serial == serial + 1):
                break
            del self.returned[0]
            frames += following.frames
            serial, more = following.serial, following.more
        if more and serial == self.serial:      # nobody has taken of the rest
            frames += Socket.recv_multipart(self, libzmq.ZMQ_DONTWAIT, copy)
            more = False
        self.last_returned = Taken(taken.serial, taken.place, frames, more)
        return [in_form(frame, copy) for frame in frames]

    # life

    def _let_go(self):
        """The socket, or its loop, is closed: whoever waits for it is cancelled."""
        self._unwatch()
        self.cancel_all()


cdef int put_into_batch(Batch batch, list messages) except -1:
    """Replace what the batch holds by messages of bytes."""
    cdef BatchStorage storage = batch.take()
    cdef libzmq.zmq_msg_t msg
    cdef bint added
    try:
        for message in messages:
            for frame in message:
                fill(&msg, frame)
                added = storage.append(&msg)
                close_msg(&msg)
                if not added:
                    raise MemoryError
                storage.more[storage.count - 1] = True
            storage.more[storage.count - 1] = False
    finally:
        batch.put_back(storage)
    return 0


cdef list fresh_of(Waiter waiter, object received):
    """Of many messages that were received, as Taken, those that had not been given back before."""
    cdef Py_ssize_t before = 0      # how many of what was received had been
    cdef Taken taken
    if isinstance(received, Batch):
        return [] if waiter.many else taken_of(received.tolist(), list(received.more), waiter.serial - len(received))
    if waiter.unfinished is None:
        fresh = received[len(waiter.many):]
        return [Taken(waiter.serial - len(fresh) + place, 0, message, False) for place, message in enumerate(fresh, 1)]
    for taken in waiter.many:
        before += len(taken.frames)
    fresh = received[before:]
    more = [False] * len(fresh)
    for place in waiter.unfinished:
        if place < len(more):       # the context ended within a message
            more[place] = True
    return taken_of(fresh, more, waiter.serial - len(fresh))


cdef list taken_of(list all_frames, list all_more, unsigned long long serial):
    """The messages that frames make up, received after `serial`."""
    cdef list taken = []
    cdef list frames = []
    for frame, more in zip(all_frames, all_more):
        frames.append(frame)
        if not more:
            serial += 1
            taken.append(Taken(serial, 0, frames, False))
            frames = []
    return taken


cdef object try_to(object attempt):
    """The result of `attempt`, or WOULD_WAIT."""
    try:
        return attempt()
    except Again:
        return WOULD_WAIT


cdef object in_form(object frame, bint copy):
    """A frame that was given back, in the form that is asked for now."""
    if copy:
        return bytes(frame)
    return frame if isinstance(frame, Frame) else Frame(frame)
