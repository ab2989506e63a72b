"""Types of the compiled core, in the order of its rooms; what the calls do is said there."""

import asyncio
import builtins
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar, final, overload

from typing_extensions import Buffer, Never, Self, disjoint_base

from zmqfast.constants import SocketType

_T = TypeVar("_T")

# errno

DRAFT_API: bool
PYZMQ_DRAFT_API: bool
LIBZMQ_SOURCE: str

def zmq_errno() -> int: ...
def strerror(errno: int) -> str: ...
def zmq_version_info() -> tuple[int, int, int]: ...
def zmq_version() -> str: ...
def has(capability: str) -> bool: ...

# release

@disjoint_base
class MessageTracker:
    def __init__(self, *towatch: MessageTracker | Frame) -> None: ...
    @property
    def done(self) -> bool: ...
    def wait(self, timeout: float | None = -1) -> None: ...
    def __await__(self) -> Generator[Any]: ...

_FINISHED_TRACKER: MessageTracker

# frame

COPY_THRESHOLD: int

@disjoint_base
class Frame:
    def __init__(
        self,
        data: Buffer | None = None,
        track: bool = False,
        copy: bool | None = None,
        copy_threshold: int | None = None,
    ) -> None: ...
    @property
    def tracker(self) -> MessageTracker | None: ...
    @property
    def bytes(self) -> builtins.bytes: ...
    @property
    def buffer(self) -> memoryview: ...
    @property
    def more(self) -> bool: ...
    @property
    def routing_id(self) -> int: ...
    @routing_id.setter
    def routing_id(self, routing_id: int) -> None: ...
    @property
    def group(self) -> str: ...
    @group.setter
    def group(self, group: str | builtins.bytes) -> None: ...
    @overload
    def get(self, option: int) -> int: ...
    @overload
    def get(self, option: Literal["routing_id"]) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def get(self, option: str) -> str: ...
    @overload
    def set(self, option: Literal["group"], value: str | builtins.bytes) -> None: ...
    @overload
    def set(self, option: int | Literal["routing_id"], value: int) -> None: ...
    @overload
    def __getitem__(self, name: int, /) -> int: ...
    @overload
    def __getitem__(self, name: Literal["routing_id"], /) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def __getitem__(self, name: str, /) -> str: ...
    def __len__(self) -> int: ...
    def __bytes__(self) -> builtins.bytes: ...
    def __copy__(self) -> Self: ...
    def fast_copy(self) -> Self: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

# context

IPC_PATH_MAX_LEN: int

@disjoint_base
class Context:
    def __init__(self, io_threads: int | Context = 1, shadow: Context | int | None = None) -> None: ...
    @property
    def _is_shadow(self) -> bool: ...
    @property
    def underlying(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    def get(self, option: int) -> int | str: ...
    def set(self, option: int, optval: int | str | bytes) -> None: ...
    def shutdown(self) -> None: ...
    def term(self) -> None: ...
    def _sockets(self) -> list[Socket]: ...

# handle

def _live() -> dict[str, int]: ...

# batch

@disjoint_base
class Batch:
    @property
    def data(self) -> memoryview: ...
    @property
    def offsets(self) -> memoryview: ...
    @property
    def more(self) -> memoryview: ...
    def __len__(self) -> int: ...
    def __getitem__(self, i: int, /) -> memoryview: ...
    def __iter__(self) -> Iterator[memoryview]: ...
    def tolist(self) -> list[bytes]: ...

# options


# socket

@disjoint_base
class Socket:
    copy_threshold: int
    def __init__(
        self,
        ctx_or_socket: Context | Socket | None = None,
        socket_type: int = 0,
        *,
        shadow: Socket | int | None = None,
        copy_threshold: int | None = None,
    ) -> None: ...
    @property
    def context(self) -> Context: ...
    @property
    def _is_shadow(self) -> bool: ...
    @property
    def underlying(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    @property
    def _type(self) -> SocketType: ...
    def bind(self, addr: str | bytes) -> None: ...
    def connect(self, addr: str | bytes) -> None: ...
    def unbind(self, addr: str | bytes) -> None: ...
    def disconnect(self, addr: str | bytes) -> None: ...
    def connect_peer(self, endpoint: str | bytes) -> int: ...
    def disconnect_peer(self, routing_id: int) -> None: ...
    def join(self, group: str | bytes) -> None: ...
    def leave(self, group: str | bytes) -> None: ...
    def close(self, linger: int | None = None) -> None: ...
    def get(self, option: int) -> int | bytes: ...
    def set(self, option: int, optval: int | Buffer | None) -> None: ...
    def fileno(self) -> int: ...
    def send(
        self,
        data: Buffer | Frame,
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        routing_id: int | None = None,
        group: str | bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> MessageTracker | None: ...
    @overload
    def recv(
        self, flags: int = 0, copy: Literal[True] = True, track: bool = False, *, timeout: float | None = None
    ) -> bytes: ...
    @overload
    def recv(self, flags: int, copy: Literal[False], track: bool = False, *, timeout: float | None = None) -> Frame: ...
    @overload
    def recv(
        self, flags: int = 0, *, copy: Literal[False], track: bool = False, timeout: float | None = None
    ) -> Frame: ...
    @overload
    def recv(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> bytes | Frame: ...
    def recv_into(
        self, buffer: Buffer, /, *, nbytes: int = 0, flags: int = 0, timeout: float | None = None
    ) -> int: ...
    def send_multipart(
        self,
        msg_parts: Iterable[Buffer | Frame],
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        routing_id: int | None = None,
        group: str | bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> MessageTracker | None: ...
    @overload
    def recv_multipart(
        self, flags: int = 0, copy: Literal[True] = True, track: bool = False, *, timeout: float | None = None
    ) -> list[bytes]: ...
    @overload
    def recv_multipart(
        self, flags: int, copy: Literal[False], track: bool = False, *, timeout: float | None = None
    ) -> list[Frame]: ...
    @overload
    def recv_multipart(
        self, flags: int = 0, *, copy: Literal[False], track: bool = False, timeout: float | None = None
    ) -> list[Frame]: ...
    @overload
    def recv_multipart(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> list[bytes] | list[Frame]: ...
    def send_many(
        self,
        messages: Iterable[Buffer | Sequence[Buffer]],
        flags: int = 0,
        *,
        timeout: float | None = None,
        copy: bool = True,
    ) -> int: ...
    @overload
    def recv_many(
        self,
        max_messages: int = 1024,
        flags: int = 0,
        *,
        timeout: float | None = None,
        multipart: Literal[False] = False,
        copy: Literal[True] = True,
    ) -> list[bytes]: ...
    @overload
    def recv_many(
        self,
        max_messages: int = 1024,
        flags: int = 0,
        *,
        timeout: float | None = None,
        multipart: Literal[True],
        copy: Literal[True] = True,
    ) -> list[list[bytes]]: ...
    @overload
    def recv_many(
        self,
        max_messages: int = 1024,
        flags: int = 0,
        *,
        timeout: float | None = None,
        multipart: Literal[False] = False,
        copy: Literal[False],
    ) -> list[Frame]: ...
    @overload
    def recv_many(
        self,
        max_messages: int = 1024,
        flags: int = 0,
        *,
        timeout: float | None = None,
        multipart: Literal[True],
        copy: Literal[False],
    ) -> list[list[Frame]]: ...
    def recv_batch(
        self, batch: Batch | None = None, max_messages: int = 1024, flags: int = 0, *, timeout: float | None = None
    ) -> Batch: ...
    def try_send(self, data: Buffer | Sequence[Buffer]) -> bool: ...
    @overload
    def try_recv(self, default: None = None) -> bytes | None: ...
    @overload
    def try_recv(self, default: _T) -> bytes | _T: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> list[bytes]: ...
    def poll(self, timeout: float | None = None, flags: int = ...) -> int: ...
    def wait_connected(self, peers: int = 1, timeout: float | None = None) -> int: ...
    def monitor(self, addr: str | bytes | None, events: int = ...) -> None: ...
    _monitor_socket: Any

# engine

@disjoint_base
class LoopLink:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        running: Callable[[], asyncio.AbstractEventLoop | None],
        future_class: type[asyncio.Future[Any]],
        waiting_class: type[asyncio.Future[Any]],
    ) -> None: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    def _stay_awake(self) -> None: ...

@final
class Waiter:
    def expire(self) -> None: ...
    def leave(self) -> None: ...

def await_waiting(future: asyncio.Future[_T]) -> Generator[Any, None, _T]: ...
@disjoint_base
class AsyncSocket(Socket):
    @property
    def _loop_link(self) -> LoopLink | None: ...
    @property
    def _waiting(self) -> int: ...
    @overload  # type: ignore[override]
    def recv(
        self, flags: int = 0, copy: Literal[True] = True, track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[bytes]: ...
    @overload
    def recv(
        self, flags: int, copy: Literal[False], track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[Frame]: ...
    @overload
    def recv(
        self, flags: int = 0, *, copy: Literal[False], track: bool = False, timeout: float | None = None
    ) -> asyncio.Future[Frame]: ...
    @overload
    def recv(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[Any]: ...
    @overload  # type: ignore[override]
    def recv_multipart(
        self, flags: int = 0, copy: Literal[True] = True, track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[list[bytes]]: ...
    @overload
    def recv_multipart(
        self, flags: int, copy: Literal[False], track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[list[Frame]]: ...
    @overload
    def recv_multipart(
        self, flags: int = 0, *, copy: Literal[False], track: bool = False, timeout: float | None = None
    ) -> asyncio.Future[list[Frame]]: ...
    @overload
    def recv_multipart(
        self, flags: int = 0, copy: bool = True, track: bool = False, *, timeout: float | None = None
    ) -> asyncio.Future[list[Any]]: ...
    def recv_into(  # type: ignore[override]
        self, buffer: Buffer, /, *, nbytes: int = 0, flags: int = 0, timeout: float | None = None
    ) -> asyncio.Future[int]: ...
    def _recv_frame_as(
        self, convert: Callable[[bytes], _T], flags: int = 0, *, timeout: float | None = None
    ) -> asyncio.Future[_T]: ...
    def _recv_message_as(
        self, convert: Callable[[list[Any]], _T], flags: int = 0, copy: bool = True, *, timeout: float | None = None
    ) -> asyncio.Future[_T]: ...
    def recv_many(  # type: ignore[override]
        self,
        max_messages: int = 1024,
        flags: int = 0,
        *,
        timeout: float | None = None,
        multipart: bool = False,
        copy: bool = True,
    ) -> asyncio.Future[list[Any]]: ...
    def recv_batch(  # type: ignore[override]
        self, batch: Batch | None = None, max_messages: int = 1024, flags: int = 0, *, timeout: float | None = None
    ) -> asyncio.Future[Batch]: ...
    def try_recv(self, default: Any = None) -> asyncio.Future[Any]: ...  # type: ignore[override]
    def __iter__(self) -> Never: ...
    def send(  # type: ignore[override]
        self,
        data: Buffer | Frame,
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        routing_id: int | None = None,
        group: str | bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> asyncio.Future[MessageTracker | None]: ...
    def send_multipart(  # type: ignore[override]
        self,
        msg_parts: Iterable[Buffer | Frame],
        flags: int = 0,
        copy: bool = True,
        track: bool = False,
        routing_id: int | None = None,
        group: str | bytes | None = None,
        *,
        timeout: float | None = None,
    ) -> asyncio.Future[MessageTracker | None]: ...
    def send_many(  # type: ignore[override]
        self,
        messages: Iterable[Buffer | Sequence[Buffer]],
        flags: int = 0,
        *,
        timeout: float | None = None,
        copy: bool = True,
    ) -> asyncio.Future[int]: ...
    def try_send(self, data: Buffer | Sequence[Buffer]) -> asyncio.Future[bool]: ...  # type: ignore[override]
    def poll(self, timeout: float | None = None, flags: int = ...) -> asyncio.Future[int]: ...  # type: ignore[override]
    def _unwatch(self) -> None: ...
    def _take_turn(self) -> None: ...
    def _let_go(self) -> None: ...

# poller

def zmq_poll(sockets: Iterable[tuple[_T, int]], timeout: float | None = -1) -> list[tuple[_T, int]]: ...

# proxy

def proxy(frontend: Socket, backend: Socket, capture: Socket | None = None) -> None: ...
def proxy_steerable(
    frontend: Socket, backend: Socket, capture: Socket | None = None, control: Socket | None = None
) -> None: ...

# curve

def curve_keypair() -> tuple[bytes, bytes]: ...
def curve_public(secret_key: str | bytes) -> bytes: ...
def z85_encode(data: Buffer) -> bytes: ...
def z85_decode(text: str | bytes) -> bytes: ...
