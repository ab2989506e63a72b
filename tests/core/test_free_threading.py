"""A Python without a GIL stays without one when zmqfast is imported."""

from __future__ import annotations

import sysconfig

import pytest

from program import run

pytestmark = pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="for a free-threaded Python")


def test_importing_zmqfast_leaves_the_gil_off(monkeypatch):
    monkeypatch.delenv("PYTHON_GIL", raising=False)     # which would keep it off whatever is imported
    assert run("""
        import sys
        import zmqfast, zmqfast.asyncio, zmqfast.auth, zmqfast.devices, zmqfast.patterns
        print(sys._is_gil_enabled())
    """) == "False\n"
