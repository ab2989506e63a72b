"""The event loops that asyncio tests run on, and for how long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from random import Random

import pytest

LONG_RUN = "ZMQFAST_LONG_TESTS" in os.environ      # make test-long
TIMEOUT_S = 900 if LONG_RUN else 20

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio")]
try:
    import uvloop
except ImportError:     # it has no Windows
    pass
else:
    LOOPS.append(pytest.param(uvloop.new_event_loop, id="uvloop"))


async def turns(count: int) -> None:
    """Let the loop go round so often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def give_up_often(call: Callable[[], Coroutine], how: str, dice: Random) -> None:
    """Await a call, or let it be: by `cancel` after some turns, or by `wait_for` after a moment."""
    task = asyncio.ensure_future(call())
    if how == "cancel":
        await turns(dice.randrange(4))
        if dice.random() < 0.7:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return
    try:
        await asyncio.wait_for(task, dice.random() * 0.002)
    except asyncio.TimeoutError:
        pass
