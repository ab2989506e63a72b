"""SocketHandle: the void * of a socket, and who is inside."""

cdef extern from "core/guard.h":
    enum:
        GUARD_CLOSED, GUARD_LIMITED, GUARD_WATCHED
    void guard_mark_followed(atomic_int_t *state) noexcept nogil
    bint guard_unmark_followed(atomic_int_t *state) noexcept nogil
    bint guard_enter(atomic_int_t *state) noexcept nogil
    void guard_unmark_known(atomic_int_t *state) noexcept nogil
    bint guard_enter_known(atomic_int_t *state) noexcept nogil
    bint guard_enter_limited(atomic_int_t *state) noexcept nogil
    bint guard_enter_quietly(atomic_int_t *state) noexcept nogil
    bint guard_take_over(atomic_int_t *state) noexcept nogil
    void guard_join(atomic_int_t *state) noexcept nogil
    void guard_leave(atomic_int_t *state) noexcept nogil
    void guard_leave_known(atomic_int_t *state) noexcept nogil
    void guard_hold(atomic_int_t *state) noexcept nogil
    void guard_let_go(atomic_int_t *state) noexcept nogil
    bint guard_passing(atomic_int_t *state) noexcept nogil
    void guard_step_out(atomic_int_t *state) noexcept nogil
    void guard_shut(atomic_int_t *state) noexcept nogil
    bint guard_close(atomic_int_t *state) noexcept nogil

cdef extern from "core/peek.h":
    enum:
        CAN_PEEK
    bint zmqfast_has_news(void *socket) noexcept nogil
    int zmqfast_events(void *socket) noexcept nogil

cdef extern from "core/awake.h":
    ctypedef struct waits_t:
        bint awake
    void count_wait(waits_t *waits, double seconds, double brisk) noexcept nogil
    double monotonic_seconds() noexcept nogil
    void stay_awake(void *socket, double seconds) noexcept nogil
    void poll_awake(libzmq.zmq_pollitem_t *items, int count, double seconds) noexcept nogil
    void yield_processor() noexcept nogil

cdef enum:
    IN_BATCH_SIZE = 128 * 1024  # bytes; see docs/benchmarks.md for how these two were chosen
    OUT_BATCH_SIZE = 32 * 1024  # of what is copied: a long frame goes out from where it lies

cdef enum:                      # bytes; exact bytes of that length are lent, not copied: nobody can change them
    LEND_FROM = 2 * 1024        # what libzmq writes to a connection without a copy of its own
    LEND_INPROC_FROM = 256      # where all peers are of this process, and receive the object itself

cdef double LONGEST_PASSAGE_S = 1   # through a socket, of another thread that does not wait in it

cdef dict SOCKETS = {}      # address → weak reference to the SocketHandle
cdef atomic_int_t live_sockets = 0


cdef class Follower:
    """Somebody who waits for a socket's descriptor, and so must look again once another has used the socket.

    The descriptor is edge-triggered, and any call may take the edge. There is one mark for all followers: whoever
    takes it off tells the others.
    """

    cdef object __weakref__

    cdef int on_used(self) except -1:
        """The socket is about to be used, by any thread. Do not use it here: look soon."""
        return 0

    cdef int on_looked(self, int events) except -1:
        """Another follower has looked, and this is what can be done now: nothing else needs a look."""
        return 0

    cdef int on_closed(self) except -1:
        """The socket is about to be closed, by any thread."""
        return 0


@cython.final
@cython.no_gc               # refers to handles only, never back to a Socket but through weak references
cdef class SocketHandle:
    """A libzmq socket's pointer, shared by a Socket and its shadows, and the guard in front of it.

    Every call goes through enter() and leave(). A second thread gets SocketBusy, a closed socket ENOTSOCK; the
    draft sockets that libzmq makes thread-safe let all threads in, and close() waits for none of them.
    """

    cdef object __weakref__
    cdef void *ptr                  # NULL once closed
    cdef atomic_int_t state         # see guard.h
    cdef int socket_type
    cdef bint thread_safe
    cdef ContextHandle context
    cdef object monitored           # weak reference to the SocketHandle whose monitor we are the reading end of, or None
    cdef bytes monitor_endpoint     # of the one monitor that a socket can have, or None
    cdef int monitor_events         # that it reports
    cdef int monitor_version        # of its messages
    cdef object monitor             # weak reference to the reading end of it, once there is one: see monitor.pyx
    cdef SocketHandle watch         # the reading end of the watch on our peers; any thread reads it: see peers.pyx
    cdef bint named_unwatched       # has endpoints whose handshakes nobody counted
    cdef Seen seen                  # what it has reported, locked by who reads; None before the first watch
    cdef bint listens               # was bound to an endpoint with handshakes
    cdef list inproc_ends           # see inproc.pyx; None as long as there was none
    cdef list conflated             # inproc endpoints: see precautions.pyx; None when there is none
    cdef size_t longest_frame       # bytes; with GUARD_LIMITED: longer ones are not sent
    cdef Py_ssize_t lend_from       # bytes
    cdef list followers             # weak references to Followers, or None; replaced, never changed
    cdef bint peekable              # nobody but us calls libzmq with this socket, and peek.cpp can look inside
    cdef bint conversing            # has sent since a receive waited last
    cdef waits_t waits              # for answers: whether the next one stays awake
    cdef bint known_empty           # with GUARD_KNOWN: a receive has found nothing
    cdef int known_events           # with GUARD_KNOWN: ZMQ_EVENTS; -1 where only known_empty is known
    cdef libzmq.zmq_fd_t fd         # ZMQ_FD, which stays the same; thread-safe sockets have none: see descriptor()
    cdef void *poller               # zmq_poller that watches a thread-safe socket, which has no descriptor itself

    def __cinit__(self, ContextHandle context, int socket_type):
        cdef int thread_safe = 0
        cdef int in_batch_size = IN_BATCH_SIZE
        cdef int out_batch_size = OUT_BATCH_SIZE
        cdef size_t size = sizeof(int)
        if SocketType is None:
            load_constants()
        self.context = context
        self.socket_type = socket_type
        self.lend_from = LEND_INPROC_FROM       # until it is bound or connected to anything else
        self.ptr = context.new_socket(socket_type)
        if libzmq.zmq_getsockopt(self.ptr, libzmq.ZMQ_THREAD_SAFE, &thread_safe, &size) == 0:
            self.thread_safe = thread_safe      # an older libzmq has no such option, and no such socket
        size = sizeof(self.fd)
        if not self.thread_safe:
            libzmq.zmq_getsockopt(self.ptr, libzmq.ZMQ_FD, &self.fd, &size)     # never fails for these types
        self.peekable = CAN_PEEK and not self.thread_safe
        # a libzmq without its draft API has no such options, and reads and writes 8 KiB at a time
        libzmq.zmq_setsockopt(self.ptr, libzmq.ZMQ_IN_BATCH_SIZE, &in_batch_size, sizeof(int))
        libzmq.zmq_setsockopt(self.ptr, libzmq.ZMQ_OUT_BATCH_SIZE, &out_batch_size, sizeof(int))
        SOCKETS[<size_t>self.ptr] = PyWeakref_NewRef(self, None)
        count_add(&live_sockets, 1)

    def __dealloc__(self):
        if self.ptr != NULL:
            self.shut()

    cdef inline int enter(self) except -1:
        if guard_enter(&self.state):
            return 0
        return self.admit()

    cdef int enter_quietly(self) except -1:
        """enter() for calls that are no use of the socket: an idle watch stays, and followers have nothing to look for."""
        guard_unmark_known(&self.state)
        if guard_enter_quietly(&self.state):
            return 0
        return self.admit()

    cdef int admit(self) except -1:
        """Somebody is inside, or the socket is closed, or it has a mark."""
        cdef double met = 0
        while True:
            guard_unmark_known(&self.state)
            if guard_enter_limited(&self.state):
                return 0
            if atomic_get(&self.state) >= GUARD_CLOSED:
                return self.fail(libzmq.ENOTSOCK)
            while guard_unmark_followed(&self.state):
                self.tell_used(None)        # which may let another thread look, and mark it again
                if guard_enter_limited(&self.state):
                    return 0
            if guard_take_over(&self.state):
                count_add(&idle_watches, -1)
                end_watch(self)
                return 0
            if self.thread_safe:
                guard_join(&self.state)
                return 0
            self.let_pass("", &met)

    cdef int let_pass(self, str call, double *met) except -1:
        """Another thread is inside: give it a moment if it is only passing, which without a GIL it may.

        Args:
            met: monotonic s when we met it first; 0 before.
        """
        cdef double now = monotonic_seconds()
        if met[0] == 0:
            met[0] = now
        if not guard_passing(&self.state) or now - met[0] > LONGEST_PASSAGE_S:
            raise SocketBusy(EBUSY, f"{call}another thread is using this socket")
        sleep(0)            # detached: the other thread may have to stop the world, or want a lock of ours
        return 0

    cdef inline bint awaits_answer(self) noexcept:
        """Whether it has sent since anybody waited for it; who asks is about to wait."""
        cdef bint conversing = self.conversing
        self.conversing = False
        return conversing

    cdef inline void leave(self) noexcept:
        guard_unmark_known(&self.state)     # by a finaliser that has used the socket meanwhile
        guard_leave(&self.state)

    cdef inline void leave_if(self, bint known) noexcept:
        """leave(); `known`: with what has been written down just now."""
        guard_unmark_known(&self.state)
        if known:
            guard_leave_known(&self.state)
        else:
            guard_leave(&self.state)

    cdef int follow(self, Follower follower) except -1:
        """Tell `follower` of the end, and after each mark of the next use; from now on until unfollow()."""
        with cython.critical_section(self):
            self.unfollow(None)
            self.followers = [*(self.followers or ()), PyWeakref_NewRef(follower, None)]
        return 0

    cdef int unfollow(self, Follower follower) except -1:
        """Forget a follower, and those that are gone."""
        with cython.critical_section(self):
            if self.followers is not None:
                self.followers = [reference for reference in self.followers if reference() not in (None, follower)]
        return 0

    cdef list all_followers(self):
        """Weak references; nobody changes this list."""
        with cython.critical_section(self):
            return self.followers or []

    cdef inline int use_by(self, Follower user) except -1:
        """A follower is going to use the socket: it takes the mark off, and tells the others."""
        if guard_unmark_followed(&self.state):
            self.tell_used(user)
        return 0

    cdef int tell_used(self, Follower user) except -1:
        """Tell every follower but the one who uses it."""
        for reference in self.all_followers():
            follower = reference()
            if follower is not None and follower is not user:
                (<Follower>follower).on_used()
        return 0

    cdef int look(self, Follower looker, int wanted) except -1:
        """What of `wanted` can be done without waiting, for a follower who is outside.

        If nothing, it is told of the next use. Leaves the descriptor unreadable, unless all was known before.
        """
        cdef bint followed = False
        cdef bint idle
        cdef bint known = False
        cdef int found = -1
        if guard_enter_known(&self.state):
            if not zmqfast_has_news(self.ptr):
                found = self.known_events
                if found < 0 and self.known_empty and wanted == libzmq.ZMQ_POLLIN:
                    found = 0
        else:
            followed = guard_unmark_followed(&self.state)
            try:
                self.enter()
            except:
                if followed:
                    self.tell_used(looker)
                raise
        try:
            if found < 0:
                self.quiet_descriptor()
                self.known_events = found = self.events()
                self.known_empty = False
            idle = not found & wanted
            if idle or followed:
                guard_mark_followed(&self.state)    # while nobody else can be inside
            else:
                known = self.peekable
        finally:
            self.leave_if(known)
        if followed:
            self.tell_looked(looker, found)
        return found & wanted

    cdef int tell_looked(self, Follower looker, int events) except -1:
        for reference in self.all_followers():
            follower = reference()
            if follower is not None and follower is not looker:
                (<Follower>follower).on_looked(events)
        return 0

    cdef int tell_closed(self) except -1:
        for reference in self.all_followers():
            follower = reference()
            if follower is not None:
                (<Follower>follower).on_closed()
        return 0

    cdef int fail(self, int errnum) except -1:
        return fail_plain(errnum)

    cdef int run_signal_handlers(self) except -1:
        """After EINTR: the handlers run, which may use this socket or close it. Caller is inside, and counts as such after all."""
        guard_step_out(&self.state)
        try:
            PyErr_CheckSignals()
            if not guard_enter_limited(&self.state):
                self.admit()
        except:
            guard_join(&self.state)     # who leaves next is our caller, who must not touch libzmq before
            raise
        return 0

    cdef void limit_frames(self, size_t longest) noexcept:
        """From now on a frame longer than that is refused. Caller is inside."""
        if self.longest_frame == 0:
            atomic_add(&self.state, GUARD_LIMITED)
        self.longest_frame = longest

    cdef int close(self, object linger) except -1:
        cdef int linger_ms
        cdef double met = 0
        if self.ptr == NULL:
            return 0
        if linger is not None:
            linger_ms = lenient_int("linger", linger)
        guard_unmark_known(&self.state)
        while not guard_close(&self.state):
            if atomic_get(&self.state) >= GUARD_CLOSED:
                return 0            # by another thread
            self.let_pass("close: ", &met)
            guard_unmark_known(&self.state)
        self.tell_closed()
        if linger is not None:
            # after the context's end as well, but for a libzmq of the system's: that keeps the linger it had
            libzmq.zmq_setsockopt(self.ptr, libzmq.ZMQ_LINGER, &linger_ms, sizeof(int))
        self.shut()
        drain()
        return 0

    cdef void shut(self) noexcept:
        """Close for good: nobody else is inside, or could be."""
        if atomic_get(&self.state) & GUARD_WATCHED:
            count_add(&idle_watches, -1)
        guard_shut(&self.state)
        end_watch(self)
        if (self.monitored is not None or self.monitor_endpoint is not None or self.conflated is not None
                or self.inproc_ends is not None):
            with cython.critical_section(self.context.naming):  # from here on no other thread finds us
                unlink_reader(self)
                unlink_monitor(self)
                before_closing(self)
                forget_inproc_ends(self)
        if self.poller != NULL:
            libzmq.zmq_poller_destroy(&self.poller)     # before the socket that it watches
        if SOCKETS is not None:                         # None in a dying interpreter
            SOCKETS.pop(<size_t>self.ptr, None)
        self.context.socket_closed = seconds_now(NULL)
        libzmq.zmq_close(self.ptr)                      # fails for what is no socket only; does not wait
        self.ptr = NULL
        count_add(&live_sockets, -1)

    cdef void forget(self) noexcept:
        """In a forked child: the socket is the parent's."""
        if self.ptr != NULL:
            if atomic_get(&self.state) & GUARD_WATCHED:
                count_add(&idle_watches, -1)
            guard_shut(&self.state)
            self.ptr = NULL
            self.watch = None
            self.monitor = None
            self.monitored = None
            count_add(&live_sockets, -1)

    cdef void expose(self) noexcept:
        """From now on somebody else may call libzmq with this socket, and we know nothing of it between our calls."""
        self.peekable = False
        guard_unmark_known(&self.state)

    cdef inline void note_taken(self) noexcept:
        """After a receive: whether there is more, so that the next one need not look. Not where there may be an error."""
        if self.peekable and guard_enter(&self.state):
            self.known_events = zmqfast_events(self.ptr)
            self.known_empty = self.known_events >= 0 and not self.known_events & libzmq.ZMQ_POLLIN
            if self.known_empty:
                guard_leave_known(&self.state)
            else:
                guard_leave(&self.state)

    cdef int current_events(self) except -1:
        """ZMQ_EVENTS, for a caller that is outside; without asking libzmq where nothing has happened since."""
        cdef int found
        cdef bint known = False
        cdef bint empty = False     # a receive has found nothing; no POLLIN may also mean that it would raise
        if not guard_enter_known(&self.state):
            self.enter()
        elif not zmqfast_has_news(self.ptr):
            empty = self.known_empty
            found = self.known_events
            if found >= 0:
                guard_leave_known(&self.state)
                return found
        try:
            found = self.events()
            if self.peekable:
                self.known_events = found
                self.known_empty = empty and not found & libzmq.ZMQ_POLLIN
                known = True
        finally:
            self.leave_if(known)
        return found

    cdef int events(self) except -1:
        """ZMQ_EVENTS: what can be done without waiting. Caller is inside."""
        cdef int found = zmqfast_events(self.ptr) if self.peekable else -1
        return found if found >= 0 else self.get_int(libzmq.ZMQ_EVENTS)

    cdef int get_int(self, int option) except? -1:
        """An option that is an int. Caller is inside."""
        cdef int value = 0
        cdef size_t size = sizeof(int)
        while libzmq.zmq_getsockopt(self.ptr, option, &value, &size) == -1:
            if libzmq.zmq_errno() != EINTR:
                return fail_option(libzmq.zmq_errno(), "getsockopt", option, option_name(option))
            self.run_signal_handlers()
        return value

    cdef int set_int(self, int option, int value) except -1:
        """Set an option that is an int. Caller is inside."""
        return check(libzmq.zmq_setsockopt(self.ptr, option, &value, sizeof(int)), "setsockopt", option_name(option))

    cdef libzmq.zmq_fd_t descriptor(self) except? -1:
        """What becomes readable when ZMQ_EVENTS may have changed. Caller is inside."""
        cdef libzmq.zmq_fd_t fd = -1
        cdef size_t size = sizeof(fd)
        if not self.thread_safe:    # we know it, but not whether the context has ended
            check(libzmq.zmq_getsockopt(self.ptr, libzmq.ZMQ_FD, &fd, &size), "getsockopt", "FD")
            return fd
        if self.poller == NULL:
            self.poller = libzmq.zmq_poller_new()
            check_new(self.poller, "zmq_poller_new")
            check(libzmq.zmq_poller_add(self.poller, self.ptr, NULL, libzmq.ZMQ_POLLIN), "zmq_poller_add")
        check(libzmq.zmq_poller_fd(self.poller, &fd), "zmq_poller_fd")
        return fd

    cdef void quiet_descriptor(self) noexcept:
        """Take back a thread-safe socket's readability, which only zmq_poller does. Follow with events()."""
        cdef libzmq.zmq_poller_event_t event
        if self.poller != NULL:
            libzmq.zmq_poller_wait(self.poller, &event, 0)  # EAGAIN is as good as an event


cdef SocketHandle shadowed_socket(object shadow):
    """The handle of a Socket, or of the address of one that we have made."""
    if isinstance(shadow, Socket):
        return (<Socket>shadow).own()
    reference = entry(SOCKETS, address_of(shadow, "Socket"))
    handle = None if reference is None else reference()
    if handle is None:
        raise ValueError(f"shadow: no socket of this process lives at {shadow:#x}")
    return handle


cdef int close_forgotten(ContextHandle context, object linger) except -1:
    """Close every socket of a context; handles are no garbage of the collector's, whose references stay."""
    cdef SocketHandle handle
    handles = [handle for handle in [reference() for reference in list(SOCKETS.values())]
               if handle is not None and handle.context is context]
    watches = {id(handle.watch) for handle in handles}      # closed by those whose watches they are
    for handle in handles:
        if id(handle) not in watches:
            handle.close(linger)
    return 0


def _live():
    """How many Contexts, Sockets, Frames and lent buffers libzmq still holds on our behalf."""
    drain()
    return {
        "Context": atomic_get(&live_contexts),
        "Socket": atomic_get(&live_sockets),
        "Frame": atomic_get(&live_frames),
        "lent": atomic_get(&release_lent),
    }
