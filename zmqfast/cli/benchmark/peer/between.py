"""Measures between two threads or processes: messages or round trips per second, or the time of each round trip."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from . import others, sockets
from .clock import chunk_of, samples_of, settled_rate

MANY = 256          # messages in one call of send_many()
TRIPS = 50          # round trips between two looks at the clock
UNROLLED = 100      # calls in one go, so that going round costs nothing


def calls_of(job: dict[str, Any]) -> str:
    """How it sends and receives: "one" by one, "many" at once, or into a "batch"; others than zmqfast have only one way."""
    return str(job["calls"]) if job["library"] == "zmqfast" else "one"


def at_once(job: dict[str, Any], most: int) -> int:
    """Messages in one batch: of long ones a few megabytes."""
    return min(most, chunk_of(job["size"]))


def receiver(sources: Sequence[Any], job: dict[str, Any]) -> Callable[[], int]:
    """What receives from each in turn, once or some times, and says how many messages that were."""
    calls = calls_of(job)
    if calls == "many":
        receive, most = [source.recv_many for source in sources], at_once(job, 1024)
        return lambda: sum([len(recv_many(most)) for recv_many in receive])
    if calls == "batch":
        [recv_batch], batch = [source.recv_batch for source in sources], sources[0].recv_batch()
        return lambda: len(recv_batch(batch))
    once = [source.recv for source in sources]
    in_one_go = once * max(1, min(UNROLLED, chunk_of(job["size"])) // len(once))

    def several() -> int:
        for recv in in_one_go:
            recv()
        return len(in_one_go)

    return several


def send_for_ever(targets: Sequence[Any], messages: Sequence[bytes], job: dict[str, Any]) -> None:
    """Send the messages round and round, to one target after the other."""
    if calls_of(job) != "one":
        most = at_once(job, MANY)
        batches = [list(messages[start:start + most]) for start in range(0, len(messages), most)]
        send_many = [target.send_many for target in targets]
        while True:
            for batch in batches:
                for send in send_many:
                    send(batch)
    send_one = [target.send for target in targets]
    if len(messages) == 1:
        send_one *= max(1, UNROLLED // len(send_one))
    while True:
        for message in messages:
            for send in send_one:
                send(message)


def copies(job: dict[str, Any]) -> list[bytes]:
    """What send_for_ever() sends: the same frame, as often as one call may take it."""
    return [bytes(job["size"])] * (1 if calls_of(job) == "one" else at_once(job, MANY))


def threads(job: dict[str, Any]) -> float:
    pull, push = (others.ends(job) if job["library"] in others.NAMES
                  else sockets.pair(sockets.module(job), "PULL", "PUSH"))
    threading.Thread(target=send_for_ever, args=([push], copies(job), job), daemon=True).start()
    return settled_rate(receiver([pull], job), chunk_of(job["size"]), job["seconds"])


def stream(job: dict[str, Any]) -> float:
    """The receiving process: prints its endpoint; "connected" when every sender's first message is there; then counts."""
    pull = others.receiving(job) if job["library"] in others.NAMES else sockets.bound(job, "PULL")
    for _ in range(job["connections"]):
        pull.recv()
    print("connected", flush=True)
    return settled_rate(receiver([pull], job), chunk_of(job["size"]), job["seconds"])


def feed(job: dict[str, Any]) -> None:
    """The sending process: one message over each connection, and when it is told so, messages until it is ended."""
    if job["library"] in others.NAMES:
        pushes = [others.sending(job) for _ in range(job["connections"])]
    else:
        pushes = sockets.connected(job, "PUSH")
    for push in pushes:
        push.send(bytes(job["size"]))
    sys.stdin.readline()
    send_for_ever(pushes, copies(job), job)


def answer(job: dict[str, Any]) -> None:
    """The process that sends every request back: until it is ended."""
    if job["library"] in others.NAMES:
        others.answer(job)
        return
    socket = sockets.bound(job, "REP")
    recv, send = socket.recv, socket.send
    while True:
        send(recv())


def round_trip(job: dict[str, Any]) -> Any:
    """Round trips per second; with `samples` the nanoseconds of at least so many."""
    data = bytes(job["size"])
    if job["library"] in others.NAMES:
        ask = others.asking(job)
    else:
        [socket] = sockets.connected(job, "REQ")
        send, recv = socket.send, socket.recv

        def ask(data: bytes) -> None:
            send(data)
            recv()

    def trips() -> int:
        for _ in range(TRIPS):
            ask(data)
        return TRIPS

    rate = settled_rate(trips, TRIPS, job["seconds"] if not job["samples"] else job["seconds"] / 4)
    return samples_of(lambda: ask(data), job["seconds"], job["samples"]) if job["samples"] else rate
