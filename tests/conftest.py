"""Fixtures for every test: connected pairs, fresh endpoints, real peer processes, and the check that nothing is left alive."""

from __future__ import annotations

import gc
import itertools
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

import zmqfast as zmq

# Helpers are imported by their path below tests/: `from peer import Peer`. Last, so that nothing is hidden.
sys.path.append(str(Path(__file__).parent))

from peer import Peer

TRANSPORTS = ("inproc", "ipc", "tcp")
HANDSHAKE_TIMEOUT_MS = 5000

numbers = itertools.count(1)


# -- nothing is left alive ------------------------------------------------------------------------------------------

def live_objects() -> dict[str, int]:
    """How many frames, sockets, contexts and release nodes the core holds; {} where it does not count."""
    count = getattr(getattr(zmq, "_core", None), "_live", None)
    return dict(count()) if count else {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.has_failed = True
    return report


@pytest.fixture(autouse=True)
def nothing_left_alive(request) -> Iterator[None]:
    """Fail the test that leaves a frame, socket, context or release node behind (mark `leaks_wanted` to allow it)."""
    before = live_objects()
    yield
    if getattr(request.node, "has_failed", False) or request.node.get_closest_marker("leaks_wanted"):
        return  # a failed test's traceback keeps its sockets alive
    if live_objects() != before:
        gc.collect()  # a cycle is not a leak
    after = live_objects()
    left = {kind: after[kind] - before.get(kind, 0) for kind in after if after[kind] > before.get(kind, 0)}
    if left:
        pytest.fail(f"left alive: {left}")


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "leaks_wanted: the test leaves sockets behind on purpose")
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile("any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("any-machine")
    # A shell starts what runs in its background with SIGINT ignored, and every program of ours would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# -- endpoints ------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def ipc_folder() -> Iterator[str]:
    """A folder with a short name: an ipc path has at most 107 bytes."""
    folder = tempfile.mkdtemp(prefix="zf-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fresh_endpoint(ipc_folder) -> Callable[[str], str]:
    """`fresh_endpoint("ipc")` is an endpoint to bind that nobody else uses; a tcp port is the system's choice."""

    def make(transport: str) -> str:
        number = next(numbers)
        return {
            "inproc": f"inproc://test-{number}",
            "ipc": f"ipc://{ipc_folder}/{number}",
            "tcp": "tcp://127.0.0.1:*",
            "tcp6": "tcp://[::1]:*",
            "ws": "ws://127.0.0.1:*",
        }[transport]

    return make


@pytest.fixture(params=TRANSPORTS)
def transport(request) -> str:
    return request.param


# -- contexts and sockets -------------------------------------------------------------------------------------------

class KeepingContext(zmq.Context):
    """Keeps its sockets until the end: the names of a test are gone by then, and with them what they stand for."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[zmq.Socket] = []

    def socket(self, *args: object, **kwargs: object) -> zmq.Socket:
        socket = super().socket(*args, **kwargs)
        self.kept.append(socket)        # another thread may have put one there by the next line
        return socket


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    """A context of the test's own, whose sockets are closed with linger 0 at the end."""
    context = KeepingContext()
    yield context
    context.destroy(linger=0)
    context.kept.clear()


class Pair:
    """Makes connected pairs of sockets: `push, pull = pair(PUSH, PULL, sndhwm=1)`.

    The first binds, the second connects; both have finished their handshake. Options are set on both beforehand.
    """

    def __init__(self, context: zmq.Context, transport: str, fresh_endpoint: Callable[[str], str]) -> None:
        self.context = context
        self.transport = transport
        self.fresh_endpoint = fresh_endpoint
        self.endpoint = ""  # where the last pair meets

    def __call__(self, binding: int, connecting: int, **options: object) -> tuple[zmq.Socket, zmq.Socket]:
        sockets = self.context.socket(binding), self.context.socket(connecting)
        for socket in sockets:
            for name, value in options.items():
                setattr(socket, name, value)
        ends = [] if self.transport == "inproc" else [watch_handshake(socket) for socket in sockets]
        self.endpoint = bind_fresh(sockets[0], self.fresh_endpoint(self.transport))
        sockets[1].connect(self.endpoint)
        for socket, end in zip(sockets, ends):
            wait_for_handshake(socket, end)
        for socket in sockets:
            socket.get(zmq.EVENTS)  # takes in the new pipe: a send with DONTWAIT does not always look
        return sockets


@pytest.fixture
def pair(context, transport, fresh_endpoint) -> Pair:
    """Connected pairs over inproc, ipc and tcp."""
    return Pair(context, transport, fresh_endpoint)


@pytest.fixture
def inproc_pair(context, fresh_endpoint) -> Pair:
    """Connected pairs over inproc, where the transport does not matter."""
    return Pair(context, "inproc", fresh_endpoint)


@pytest.fixture
def tcp_pair(context, fresh_endpoint) -> Pair:
    """Connected pairs over tcp, where it matters that there is a network between them."""
    return Pair(context, "tcp", fresh_endpoint)


def bind_fresh(socket: zmq.Socket, endpoint: str) -> str:
    """Bind, and return the endpoint to connect to: a `*` port is replaced by the one that the system chose."""
    socket.bind(endpoint)
    return endpoint if endpoint.startswith("inproc") else socket.get(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()


def watch_handshake(socket: zmq.Socket) -> zmq.Socket:
    """The other end of a monitor for the end of handshakes."""
    endpoint = f"inproc://handshake-{next(numbers)}"
    socket.monitor(endpoint, zmq.EVENT_HANDSHAKE_SUCCEEDED)
    end = socket.context.socket(zmq.PAIR)
    end.connect(endpoint)
    return end


def wait_for_handshake(socket: zmq.Socket, end: zmq.Socket) -> None:
    finished = end.poll(HANDSHAKE_TIMEOUT_MS)
    socket.monitor(None, 0)
    end.close(linger=0)
    assert finished, "no handshake in time"


# -- other processes ------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def started_peers() -> Iterator[dict[str, Peer]]:
    peers: dict[str, Peer] = {}
    yield peers
    for peer in peers.values():
        try:
            peer.end()
        except subprocess.TimeoutExpired:
            if peer.library == "zmqfast":
                raise               # how pyzmq ends a process is pyzmq's: it may hang there


@pytest.fixture
def peer_of(started_peers) -> Iterator[Callable[[str], Peer]]:
    """`peer_of("zmq")` is a process with pyzmq, started once and emptied after each test; likewise "zmqfast"."""
    used: list[Peer] = []

    def make(library: str) -> Peer:
        if library not in started_peers or not started_peers[library].alive:
            started_peers[library] = Peer(library)
        used.append(started_peers[library])
        return started_peers[library]

    yield make
    for peer in used:
        peer.empty()


@pytest.fixture
def pyzmq_peer(peer_of) -> Peer:
    """A process with pyzmq; skips the test where pyzmq is not installed."""
    pytest.importorskip("zmq")
    return peer_of("zmq")


@pytest.fixture
def start_peer() -> Iterator[Callable[[str], Peer]]:
    """`start_peer("zmqfast")` starts a process of the test's own, to be killed or stopped; it has ended afterwards."""
    peers: list[Peer] = []

    def start(library: str) -> Peer:
        peers.append(Peer(library))
        return peers[-1]

    yield start
    for peer in peers:
        peer.end()
