"""A small speaker of ZMTP, for peers that break it: bytes of greetings, frames, commands, and a socket to send them through.

From the specifications, and from nothing else:
ZMTP 3.1 (https://rfc.zeromq.org/spec/37/), its predecessors ZMTP 1.0 (spec 13), 2.0 (spec 15) and 3.0 (spec 23),
CURVE (spec 26), PLAIN (spec 24), and ZWS 2.0 (spec 45), which carries the same frames in WebSocket's (RFC 6455).
"""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Iterable, Sequence

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
MORE, LONG, COMMAND = 1, 2, 4                                   # a frame's flags
BINARY, CLOSE, PING, PONG = 0x82, 0x88, 0x89, 0x8A              # WebSocket's opcodes, with the bit "final"
RESET = struct.pack("ii", 1, 0)                                 # SO_LINGER: closing sends RST

COMPATIBLE = {                                                  # who speaks to whom (spec 37, and the draft sockets')
    "PAIR": "PAIR", "PUB": "SUB", "SUB": "PUB", "REQ": "REP", "REP": "REQ", "DEALER": "ROUTER", "ROUTER": "DEALER",
    "PULL": "PUSH", "PUSH": "PULL", "XPUB": "XSUB", "XSUB": "XPUB", "SERVER": "CLIENT", "CLIENT": "SERVER",
    "RADIO": "DISH", "DISH": "RADIO", "GATHER": "SCATTER", "SCATTER": "GATHER", "PEER": "PEER", "CHANNEL": "CHANNEL",
}


# -- bytes ------------------------------------------------------------------------------------------------------------

def greeting(mechanism: bytes = b"NULL", *, as_server: bool = False, version: bytes = b"\3\1") -> bytes:
    """The 64 bytes that open a connection of ZMTP 3."""
    return SIGNATURE + version + mechanism.ljust(20, b"\0") + bytes([as_server]) + bytes(31)


def frame(body: bytes, flags: int = 0, *, size: int | None = None) -> bytes:
    """One frame; `size` is what its header claims, if that is not the body's size."""
    size = len(body) if size is None else size
    if size > 255 or flags & LONG:
        return bytes([flags | LONG]) + struct.pack("!Q", size) + body
    return bytes([flags, size]) + body


def message(*frames: bytes) -> bytes:
    return b"".join(frame(body, MORE) for body in frames[:-1]) + frame(frames[-1])


def command(name: bytes, body: bytes = b"") -> bytes:
    return frame(bytes([len(name)]) + name + body, COMMAND)


def properties(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Metadata: names of at most 255 bytes, values of any size."""
    return b"".join(bytes([len(name)]) + name + struct.pack("!I", len(value)) + value for name, value in items)


def ready(socket_type: str, routing_id: bytes = b"", more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """The command that ends a handshake without security."""
    items = [(b"Socket-Type", socket_type.encode()), (b"Identity", routing_id), *more]
    return command(b"READY", properties(items))


def ws_request(protocol: bytes = b"ZWS2.0/NULL", *, key: bytes = b"dGhlIHNhbXBsZSBub25jZQ==", more: bytes = b"") -> bytes:
    """What a client of WebSocket begins with."""
    return (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Protocol: " + protocol + b"\r\n" + more + b"\r\n")


def ws_frame(body: bytes, opcode: int = BINARY, *, masked: bool = True, size: int | None = None) -> bytes:
    """One WebSocket frame; ZWS puts a frame's flags into the first byte of a binary one's body."""
    size = len(body) if size is None else size
    header = bytes([opcode])
    mask = 0x80 if masked else 0
    if size < 126:
        header += bytes([mask | size])
    elif size < 1 << 16:
        header += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        header += bytes([mask | 127]) + struct.pack("!Q", size)
    return header + (bytes(4) if masked else b"") + body        # a mask of zeros changes nothing


# -- a connection -----------------------------------------------------------------------------------------------------

class Speaker:
    """A connection that says what it is told to, well formed or not. The other side closing it is not an error."""

    def __init__(self, endpoint: str, timeout_s: float = 10) -> None:
        self.socket = connected(endpoint, timeout_s)
        self.closed = False         # by the other side

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, *parts: bytes) -> Speaker:
        for part in parts:
            if self.closed:
                break
            try:
                self.socket.sendall(part)
            except (ConnectionError, TimeoutError):
                self.closed = True
        return self

    def hear(self, size: int) -> bytes:
        """Exactly `size` bytes, or fewer if the other side closes or says nothing more."""
        heard = b""
        try:
            while len(heard) < size:
                part = self.socket.recv(size - len(heard))
                if not part:
                    self.closed = True
                    break
                heard += part
        except ConnectionError:
            self.closed = True
        except TimeoutError:
            pass
        return heard

    def hear_frame(self) -> tuple[int, bytes]:
        """The next frame's flags and body."""
        header = self.hear(2)
        if len(header) == 2 and header[0] & LONG:
            header += self.hear(7)
        if len(header) not in (2, 9):
            return 0, b""
        size = header[1] if len(header) == 2 else struct.unpack("!Q", header[1:])[0]
        return header[0], self.hear(size)

    def hear_in_pieces(self, size: int, lengths: Sequence[int], seed: int) -> bytes:
        """As hear(), each time a piece of one of the lengths."""
        chance = random.Random(seed)
        heard = bytearray()
        while len(heard) < size and (part := self.hear(min(chance.choice(lengths), size - len(heard)))):
            heard += part
        return bytes(heard)

    def shake_hands(self, socket_type: str, routing_id: bytes = b"", version: bytes = b"\3\1") -> Speaker:
        """Become a peer, without security."""
        self.say(greeting(version=version), ready(socket_type, routing_id))
        self.hear(64)
        self.hear_frame()
        return self

    def shake_ws_hands(self, socket_type: str, protocol: bytes = b"ZWS2.0/NULL") -> Speaker:
        """Become a peer over WebSocket; ZWS2.0 by itself has no handshake but a routing id."""
        self.say(ws_request(protocol))
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and not self.closed:
            answer += self.hear(1)
        self.say(ws_frame(b"\0" if protocol == b"ZWS2.0" else b"\4" + ready(socket_type)[2:]))
        header = self.hear(2)
        self.hear(header[1] if len(header) == 2 else 0)
        return self

    def wait_closed(self, timeout_s: float = 10) -> bool:
        """Whether the other side has closed the connection, after reading whatever it still said."""
        deadline = time.monotonic() + timeout_s
        while not self.closed and (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            self.hear(65536)
        return self.closed

    def reset(self) -> None:
        """Go away without a word of goodbye: the other side gets an error at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


def connected(endpoint: str, timeout_s: float) -> socket.socket:
    transport, _, address = endpoint.partition("://")
    if transport == "ipc":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = address.partition("/")[0].rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def listening() -> tuple[socket.socket, str]:
    """A listener on loopback for those who connect, and its endpoint."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    return listener, f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def accepted(listener: socket.socket) -> Speaker:
    speaker = Speaker.__new__(Speaker)
    speaker.socket, _ = listener.accept()
    speaker.socket.settimeout(10)
    speaker.closed = False
    return speaker


def garbage(size: int) -> bytes:
    return os.urandom(size)
