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
SAME = 0.15         # of the count: what a full dictionary or a full pool of memory makes of it; a call in Python makes more
TIMEOUT_S = 300
TRIES = 4


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """`differences(way, other)`: which calls take more or fewer instructions, and how many in each case.

    libzmq looks at the clock, so a count may be too high, never too low: what differs is counted again.
    """
    known: dict[str, dict[str, int]] = {}

    def count(way: str) -> None:
        found = counted(way, tmp_path_factory.mktemp(way))
        known[way] = {name: min(number, known.get(way, found)[name]) for name, number in found.items()}

    def compare(way: str, other: str) -> dict[str, tuple[int, int]]:
        for way_ in {way, other} - known.keys():
            count(way_)
        for _ in range(TRIES):
            one, two = known[way], known[other]
            assert one.keys() == two.keys() >= {"send", "recv", "send_multipart", "recv_multipart", "poll"}
            different = {name: (one[name], two[name]) for name in one if abs(one[name] - two[name]) > SAME * two[name]}
            if not different:
                break
            count(way)
            count(other)
        return different

    return compare


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


needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not there")


@needs_valgrind
@pytest.mark.timeout(TRIES * TIMEOUT_S)
def test_a_call_takes_as_many_instructions_after_install_as_zmq(differences):
    """`import zmqfast as zmq` is "zmqfast": the same module, and the same bytecode once it is imported."""
    assert differences("install_as_zmq", "zmqfast") == {}
