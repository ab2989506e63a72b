"""What one call costs, inside one process and one thread: pytest bench/bench_calls.py

Each library through its natural calls; zmqfast batched in send_many and recv_many of as many as one call of theirs, its
times being of the whole call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from zmqfast.cli.benchmark.cases import in_words
from zmqfast.cli.benchmark.peer import others, sockets
from zmqfast.cli.benchmark.peer.between import MANY

SIZES = [16, 256, 4 * 1024, 64 * 1024]
TRANSPORTS = ["inproc", "ipc", "tcp"]
PIPE_HOLDS = 64 * 1024      # bytes: one thread cannot send more than that before it receives
PACKAGES = {**sockets.MODULES, "zmqfast batched": "zmqfast", "pynng": "pynng", "zenoh": "zenoh", "pipe": "multiprocessing",
            "queue": "multiprocessing"}
LACKING = {"zenoh": ("ipc", "tcp"), "pipe": ("inproc", "tcp"), "queue": ("inproc", "tcp")}


def ways() -> Iterator[pytest.param]:
    for transport in TRANSPORTS:
        for size in SIZES:
            for library in PACKAGES:
                if transport not in LACKING.get(library, ()) and not (library == "pipe" and size >= PIPE_HOLDS):
                    yield pytest.param((library, transport, size), id=f"{transport}-{in_words(size)}-{library}")


@pytest.fixture
def carry(request: pytest.FixtureRequest, tmp_path) -> Iterator[Callable[[], object]]:
    """What takes one frame, or many, from one end to the other."""
    library, transport, size = request.param
    module = pytest.importorskip(PACKAGES[library])
    data = bytes(size)
    if library in others.NAMES:
        pull, push = others.ends({"library": library, "transport": transport, "folder": str(tmp_path)})
    else:
        endpoint = {"inproc": "inproc://calls", "ipc": f"ipc://{tmp_path}/calls", "tcp": "tcp://127.0.0.1:*"}[transport]
        pull, push = sockets.pair(module, "PULL", "PUSH", endpoint)
    send, recv = push.send, pull.recv

    def carry_one() -> None:
        send(data)
        recv()

    def carry_many() -> None:
        push.send_many(many)
        left = MANY
        while left:
            left -= len(pull.recv_many(left))

    many = [data] * MANY
    carry_one()         # the peers are connected
    yield carry_many if library == "zmqfast batched" else carry_one
    if library in others.NAMES:
        push.close()
        pull.close()
    else:
        sockets.end(push, pull)


@pytest.mark.parametrize("carry", list(ways()), indirect=True)
def test_cost_of_send_and_recv(benchmark, carry, request):
    library, transport, size = request.node.callspec.params["carry"]
    benchmark.group = f"send + recv over {transport}, {in_words(size)}"
    benchmark.extra_info.update(library=library, messages=MANY if library == "zmqfast batched" else 1)
    benchmark(carry)


@pytest.mark.benchmark(group="send_multipart + recv_multipart of three frames")
def test_cost_of_multipart_of_three_frames(benchmark, pair):
    first, second = pair
    message = [b"x" * 16] * 3

    def call():
        first.send_multipart(message)
        second.recv_multipart()

    benchmark(call)


@pytest.mark.benchmark(group="recv(DONTWAIT) on an empty socket, with the exception")
def test_cost_of_recv_on_an_empty_socket(benchmark, lib, pair):
    _, second = pair
    try:
        second.recv(lib.DONTWAIT)
    except lib.Again:
        pass
    except lib.ZMQError as error:
        pytest.skip(f"{lib.__name__} does not say Again, but {error}")

    def call():
        try:
            second.recv(lib.DONTWAIT)
        except lib.Again:
            pass

    benchmark(call)


@pytest.mark.benchmark(group="getsockopt(EVENTS)")
def test_cost_of_getsockopt_events(benchmark, lib, pair):
    first, _ = pair
    benchmark(first.getsockopt, lib.EVENTS)
