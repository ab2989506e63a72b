"""Which sockets have bound and connected where over inproc: libzmq tells nobody, and aborts on some that meet there.

Callers have locked the context's `naming`, so that without a GIL, too, nothing is named between a look and what follows.
"""


@cython.final
@cython.no_gc
cdef class InprocEnd:
    """One end of a connection."""

    cdef bytes endpoint
    cdef bint binds
    cdef object handle      # weak reference to its SocketHandle

    def __cinit__(self, SocketHandle handle, bytes endpoint, bint binds):
        self.endpoint = endpoint
        self.binds = binds
        self.handle = PyWeakref_NewRef(handle, None)


cdef int name_inproc_end(SocketHandle handle, bytes endpoint, str call) except -1:
    """Remember, or forget, one end of an inproc connection."""
    cdef ContextHandle context = handle.context
    cdef InprocEnd end
    if not endpoint.startswith(b"inproc://"):
        return 0
    if call == "bind" or call == "connect":
        if call == "bind":
            context.inproc_waiting.pop(endpoint, None)
        elif monitored_at(context, endpoint) is None and not is_bound(context, endpoint):
            context.inproc_waiting.setdefault(endpoint, []).append(handle.socket_type)
        end = InprocEnd(handle, endpoint, call == "bind")
        (context.inproc_bound if end.binds else context.inproc_connected).setdefault(endpoint, {})[end] = None
        if handle.inproc_ends is None:
            handle.inproc_ends = []
        handle.inproc_ends.append(end)
        return 0
    for end in named_ends(handle):
        if end.endpoint == endpoint and end.binds == (call == "unbind"):
            handle.inproc_ends.remove(end)
            return forget_end(context, end)
    return 0


cdef list named_ends(SocketHandle handle):
    return list(handle.inproc_ends or ())


cdef int forget_end(ContextHandle context, InprocEnd end) except -1:
    cdef dict by_endpoint = context.inproc_bound if end.binds else context.inproc_connected
    cdef dict ends = by_endpoint.get(end.endpoint) or {}
    ends.pop(end, None)
    if not ends:
        by_endpoint.pop(end.endpoint, None)
    return 0


cdef void forget_inproc_ends(SocketHandle handle) noexcept:
    """The socket closes."""
    for end in named_ends(handle):
        forget_end(handle.context, end)
        handle.inproc_ends.remove(end)


cdef inline bint is_bound(ContextHandle context, bytes endpoint) except -1:
    return endpoint in context.inproc_bound


cdef list inproc_sockets(ContextHandle context, bytes endpoint, bint binding):
    """The open sockets that have bound there, or that have connected."""
    cdef InprocEnd end
    cdef SocketHandle handle
    cdef list found = []
    for end in list((context.inproc_bound if binding else context.inproc_connected).get(endpoint, ())):
        handle = end.handle()
        if handle is not None and handle.ptr != NULL:
            found.append(handle)
    return found


cdef list inproc_peers(SocketHandle handle):
    """The endpoint of each peer over inproc, where a connection is one as soon as both ends are named."""
    cdef InprocEnd end
    cdef list peers = []
    with cython.critical_section(handle.context.naming):
        for end in named_ends(handle):
            peers += [printable(end.endpoint)] * len(inproc_sockets(handle.context, end.endpoint, not end.binds))
    return peers
