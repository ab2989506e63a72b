"""A process with its own library, context and sockets, driven by calls: `peer.socket(PUSH).send(b"hello")`.

As a module: `Peer`, the driving end. As a program (`python peer.py zmqfast`): the driven end. Calls and results go
through its stdin and stdout, pickled, one at a time. It ends when its stdin does, and is killed if it does not.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

from environment import without_sanitizer

ANSWER_TIMEOUT_S = 20
SOCKET_TIMEOUT_MS = 10_000  # less than ANSWER_TIMEOUT_S: a wait in vain is an error of the socket, not of the pipe
LENGTH = struct.Struct("!Q")


class PeerError(Exception):
    """The call raised in the peer: `.name` is the exception's class, `.errno` its errno or None."""

    def __init__(self, name: str, errno: int | None, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.errno = errno


class Peer:
    """The driving end of one process."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), library],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env=None if library == "zmqfast" else without_sanitizer())      # under it, others have no time to answer
        self.waiting: list[Answer] = []

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def start(self, target: int, name: str, *args: Any, **kwargs: Any) -> Answer:
        """Ask for a call, whose answer may come later."""
        answer = Answer(self)
        write(self.process.stdin, (target, name, args, kwargs))
        self.waiting.append(answer)
        return answer

    def call(self, target: int, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.start(target, name, *args, **kwargs).result()

    def socket(self, socket_type: int, **options: Any) -> PeerSocket:
        """A new socket in the peer with SNDTIMEO, RCVTIMEO and LINGER set, then these options."""
        number = self.call(0, "open_socket", int(socket_type), options)
        return PeerSocket(self, number)

    def empty(self) -> None:
        """Close every socket, end the context, start with a new one; fails if something is left alive."""
        if self.alive:
            while self.waiting:
                self.waiting[0].collect()
            self.call(0, "empty")

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End the process: by the end of its input, else by force."""
        self.process.stdin.close()
        try:
            self.process.wait(ANSWER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self.process.stdout.close()

    def read(self) -> Any:
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)
        if not ready:
            self.kill()
            raise TimeoutError(f"the {self.library} peer did not answer")
        return read(self.process.stdout)


class Answer:
    """What a call in the peer will return. Answers come in the order of the calls."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.outcome: tuple | None = None

    def collect(self) -> None:
        while self.outcome is None:
            self.peer.waiting[0].outcome = self.peer.read()
            self.peer.waiting.pop(0)

    def result(self) -> Any:
        self.collect()
        kind, *rest = self.outcome
        if kind == "raised":
            raise PeerError(*rest)
        return rest[0]


class PeerSocket:
    """A socket in the peer: each method is a call there; `start("recv")` does not wait for the answer."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer = peer
        self._number = number

    def start(self, name: str, *args: Any, **kwargs: Any) -> Answer:
        return self._peer.start(self._number, name, *args, **kwargs)

    def bind(self, endpoint: str) -> str:
        """Bind there, and return the endpoint with the port that the system chose."""
        self.start("bind", endpoint).result()
        return self.start("get", 32).result().rstrip(b"\0").decode()  # LAST_ENDPOINT

    def send_shapes(self, shapes: Sequence[Sequence[int]], prefix: Sequence[bytes] = ()) -> None:
        """Send a message for each shape, a sequence of frame sizes, behind the frames of `prefix`."""
        self._peer.call(0, "send_shapes", self._number, shapes, list(prefix))

    def recv_digests(self, count: int) -> list[list[tuple[int, str]]]:
        """Receive `count` messages; a frame's digest is its size and SHA-256."""
        return self._peer.call(0, "recv_digests", self._number, count)

    def watch(self) -> PeerSocket:
        """Events of this socket, from now on: read them with next_event()."""
        return PeerSocket(self._peer, self._peer.call(0, "watch", self._number))

    def next_event(self, *wanted: int) -> tuple[int, int]:
        """The next event, or the next of these: its number and value."""
        while True:
            event, _ = self.recv_multipart()
            number, value = struct.unpack("=HI", event)
            if not wanted or number in wanted:
                return number, value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.start(name, *args, **kwargs).result()


def frame_of(size: int) -> bytes:
    """The frame of that size which both ends agree on: no two neighbouring bytes alike, no period of 2**n."""
    pattern = bytes((7 * i + size) % 251 for i in range(251))
    return (pattern * (size // 251 + 1))[:size]


def digest(frame: bytes) -> tuple[int, str]:
    import hashlib

    return len(frame), hashlib.sha256(frame).hexdigest()


def write(stream: BinaryIO, value: Any) -> None:
    data = pickle.dumps(value)
    left = memoryview(LENGTH.pack(len(data)) + data)
    while left:
        left = left[stream.write(left):]


def read(stream: BinaryIO) -> Any:
    return pickle.loads(read_exactly(stream, LENGTH.unpack(read_exactly(stream, LENGTH.size))[0]))


def read_exactly(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        some = stream.read(size - len(data))
        if not some:
            raise EOFError
        data += some
    return data


# -- the driven end -------------------------------------------------------------------------------------------------

class Driven:
    """What the program does: object 0 is this, the others are its sockets."""

    def __init__(self, library: str) -> None:
        import importlib

        self.zmq = importlib.import_module(library)
        self.context = self.zmq.Context()
        self.objects: dict[int, Any] = {0: self}
        self.threads: list[Any] = []
        self.last_number = 0

    def open_socket(self, socket_type: int, options: dict[str, Any]) -> int:
        socket = self.context.socket(socket_type)
        defaults = {"sndtimeo": SOCKET_TIMEOUT_MS, "rcvtimeo": SOCKET_TIMEOUT_MS, "linger": 0}
        for name, value in {**defaults, **options}.items():
            setattr(socket, name, value)
        self.last_number += 1
        self.objects[self.last_number] = socket
        return self.last_number

    def send_shapes(self, number: int, shapes: Sequence[Sequence[int]], prefix: list[bytes]) -> None:
        for shape in shapes:
            self.objects[number].send_multipart(prefix + [frame_of(size) for size in shape])

    def recv_digests(self, number: int, count: int) -> list[list[tuple[int, str]]]:
        return [[digest(frame) for frame in self.objects[number].recv_multipart()] for _ in range(count)]

    def recv_property(self, number: int, name: str) -> tuple[bytes, str]:
        frame = self.objects[number].recv(copy=False)
        return frame.bytes, frame.get(name)

    def watch(self, number: int) -> int:
        """A new object whose recv_multipart() gives the events of that socket."""
        endpoint = f"inproc://events-{number}"
        self.objects[number].monitor(endpoint, self.zmq.EVENT_ALL)
        watching = self.open_socket(self.zmq.PAIR, {})
        self.objects[watching].connect(endpoint)
        return watching

    def serve_zap(self, accept: bool, user_id: str = "") -> None:
        """Answer every ZAP request of this context in one way, from a thread, until the context ends."""
        import threading

        handler = self.context.socket(self.zmq.REP)
        handler.linger = 0
        handler.bind("inproc://zeromq.zap.01")

        def serve() -> None:
            try:
                while True:
                    version, request_id, *_ = handler.recv_multipart()
                    status = [b"200", b"OK"] if accept else [b"400", b"no"]
                    handler.send_multipart([version, request_id, *status, user_id.encode(), b""])
            except self.zmq.ContextTerminated:
                handler.close()

        self.threads.append(threading.Thread(target=serve))
        self.threads[-1].start()

    def empty(self) -> None:
        for number in [number for number in self.objects if number]:
            self.objects.pop(number).close(linger=0)
        self.context.term()
        for thread in self.threads:
            thread.join()
        self.threads.clear()
        self.context = None
        live = getattr(getattr(self.zmq, "_core", None), "_live", None)
        left = {kind: count for kind, count in live().items() if count} if live else {}
        self.context = self.zmq.Context()
        if left:
            raise AssertionError(f"left alive in the peer: {left}")

    def serve(self, calls: BinaryIO, answers: BinaryIO) -> None:
        while True:
            try:
                target, name, args, kwargs = read(calls)
            except EOFError:
                return
            try:
                outcome = ("returned", plain(getattr(self.objects[target], name)(*args, **kwargs)))
            except Exception as error:
                outcome = ("raised", type(error).__name__, getattr(error, "errno", None), str(error))
            write(answers, outcome)


def plain(value: Any) -> Any:
    """The value with nothing of the library in it, so that the other process can unpickle it."""
    if isinstance(value, bool) or value is None or isinstance(value, (bytes, str, float)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else list(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return repr(value)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints does not go into the answers
    driven = Driven(sys.argv[1])
    driven.serve(os.fdopen(0, "rb", buffering=0, closefd=False), answers)
    driven.context.destroy(linger=0)
