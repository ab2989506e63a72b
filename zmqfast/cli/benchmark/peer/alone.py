"""Measures of one process with one thread: calls per second, seconds, or bytes of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from . import sockets
from .clock import call_rate
from .sockets import MODULES, module, pair


def call(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, frame = first.send, second.recv, bytes(job["size"])

    def once() -> None:
        send(frame)
        recv()

    return call_rate(once, job["seconds"])


def multipart(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, message = first.send_multipart, second.recv_multipart, [bytes(job["size"])] * 3

    def once() -> None:
        send(message)
        recv()

    return call_rate(once, job["seconds"])


def empty(job: dict[str, Any]) -> float:
    zmq = module(job)
    _, second = pair(zmq)
    if job["calls"] == "try" and job["library"] == "zmqfast":
        return call_rate(second.try_recv, job["seconds"])
    recv, flag, again = second.recv, zmq.DONTWAIT, zmq.Again

    def once() -> None:
        try:
            recv(flag)
        except again:
            pass

    return call_rate(once, job["seconds"])


def events(job: dict[str, Any]) -> float:
    zmq = module(job)
    first, _ = pair(zmq)
    get, option = first.getsockopt, zmq.EVENTS
    return call_rate(lambda: get(option), job["seconds"])


def zero_copy(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, data = first.send, second.recv, bytes(job["size"])

    def once() -> None:
        send(data, copy=False)
        recv(copy=False)

    return call_rate(once, job["seconds"])


def poll_idle(job: dict[str, Any]) -> float:
    poller, _, _ = sockets.registered(module(job), job["connections"])
    poll = poller.poll
    return call_rate(lambda: poll(0), job["seconds"])


def poll_active(job: dict[str, Any]) -> float:
    """Polls that find one socket ready, its message sent and received."""
    poller, pull, push = sockets.registered(module(job), job["connections"])

    def once() -> None:
        push.send(b"x")
        poller.poll()
        pull.recv()

    return call_rate(once, job["seconds"])


def importing(job: dict[str, Any]) -> float:
    """Seconds that the import takes in an interpreter that has imported nothing; the best of three.

    In a child, because this process has already imported what the library needs; with compiled modules, as pip leaves.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    program = f"from time import perf_counter as t; b = t(); import {MODULES[job['library']]}; print(t() - b)"
    return min(float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True,
                                    env=environment).stdout)
               for _ in range(3))


def resident() -> int:
    """Bytes of this process in memory, as Linux counts them."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def connection(job: dict[str, Any]) -> float:
    """Bytes that one more tcp connection takes, once a message has gone over it and it idles."""
    zmq, count = module(job), 200
    context = zmq.Context()
    pull = sockets.opened(context, zmq, "PULL", job)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    kept: list[Any] = []

    def connect(number: int) -> None:
        for _ in range(number):
            push = sockets.opened(context, zmq, "PUSH", job)
            push.connect(f"tcp://127.0.0.1:{port}")
            push.send(bytes(job["size"]))
            pull.recv()
            kept.append(push)

    connect(20)
    before = resident()
    connect(count)
    return (resident() - before) / count


def frame(job: dict[str, Any]) -> float:
    return float(sys.getsizeof(module(job).Frame(b"")))


def zero_copy_memory(job: dict[str, Any]) -> float:
    """Bytes that a million sends without a copy leave behind, each of an object of its own."""
    zmq = module(job)
    first, second = pair(zmq)

    def send(number: int) -> None:
        for _ in range(number):
            first.send(bytearray(job["size"]), copy=False)
            second.recv()

    send(10_000)
    before = resident()
    send(1_000_000)
    return float(max(resident() - before, 0))
