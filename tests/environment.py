"""The environment of processes that no sanitizer is for, should one be preloaded into this one."""

from __future__ import annotations

import os


def without_sanitizer() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
