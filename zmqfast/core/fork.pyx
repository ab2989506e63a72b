"""What a forked child does with what it inherited: all of it is the parent's, so the child's side is closed.

libzmq is not called: its threads do not exist in the child, and the parent must not notice.
"""

import os


def _close_in_child():
    """Forget every socket and context. Their descriptors stay open until the child execs or ends."""
    cdef SocketHandle socket
    cdef ContextHandle context
    global forks, main_thread_ident
    forks += 1
    main_thread_ident = 0
    release_after_fork()
    for reference in list(SOCKETS.values()):
        socket = reference()
        if socket is not None:
            socket.forget()
    SOCKETS.clear()
    for reference in list(CONTEXTS.values()):
        context = reference()
        if context is not None:
            context.forget()
    CONTEXTS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
