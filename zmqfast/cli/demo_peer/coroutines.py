"""asyncio: PUSH-PULL once more, in coroutines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from .side import END, Side
from .text import BATCH_MESSAGES, Digest


def push(side: Side) -> None:
    async def run() -> None:
        socket = side.bind(side.open("PUSH"))
        for message in side.start():
            await socket.send(message)
        await socket.send(END)

    asyncio.run(run())


def pull(side: Side) -> None:
    async def run() -> None:
        socket = side.connect(side.open("PULL"))
        side.board.post("ready")
        side.digest = Digest()
        async for batch in batches(socket.recv):
            side.digest.add(batch)
            side.tell_progress()
        side.times["ended_s"] = time.monotonic()

    asyncio.run(run())


async def batches(recv: Callable[[], Any]) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    while message := await recv():
        batch.append(message)
        if len(batch) == BATCH_MESSAGES:
            yield batch
            batch = []
    yield batch
