"""Socket: the core's socket with the conveniences."""

from __future__ import annotations

import errno
import itertools
from _warnings import warn      # what warnings.warn is; importing that module takes longer

from zmqfast import _core
from zmqfast.errors import ContextTerminated, ZMQBindError, ZMQError
from zmqfast.generics import Generic, cast
from zmqfast.options import SocketOptions

TYPE_CHECKING = False       # type checkers take it for true; importing typing takes longer than all of zmqfast
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Any, ClassVar, TypeVar

    from typing_extensions import Buffer, Self

    from zmqfast._core import Frame, MessageTracker
    from zmqfast.constants import SocketType
    from zmqfast.monitor import MonitorEvent
    from zmqfast.peers import Peer, SocketStats

    ReceivedT = TypeVar("ReceivedT", covariant=True)
    ValueT = TypeVar("ValueT")
else:
    ReceivedT = ValueT = None

FIRST_RANDOM_PORT = 49152       # the dynamic ports (RFC 6335)
LAST_RANDOM_PORT = 65536        # exclusive, as pyzmq's

_monitor_numbers = itertools.count(1)


class Socket(_core.Socket, SocketOptions, Generic[ReceivedT]):
    """One ZeroMQ socket. Use it from one thread at a time; moving it between threads is fine.

    Socket options are attributes (`linger`, `sndhwm`, `rcvtimeo` …), in lower or upper case.

    Args:
        ctx_or_socket: the Context it belongs to; or a Socket to shadow.
        socket_type: PAIR, PUB, SUB …
        shadow: a Socket, or the `underlying` address of one, to share instead of opening a new one.
        copy_threshold: bytes; with copy=False a smaller frame is copied all the same, which is faster.
    """

    __slots__ = ()

    _monitor_class: ClassVar[type[Socket[Any]]]

    if TYPE_CHECKING:
        _monitor_socket: Socket[Any] | None
        _shadow_obj: object     # what we shadow, or None

        def __init__(
            self: Socket[bytes],
            ctx_or_socket: _core.Context | _core.Socket | None = None,
            socket_type: int = 0,
            *,
            shadow: _core.Socket | int | None = None,
            copy_threshold: int | None = None,
        ) -> None: ...

    @property
    def _shadow(self) -> bool:
        """pyzmq's name for whether the libzmq socket is another Socket's."""
        return self._is_shadow

    @classmethod
    def shadow(cls, address: int | _core.Socket) -> Self:
        """A Socket that shares the libzmq socket of another one, or of its `underlying` address."""
        return cls(shadow=address)

    @property
    def socket_type(self) -> SocketType:
        """The socket's type, also once closed."""
        return self.type

    # endpoints

    def bind(self, addr: str | bytes) -> EndpointContext[Self]:  # type: ignore[override]
        """Accept peers at an endpoint; `with socket.bind(endpoint):` unbinds at the end.

        Errors are those of the core's bind().
        """
        super().bind(addr)
        return EndpointContext(self, "bind", addr)

    def connect(self, addr: str | bytes) -> EndpointContext[Self]:  # type: ignore[override]
        """Look for a peer at an endpoint; `with socket.connect(endpoint):` disconnects at the end.

        Errors are those of the core's connect().
        """
        super().connect(addr)
        return EndpointContext(self, "connect", addr)

    def bind_to_random_port(
        self,
        addr: str,
        min_port: int = FIRST_RANDOM_PORT,
        max_port: int = LAST_RANDOM_PORT,
        max_tries: int = 100,
    ) -> int:
        """Bind to a free port of `addr` (tcp://127.0.0.1) and return it; the system chooses it in the default range.

        Args:
            min_port, max_port: choose from this range instead, `max_port` excluded.
            max_tries: how many ports of the range are tried.
        Raises:
            ZMQBindError: no port of the range was free in `max_tries` tries.
            ZMQError: the address is none of ours, or not an endpoint.
        """
        if (min_port, max_port) == (FIRST_RANDOM_PORT, LAST_RANDOM_PORT):
            super().bind(f"{addr}:*")
            return int(self.last_endpoint.rpartition(b":")[2])
        from random import randrange

        if not min_port < max_port:
            raise ValueError(f"bind_to_random_port: no port is in {min_port}..{max_port}")
        for _ in range(max_tries):
            port = randrange(min_port, max_port)
            try:
                super().bind(f"{addr}:{port}")
            except ZMQError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return port
        raise ZMQBindError(f"bind_to_random_port {addr}: no free port found in {max_tries} tries")

    # options

    getsockopt = _core.Socket.get
    setsockopt = _core.Socket.set

    def get_string(self, option: int, encoding: str = "utf-8") -> str:
        """An option of bytes, decoded.

        Raises:
            TypeError: the option is an int.
        """
        from zmqfast.constants import BYTES_OPTIONS

        if option not in BYTES_OPTIONS:
            raise TypeError(f"getsockopt {option!r} is not text")
        return cast(bytes, self.get(option)).decode(encoding)

    def set_string(self, option: int, optval: str, encoding: str = "utf-8") -> None:
        """Set an option of bytes from text.

        Raises:
            TypeError: `optval` is no str, or the option is an int.
        """
        if not isinstance(optval, str):
            raise TypeError(f"setsockopt_string {option!r} takes str, not {type(optval).__name__}")
        self.set(option, optval.encode(encoding))

    getsockopt_string = getsockopt_unicode = get_string
    setsockopt_string = setsockopt_unicode = set_string

    @property
    def hwm(self) -> int:
        """The high-water mark of both directions, in messages; where they differ, the sender's."""
        return self.get_hwm()

    @hwm.setter
    def hwm(self, value: int) -> None:
        self.set_hwm(value)

    def get_hwm(self) -> int:
        """The high-water mark of both directions, in messages; where they differ, the sender's."""
        return self.sndhwm

    def set_hwm(self, value: int) -> None:
        """Set the high-water mark of both directions, in messages; 0 is none. Counts for later binds and connects."""
        self.HWM = value

    # typed messages

    def send_string(
        self,
        u: str | bytes,
        flags: int = 0,
        copy: bool = True,
        encoding: str = "utf-8",
        **kwargs: Any,
    ) -> MessageTracker | None:
        """Send text as one frame; bytes go out as they are. Other arguments and errors: send()."""
        if isinstance(u, str):
            u = u.encode(encoding)
        elif not isinstance(u, bytes):
            raise TypeError(f"send_string takes str or bytes, not {u!r}")
        return self.send(u, flags, copy, **kwargs)

    def recv_string(self, flags: int = 0, encoding: str = "utf-8", **kwargs: Any) -> str:
        """Receive one frame as text. Errors are recv()'s, and UnicodeDecodeError."""
        frame: bytes = self.recv(flags, **kwargs)
        return frame.decode(encoding)

    send_unicode = send_string
    recv_unicode = recv_string

    def send_json(self, obj: Any, flags: int = 0, *, routing_id: Any = None, group: Any = None,
                  timeout: float | None = None, **kwargs: Any) -> MessageTracker | None:
        """Send an object as one frame of JSON; other keyword arguments go to json.dumps."""
        from json import dumps

        body = dumps(obj, **kwargs).encode()
        return self.send(body, flags, routing_id=routing_id, group=group, timeout=timeout)

    def recv_json(self, flags: int = 0, *, timeout: float | None = None, **kwargs: Any) -> Any:
        """Receive one frame of JSON as an object; other keyword arguments go to json.loads."""
        from json import loads

        return loads(self.recv(flags, timeout=timeout), **kwargs)

    def send_pyobj(
        self, obj: Any, flags: int = 0, protocol: int | None = None, **kwargs: Any
    ) -> MessageTracker | None:
        """Send an object as one frame, pickled; by pickle's default protocol. Other arguments and errors: send()."""
        from pickle import dumps

        return self.send(dumps(obj, protocol), flags, **kwargs)

    def recv_pyobj(self, flags: int = 0, **kwargs: Any) -> Any:
        """Receive one pickled object. Unpickling runs what the sender wrote: only from peers that you trust."""
        from pickle import loads

        return loads(self.recv(flags, **kwargs))

    def send_serialized(
        self,
        msg: ValueT,
        serialize: Callable[[ValueT], Sequence[Frame | Buffer]],
        flags: int = 0,
        copy: bool = True,
        **kwargs: Any,
    ) -> MessageTracker | None:
        """Send `serialize(msg)`, a sequence of frames, as one message. Other arguments and errors: send_multipart()."""
        return self.send_multipart(serialize(msg), flags, copy, **kwargs)

    def recv_serialized(
        self, deserialize: Callable[[list[Any]], ValueT], flags: int = 0, copy: bool = True, **kwargs: Any
    ) -> ValueT:
        """Receive one message and return `deserialize(frames)`. Other arguments and errors: recv_multipart()."""
        return deserialize(self.recv_multipart(flags, copy, **kwargs))

    # monitor

    def get_monitor_socket(self, events: int | None = None, addr: str | None = None, *, version: int = 1) -> Any:
        """The reading end of this socket's monitor, made when there is none: its recv() gives MonitorEvents.

        Close either end first, in any order.

        Args:
            events: EVENT_… to report, or'ed; all when None.
            addr: the inproc endpoint of the monitor; a new one when None.
            version: 2 for events with the addresses of both ends, and PIPES_STATS (draft).
        """
        if self._monitor_socket is not None and not self._monitor_socket.closed:
            return self._monitor_socket
        endpoint = f"inproc://zmqfast.monitor.{next(_monitor_numbers)}" if addr is None else addr
        from zmqfast.constants import EVENT_ALL, EVENT_ALL_V2, PAIR

        every = EVENT_ALL if version == 1 else EVENT_ALL_V2
        reader = self._monitor_class(self.context, PAIR)
        try:
            reader.linger = 0
            self.monitor(endpoint, every if events is None else events, version)
            _core.Socket.connect(reader, endpoint)
        except BaseException:
            reader.close()
            raise
        self._monitor_socket = reader
        return reader

    def disable_monitor(self) -> None:
        """End the monitor; its reading end still gives what was reported, MONITOR_STOPPED last."""
        self._monitor_socket = None
        self.monitor(None, 0)

    close_monitor = disable_monitor

    # peers

    def peers(self) -> list[Peer]:
        """Who is connected. Ask, or call wait_connected(), before the first use of the socket, as described there.

        Raises:
            ZMQError: the socket was used before anyone asked (EFSM), or has a monitor of its own (EBUSY).
        """
        from zmqfast.peers import Peer

        return [Peer(*addresses) for addresses in self._peers()]

    def stats(self) -> SocketStats:
        """What has happened to the connections, and the messages in each queue (ZMQ_EVENT_PIPES_STATS).

        The queues' other ends answer for themselves: libzmq's I/O threads at once, an inproc peer when it is used the
        next time, and until then it is left out. A libzmq without its draft API tells of no queues.

        Raises:
            ZMQError: as peers(); SocketBusy: another thread is using the socket.
        """
        from zmqfast.peers import PeerQueue, SocketStats

        connected, disconnected, failed, queues = self._stats()
        return SocketStats(connected, disconnected, failed, tuple(PeerQueue(*queue) for queue in queues))

    # life

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __copy__(self, memo: Any = None) -> Self:
        return type(self).shadow(self)

    __deepcopy__ = __copy__

    def __del__(self) -> None:
        self._leave_context()       # whose destroy() may be called by a finalizer of what we refer to
        if not self.closed and not self._is_shadow and public_name is not None:    # None in a module that dies
            warn(f"unclosed socket {self!r}", ResourceWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        closed = " closed" if self.closed else ""
        return f"<{public_name(type(self))}(zmq.{self.socket_type.name}) at {id(self):#x}{closed}>"


_core._own_methods(Socket)


class EndpointContext(Generic[ValueT]):
    """What bind() and connect() return: `with` it, and the endpoint is left at the end; the socket stays open."""

    __slots__ = ("_kind", "_socket", "_endpoint")

    def __init__(self, socket: ValueT, kind: str, endpoint: str | bytes) -> None:
        self._socket = socket
        self._kind = kind
        self._endpoint = endpoint

    def __enter__(self) -> ValueT:
        if self._kind == "bind":
            self._endpoint = cast("Any", self._socket).last_endpoint  # a wildcard is unbound by what the system chose
        return self._socket

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        socket = cast("Socket[Any]", self._socket)
        if socket.closed:
            return
        try:
            (socket.unbind if self._kind == "bind" else socket.disconnect)(self._endpoint)
        except ZMQError as failed:
            if failed.errno not in (errno.ENOENT, errno.EINVAL):     # left already
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._kind}={self._endpoint!r})>"


class EventReader:
    """How the reading end of a monitor waits for events; beside a Socket whose calls wait."""

    __slots__ = ()

    if TYPE_CHECKING:
        _stopped: bool          # a slot of the class that is also a Socket
        recv_multipart: Callable[..., Any]

    def recv(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> MonitorEvent:
        """The next event, a MonitorEvent. Waits and raises like Socket.recv()."""
        from zmqfast.monitor import parse_event

        return parse_event(self.recv_multipart(flags, timeout=timeout))

    def __next__(self) -> MonitorEvent:
        if getattr(self, "_stopped", False):
            raise StopIteration
        from zmqfast.constants import Event

        try:
            event = self.recv()
        except ContextTerminated:
            raise StopIteration from None
        self._stopped = event.event == Event.MONITOR_STOPPED    # type: ignore[misc]
        return event


class MonitorSocket(EventReader, Socket[bytes]):  # type: ignore[misc]   # its recv() gives another type
    """The reading end of a monitor: recv() gives MonitorEvents, recv_multipart() libzmq's raw frames.

    Iterating gives MonitorEvents, until the monitor has stopped.
    """

    __slots__ = ("_stopped",)


Socket._monitor_class = MonitorSocket


def public_name(cls: type) -> str:
    """A class's name as users say it: zmq.Context, zmq.asyncio.Context; other people's classes in full."""
    for twin in ("asyncio", "green"):
        if cls.__module__.startswith(f"zmqfast.{twin}"):
            return f"zmq.{twin}.{cls.__name__}"
    if cls.__module__.startswith("zmqfast."):
        return f"zmq.{cls.__name__}"
    return f"{cls.__module__}.{cls.__name__}"
