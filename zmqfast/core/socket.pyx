"""Socket: opening, naming endpoints, sending and receiving frames."""


@cython.no_gc_clear         # `handle` and `context` are needed to the last, and close no cycle by themselves
cdef class Socket:
    """One ZeroMQ socket. Use it from one thread at a time; moving it between threads is fine.

    Args:
        ctx_or_socket: the Context it belongs to, kept alive by it; or a Socket to share.
        socket_type: PAIR, PUB, SUB …
        shadow: a Socket, or the `underlying` address of one, to share instead of opening a new one.
        copy_threshold: bytes; with copy=False a smaller frame is copied all the same, which is faster.
            zmqfast.COPY_THRESHOLD when None.
    """

    cdef object __weakref__
    cdef SocketHandle handle
    cdef readonly Context context
    cdef readonly bint _is_shadow
    cdef public Py_ssize_t copy_threshold
    cdef public object _shadow_obj          # the Socket or address that we share, or None
    cdef public object _monitor_socket      # the reading end that get_monitor_socket() made, or None

    def __init__(self, ctx_or_socket=None, int socket_type=libzmq.ZMQ_PAIR, *, shadow=None, copy_threshold=None):
        self.copy_threshold = threshold(copy_threshold)
        self._shadow_obj = ctx_or_socket if isinstance(ctx_or_socket, Socket) else shadow
        if self._shadow_obj is not None and self._shadow_obj is not 0:
            self.handle = shadowed_socket(self._shadow_obj)
            self._is_shadow = True
            if isinstance(ctx_or_socket, Context):
                self.context = ctx_or_socket
            elif isinstance(self._shadow_obj, Socket):
                self.context = (<Socket>self._shadow_obj).context
            return
        if ctx_or_socket is None:
            raise TypeError("Socket: context must be specified")
        if not isinstance(ctx_or_socket, Context):
            raise TypeError(f"Socket takes a Context, not {type(ctx_or_socket).__name__}")
        if socket_type < 0:
            raise TypeError("Socket: socket_type must be specified")
        self.context = ctx_or_socket
        self.handle = SocketHandle((<Context>ctx_or_socket).own(), socket_type)
        self.handle.context.sockets[id(self)] = PyWeakref_NewRef(self, None)

    def __dealloc__(self):
        if self.handle is not None:
            self.handle.context.sockets.pop(<size_t><void *>self, None)

    def _leave_context(self):
        """Before the end: Context._sockets() will not find this socket any more.

        After a finalizer, CPython 3.13t's weak references give away an object that is being deallocated: destroy() would
        bring it back, and end it twice.
        """
        if self.handle is not None:
            self.handle.context.sockets.pop(<size_t><void *>self, None)

    cdef inline SocketHandle own(self):
        if self.handle is None:
            raise RuntimeError("Socket.__init__ was not called")
        return self.handle

    @property
    def underlying(self):
        """The address of libzmq's socket; 0 once closed."""
        self.own().expose()
        return <size_t>self.own().ptr

    @property
    def closed(self):
        """Whether the socket is closed, or its context has been terminated."""
        return self.handle is None or self.handle.ptr == NULL

    @property
    def _type(self):
        """The socket's SocketType, also once closed."""
        return SocketType(self.own().socket_type)

    # endpoints

    def bind(self, addr):
        """Accept peers at an endpoint, such as tcp://127.0.0.1:5555, tcp://*:*, ipc://path, inproc://name.

        With a wildcard, LAST_ENDPOINT tells what the system chose.

        Raises:
            ZMQError: naming the endpoint: in use (EADDRINUSE), not ours (EADDRNOTAVAIL, ENODEV), not an endpoint
                (EINVAL), a transport this build lacks (EPROTONOSUPPORT) or the socket type cannot use
                (ENOCOMPATPROTO).
        """
        self.name_endpoint(addr, libzmq.zmq_bind, "bind")

    def connect(self, addr):
        """Look for a peer at an endpoint, now and whenever the connection is lost; does not wait.

        Raises:
            ZMQError: naming the endpoint: not an endpoint (EINVAL), a transport this build lacks (EPROTONOSUPPORT)
                or the socket type cannot use (ENOCOMPATPROTO).
        """
        self.name_endpoint(addr, libzmq.zmq_connect, "connect")

    def unbind(self, addr):
        """Stop accepting at an endpoint, as LAST_ENDPOINT told it after bind.

        Raises:
            ZMQError: nothing is bound there (ENOENT).
        """
        self.name_endpoint(addr, libzmq.zmq_unbind, "unbind")

    def disconnect(self, addr):
        """Leave the peer at an endpoint, as given to connect; messages queued for it follow LINGER.

        Raises:
            ZMQError: nothing is connected there (ENOENT).
        """
        self.name_endpoint(addr, libzmq.zmq_disconnect, "disconnect")

    cdef int name_endpoint(self, object endpoint, int (*call)(void *, const char *) noexcept nogil, str name) except -1:
        """Run one of the four, which may look up names or touch files, without the GIL."""
        cdef SocketHandle handle = self.own()
        cdef bytes text = endpoint_bytes(endpoint, name)
        handle.enter_quietly()
        try:
            with cython.critical_section(handle.context.naming):
                self.name_endpoint_inside(handle, text, call, name)
        finally:
            handle.use_by(None)     # libzmq has taken in what there was
            handle.leave()
        return 0

    cdef int name_endpoint_inside(
        self, SocketHandle handle, bytes text, int (*call)(void *, const char *) noexcept nogil, str name
    ) except -1:
        """Caller is inside, and has locked what is named."""
        cdef const char *c_endpoint = text
        cdef int rc, errnum = EINTR
        cdef bint left = False
        if call == libzmq.zmq_bind or call == libzmq.zmq_connect:
            if not text.startswith(b"inproc://") and not descriptors_left(DESCRIPTORS_TO_RESOLVE):
                fail(EMFILE, name, text.decode("utf-8", "replace"))
            check_endpoint(handle, text, name)
            if name == "connect":
                join_monitor(handle, text)
            start_watch_before(handle, text)
            if name == "connect" and handle.seen is not None:
                handle.seen.forget_failure()
        elif name == "disconnect":
            leave_monitor(handle, text)
            left = before_leaving(handle, text)
        while errnum == EINTR:
            errnum = 0
            if text.startswith(b"inproc://"):
                errnum = name_inproc(handle, call, c_endpoint)
            else:
                guard_hold(&handle.state)
                with nogil:
                    rc = call(handle.ptr, c_endpoint)
                    if rc == -1:
                        errnum = libzmq.zmq_errno()
                guard_let_go(&handle.state)
            if errnum == EINTR:
                handle.run_signal_handlers()
        if errnum == ENOENT and left:
            errnum = 0
        if errnum == EAGAIN:
            errnum = why_bind_failed(handle, c_endpoint)
        if errnum == ENAMETOOLONG and text.startswith(b"ipc://"):
            fail(errnum, name, f"{text.decode('utf-8', 'replace')} (a path has at most {IPC_PATH_MAX} bytes)")
        if errnum:
            fail(errnum, name, text.decode("utf-8", "replace"))
        name_inproc_end(handle, text, name)
        if not text.startswith(b"inproc://"):
            handle.lend_from = LEND_FROM
            if name == "bind":
                handle.listens = True
        if text.startswith(b"norm://") and call in (libzmq.zmq_bind, libzmq.zmq_connect):
            settle_norm(handle, text)
        return 0

    def connect_peer(self, endpoint):
        """Connect a PEER socket; returns the routing id of the peer, for `send` (draft, zmq_connect_peer).

        Raises:
            ZMQError: not a PEER socket (ENOTSUP), or as connect().
        """
        cdef SocketHandle handle = self.own()
        cdef bytes text = endpoint_bytes(endpoint, "connect_peer")
        cdef const char *c_endpoint = text
        cdef libzmq.uint32_t routing_id
        handle.enter()
        try:
            guard_hold(&handle.state)
            with nogil:
                routing_id = libzmq.zmq_connect_peer(handle.ptr, c_endpoint)
            guard_let_go(&handle.state)
            if routing_id == 0:
                fail(libzmq.zmq_errno(), "connect_peer", text.decode("utf-8", "replace"))
        finally:
            handle.leave()
        return routing_id

    def disconnect_peer(self, routing_id):
        """Leave one peer of a PEER or SERVER socket (draft, zmq_disconnect_peer).

        Raises:
            ZMQError: no such peer (EHOSTUNREACH), or another socket type (ENOTSUP).
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.uint32_t number = routing_id
        handle.enter()
        try:
            check(libzmq.zmq_disconnect_peer(handle.ptr, number), "disconnect_peer", number)
        finally:
            handle.leave()

    def join(self, group):
        """Take part in a DISH socket's group, str or bytes of at most 255 bytes (draft, zmq_join).

        Raises:
            ZMQError: not a DISH socket, too long, or joined already (EINVAL).
        """
        self.name_group(group, True)

    def leave(self, group):
        """Leave a DISH socket's group (draft, zmq_leave).

        Raises:
            ZMQError: not a DISH socket, or not joined (EINVAL).
        """
        self.name_group(group, False)

    cdef int name_group(self, object group, bint joining) except -1:
        cdef SocketHandle handle = self.own()
        name = group_bytes(group)
        handle.enter()
        try:
            if joining:
                return check(libzmq.zmq_join(handle.ptr, name), "join", repr(group))
            return check(libzmq.zmq_leave(handle.ptr, name), "leave", repr(group))
        finally:
            handle.leave()

    def close(self, linger=None):
        """Close the socket; safe to repeat. Does not wait: messages unsent are sent for `linger` ms more.

        Args:
            linger: ms; -1 for ever, 0 drops them; None keeps the LINGER option.
        Raises:
            SocketBusy: another thread is using the socket.
        """
        if self.handle is not None:
            self.handle.close(linger)

    # options

    def get(self, option):
        """The value of a socket option, by its C type an int or bytes (zmq_getsockopt).

        Raises:
            ZMQError: naming the option: unknown, or write-only (EINVAL).
        """
        cdef SocketHandle handle = self.own()
        cdef int number = option
        if number == libzmq.ZMQ_EVENTS:
            return handle.current_events()
        if number == libzmq.ZMQ_FD:
            handle.enter()
        else:
            handle.enter_quietly()
        try:
            return get_option(handle, number)
        finally:
            handle.leave()

    def set(self, option, optval):
        """Set a socket option; `optval` is an int or bytes by its C type (zmq_setsockopt).

        HWM sets both high-water marks. Most options count for later binds and connects only.

        Raises:
            TypeError, OverflowError: not a value of that C type.
            ZMQError: naming the option: unknown, read-only, or out of range (EINVAL).
        """
        cdef SocketHandle handle = self.own()
        cdef int number = option
        handle.enter_quietly()
        try:
            set_option(handle, number, optval)
        finally:
            handle.leave()

    def fileno(self):
        """The descriptor that becomes readable when EVENTS may have changed; edge-triggered (ZMQ_FD)."""
        return self.get(libzmq.ZMQ_FD)

    # frames

    def send(self, data, int flags=0, bint copy=True, bint track=False, routing_id=None, group=None, *, timeout=None):
        """Send one frame. Waits while no peer can take it, at most `sndtimeo` ms or `timeout` seconds.

        Args:
            data: bytes-like, or a Frame.
            flags: DONTWAIT to raise at once instead of waiting, SNDMORE when more frames of the message follow.
            copy: False lends the buffer to libzmq, which keeps it exported until it is sent.
            track: with copy=False, return a MessageTracker.
            routing_id: the peer, on SERVER and PEER sockets.
            group: the group, on RADIO sockets.
        Raises:
            Again: no peer could take it in time (EAGAIN).
            ZMQError: a REQ or REP whose turn it is not (EFSM); no such peer (EHOSTUNREACH); a socket type that
                does not send (ENOTSUP).
            ContextTerminated: the context ended (ETERM).
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        cdef MessageTracker tracker = None
        cdef bint tried = False
        if PyBytes_CheckExact(data) and copy:
            load_bytes(handle, &msg, data)
            if routing_id is None and group is None:
                if try_send(handle, &msg, flags):
                    return None
                tried = True
        else:
            tracker = load(handle, &msg, data, copy, track, self.copy_threshold)
        try:
            if routing_id is not None:
                set_routing_id(&msg, routing_id)
            if group is not None:
                set_group(&msg, group)
            if tried or not try_send(handle, &msg, flags):
                send_patiently(handle, &msg, flags, timeout)
        except:
            close_msg(&msg)
            raise
        return tracker

    def recv(self, int flags=0, bint copy=True, bint track=False, *, timeout=None):
        """Receive one frame, as bytes, or with copy=False as a Frame. Waits at most `rcvtimeo` ms or `timeout` seconds.

        Args:
            flags: DONTWAIT to raise at once instead of waiting.
        Raises:
            Again: no frame came in time (EAGAIN).
            ZMQError: a REQ or REP whose turn it is not (EFSM); a socket type that does not receive (ENOTSUP).
            ContextTerminated: the context ended (ETERM).
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        libzmq.zmq_msg_init(&msg)           # never fails
        if not try_recv(handle, &msg, flags):
            if flags & libzmq.ZMQ_DONTWAIT and would_wait():
                raise_plain(Again)          # msg is empty: there is nothing to close
            recv_patiently(handle, &msg, flags, timeout)
        if not copy:
            return received_frame(&msg, track)
        try:
            return message_bytes(&msg, True)
        finally:
            close_msg(&msg)

    def recv_into(self, buffer, /, *, Py_ssize_t nbytes=0, int flags=0, timeout=None):
        """Receive one frame into a writable buffer; returns the frame's size, which is more than fits if it was cut.

        Args:
            nbytes: at most so many bytes; 0 for the size of the buffer.
        Raises:
            ValueError: nbytes is negative, or more than the buffer holds.
            BufferError: the buffer is not contiguous, or cannot be written.
            Again, ZMQError, ContextTerminated: as recv().
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        cdef Py_buffer view
        cdef size_t size, room
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        libzmq.zmq_msg_init(&msg)           # never fails
        try:
            if nbytes < 0 or nbytes > view.len:
                raise ValueError(f"nbytes={nbytes} does not fit a buffer of {view.len} bytes")
            if not try_recv(handle, &msg, flags):
                recv_patiently(handle, &msg, flags, timeout)
            size = libzmq.zmq_msg_size(&msg)
            room = nbytes or view.len
            if min(size, room) < RELEASE_GIL_FROM:
                memcpy(view.buf, libzmq.zmq_msg_data(&msg), min(size, room))
            else:
                with nogil:
                    memcpy(view.buf, libzmq.zmq_msg_data(&msg), min(size, room))
            return size
        finally:
            close_msg(&msg)
            PyBuffer_Release(&view)

    # messages

    def send_multipart(
        self, msg_parts, int flags=0, bint copy=True, bint track=False, routing_id=None, group=None, *, timeout=None
    ):
        """Send one message of one or more frames: whole, or not at all.

        Args and errors are send()'s, for all frames alike; `flags` with SNDMORE leaves the message open.
        Raises:
            TypeError: naming the frame that is not bytes-like; nothing was sent.
            ValueError: no frame.
        """
        return send_parts(
            self.own(), tuple(msg_parts), flags, copy, track, routing_id, group, timeout, self.copy_threshold
        )

    def recv_multipart(self, int flags=0, bint copy=True, bint track=False, *, timeout=None):
        """Receive one message whole, as a list of bytes, or with copy=False of Frames.

        Args and errors are recv()'s.
        """
        cdef SocketHandle handle = self.own()
        handle.enter()
        try:
            return recv_frames(handle, flags, copy, track, timeout)
        finally:
            handle.leave()

    # many messages, and none

    def send_many(self, messages, int flags=0, *, timeout=None, bint copy=True):
        """Send messages one after the other; returns how many went out. Waits as send() does before each.

        Args:
            messages: each bytes-like or a Frame, or a list or tuple of these for a message of several frames. From
                an iterator no more is taken than can be tried.
            flags: DONTWAIT to return instead of waiting.
            timeout: seconds, for the whole call; without it each wait takes at most `sndtimeo` ms.
            copy: False lends the buffers to libzmq, as send() does.
        Raises:
            Again: not one could be sent in time (EAGAIN).
            TypeError: naming the message that is not bytes-like; those before it have been sent.
            ZMQError, ContextTerminated: as send().
            Each exception tells in `sent` how many messages went out before.
        """
        return send_messages(self.own(), messages, flags, copy, timeout, self.copy_threshold)

    def recv_many(
        self, Py_ssize_t max_messages=1024, int flags=0, *, timeout=None, bint multipart=False, bint copy=True
    ):
        """Wait for one message as recv() does, and take what else is there, in one call.

        Args:
            max_messages: at most so many whole messages; after 16 MiB no further one is taken.
            flags: DONTWAIT returns an empty list when there is none.
            timeout: seconds, for the first message.
            multipart: True for a list of messages, each a list of frames; False for a list of their frames.
            copy: False for Frames instead of bytes.
        Raises:
            Again: none came in time (EAGAIN).
            ZMQError, ContextTerminated: as recv(). An error after the first message is left to the next call.
        """
        return recv_messages(self.own(), max_messages, flags, timeout, multipart, copy)

    def recv_batch(self, Batch batch=None, Py_ssize_t max_messages=1024, int flags=0, *, timeout=None):
        """recv_many() into one buffer, without an object for each frame: the fastest way to receive small frames.

        Args:
            batch: replaced by what is received, and returned; None makes a new one.
        Raises:
            SocketBusy: another thread is receiving into this batch.
            Again, ZMQError, ContextTerminated: as recv_many().
        """
        if batch is None:
            batch = Batch()
        recv_into_batch(self.own(), batch, max_messages, flags, timeout)
        return batch

    def try_send(self, data):
        """Send one message, bytes-like or a list or tuple of frames, if that is possible at once; whether it was.

        Raises:
            ZMQError, ContextTerminated: as send(), but for Again.
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        if PyBytes_CheckExact(data):
            load_bytes(handle, &msg, data)
            if try_send(handle, &msg, 0):
                return True
            libzmq_would_wait = would_wait()
            close_msg(&msg)
            if libzmq_would_wait:
                return False
        try:
            return send_messages(handle, (data,), libzmq.ZMQ_DONTWAIT, True, None, self.copy_threshold) == 1
        except Again:
            return False

    def try_recv(self, default=None):
        """Receive one frame as bytes if one is there, else return `default`.

        Raises:
            ZMQError, ContextTerminated: as recv(), but for Again.
        """
        cdef SocketHandle handle = self.own()
        cdef libzmq.zmq_msg_t msg
        libzmq.zmq_msg_init(&msg)           # never fails
        if not try_recv(handle, &msg, 0):
            if would_wait():
                return default              # msg is empty: there is nothing to close
            try:
                recv_patiently(handle, &msg, libzmq.ZMQ_DONTWAIT, None)
            except Again:
                return default
        try:
            return message_bytes(&msg, True)
        finally:
            close_msg(&msg)

    def __iter__(self):
        """Received messages, each a list of frames, until the context ends."""
        return self

    def __next__(self):
        try:
            return self.recv_multipart()
        except ContextTerminated:
            raise StopIteration from None

    # events

    def poll(self, timeout=None, int flags=1):     # ZMQ_POLLIN, as a number that inspect.signature() can read
        """Wait until the socket can do one of `flags`; returns which of them, or 0 when `timeout` ms were over.

        Args:
            timeout: ms; None or negative waits for ever.
        """
        ready = zmq_poll([(self, flags)], timeout)
        return ready[0][1] if ready else 0

    def wait_connected(self, int peers=1, timeout=None):
        """Wait until so many peers have finished their handshake; returns how many are connected.

        Call it after bind or connect and before the first use of the socket; from then on peers are counted, and it
        can be called again at any time, from any thread. An inproc peer counts as soon as both ends are named. A
        SUB that is connected has not subscribed yet: on XPUB, wait for its subscription instead.

        Args:
            peers: how many; 0 only begins to count.
            timeout: seconds; None waits for ever.
        Raises:
            Again: there were fewer in time (EAGAIN); names the last handshake that failed, if any.
            HandshakeFailed: a peer that we connect to has refused us, for good, and so says libzmq's reason.
            ZMQError: the socket was used before anyone asked (EFSM), or has a monitor of its own (EBUSY).
            ContextTerminated: the context ended (ETERM).
        """
        return wait_for_peers(self.own(), peers, timeout)

    def _look_for_peers(self, int peers, timeout, bint over):
        """wait_connected() for those who wait in a loop: one look. `over` says whether `timeout` s are.

        Returns how many peers there are, the address of the socket that becomes readable when that may have changed,
        and the s after which to look again all the same.
        """
        cdef SocketHandle handle = self.own()
        cdef int connected = look_for_peers(handle, peers, timeout, over)
        cdef SocketHandle watch = watch_of(handle)
        return connected, None if watch is None else <size_t>watch.ptr, look_again_ms(handle) / 1000.0

    def _peers(self):
        """(local, remote) address of each connected peer."""
        return peers_of(self.own())

    def _stats(self):
        """(connected, disconnected, failed, queues) since the watch began."""
        return stats_of(self.own())

    def monitor(self, addr, int events=0xFFFF, int version=1):      # ZMQ_EVENT_ALL, as inspect.signature() can read it
        """Report events at the inproc endpoint `addr` to a PAIR socket that connects there; None ends it.

        Replaces a monitor that was there before. get_monitor_socket() makes the reading end as well.

        Args:
            events: EVENT_… to report, or'ed.
            version: of the messages: 1, or 2 with both addresses of a connection (zmq_socket_monitor_versioned, draft).
        Raises:
            ZMQError: not an inproc endpoint (EPROTONOSUPPORT), in use (EADDRINUSE), or no such events or version (EINVAL).
            ZMQVersionError: version 2 with a libzmq that has no draft API.
        """
        cdef SocketHandle handle = self.own()
        endpoint = None if addr is None else endpoint_bytes(addr, "monitor")
        handle.enter()
        try:
            with cython.critical_section(handle.context.naming):
                set_monitor(handle, endpoint, events, version)
        finally:
            handle.leave()


cdef extern from *:
    """
    static PyObject *method_of (PyTypeObject *owner, PyObject *method)
    {
        return PyDescr_NewMethod (owner, ((PyMethodDescrObject *) method)->d_method);
    }
    """
    object method_of(type owner, object method)


def _own_methods(cls):
    """Give a subclass of Socket this Socket's methods as its own, where it has them from here, by any name.

    From 3.11 on CPython calls a method without detours only where the object is of the very class that the method
    belongs to.
    """
    for name, method in [*vars(Socket).items(), *vars(cls).items()]:
        if type(method) is type(Socket.send) and not name.startswith("__") and getattr(cls, name) is method:
            setattr(cls, name, method_of(cls, method))


cdef int why_bind_failed(SocketHandle handle, const char *endpoint) noexcept:
    """The errno of a bind that failed while the socket was monitored: reporting it to the monitor overwrites errno.

    A second socket without a monitor fails for the same reason; if it does not, somebody has just left the endpoint.
    """
    cdef int errnum = EADDRINUSE
    cdef void *second = libzmq.zmq_socket(handle.context.ptr, handle.socket_type)
    if second == NULL:
        return libzmq.zmq_errno()
    if libzmq.zmq_bind(second, endpoint) == -1:
        errnum = libzmq.zmq_errno()
    libzmq.zmq_close(second)    # fails for what is no socket only
    return errnum


cdef bytes endpoint_bytes(object endpoint, str call):
    """An endpoint as libzmq takes it."""
    cdef bytes text
    if isinstance(endpoint, str):
        text = endpoint.encode()
    elif isinstance(endpoint, bytes):
        text = endpoint
    else:
        raise TypeError(f"{call} takes an endpoint as str, not {endpoint!r}")
    if 0 in text:
        raise error_for(EINVAL, f"{call} {endpoint!r}: an endpoint has no NUL in it")
    if len(text) > LONGEST_ENDPOINT:
        raise error_for(EINVAL, f"{call}: an endpoint has at most {LONGEST_ENDPOINT} bytes, not {len(text)}")
    return text
