"""A local port whose connections go through a paramiko transport."""

from __future__ import annotations

import logging
import select
import socketserver
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import paramiko

__all__ = ["ForwardServer", "Handler", "forward_tunnel"]

logger = logging.getLogger("ssh")

CHUNK_SIZE = 1 << 16    # bytes


class ForwardServer(socketserver.ThreadingTCPServer):
    """Listens on the local port; each connection has a thread."""

    daemon_threads = True
    allow_reuse_address = True

    idle_limit_s: float | None = None
    """After how long without a connection it ends; None for never."""

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        super().__init__(address, handler)
        self._lock = threading.Lock()
        self._connections = 0
        self._idle_since = time.monotonic()
        self._ending = False

    def count(self, change: int) -> None:
        """A connection began (1) or ended (-1)."""
        with self._lock:
            self._connections += change
            self._idle_since = time.monotonic()

    def service_actions(self) -> None:
        """End when nobody has been connected for too long. Called between connections, and twice a second."""
        with self._lock:
            idle_s = 0 if self._connections else time.monotonic() - self._idle_since
        if self.idle_limit_s is not None and idle_s > self.idle_limit_s and not self._ending:
            self._ending = True
            threading.Thread(target=self.shutdown, daemon=True).start()     # waits for the loop that called us


class Handler(socketserver.BaseRequestHandler):
    """One connection: a channel to the far end, and bytes both ways until one side closes."""

    ssh_transport: ClassVar[paramiko.Transport]
    chain_host: ClassVar[str]
    chain_port: ClassVar[int]

    server: Any

    def handle(self) -> None:
        """Pass bytes until one side closes."""
        target = (self.chain_host, self.chain_port)
        try:
            channel = self.ssh_transport.open_channel("direct-tcpip", target, self.request.getpeername())
        except Exception as error:      # paramiko raises several kinds
            logger.debug("no channel to %s:%d: %s", *target, error)
            return
        self.server.count(1)
        try:
            sides = {self.request: channel, channel: self.request}
            while sides:
                for side in select.select(list(sides), [], [])[0]:
                    data = side.recv(CHUNK_SIZE)
                    if not data:
                        return
                    sides[side].sendall(data)
        except OSError as error:
            logger.debug("the connection to %s:%d ended: %s", *target, error)
        finally:
            channel.close()
            self.server.count(-1)


def forward_tunnel(local_port: int, remote_host: str, remote_port: int, transport: paramiko.Transport) -> None:
    """Forward 127.0.0.1:local_port to remote_host:remote_port, as the ssh server sees it. Does not return by itself.

    Args:
        transport: a connected one.
    Raises:
        OSError: the local port is taken.
    """
    with listen(local_port, remote_host, remote_port, transport) as server:
        server.serve_forever()


def listen(
    local_port: int, remote_host: str, remote_port: int, transport: paramiko.Transport, idle_limit_s: float | None = None
) -> ForwardServer:
    """A server that listens and forwards in serve_forever(); that returns after `idle_limit_s` without a connection.

    Raises:
        OSError: the local port is taken.
    """
    handler = type("ForwardHandler", (Handler,), {
        "chain_host": remote_host, "chain_port": remote_port, "ssh_transport": transport})
    server = ForwardServer(("127.0.0.1", local_port), handler)
    server.idle_limit_s = idle_limit_s
    return server
