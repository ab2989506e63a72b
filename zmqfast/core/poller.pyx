"""Poller: registered sockets, at a cost that follows the active ones.

A socket is looked at (ZMQ_EVENTS) when it was registered or changed, when its descriptor fired, when anybody has used it
since, and again for as long as it has something. All others rest: their descriptors are in one set that the system
watches, and they are marked, so that whoever uses them tells us. Plain descriptors are given to poll() each time: one
that was closed, or stands for another file now, is seen as it is.
"""


@cython.final
cdef class Registered(Follower):
    """What was registered in a Poller."""

    cdef object source          # a Socket, a descriptor, or an object with fileno()
    cdef object flags           # as given
    cdef object poller          # weak reference
    cdef unsigned long long place   # in the order of registration
    cdef SocketHandle handle    # or None
    cdef short wanted
    cdef int fd                 # of a socket that is in the poller's set; or -1
    cdef bint known             # handle and wanted have been found out
    cdef bint gone

    def __cinit__(self, source, flags, Poller poller, unsigned long long place):
        self.source = source
        self.flags = flags
        self.poller = PyWeakref_NewRef(poller, None)
        self.place = place
        self.fd = -1

    cdef int on_used(self) except -1:
        cdef Poller poller = self.poller()
        if poller is not None:
            poller.look_soon(self)
        return 0

    cdef int on_looked(self, int events) except -1:
        return self.on_used() if events & self.wanted else 0

    cdef int on_closed(self) except -1:
        cdef Poller poller = self.poller()
        if poller is not None:
            with cython.critical_section(poller):
                poller.rest_no_more(self)
            poller.look_soon(self)      # the look will say that it is closed
        return 0


cdef class Poller:
    """A set of sockets, descriptors and objects with fileno(), each with the events that are of interest.

    Any thread may register, unregister and wake().
    """

    cdef object __weakref__
    cdef dict registered        # source → Registered, in order of registration
    cdef dict to_look_at        # Registered → None: those that are looked at next, as they came
    cdef list descriptors       # Registered that are no sockets
    cdef dict resting           # descriptor in the set → list of the Registered that it stands for
    cdef unsigned long long places
    cdef int set                # of the sockets' descriptors and the bell; -1 until somebody polls
    cdef int bell[2]
    cdef atomic_int_t waiting   # threads in poll()
    cdef public bint _woken     # wake() was called, and nobody has returned for it yet
    cdef public bint _sent      # something, since we waited last: an answer may be near
    cdef waits_t waits          # for answers: whether the next one stays awake
    cdef public bint _without_set   # every socket is looked at in each poll: where the system has no such set
    cdef int forks              # when `set` was made

    def __cinit__(self, *args, **kwargs):
        self.registered = {}
        self.to_look_at = {}
        self.descriptors = []
        self.resting = {}
        self.set = -1
        self._without_set = not HAS_READINESS

    def __dealloc__(self):
        if self.set != -1:
            self.close_descriptors()

    def __contains__(self, socket):
        return socket in self.registered

    def __iter__(self):
        """What is registered, in order of registration."""
        return iter(list(self.registered))

    @property
    def sockets(self):
        """The (socket, flags) pairs, in order of registration."""
        cdef Registered one
        return [(one.source, one.flags) for one in list(self.registered.values())]

    def register(self, socket, flags=3):    # ZMQ_POLLIN | ZMQ_POLLOUT, as inspect.signature() can read it
        """Watch `socket` for `flags`, or change its flags; 0 takes it out again. Counts for a poll() that waits, too.

        Args:
            socket: a Socket, a file descriptor, or an object with fileno().
            flags: POLLIN, POLLOUT, POLLERR, POLLPRI, or'ed.
        """
        cdef Registered one
        if not flags:
            if socket in self.registered:
                self.unregister(socket)
            return
        with cython.critical_section(self):
            one = self.registered.get(socket)
            if one is None:
                self.places += 1
                one = Registered(socket, flags, self, self.places)
                self.registered[socket] = one
            else:
                one.flags = flags
                one.known = False
        self.look_soon(one)

    def modify(self, socket, flags=3):
        """register() under its other name."""
        self.register(socket, flags)

    def unregister(self, socket):
        """Watch `socket` no longer.

        Raises:
            KeyError: it was not registered.
        """
        cdef Registered one
        with cython.critical_section(self):
            one = self.registered.pop(socket)
            one.gone = True
            self.let_go_of(one)

    cdef int let_go_of(self, Registered one) except -1:
        """It is watched no more. Caller has locked us."""
        self.to_look_at.pop(one, None)
        self.rest_no_more(one)
        if one.handle is not None:
            one.handle.unfollow(one)
        elif one in self.descriptors:
            self.descriptors.remove(one)
        return 0

    def wake(self):
        """Let the poll() that waits return at once, or if none does the next one, with what is ready. From any thread."""
        self._woken = True
        self.ring()

    def poll(self, timeout=None):
        """Wait until something is ready; returns (socket, events) pairs in the order of registration.

        An object with fileno() is reported as its descriptor.

        Args:
            timeout: ms; None or negative waits for ever, 0 not at all.
        Raises:
            ZMQError: a registered socket is closed (ENOTSOCK); no descriptor is left for the poller's own (EMFILE).
            SocketBusy: another thread is using a registered socket.
            ContextTerminated: the context of a registered socket ended (ETERM).
        """
        cdef double timeout_ms = -1 if timeout is None or timeout < 0 else timeout
        cdef double deadline = 0
        cdef double left_ms
        cdef dict ready
        cdef bint woken
        if timeout_ms != timeout_ms:
            raise ValueError("timeout is not a number of ms")
        if timeout_ms > 0:
            deadline = monotonic_seconds() * 1000 + timeout_ms
        if self._without_set:
            return self.poll_without_set(timeout_ms, deadline)
        self.open_set()
        while True:
            left_ms = timeout_ms if timeout_ms <= 0 else max(0.0, ceil(deadline - monotonic_seconds() * 1000))
            ready = self.look_at_listed()
            woken = self._woken
            self.wait(ready, 0 if ready or woken else <int>min(left_ms, 2147483647.0))
            if ready or woken or left_ms == 0:
                if woken:
                    self._woken = False
                return in_order(ready)

    cdef dict look_at_listed(self):
        """Place → (source, events) for each of those to be looked at that is ready."""
        cdef list listed
        cdef dict ready = {}
        cdef Registered one
        cdef Py_ssize_t looked = 0
        with cython.critical_section(self):
            listed = list(self.to_look_at)
            self.to_look_at.clear()
        try:
            for one in listed:
                if not one.gone:
                    if not one.known:
                        with cython.critical_section(self):
                            self.learn(one)
                            if one.gone:        # since we looked
                                self.let_go_of(one)
                    if one.handle is not None:
                        self.look(one, ready)
                looked += 1
        except:
            for one in listed[looked:]:
                self.look_soon(one)
            raise
        return ready

    cdef int look(self, Registered one, dict ready) except -1:
        cdef int events = one.handle.look(one, one.wanted)
        if one.handle.awaits_answer():
            self._sent = True
        if events:
            ready[one.place] = one.source, events
            self.look_soon(one)
        return 0

    cdef int learn(self, Registered one) except -1:
        """Find out what was registered, and have its use and its descriptor tell us. Caller has locked us."""
        cdef SocketHandle handle
        one.wanted = one.flags
        if one.handle is None and one not in self.descriptors:
            if isinstance(one.source, Socket):
                one.handle = (<Socket>one.source).own()
                one.handle.follow(one)
            else:
                descriptor_of(one.source)       # or it is refused
                self.descriptors.append(one)
        if one.handle is not None and one.fd == -1:
            handle = one.handle
            handle.enter_quietly()
            try:
                one.fd = handle.descriptor()
            finally:
                handle.leave()
            if one.fd in self.resting:      # as another Socket that shares it
                self.resting[one.fd].append(one)
            elif readiness_add(self.set, one.fd) == -1:
                one.fd = -1
                fail(libzmq.zmq_errno(), "poll", one.source)
            else:
                self.resting[one.fd] = [one]
        one.known = True
        return 0

    cdef void rest_no_more(self, Registered one):
        """Take the socket's descriptor out of the set. Caller has locked us."""
        cdef list standing
        if one.fd == -1:
            return
        if self.forks == forks:
            standing = self.resting[one.fd]
            standing.remove(one)
            if not standing:
                del self.resting[one.fd]
                readiness_remove(self.set, one.fd)
        one.fd = -1
        one.known = False

    cdef int look_soon(self, Registered one) except -1:
        """Look at it in the next round, which begins at once if somebody waits."""
        with cython.critical_section(self):
            if one not in self.to_look_at and not self._without_set:
                self.to_look_at[one] = None
                self.ring()
        return 0

    cdef inline void ring(self) noexcept:
        if atomic_get_after_writes(&self.waiting) > 0 and self.forks == forks:
            bell_ring(self.bell)

    cdef int wait(self, dict ready, int timeout_ms) except -1:
        """Until something happens; look at the sockets that the set tells of, and the descriptors."""
        cdef double began
        if timeout_ms != 0:
            PyErr_CheckSignals()    # what came while we looked interrupts no wait
            if self._sent:
                self._sent = False
                began = monotonic_seconds()
                self.sleep(ready, timeout_ms, self.waits.awake)
                if ready:
                    count_wait(&self.waits, monotonic_seconds() - began, BRISK_S)
                return 0
        return self.sleep(ready, timeout_ms, False)

    cdef int sleep(self, dict ready, int timeout_ms, bint awake) except -1:
        """wait(), GIL released; `awake`, not before AWAKE_S are over."""
        cdef int fds[READY_AT_ONCE]
        cdef int count = 1
        cdef libzmq.zmq_pollitem_t item
        if self.descriptors:
            count = self.sleep_with_descriptors(ready, timeout_ms, awake)
            timeout_ms = 0
        while count > 0:
            if timeout_ms == 0:
                count = readiness_wait(self.set, fds, 0)
            else:
                watch_descriptor(&item, self.set, libzmq.ZMQ_POLLIN)
                atomic_add(&self.waiting, 1)
                if self.to_look_at or self._woken:   # by another thread, in the meantime
                    timeout_ms = 0
                with nogil:
                    if awake and timeout_ms != 0:
                        poll_awake(&item, 1, AWAKE_S)
                    count = readiness_wait(self.set, fds, timeout_ms)
                atomic_add(&self.waiting, -1)
            if count == -1:
                return self.interrupted()
            self.look_at_fired(fds, count, ready)
            if count < READY_AT_ONCE:
                return 0
            timeout_ms = 0
        return 0

    cdef int interrupted(self) except -1:
        if libzmq.zmq_errno() != EINTR:
            fail(libzmq.zmq_errno(), "poll", None)
        PyErr_CheckSignals()
        return 0

    cdef int look_at_fired(self, int *fds, int count, dict ready) except -1:
        cdef Registered one
        cdef int i
        for i in range(count):
            if fds[i] == self.bell[0]:
                bell_quiet(self.bell)
                continue
            with cython.critical_section(self):
                resting = tuple(self.resting.get(fds[i], ()))
            for one in resting:
                if one.place not in ready:
                    try:
                        self.look(one, ready)
                    except:
                        self.look_soon(one)
                        raise
        return 0

    cdef int sleep_with_descriptors(self, dict ready, int timeout_ms, bint awake) except -1:
        """sleep() where there are descriptors that are no sockets; whether the set may have something to tell."""
        cdef list descriptors = list(self.descriptors)
        cdef Py_ssize_t count = len(descriptors) + 1
        cdef libzmq.zmq_pollitem_t *items = <libzmq.zmq_pollitem_t *>malloc(count * sizeof(libzmq.zmq_pollitem_t))
        cdef Registered one
        cdef Py_ssize_t i
        cdef int rc, events
        if items == NULL:
            raise MemoryError
        try:
            watch_descriptor(&items[0], self.set, libzmq.ZMQ_POLLIN)
            for i in range(1, count):
                one = <Registered>descriptors[i - 1]
                watch_descriptor(&items[i], descriptor_of(one.source), one.wanted)
            atomic_add(&self.waiting, 1)
            if self.to_look_at or self._woken:
                timeout_ms = 0
            with nogil:
                if awake and timeout_ms != 0:
                    poll_awake(items, <int>count, AWAKE_S)
                rc = libzmq.zmq_poll(items, <int>count, timeout_ms)
            atomic_add(&self.waiting, -1)
            if rc == -1:
                self.interrupted()
                return 0
            for i in range(1, count):
                one = <Registered>descriptors[i - 1]
                events = items[i].revents & (one.wanted | libzmq.ZMQ_POLLERR)
                if events and not one.gone:
                    ready[one.place] = one.source if isinstance(one.source, int) else items[i].fd, events
            return items[0].revents != 0
        finally:
            free(items)

    cdef int open_set(self) except -1:
        cdef int errnum
        if self.set != -1 and self.forks != forks:
            self.renew()
        with cython.critical_section(self):
            if self.set != -1:
                return 0
            self.forks = forks
            self.set = readiness_open()
            if self.set == -1:
                return fail(libzmq.zmq_errno(), "poll", "needs two descriptors for itself")
            if bell_open(self.bell) == -1:
                errnum = libzmq.zmq_errno()
                readiness_close(self.set)
            elif readiness_add(self.set, self.bell[0]) == -1:
                errnum = libzmq.zmq_errno()
                bell_close(self.bell)
                readiness_close(self.set)
            else:
                return 0
            self.set = -1
            return fail(errnum, "poll", "needs two descriptors for itself")

    cdef int renew(self) except -1:
        """In a forked child: what it has inherited is the parent's. All is found out again when somebody polls."""
        cdef Registered one
        self.close_descriptors()
        self.set = -1
        self.resting = {}
        atomic_clear(&self.waiting)
        for one in list(self.registered.values()):
            one.fd = -1
            one.known = False
            self.look_soon(one)
        return 0

    cdef void close_descriptors(self) noexcept:
        if self.forks == forks or SET_IS_INHERITED:
            readiness_close(self.set)
        bell_close(self.bell)

    cdef list poll_without_set(self, double timeout_ms, double deadline):
        """poll() where the system has none: every socket is looked at, and again after BELL_LOOK_MS."""
        cdef double left_ms = BELL_LOOK_MS
        while True:
            if timeout_ms >= 0:
                left_ms = max(0.0, deadline - monotonic_seconds() * 1000)
            ready = zmq_poll(self.sockets, 0 if self._woken else min(left_ms, <double>BELL_LOOK_MS))
            if ready or self._woken or left_ms == 0:
                self._woken = False
                return ready


cdef list in_order(dict ready):
    """The pairs, by the place of their registration."""
    if len(ready) > 1:
        return [ready[place] for place in sorted(ready)]
    return list(ready.values())
