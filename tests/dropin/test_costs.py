"""What the names of pyzmq cost: no instruction of a call of the core's, however zmq is imported."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BODY = Path(__file__).with_name("costs_body.py")
SAME = 0.01         # of the count: what the hash of an address or a full dictionary makes of it
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def instructions(tmp_path_factory):
    """`instructions(way)`: how many instructions COUNT calls of each kind take, by name."""
    known: dict[str, dict[str, int]] = {}

    def count(way: str) -> dict[str, int]:
        if way not in known:
            known[way] = counted(way, tmp_path_factory.mktemp(way))
        return known[way]

    return count


def counted(way: str, folder: Path) -> dict[str, int]:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--dump-before=getppid", "--callgrind-out-file=counts",
         sys.executable, BODY, way],
        cwd=folder, capture_output=True, text=True, check=True, timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(BODY.parents[2])})
    names = done.stdout.split()
    parts = [int(re.findall(r"^(?:totals|summary): (\d+)", (folder / f"counts.{number}").read_text(), re.MULTILINE)[-1])
             for number in range(1, 2 * len(names) + 1)]
    return dict(zip(names, parts[1::2], strict=True))       # the others are what lies between


@pytest.mark.timeout(2 * TIMEOUT_S)
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not there")
def test_a_call_takes_as_many_instructions_after_install_as_zmq(instructions):
    """`import zmqfast as zmq` is "zmqfast": the same module, and the same bytecode once it is imported."""
    plain, installed = instructions("zmqfast"), instructions("install_as_zmq")
    assert installed.keys() == plain.keys() >= {"send", "recv", "send_multipart", "recv_multipart", "poll"}
    assert {name: count for name, count in installed.items() if differs(count, plain[name])} == {}


def differs(count: int, expected: int) -> bool:
    return abs(count - expected) > SAME * expected
