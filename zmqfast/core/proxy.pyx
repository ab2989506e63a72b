"""Proxies: libzmq moves messages between two sockets until the context ends."""


def proxy(Socket frontend not None, Socket backend not None, Socket capture=None):
    """Pass every message between frontend and backend, and a copy to capture, until the context ends.

    Waits, GIL released; no other thread may use the sockets meanwhile. Signal handlers run; what they raise ends it.

    Raises:
        ContextTerminated: the context ended (ETERM).
    """
    run_proxy([frontend, backend, capture, None])


def proxy_steerable(
    Socket frontend not None, Socket backend not None, Socket capture=None, Socket control=None
):
    """proxy() that obeys PAUSE, RESUME, TERMINATE and STATISTICS messages on `control` (zmq_proxy_steerable).

    Returns after TERMINATE. A control socket that must answer, such as REP, answers STATISTICS with eight frames
    and the others with an empty one.
    """
    run_proxy([frontend, backend, capture, control], control is not None)


cdef int run_proxy(list sockets, bint steerable=False) except -1:
    """Enter each socket once, run, and leave them whatever happens."""
    cdef void *pointers[4]
    cdef SocketHandle handle
    cdef list entered = []
    cdef int i, rc, errnum
    try:
        for i, socket in enumerate(sockets):
            pointers[i] = NULL
            if socket is not None:
                handle = (<Socket>socket).own()
                if handle not in entered:
                    handle.enter()
                    entered.append(handle)
                pointers[i] = handle.ptr
        errnum = EINTR
        while errnum == EINTR:
            errnum = 0
            for handle in entered:
                guard_hold(&handle.state)
            with nogil:
                if steerable:
                    rc = libzmq.zmq_proxy_steerable(pointers[0], pointers[1], pointers[2], pointers[3])
                else:
                    rc = libzmq.zmq_proxy(pointers[0], pointers[1], pointers[2])
                if rc == -1:
                    errnum = libzmq.zmq_errno()
            for handle in entered:
                guard_let_go(&handle.state)
            if errnum == EINTR:
                for handle in entered:
                    handle.run_signal_handlers()
    finally:
        for handle in entered:
            handle.leave()
    if errnum:
        fail(errnum, "proxy_steerable" if steerable else "proxy", None)
    return 0
