"""What a user would consider instead of ZeroMQ, each through its natural calls, as objects with send() and recv()."""

from __future__ import annotations

import multiprocessing
import os
import socket
from typing import Any

NAMES = ("pynng", "zenoh", "pipe", "queue")


def threads(job: dict[str, Any]) -> tuple[Any, Any]:
    """What receives and what sends, in one process."""
    import pynng

    return pynng.Pull0(listen="inproc://stream"), pynng.Push0(dial="inproc://stream")


def receiving(job: dict[str, Any]) -> Any:
    """What receives from another process."""
    if job["library"] == "pynng":
        import pynng

        endpoint = nng_endpoint(job)
        pull = pynng.Pull0(listen=endpoint)
        print(endpoint, flush=True)
        return pull
    if job["library"] == "zenoh":
        return ZenohSubscriber()
    return Inherited(job)


def sending(job: dict[str, Any]) -> Any:
    if job["library"] == "pynng":
        import pynng

        return pynng.Push0(dial=job["endpoint"], block_on_dial=True)
    return ZenohPublisher(job["endpoint"])


def answering(job: dict[str, Any]) -> Any:
    import pynng

    endpoint = nng_endpoint(job)
    rep = pynng.Rep0(listen=endpoint)
    print(endpoint, flush=True)
    return rep


def asking(job: dict[str, Any]) -> Any:
    import pynng

    return pynng.Req0(dial=job["endpoint"], block_on_dial=True)


def nng_endpoint(job: dict[str, Any]) -> str:
    if job["transport"] == "ipc":
        return f"ipc://{job['folder']}/{os.getpid()}"
    return f"tcp://127.0.0.1:{free_port()}"


def free_port() -> int:
    """A port that was free just now, for libraries that do not tell which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ZenohSubscriber:
    """A session that listens, and a subscriber with a queue that makes the publisher wait."""

    def __init__(self) -> None:
        import zenoh

        port = free_port()
        self.session = zenoh.open(zenoh_config("listen", f"tcp/127.0.0.1:{port}"))
        self.subscriber = self.session.declare_subscriber("stream", zenoh.handlers.FifoChannel(1000))
        print(f"tcp/127.0.0.1:{port}", flush=True)

    def recv(self) -> bytes:
        return bytes(self.subscriber.recv().payload)


class ZenohPublisher:
    def __init__(self, endpoint: str) -> None:
        import zenoh

        self.session = zenoh.open(zenoh_config("connect", endpoint))
        publisher = self.session.declare_publisher("stream", congestion_control=zenoh.CongestionControl.BLOCK)
        self.send = publisher.put


def zenoh_config(side: str, endpoint: str) -> Any:
    import zenoh

    config = zenoh.Config()
    config.insert_json5(f"{side}/endpoints", f'["{endpoint}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    return config


class Inherited:
    """A Pipe or a Queue of multiprocessing: its other end is a child of this process."""

    def __init__(self, job: dict[str, Any]) -> None:
        start: Any = multiprocessing.get_context("spawn" if os.name == "nt" else "fork")
        if job["library"] == "pipe":
            reader, writer = start.Pipe(duplex=False)
            self.recv, send = reader.recv_bytes, writer.send_bytes
        else:
            queue = start.Queue(1000)
            self.recv, send = queue.get, queue.put
        # Who started this process ends its whole process group, so this child too.
        self.child = start.Process(target=feed, args=(send, job["size"]), daemon=True)
        self.child.start()
        print("inherited", flush=True)


def feed(send: Any, size: int) -> None:
    data = bytes(size)
    while True:
        send(data)
