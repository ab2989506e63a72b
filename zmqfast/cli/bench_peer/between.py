"""Measures between two threads or processes: messages or round trips per second."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import Any

import others
from alone import module, set_batch_sizes

KINDS = ("threads", "stream", "feed", "round_trip", "answer")
MANY = 256          # messages in one call of send_many()


def chunk_of(size: int) -> int:
    """Messages between two looks at the clock: some tenths of a millisecond of work."""
    return max(4, min(2000, (1 << 22) // size))


def count(receive: Callable[[], int], job: dict[str, Any]) -> float:
    """Messages per second, once they have been flowing for half the time: new threads take a while to find their core."""
    chunk = chunk_of(job["size"])
    rate_of(receive, chunk, job["seconds"] / 2)
    return rate_of(receive, chunk, job["seconds"])


def rate_of(step: Callable[[], int], chunk: int, seconds: float) -> float:
    """How many a second, where each step() does some and says how many; looks at the clock every `chunk`."""
    done, begun, took = 0, perf_counter(), 0.0
    while took < seconds:
        until = done + chunk
        while done < until:
            done += step()
        took = perf_counter() - begun
    return done / took


def receiver(socket: Any, job: dict[str, Any]) -> Callable[[], int]:
    """What receives once and says how many messages that were."""
    own = job["own_calls"] if job["library"] == "zmqfast" else ""
    if own == "many":
        recv_many = socket.recv_many
        return lambda: len(recv_many())
    if own == "batch":
        recv_batch, batch = socket.recv_batch, socket.recv_batch()
        return lambda: len(recv_batch(batch))
    recv, calls = socket.recv, range(min(100, chunk_of(job["size"])))

    def several() -> int:
        for _ in calls:
            recv()
        return len(calls)

    return several


def send_for_ever(socket: Any, job: dict[str, Any]) -> None:
    data = bytes(job["size"])
    if job["own_calls"] and job["library"] == "zmqfast":
        send_many, messages = socket.send_many, [data] * MANY
        while True:
            send_many(messages)
    send = socket.send
    while True:
        send(data)


def threads(job: dict[str, Any]) -> float:
    pull, push = others.threads(job) if job["library"] in others.NAMES else zmq_threads(job)
    threading.Thread(target=send_for_ever, args=(push, job), daemon=True).start()
    return count(receiver(pull, job), job)


def zmq_threads(job: dict[str, Any]) -> tuple[Any, Any]:
    zmq = module(job)
    context = zmq.Context()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.bind("inproc://stream")
    push.connect("inproc://stream")
    return pull, push


def stream(job: dict[str, Any]) -> float:
    """The receiving process: prints its endpoint, then counts."""
    if job["library"] in others.NAMES:
        return count(receiver(others.receiving(job), job), job)
    return count(receiver(bound(job, "PULL"), job), job)


def feed(job: dict[str, Any]) -> None:
    """The sending process: until it is ended."""
    socket = others.sending(job) if job["library"] in others.NAMES else connected(job, "PUSH")
    send_for_ever(socket, job)


def answer(job: dict[str, Any]) -> None:
    """The process that sends every request back: until it is ended."""
    socket = others.answering(job) if job["library"] in others.NAMES else bound(job, "REP")
    recv, send = socket.recv, socket.send
    while True:
        send(recv())


def round_trip(job: dict[str, Any]) -> Any:
    """Round trips per second; with `samples` the nanoseconds of each."""
    socket = others.asking(job) if job["library"] in others.NAMES else connected(job, "REQ")
    recv, send, data = socket.recv, socket.send, bytes(job["size"])

    def trips() -> int:
        for _ in range(50):
            send(data)
            recv()
        return 50

    rate_of(trips, 50, job["seconds"] / 2)
    if job.get("samples"):
        return [timed(send, recv, data) for _ in range(job["samples"])]
    return rate_of(trips, 50, job["seconds"])


def timed(send: Callable[[bytes], object], recv: Callable[[], bytes], data: bytes) -> int:
    begun = perf_counter_ns()
    send(data)
    recv()
    return perf_counter_ns() - begun


def bound(job: dict[str, Any], kind: str) -> Any:
    """A bound socket, its endpoint printed for who started us."""
    zmq = module(job)
    socket = zmq.Context().socket(getattr(zmq, kind))
    set_batch_sizes(zmq, socket, job)
    if job["transport"] == "tcp":
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        print(f"tcp://127.0.0.1:{port}", flush=True)
    else:
        endpoint = f"ipc://{job['folder']}/{os.getpid()}"
        socket.bind(endpoint)
        print(endpoint, flush=True)
    return socket


def connected(job: dict[str, Any], kind: str) -> Any:
    zmq = module(job)
    socket = zmq.Context().socket(getattr(zmq, kind))
    set_batch_sizes(zmq, socket, job)
    socket.connect(job["endpoint"])
    return socket
