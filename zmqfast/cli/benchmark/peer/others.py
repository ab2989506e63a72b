"""What a user would consider instead of ZeroMQ, each through its natural calls.

Sockets are objects with send() and recv(); who asks is a function that sends one request and waits for its reply.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

NAMES = ("pynng", "zenoh", "pipe", "queue")
INHERITED = "inherited"     # said instead of an endpoint: the other side is a child of this process
QUEUED = 1000               # messages: libzmq's default


def ends(job: dict[str, Any]) -> tuple[Any, Any]:
    """What receives and what sends, both in this process, with close(); the job has library, transport and folder."""
    if job["library"] == "pynng":
        import pynng

        endpoint = "inproc://ends" if job["transport"] == "inproc" else nng_endpoint(job)
        return pynng.Pull0(listen=endpoint), pynng.Push0(dial=endpoint, block_on_dial=True)
    if job["library"] == "zenoh":
        import zenoh

        session = zenoh.open(zenoh_config())
        subscriber = session.declare_subscriber("stream", zenoh.handlers.FifoChannel(QUEUED))
        return (SimpleNamespace(recv=lambda: bytes(subscriber.recv().payload), close=session.close),
                SimpleNamespace(send=session.declare_publisher("stream").put, close=lambda: None))
    if job["library"] == "pipe":
        reader, writer = multiprocessing.Pipe(duplex=False)
        return (SimpleNamespace(recv=reader.recv_bytes, close=reader.close),
                SimpleNamespace(send=writer.send_bytes, close=writer.close))
    queue: Any = multiprocessing.Queue(QUEUED)
    return SimpleNamespace(recv=queue.get, close=queue.close), SimpleNamespace(send=queue.put, close=lambda: None)


def receiving(job: dict[str, Any]) -> Any:
    """What receives from another process."""
    if job["library"] == "pynng":
        import pynng

        return listening(pynng.Pull0, job)
    return ZenohSubscriber() if job["library"] == "zenoh" else InheritedStream(job)


def sending(job: dict[str, Any]) -> Any:
    if job["library"] == "pynng":
        import pynng

        return pynng.Push0(dial=job["endpoint"], block_on_dial=True, send_buffer_size=QUEUED)
    return ZenohPublisher(job["endpoint"])


def answer(job: dict[str, Any]) -> None:
    """Send every request back, until this process is ended."""
    if job["library"] == "pynng":
        import pynng

        rep = listening(pynng.Rep0, job)
        while True:
            rep.send(rep.recv())
    if job["library"] == "zenoh":
        session = zenoh_listening()
        # The session calls it in a thread of its own.
        queryable = session.declare_queryable("answer", lambda query: query.reply("answer", query.payload))
        threading.Event().wait()
        queryable.undeclare()
    print(INHERITED, flush=True)        # of who asks
    threading.Event().wait()


def asking(job: dict[str, Any]) -> Callable[[bytes], object]:
    """What asks once."""
    if job["library"] == "pynng":
        import pynng

        req = pynng.Req0(dial=job["endpoint"], block_on_dial=True)
        send, recv = req.send, req.recv
    elif job["library"] == "zenoh":
        import zenoh

        session: Any = zenoh.open(zenoh_config("connect", job["endpoint"]))
        querier = session.declare_querier("answer")

        def query(data: bytes, session: Any = session) -> bytes:     # a session that nobody holds closes itself
            [reply] = querier.get(payload=data)
            return bytes(reply.ok.payload)

        return query
    else:
        send, recv = inherited_answers(job)

    def ask(data: bytes) -> bytes:
        send(data)
        return bytes(recv())

    return ask


def publishing(job: dict[str, Any]) -> Any:
    import pynng

    return listening(pynng.Pub0, job)


def subscribing(job: dict[str, Any]) -> Any:
    import pynng

    return pynng.Sub0(dial=job["endpoint"], block_on_dial=True, topics=[""], recv_buffer_size=QUEUED)


def listening(kind: Any, job: dict[str, Any]) -> Any:
    """A socket of pynng, its endpoint printed."""
    endpoint = nng_endpoint(job)
    found = kind(listen=endpoint)
    print(endpoint, flush=True)
    return found


def nng_endpoint(job: dict[str, Any]) -> str:
    if job["transport"] == "ipc":
        return f"ipc://{job['folder']}/{os.getpid()}"
    return f"tcp://127.0.0.1:{free_port()}"


def free_port() -> int:
    """A port that was free just now, for libraries that do not tell which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def zenoh_listening() -> Any:
    """A session that listens, its endpoint printed."""
    import zenoh

    endpoint = f"tcp/127.0.0.1:{free_port()}"
    session = zenoh.open(zenoh_config("listen", endpoint))
    print(endpoint, flush=True)
    return session


class ZenohSubscriber:
    """A subscriber with a queue that makes the publisher wait."""

    def __init__(self) -> None:
        import zenoh

        self.session = zenoh_listening()
        self.subscriber = self.session.declare_subscriber("stream", zenoh.handlers.FifoChannel(QUEUED))

    def recv(self) -> bytes:
        return bytes(self.subscriber.recv().payload)


class ZenohPublisher:
    """A publisher that somebody listens to."""

    def __init__(self, endpoint: str) -> None:
        import zenoh

        self.session = zenoh.open(zenoh_config("connect", endpoint))
        publisher: Any = self.session.declare_publisher("stream", congestion_control=zenoh.CongestionControl.BLOCK)
        heard = threading.Event()
        self.listener = publisher.declare_matching_listener(lambda status: heard.set() if status.matching else None)
        if not publisher.matching_status.matching:
            heard.wait()
        self.send = publisher.put


def zenoh_config(side: str = "", endpoint: str = "") -> Any:
    """A configuration that finds nobody by itself; "listen" or "connect" at the endpoint, or stay within the process."""
    import zenoh

    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("listen/endpoints", "[]")
    if side:
        config.insert_json5(f"{side}/endpoints", f'["{endpoint}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    return config


def starting() -> Any:
    """How multiprocessing starts children here."""
    return multiprocessing.get_context("spawn" if os.name == "nt" else "fork")


class InheritedStream:
    """A Pipe or a Queue of multiprocessing, with a child of this process at its other end."""

    def __init__(self, job: dict[str, Any]) -> None:
        start = starting()
        if job["library"] == "pipe":
            reader, writer = start.Pipe(duplex=False)
            self.recv, send = reader.recv_bytes, writer.send_bytes
        else:
            queue = start.Queue(QUEUED)
            self.recv, send = queue.get, queue.put
        # Who started this process ends its whole process group, so this child too.
        self.child = start.Process(target=feed, args=(send, job["size"]), daemon=True)
        self.child.start()
        print(INHERITED, flush=True)


def feed(send: Any, size: int) -> None:
    data = bytes(size)
    while True:
        send(data)


def inherited_answers(job: dict[str, Any]) -> tuple[Any, Any]:
    """How to send to a child that sends everything back, and how to receive from it."""
    start = starting()
    if job["library"] == "pipe":
        near, far = start.Pipe()
        send, recv, their_recv, their_send = near.send_bytes, near.recv_bytes, far.recv_bytes, far.send_bytes
    else:
        there, back = start.Queue(), start.Queue()
        send, recv, their_recv, their_send = there.put, back.get, there.get, back.put
    start.Process(target=echo, args=(their_recv, their_send), daemon=True).start()
    return send, recv


def echo(recv: Any, send: Any) -> None:
    while True:
        send(recv())
