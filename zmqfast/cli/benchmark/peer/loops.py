"""Measures of asyncio sockets: messages or round trips per second, on the loop that the job names."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from . import sockets

HANDSHAKE_S = 10
TCP = "tcp://127.0.0.1:*"
CHUNK = 500             # messages between two looks at the clock
WAITING_ROUNDS = 5      # of one message for each of many waiting sockets, between two looks at the clock


class Loop:
    """One library's asyncio sockets, and the clock."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.zmq = sockets.module(job)
        self.job = job
        self.frame = bytes(job["size"])
        self.context = sockets.roomy_context(importlib.import_module(sockets.MODULES[job["library"]] + ".asyncio"),
                                             2 * job["connections"])

    def socket(self, kind: str) -> Any:
        socket = self.context.socket(getattr(self.zmq, kind))
        socket.sndhwm = socket.rcvhwm = 1_000_000
        return socket

    def pair(self, binding: str, connecting: str, endpoint: str) -> tuple[Any, Any]:
        return sockets.joined(self.socket(binding), self.socket(connecting), endpoint)

    async def rate(self, step: Callable[[], Awaitable[int]]) -> float:
        """Of what each step does and counts, a second, once it has gone on for half the time."""
        found = 0.0
        for seconds in (self.job["seconds"] / 2, self.job["seconds"]):
            done, begun, took = 0, perf_counter(), 0.0
            while took < seconds:
                done += await step()
                took = perf_counter() - begun
            found = done / took
        return found


def on_its_loop(measure: Callable[[Loop], Awaitable[Any]]) -> Callable[[dict[str, Any]], Any]:
    """Make of a coroutine function what measures a job."""
    def run(job: dict[str, Any]) -> Any:
        async def main() -> Any:
            return await measure(Loop(job))

        loop = importlib.import_module(job["loop"]).new_event_loop()
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main())

    run.__name__ = measure.__name__
    run.__doc__ = measure.__doc__
    return run


async def warm_up(sender: Any, receiver: Any, frame: bytes) -> None:
    """One message there: peers are connected before the clock starts."""
    await asyncio.wait_for(asyncio.gather(sender.send(frame), receiver.recv()), HANDSHAKE_S)


@on_its_loop
async def loop_ready(loop: Loop) -> float:
    """Receiving messages that are there: only that is on the clock."""
    pull, push = loop.pair("PULL", "PUSH", "inproc://ready")
    await warm_up(push, pull, loop.frame)
    done, took = 0, 0.0
    while took < loop.job["seconds"]:
        for _ in range(4 * CHUNK):
            await push.send(loop.frame)
        begun = perf_counter()
        for _ in range(4 * CHUNK):
            await pull.recv()
        took += perf_counter() - begun
        done += 4 * CHUNK
    return done / took


@on_its_loop
async def loop_stream(loop: Loop) -> float:
    """A sending and a receiving task in one loop, over tcp."""
    pull, push = loop.pair("PULL", "PUSH", TCP)
    await warm_up(push, pull, loop.frame)

    async def send() -> None:
        for _ in range(10 * CHUNK):
            await push.send(loop.frame)

    async def step() -> int:
        sending = asyncio.ensure_future(send())
        for _ in range(10 * CHUNK):
            await pull.recv()
        await sending
        return 10 * CHUNK

    return await loop.rate(step)


async def answer_all(reply: Any) -> None:
    while True:
        await reply.send(await reply.recv())


async def ask_for_long(loop: Loop, request: Any) -> float:
    async def step() -> int:
        for _ in range(100):
            await request.send(loop.frame)
            await request.recv()
        return 100

    return await loop.rate(step)


@on_its_loop
async def loop_round_trip(loop: Loop) -> float:
    """Round trips within one loop, over tcp."""
    reply, request = loop.pair("REP", "REQ", TCP)
    answering = asyncio.ensure_future(answer_all(reply))
    rate = await ask_for_long(loop, request)
    answering.cancel()
    return rate


@on_its_loop
async def loop_ask(loop: Loop) -> float:
    """Round trips to the process that runs loop_answer, over tcp."""
    request = loop.socket("REQ")
    request.connect(loop.job["endpoint"])
    return await ask_for_long(loop, request)


@on_its_loop
async def loop_answer(loop: Loop) -> None:
    """Answers every request, until it is ended."""
    reply = loop.socket("REP")
    sockets.bind(reply, loop.job)
    await answer_all(reply)


@on_its_loop
async def loop_waiting(loop: Loop) -> float:
    """Many sockets that wait at once, each given one message, again and again."""
    pairs = [loop.pair("PULL", "PUSH", f"inproc://waiting-{number}") for number in range(loop.job["connections"])]
    for pull, push in pairs:
        await warm_up(push, pull, loop.frame)

    async def receive(pull: Any) -> None:
        for _ in range(WAITING_ROUNDS):
            await pull.recv()

    async def step() -> int:
        receiving = [asyncio.ensure_future(receive(pull)) for pull, _ in pairs]
        await asyncio.sleep(0)
        for _ in range(WAITING_ROUNDS):
            for _, push in pairs:
                await push.send(loop.frame)
            await asyncio.sleep(0)
        await asyncio.gather(*receiving)
        return WAITING_ROUNDS * len(pairs)

    return await loop.rate(step)
