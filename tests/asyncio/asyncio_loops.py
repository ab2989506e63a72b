"""The event loops that asyncio tests run on, and for how long."""

from __future__ import annotations

import asyncio
import os

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
