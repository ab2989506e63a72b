"""Hostile peers for some seconds (`make fuzz`: for longer): well-behaved ones lose nothing, and the process stays whole.

The seeds are fixed, so a failure can be repeated: it names the attack, and `fuzz.py --seed SEED --only NUMBER` does it again.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pytest

import zmqfast as zmq

sys.path.append(str(Path(__file__).parent))

from fuzz import MAXMSGSIZE, Exchange, VictimProcess, fuzz
from zmtp import Speaker, frame, greeting

pytestmark = [
    pytest.mark.skipif(zmq._core.LIBZMQ_SOURCE.startswith("system"), reason="the installed libzmq is as it is"),
    pytest.mark.timeout(180),
]

ATTACKS = 800
HALF_OPEN = 10_000
SPARE = 500             # descriptors that are for something else
SPARE_S = 30            # a loaded machine may take that much longer


@pytest.fixture
def victim(tmp_path, ipc_folder):
    """`victim(transport)` starts a process with sockets of every type; it has ended in order afterwards."""
    started: list[VictimProcess] = []

    def start(transport: str, **settings: object) -> VictimProcess:
        started.append(VictimProcess(transport, ipc_folder, **settings))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture
def exchange():
    """`exchange(victim)`: verified messages through all its sockets, until the end of the test."""
    started: list[Exchange] = []

    def start(process: VictimProcess) -> Exchange:
        started.append(Exchange(process.ends, process.tag.encode(), seed=1))
        started[-1].start()
        started[-1].wait(5)
        return started[-1]

    yield start
    for thread in started:
        thread.over.set()
        thread.join(20)


@pytest.mark.parametrize("transport, seed", [("tcp", 1), ("tcp", 2), ("ipc", 3), ("ws", 4)])
def test_nothing_is_lost_beside_hostile_peers(transport, seed):
    if transport == "ws" and not zmq.has("ws"):
        pytest.skip("no WebSocket in this build")
    outcome = fuzz(transport, 20, seed, attacks_at_most=ATTACKS)
    assert outcome.attacks > 0
    assert outcome.descriptors <= 0


def test_thousands_of_handshakes_that_never_end(victim, exchange):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    process = victim("tcp", handshake_ivl=5000)
    messages = exchange(process)
    before, memory = process.descriptors, process.memory
    count = min(HALF_OPEN, hard - SPARE)
    began = time.monotonic()
    half_open = [Speaker(process.ends["PULL-A"], timeout_s=SPARE_S) for _ in range(count)]
    try:
        for speaker in half_open[::2]:
            speaker.say(greeting()[:11])
        messages.wait(5)                    # beside them
        process.wait_descriptors(before, timeout_s=5 + time.monotonic() - began + SPARE_S)
        grown = process.memory - memory
        messages.wait(5)
        assert grown < count * 40_000       # bytes that one may have cost: its buffers, while it was there
    finally:
        for speaker in half_open:
            speaker.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_when_descriptors_run_out_those_who_are_connected_stay(victim, exchange):
    process = victim("tcp", descriptors=400, handshake_ivl=1000)
    messages = exchange(process)
    before = process.descriptors
    half_open = [Speaker(process.ends["PULL-A"], timeout_s=SPARE_S) for _ in range(500)]     # the kernel's queue takes them
    try:
        while process.descriptors < 400:
            process.check()
            time.sleep(0.01)
        messages.wait(20)
    finally:
        for speaker in half_open:
            speaker.socket.close()
    process.wait_descriptors(before, timeout_s=SPARE_S)
    with Speaker(process.ends["PULL-A"]).shake_hands("PUSH") as late:       # and others can connect again
        assert not late.closed
        messages.wait(5)


@pytest.mark.parametrize("kind", ["PULL", "ROUTER", "REP", "XPUB", "PAIR"])
def test_maxmsgsize_is_where_a_frame_ends_the_connection(victim, kind):
    process = victim("tcp")
    peer = {"PULL": "PUSH", "ROUTER": "DEALER", "REP": "REQ", "XPUB": "SUB", "PAIR": "PAIR"}[kind]
    with Speaker(process.ends[f"{kind}-B"]).shake_hands(peer) as speaker:
        speaker.say(frame(b"\1" + bytes(MAXMSGSIZE - 1)))
        assert not speaker.wait_closed(timeout_s=0.2)
        speaker.say(frame(b"", size=MAXMSGSIZE + 1))            # the header is enough
        assert speaker.wait_closed()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("said", [b"", greeting()[:1], greeting()[:10], greeting()[:63], greeting(), greeting() + b"\4\x29"])
def test_handshake_ivl_is_when_an_unfinished_handshake_ends(victim, transport, said):
    process = victim(transport, handshake_ivl=200)
    with Speaker(process.ends["ROUTER-B"]).say(said) as speaker:
        assert speaker.wait_closed(timeout_s=0.2 + SPARE_S)

