"""Device: two sockets and the proxy between them, in this thread, another one, or another process."""

from __future__ import annotations

import errno
from multiprocessing import Process
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from collections.abc import Callable

from zmqfast._core import proxy
from zmqfast.constants import PUSH, QUEUE
from zmqfast.context import Context
from zmqfast.errors import ContextTerminated, ZMQBindError, ZMQError

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["Device", "ProcessDevice", "ThreadDevice"]

TRIES_FOR_A_PORT = 100


class Device:
    """Two sockets, frontend ("in") and backend ("out"), and the proxy between them.

    Say what to bind, connect and set; start() then opens the sockets, and proxies until the context ends.

    Args:
        device_type: QUEUE, FORWARDER or STREAMER; they all do the same.
        in_type, out_type: socket types. An `out_type` of -1: one socket, and its messages go back into it.
    """

    context_factory: Callable[[], Context[Any]] = Context.instance
    """Called where the device runs; what it returns has the sockets. Assign another one to a class or to a device."""
    daemon: bool
    """Whether the end of the program does not wait for the device; True unless changed."""
    done: bool
    """Whether the device ran and has ended."""

    def __init__(self, device_type: int = QUEUE, in_type: int | None = None, out_type: int | None = None) -> None:
        self.device_type = device_type
        if in_type is None:
            raise TypeError("in_type must be specified")
        if out_type is None:
            raise TypeError("out_type must be specified")
        self.in_type = in_type
        self.out_type = out_type
        self._in_binds: list[str] = []
        self._in_connects: list[str] = []
        self._in_sockopts: list[tuple[int, Any]] = []
        self._out_binds: list[str] = []
        self._out_connects: list[str] = []
        self._out_sockopts: list[tuple[int, Any]] = []
        self._random_addrs: list[str] = []
        self._sockets: list[Socket[Any]] = []
        self._context: Context[Any] | None = None      # once it runs; pyzmq's users end the device by its term()
        self.daemon = True
        self.done = False

    # frontend

    def bind_in(self, addr: str) -> None:
        """Bind the frontend to an endpoint, when the device starts."""
        self._in_binds.append(addr)

    def bind_in_to_random_port(self, addr: str, *args: int, **kwargs: int) -> int:
        """Choose a free port of `addr` for the frontend, and return it. See Socket.bind_to_random_port().

        It is bound when the device starts: until then another program may take it.
        """
        return self._choose_port(self._in_binds, addr, *args, **kwargs)

    def connect_in(self, addr: str) -> None:
        """Connect the frontend to an endpoint, when the device starts."""
        self._in_connects.append(addr)

    def setsockopt_in(self, opt: int, value: Any) -> None:
        """Set an option of the frontend, when the device starts: before it is bound and connected."""
        self._in_sockopts.append((opt, value))

    # backend

    def bind_out(self, addr: str) -> None:
        """Bind the backend to an endpoint, when the device starts."""
        self._out_binds.append(addr)

    def bind_out_to_random_port(self, addr: str, *args: int, **kwargs: int) -> int:
        """Choose a free port of `addr` for the backend, and return it, as bind_in_to_random_port() does."""
        return self._choose_port(self._out_binds, addr, *args, **kwargs)

    def connect_out(self, addr: str) -> None:
        """Connect the backend to an endpoint, when the device starts."""
        self._out_connects.append(addr)

    def setsockopt_out(self, opt: int, value: Any) -> None:
        """Set an option of the backend, when the device starts: before it is bound and connected."""
        self._out_sockopts.append((opt, value))

    # running

    def start(self) -> None:
        """Open the sockets and proxy, here, until the context ends. Errors are those of bind(), connect() and set()."""
        self.run()

    def run(self) -> None:
        """run_device(), whose end with the context is no error."""
        try:
            self.run_device()
        except ContextTerminated:
            pass
        except ZMQError as error:
            if error.errno != errno.ENOTSOCK:       # destroy() has closed the sockets
                raise
        finally:
            for socket in self._sockets:
                socket.close()
            self.done = True

    def run_device(self) -> None:
        """Open the sockets, and proxy until the context ends."""
        proxy(*self._setup_sockets())

    def join(self, timeout: float | None = None) -> None:
        """Wait until the device has ended, at most `timeout` seconds. This one has, when start() returns."""

    def _setup_sockets(self) -> tuple[Socket[Any], ...]:
        """The frontend and the backend, ready; they are closed when run() ends."""
        context = self._context = self.context_factory()
        if self.out_type < 0:       # one socket, which has what was said of both
            socket = self._open(
                context, self.in_type, self._in_sockopts + self._out_sockopts, self._in_binds + self._out_binds,
                self._in_connects + self._out_connects)
            return socket, socket
        frontend = self._open(context, self.in_type, self._in_sockopts, self._in_binds, self._in_connects)
        backend = self._open(context, self.out_type, self._out_sockopts, self._out_binds, self._out_connects)
        return frontend, backend

    def _open(self, context: Context[Any], socket_type: int, options: list[tuple[int, Any]], binds: list[str],
              connects: list[str]) -> Socket[Any]:
        socket: Socket[Any] = context.socket(socket_type)
        self._sockets.append(socket)
        for option, value in options:
            socket.set(option, value)
        for endpoint in binds:
            socket.bind(endpoint)
        for endpoint in connects:
            socket.connect(endpoint)
        return socket

    def _choose_port(self, binds: list[str], addr: str, *args: int, **kwargs: int) -> int:
        """A port that is free now, and that we have not chosen before."""
        for _ in range(TRIES_FOR_A_PORT):
            with Context() as context, context.socket(PUSH) as probe:
                port = probe.bind_to_random_port(addr, *args, **kwargs)
            endpoint = f"{addr}:{port}"
            if endpoint not in self._random_addrs:
                self._random_addrs.append(endpoint)
                binds.append(endpoint)
                return port
        raise ZMQBindError(f"bind_to_random_port {addr}: every free port that was found is taken by this device")


class BackgroundDevice(Device):
    """A Device that start() starts elsewhere; join() waits for it."""

    launcher: Any = None
    """The Thread or Process, once started."""
    _launch_class: ClassVar[Any] = None

    def start(self) -> None:
        """Start the device, and return. What goes wrong there is printed there."""
        launcher = self._launch_class(target=self.run)
        launcher.daemon = self.daemon
        launcher.start()
        self.launcher = launcher

    def join(self, timeout: float | None = None) -> None:
        """Wait until the device has ended, at most `timeout` seconds.

        Raises:
            RuntimeError: it was not started.
        """
        if self.launcher is None:
            raise RuntimeError(f"{type(self).__name__} was not started")
        self.launcher.join(timeout)


class ThreadDevice(BackgroundDevice):
    """A Device in a thread. The end of its context ends it."""

    _launch_class = Thread


class ProcessDevice(BackgroundDevice):
    """A Device in a process, with a context of its own. It ends with this program, or by `launcher.terminate()`."""

    _launch_class = Process
    context_factory = Context
