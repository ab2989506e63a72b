"""Return codes to exceptions; the only room that reads zmq_errno().

Success costs one comparison; a message is put together only once something has failed.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport (
    EADDRINUSE, EAGAIN, EBUSY, EINTR, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG, ENOENT, ENOMEM, ENOTCONN,
)
from zmqfast cimport libzmq

from zmqfast.errors import Again, ContextTerminated, SocketBusy, ZMQVersionError, error_for

cdef extern from *:
    """
    #ifndef ZMQFAST_LIBZMQ_SOURCE
    #define ZMQFAST_LIBZMQ_SOURCE "unknown"
    #endif

    /* As `raise kind` would, without the traceback entry that Cython makes for each of its own functions. */
    static int raise_plain (PyObject *kind)
    {
        PyErr_SetNone (kind);
        return -1;
    }
    """
    const char *ZMQFAST_LIBZMQ_SOURCE
    int raise_plain(object kind) except -1

DRAFT_API = PYZMQ_DRAFT_API = bool(libzmq.ZMQFAST_DRAFTS)
LIBZMQ_SOURCE = ZMQFAST_LIBZMQ_SOURCE.decode()


cdef inline int check(int rc, str call, object subject=None) except -1:
    """`rc`, or the exception that its errno stands for, naming the call and what it was made on."""
    if rc == -1:
        return fail(libzmq.zmq_errno(), call, subject)
    return rc


cdef inline int error_of(int rc) noexcept:
    """The errno of a call that has returned `rc`, for fail() later on; 0 where it has not failed."""
    return libzmq.zmq_errno() if rc == -1 else 0


cdef inline int check_new(void *handle, str call) except -1:
    """Raise unless libzmq made what was asked for."""
    if handle == NULL:
        return fail(libzmq.zmq_errno(), call, None)
    return 0


cdef int fail(int errnum, str call, object subject) except -1:
    """Raise the exception for `errnum`."""
    if errnum == libzmq.ZMQFAST_MISSING:
        raise ZMQVersionError("4.3.6", call)
    what = call if subject is None else f"{call} {subject}"
    raise error_for(errnum, f"{what}: {strerror(errnum)}")


cdef int fail_plain(int errnum) except -1:
    """Raise the exception for `errnum` with libzmq's own text: the price of an empty socket, so nothing is formatted."""
    if errnum == EAGAIN:
        return raise_plain(Again)
    raise error_for(errnum, None)


cdef inline bint would_wait() noexcept:
    """Whether the call that just failed did so because it would have had to wait."""
    return libzmq.zmq_errno() == EAGAIN


def zmq_errno():
    """The errno of this thread's last failed libzmq call."""
    return libzmq.zmq_errno()


def strerror(int errno):
    """libzmq's text for `errno`, its own numbers included (zmq_strerror)."""
    return libzmq.zmq_strerror(errno).decode("utf-8", "replace")


def zmq_version_info():
    """The version of the libzmq inside this extension, as (major, minor, patch)."""
    cdef int major, minor, patch
    libzmq.zmq_version(&major, &minor, &patch)
    return major, minor, patch


def zmq_version():
    """The version of the libzmq inside this extension, as text."""
    return "%i.%i.%i" % zmq_version_info()


def has(str capability not None):
    """Whether this libzmq was built with `capability`: ipc, pgm, norm, tipc, vmci, curve, gssapi, draft, WS … (zmq_has).

    In upper or lower case, which libzmq itself uses for some.
    """
    return any(libzmq.zmq_has(name.encode()) for name in (capability, capability.lower(), capability.upper()))
