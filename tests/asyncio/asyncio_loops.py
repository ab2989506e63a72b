"""The event loops that asyncio tests run on."""

from __future__ import annotations

import asyncio

import pytest

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio")]
try:
    import uvloop
except ImportError:     # it has no Windows
    pass
else:
    LOOPS.append(pytest.param(uvloop.new_event_loop, id="uvloop"))
