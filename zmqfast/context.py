"""Context: the core's context with the conveniences."""

from __future__ import annotations

import atexit
import errno
import os
from _operator import index     # operator's; a finalizer at exit can import no more
from _thread import RLock       # what threading.RLock is; importing that module takes longer

from zmqfast import _core
from zmqfast.errors import SocketBusy, ZMQError
from zmqfast.generics import Generic, cast
from zmqfast.options import ContextOptions
from zmqfast.socket import Socket, public_name

TYPE_CHECKING = False       # type checkers take it for true; importing typing takes longer than all of zmqfast
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ClassVar, TypeVar, overload

    from typing_extensions import Self
    from weakref import ReferenceType

    SocketT = TypeVar("SocketT", bound=Socket[Any], covariant=True)
    OtherSocketT = TypeVar("OtherSocketT", bound=Socket[Any])
else:
    SocketT = None


class Context(_core.Context, ContextOptions, Generic[SocketT]):
    """A container of sockets with its own I/O threads. Make one, share it between threads.

    Context options are attributes (`io_threads`, `max_sockets` …); setting a socket option as an attribute
    (`context.linger = 0`) makes it the default of the sockets opened from then on.

    Args:
        io_threads: how many threads do the network work; 0 is enough for inproc alone. Or a Context to shadow.
        shadow: a Context, or the `underlying` address of one, to share instead of making a new one.
    """

    __slots__ = ("__dict__", "_exit_linger", "sockopts")

    _socket_class: ClassVar[type[Socket[Any]]] = Socket
    _instance: ClassVar[Context[Any] | None] = None     # a subclass that says so again has an instance of its own

    sockopts: dict[int, Any]

    def __init__(
        self: Context[Socket[bytes]],
        io_threads: int | _core.Context = 1,
        shadow: _core.Context | int | None = None,
    ) -> None:
        super().__init__(io_threads, shadow)
        self._exit_linger: int | None = None
        source = io_threads if isinstance(io_threads, Context) else shadow
        self.sockopts = dict(source.sockopts) if isinstance(source, Context) else {}

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute that the class has; a name that it has not is a mistake, but for subclasses without slots."""
        own = type(self)
        if "__slots__" in vars(own) and not hasattr(own, name):
            raise AttributeError(f"{own.__name__!r} object has no attribute {name!r}")
        super().__setattr__(name, value)

    @property
    def exit_linger(self) -> int | None:
        """How many ms the exit of the process may wait for this context's unsent messages; None, as in pyzmq, waits
        not at all, -1 for ever."""
        return self._exit_linger

    @exit_linger.setter
    def exit_linger(self, value: int | None) -> None:
        self._exit_linger = value
        if value is not None and not self._is_shadow:
            _wait_for(self)

    @classmethod
    def instance(cls, io_threads: int = 1) -> Self:
        """The process-wide Context, made when there is none, or when it was terminated or forked away.

        A subclass shares the one that its base class has made, unless it has `_instance = None` of its own.
        """
        context = cls._instance
        if context is None or context.closed:
            with _instance_lock:
                context = cls._instance
                if context is None or context.closed:
                    context = cls._instance = cls(io_threads)
        return cast("Self", context)

    @property
    def _shadow(self) -> bool:
        """pyzmq's name for whether the libzmq context is another Context's."""
        return self._is_shadow

    @classmethod
    def shadow(cls, address: int | _core.Context) -> Self:
        """A Context that shares the libzmq context of another one, or of its `underlying` address."""
        return cls(shadow=address)

    if TYPE_CHECKING:

        @overload
        def socket(self, socket_type: int, socket_class: None = None, **kwargs: Any) -> SocketT: ...
        @overload
        def socket(
            self, socket_type: int, socket_class: Callable[[Any, int], OtherSocketT], **kwargs: Any
        ) -> OtherSocketT: ...

    def socket(self, socket_type: int, socket_class: Any = None, **kwargs: Any) -> Any:
        """Open a socket of `socket_type` with this context's default options.

        Args:
            socket_class: make this class of socket instead of the context's own.
            kwargs: passed to the class.
        Raises:
            ZMQError: not a socket type (EINVAL); no descriptors or no room within MAX_SOCKETS (EMFILE); the context
                is closed (ENOTSUP).
        """
        if self._is_shadow and self.closed:
            raise ZMQError(errno.EFAULT, "socket: the context that this one shadows is closed")
        socket = (socket_class or self._socket_class)(self, socket_type, **kwargs)
        try:
            for option, value in self.sockopts.items():
                try:
                    socket.set(option, value)
                except ZMQError as error:
                    if error.errno != errno.EINVAL:     # an option of other socket types, such as SUBSCRIBE
                        raise
        except BaseException:
            socket.close()
            raise
        return socket

    def getsockopt(self, opt: int) -> Any:
        """The default of a socket option, as setsockopt() set it."""
        return self.sockopts[opt]

    def setsockopt(self, opt: int, value: Any) -> None:
        """Set the default of a socket option for the sockets opened from now on."""
        from zmqfast.constants import SocketOption

        self.sockopts[SocketOption(opt)] = value

    def destroy(self, linger: int | None = None) -> None:
        """Close every open socket, then term().

        Args:
            linger: ms for each socket; None keeps what each has.

        A socket that another thread is using is told that the context ends; that thread closes it.
        """
        if self.closed:
            return
        if linger is not None:
            linger = index(linger)      # before any socket is closed
        for socket in self._sockets():
            try:
                socket.close(linger)
            except SocketBusy:
                self.shutdown()
        try:
            self._close_forgotten(linger)
        except SocketBusy:
            self.shutdown()
        self.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()

    def __copy__(self, memo: Any = None) -> Self:
        return type(self).shadow(self)

    __deepcopy__ = __copy__

    def __repr__(self) -> str:
        count = 0 if self.closed else len(self._sockets())
        sockets = f"{count} socket{'' if count == 1 else 's'}" if count else ""
        return f"<{public_name(type(self))}({sockets}) at {id(self):#x}{' closed' if self.closed else ''}>"


_instance_lock = RLock()


def _renew_instance_lock() -> None:
    """In a forked child: the thread that held the lock may not be there."""
    global _instance_lock
    _instance_lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_instance_lock)

_patient: set[ReferenceType[Context[Any]]] = set()     # contexts that the exit waits for


def _wait_for(context: Context[Any]) -> None:
    from weakref import ref

    _patient.add(ref(context, _patient.discard))


def _wait_at_exit() -> None:
    """Give the contexts that ask for it their time to send what is unsent."""
    for reference in list(_patient):
        context = reference()
        if context is not None and context.exit_linger is not None and not context.closed:
            context.destroy(linger=context.exit_linger)


atexit.register(_wait_at_exit)
