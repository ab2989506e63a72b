"""One role of a row: the board it shares with the others, its sockets, and how it carries or takes in the text."""

from __future__ import annotations

import json
import os
import socket as network
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .text import Digest, messages_of

END = b""               # no message of the text is empty
PROGRESS_S = 0.1
MULTICAST_GROUP = "239.192.0.1"


class Board:
    """What the processes of a row tell each other through the one that started them; names are used once."""

    def __init__(self, lines_out: int) -> None:
        self.lines_out = lines_out
        self.posts: dict[str, Any] = {}
        self.changed = threading.Condition()

    def write(self, **event: Any) -> None:
        os.write(self.lines_out, json.dumps(event).encode() + b"\n")

    def post(self, name: str, value: Any = True) -> None:
        """Tell everyone, this process too."""
        self.put(name, value)
        self.write(post=[name, value])

    def put(self, name: str, value: Any) -> None:
        with self.changed:
            self.posts[name] = value
            self.changed.notify_all()

    def wait(self, name: str, timeout_s: float | None = None) -> Any:
        """What was posted under that name; None when nothing was in time."""
        with self.changed:
            self.changed.wait_for(lambda: name in self.posts, timeout_s)
            return self.posts.get(name)

    def listen(self, lines_in: int) -> None:
        """Take what others post; the end of the input, which is the end of the parent, ends the process."""
        rest = b""
        while data := os.read(lines_in, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.put(*json.loads(line))
        os._exit(1)


class Side:
    """One role in a row: opens its sockets, and carries the text or takes it in."""

    def __init__(self, zmq: Any, context: Any, board: Board, job: dict[str, Any]) -> None:
        self.zmq = zmq
        self.context = context
        self.board = board
        self.transport: str = job["transport"]
        self.folder: str = job["folder"]
        self.text: str = job["text"]
        self.block_bytes: int = job["block_bytes"]
        self.sockets: list[Any] = []
        self.digest: Digest | None = None
        self.times: dict[str, float] = {}
        self.sent_again: int | None = None
        self.next_progress_s = 0.0

    def open(self, socket_type: str, **options: Any) -> Any:
        socket = self.context.socket(getattr(self.zmq, socket_type))
        for name, value in {"LINGER": 0, **options}.items():     # sockets close when both ends are done
            socket.setsockopt(getattr(self.zmq, name), value)
        self.sockets.append(socket)
        return socket

    def bind(self, socket: Any, name: str = "endpoint") -> Any:
        """Bind where only this machine reaches us, at a port of the system's choice, and post where."""
        endpoint = self.wildcard(name)
        socket.bind(endpoint)
        if "*" in endpoint:
            endpoint = socket.getsockopt(self.zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        self.board.post(name, endpoint)
        return socket

    def connect(self, socket: Any, name: str = "endpoint") -> Any:
        socket.connect(self.board.wait(name))
        return socket

    def wildcard(self, name: str) -> str:
        if self.transport in ("udp", "pgm", "epgm", "norm"):
            return self.datagram_endpoint()
        return {"inproc": f"inproc://{name}", "ipc": f"ipc://{self.folder}/{name}",
                "tipc": "tipc://<*>", "vsock": "vsock://1:*"}.get(self.transport, f"{self.transport}://127.0.0.1:*")

    def datagram_endpoint(self) -> str:
        """These transports know no wildcard: the port is one that was free a moment ago."""
        with network.socket(network.AF_INET, network.SOCK_DGRAM) as finder:
            finder.bind(("127.0.0.1", 0))
            port = finder.getsockname()[1]
        return {"udp": f"udp://127.0.0.1:{port}", "norm": f"norm://lo;{MULTICAST_GROUP}:{port}"}.get(
            self.transport, f"{self.transport}://127.0.0.1;{MULTICAST_GROUP}:{port}")

    def start(self) -> Iterator[bytes]:
        """The messages to send, once the receiver is ready; the clock runs from here."""
        self.board.wait("ready")
        self.times["started_s"] = time.monotonic()
        with open(self.text, "rb") as text:
            yield from messages_of(text, self.block_bytes)

    def send(self, socket: Any) -> None:
        """Send the text, then END."""
        for message in self.start():
            socket.send(message)
        socket.send(END)

    def receive(self, socket: Any) -> None:
        """Take in the text, up to END."""
        self.board.post("ready")
        self.take(iter(socket.recv, END))

    def take(self, messages: Iterable[bytes]) -> None:
        """Digest what comes; the clock runs to the end of it."""
        self.digest = Digest()
        for _ in self.digest.add_all(messages):
            self.tell_progress()
        self.times["ended_s"] = time.monotonic()

    def tell_progress(self) -> None:
        now = time.monotonic()
        if self.digest and now >= self.next_progress_s:
            self.next_progress_s = now + PROGRESS_S
            self.board.write(progress=self.digest.bytes)

    def report(self, role: str) -> dict[str, Any]:
        digest = self.digest.report() if self.digest else {}
        return {"role": role, "sent_again": self.sent_again, **self.times, **digest}

    def close(self) -> None:
        for socket in self.sockets:
            socket.close()
