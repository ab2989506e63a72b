"""The exceptions of zmqfast, with pyzmq's names.

    Exception
    ├── ZMQBaseError
    │   ├── ZMQError                      a libzmq call failed: .errno says why
    │   │   ├── Again                     EAGAIN: it would have had to wait, or waited long enough
    │   │   ├── ContextTerminated         ETERM: the context ended
    │   │   ├── InterruptedSystemCall     EINTR: a signal came (an InterruptedError too)
    │   │   ├── HandshakeFailed           a peer was refused, or refused us: .status or .protocol_error says why
    │   │   └── SocketBusy                EBUSY: another thread is inside the socket
    │   ├── NotDone                       libzmq still held the message when the time was over
    │   └── ZMQBindError                  no free port in the range
    ├── NotImplementedError
    │   └── ZMQVersionError               this libzmq is too old, or built without it
    └── RuntimeWarning
        └── DraftFDWarning                kept for filters written for pyzmq, never issued

The core raises these while it is being imported itself, so nothing here imports it before it is needed.
"""

from __future__ import annotations

import os
from errno import EAGAIN, EBUSY, EINTR

TYPE_CHECKING = False       # type checkers take it for true; importing typing costs more than this whole module
if TYPE_CHECKING:
    from zmqfast.constants import Errno, Event

HAUSNUMERO = 156384712              # where libzmq's own error numbers start (zmq.h)
ETERM = HAUSNUMERO + 53

__all__ = [
    "Again",
    "ContextTerminated",
    "DraftFDWarning",
    "HandshakeFailed",
    "InterruptedSystemCall",
    "NotDone",
    "SocketBusy",
    "ZMQBaseError",
    "ZMQBindError",
    "ZMQError",
    "ZMQVersionError",
    "error_for",
]


class ZMQBaseError(Exception):
    """The base of what zmqfast raises, except for ZMQVersionError."""


class ZMQError(ZMQBaseError):
    """A call of libzmq failed.

    Args:
        errno: why; by default the errno of this thread's last failed libzmq call.
        msg: what was being done, and why it failed; by default libzmq's text for errno.
    """

    errno: int | None = None
    strerror: str

    def __init__(self, errno: int | None = None, msg: str | None = None) -> None:
        if errno is None:
            from zmqfast import _core

            errno = _core.zmq_errno()
        if not isinstance(errno, int):      # ZMQError("text"), which pyzmq accepts
            self.strerror = str(errno)
            return
        if msg is None:
            from zmqfast import _core

            msg = _core.strerror(errno)
        self.errno = errno
        self.strerror = msg

    def __str__(self) -> str:
        return self.strerror

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def message_or_reason(error: ZMQError) -> str:
    """What an exception with an errno of its own says: the message it was given, else libzmq's text."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]
    return error.strerror


class Again(ZMQError):
    """The call would have had to wait, or has waited as long as it may (EAGAIN).

    Args:
        message: what was being done; (errno, msg) as pyzmq takes them are ignored.
    """

    strerror = os.strerror(EAGAIN)

    if TYPE_CHECKING:
        errno: Errno

        def __init__(self, errno: int | str = ..., msg: str = ...) -> None: ...
    else:
        errno = EAGAIN              # Errno.EAGAIN as soon as there is an Errno
        __init__ = object.__init__      # C: an empty socket costs no Python call; args are kept by __new__

    __str__ = message_or_reason


class ContextTerminated(ZMQError):
    """The context ended while the call was made, or before (ETERM).

    Args:
        message: what was being done; (errno, msg) as pyzmq takes them are ignored.
    """

    strerror = "Context was terminated"

    if TYPE_CHECKING:
        errno: Errno

        def __init__(self, errno: int | str = ..., msg: str = ...) -> None: ...
    else:
        errno = ETERM
        __init__ = object.__init__

    __str__ = message_or_reason


class HandshakeFailed(ZMQError):
    """Two peers could not agree to talk: authentication, security mechanism, or a protocol that is not ZMTP.

    Args:
        errno: EACCES, EPROTO, or what the system said when the connection broke.
        msg: what failed, and with whom.
        endpoint: the peer's, or where it came in.
        status: the ZAP handler's, such as 400, where it was that; else None.
        protocol_error: the Event PROTOCOL_ERROR_…, where it was one; else None.
    """

    def __init__(
        self, errno: int, msg: str, endpoint: str = "", status: int | None = None, protocol_error: Event | None = None
    ) -> None:
        super().__init__(errno, msg)
        self.endpoint = endpoint
        self.status = status
        self.protocol_error = protocol_error


class InterruptedSystemCall(ZMQError, InterruptedError):
    """A signal interrupted a call that could not be resumed (EINTR).

    Args:
        message: what was being done; (errno, msg) as pyzmq takes them are ignored.
    """

    errno: int | None = EINTR
    strerror: str

    def __init__(self, errno: int | str | None = None, msg: str | None = None) -> None:
        self.strerror = os.strerror(EINTR)
        if isinstance(errno, str):
            self.args = (errno,)        # OSError's own __new__ keeps none

    __str__ = message_or_reason


class SocketBusy(ZMQError):
    """Another thread is inside the socket (EBUSY); a socket is used by one thread at a time."""

    def __init__(self, errno: int = EBUSY, msg: str = "another thread is using this socket") -> None:
        super().__init__(errno, msg)


class NotDone(ZMQBaseError):
    """libzmq still held the message when the time was over."""


class ZMQBindError(ZMQBaseError):
    """No port of the range was free for bind_to_random_port()."""


class ZMQVersionError(NotImplementedError):
    """The libzmq in use lacks a feature.

    Args:
        min_version: the first libzmq that has it.
        msg: the feature.
    """

    def __init__(self, min_version: str, msg: str = "Feature") -> None:
        from zmqfast import _core

        super().__init__(min_version, msg)      # what pickle calls us with again
        self.min_version = min_version
        self.msg = msg
        self.version = _core.zmq_version()

    def __str__(self) -> str:
        return f"{self.msg} requires libzmq >= {self.min_version}, have {self.version}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class DraftFDWarning(RuntimeWarning):
    """pyzmq's warning about FD on thread-safe sockets; here for warning filters that name it."""


CLASSES: dict[int, type[Again] | type[ContextTerminated] | type[InterruptedSystemCall]] = {
    EAGAIN: Again,
    ETERM: ContextTerminated,
    EINTR: InterruptedSystemCall,
}


def error_for(errno: int, message: str | None = None) -> ZMQError:
    """The exception that stands for `errno`: the one table from errno to class."""
    own = CLASSES.get(errno)
    if own is None:
        return ZMQError(errno, message)
    return own() if message is None else own(message)
