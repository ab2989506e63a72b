"""Measures of one process with one thread: calls per second, seconds, or bytes of memory."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

MODULES = {"zmqfast": "zmqfast", "pyzmq": "zmq", "pyomq": "pyomq"}


def module(job: dict[str, Any]) -> Any:
    return importlib.import_module(MODULES[job["library"]])


def pair(zmq: Any, first_type: str = "PAIR", second_type: str = "PAIR") -> tuple[Any, Any]:
    """Two connected sockets over inproc, as long as the process lives."""
    context = zmq.Context()
    first, second = context.socket(getattr(zmq, first_type)), context.socket(getattr(zmq, second_type))
    first.bind("inproc://pair")
    second.connect("inproc://pair")
    return first, second


def rate(function: Callable[[], object], seconds: float) -> float:
    """Calls per second, after a tenth of the time to warm up; the loop looks at the clock every so many calls."""
    chunk, took = 1, 0.0
    while took < min(0.02, seconds / 5):
        chunk *= 2
        begun = perf_counter()
        for _ in range(chunk):
            function()
        took = perf_counter() - begun
    calls, begun = 0, perf_counter()
    while (took := perf_counter() - begun) < seconds:
        for _ in range(chunk):
            function()
        calls += chunk
    return calls / took


def call(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, frame = first.send, second.recv, bytes(job["size"])

    def once() -> None:
        send(frame)
        recv()

    return rate(once, job["seconds"])


def multipart(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, message = first.send_multipart, second.recv_multipart, [bytes(job["size"])] * 3

    def once() -> None:
        send(message)
        recv()

    return rate(once, job["seconds"])


def empty(job: dict[str, Any]) -> float:
    zmq = module(job)
    _, second = pair(zmq)
    if job["own_calls"] and job["library"] == "zmqfast":
        return rate(second.try_recv, job["seconds"])
    recv, flag, again = second.recv, zmq.DONTWAIT, zmq.Again

    def once() -> None:
        try:
            recv(flag)
        except again:
            pass

    return rate(once, job["seconds"])


def events(job: dict[str, Any]) -> float:
    zmq = module(job)
    first, _ = pair(zmq)
    get, option = first.getsockopt, zmq.EVENTS
    return rate(lambda: get(option), job["seconds"])


def zero_copy(job: dict[str, Any]) -> float:
    first, second = pair(module(job))
    send, recv, data = first.send, second.recv, bytes(job["size"])

    def once() -> None:
        send(data, copy=False)
        recv(copy=False)

    return rate(once, job["seconds"])


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
    pull = context.socket(zmq.PULL)
    set_batch_sizes(zmq, pull, job)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    kept: list[Any] = []

    def connect(number: int) -> None:
        for _ in range(number):
            push = context.socket(zmq.PUSH)
            set_batch_sizes(zmq, push, job)
            push.connect(f"tcp://127.0.0.1:{port}")
            push.send(bytes(job["size"]))
            pull.recv()
            kept.append(push)

    connect(20)
    before = resident()
    connect(count)
    return (resident() - before) / count


def set_batch_sizes(zmq: Any, socket: Any, job: dict[str, Any]) -> None:
    for option in ("in_batch_size", "out_batch_size"):
        if job.get(option):
            socket.setsockopt(getattr(zmq, option.upper()), job[option])


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
