"""A Python program of its own: `run("print(1)")`, for what can end a process or hang it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

# Of a test whose forked child starts threads.
forks = pytest.mark.skipif(os.environ.get("ZMQFAST_SANITIZED") == "tsan",
                           reason="the thread sanitizer cannot follow a forked child that starts threads")

TIMEOUT_S = 30 * float(os.environ.get("ZMQFAST_SLOWER", 1))     # sanitizers and valgrind make it slower


def run(source: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> str:
    """What the program prints; fails unless it ends by itself, in time, with status 0 and an empty stderr."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(source), *arguments],
        capture_output=True, text=True, timeout=timeout_s)
    assert (done.returncode, done.stderr) == (0, ""), f"status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout
