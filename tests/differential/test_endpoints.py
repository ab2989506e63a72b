"""bind, connect, unbind, disconnect, monitor × endpoints of every kind."""

import pytest

import zmqfast

from differential.outcome import Step, attempt
from differential.tables import ENDPOINTS, NOT_WITH_PYZMQ

ALL = {**ENDPOINTS, **NOT_WITH_PYZMQ}
TYPES = ("DEALER", "PUB", "REP", "STREAM")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for ipc endpoints with a relative path


@pytest.mark.parametrize("call", ["bind", "connect", "unbind", "disconnect"])
def test_a_first_call_with_any_endpoint(agree, call):
    def case(socket_type, endpoint):
        def make(lib, context):
            attempt_call = attempt(lib, getattr(context.socket(getattr(lib, socket_type)), call), endpoint)
            return Step(attempt_call.split(" a ")[0])
        return make

    agree(call, [(f"{name} on {socket_type}", case(socket_type, endpoint))
                 for socket_type in TYPES for name, endpoint in ALL.items()])


@pytest.mark.parametrize("endpoint", ["inproc://a", "tcp://127.0.0.1:*", "ipc://a"])
def test_ending_what_was_begun(agree, endpoint):
    def steps(*calls):
        def case(lib, context):
            socket = context.socket(lib.DEALER)
            outcomes = []
            for call in calls:
                where = socket.get(lib.LAST_ENDPOINT).rstrip(b"\0").decode() or endpoint
                outcome = attempt(lib, getattr(socket, call), endpoint if call in ("bind", "connect") else where)
                outcomes.append(Step(outcome.split(" a ")[0]))
            return outcomes
        return case

    sequences = (
        ("bind", "unbind"), ("bind", "unbind", "unbind"), ("bind", "disconnect"), ("bind", "bind"),
        ("bind", "unbind", "bind", "unbind"), ("bind", "connect"), ("unbind",), ("disconnect",),
    )
    agree("sequence", [(f"{', '.join(calls)} {endpoint}", steps(*calls)) for calls in sequences])


def test_connecting_and_disconnecting(agree):
    def case(endpoint, calls):
        def make(lib, context):
            socket = context.socket(lib.DEALER)
            return [Step(attempt(lib, getattr(socket, call), endpoint).split(" a ")[0]) for call in calls]
        return make

    sequences = (
        ("connect", "disconnect"), ("connect", "disconnect", "disconnect"), ("connect", "connect"),
        ("connect", "connect", "disconnect", "disconnect"), ("connect", "unbind"), ("connect", "bind"),
    )
    agree("sequence", [(f"{', '.join(calls)} {endpoint}", case(endpoint, calls))
                       for calls in sequences for endpoint in ("tcp://127.0.0.1:1", "inproc://nobody", "ipc://nobody")
                       if (calls, endpoint) != (("connect", "connect"), "inproc://nobody")])     # see the next


def test_two_connections_that_wait_for_the_same_inproc_endpoint():
    """Not with pyzmq: when its context ends before somebody binds, libzmq still looks at the first's socket while the reaper
    closes that, which ends the process once in some ten thousand times (packaging/libzmq_fixes: check_tag()).
    """
    with zmqfast.Context() as context, context.socket(zmqfast.DEALER) as dealer, context.socket(zmqfast.ROUTER) as router:
        dealer.connect("inproc://nobody")
        dealer.connect("inproc://nobody")
        router.bind("inproc://nobody")
        dealer.send_many([b"first", b"second"])
        assert len({router.recv_multipart(timeout=10)[0] for _ in range(2)}) == 2
    for _ in range(100):
        with zmqfast.Context() as context, context.socket(zmqfast.DEALER) as dealer:
            dealer.linger = 0
            dealer.connect("inproc://nobody")
            dealer.connect("inproc://nobody")


def test_an_address_in_use(agree):
    def case(endpoint):
        def make(lib, context):
            first, second = context.socket(lib.PULL), context.socket(lib.PULL)
            first.bind(endpoint)
            return attempt(lib, second.bind, first.get(lib.LAST_ENDPOINT).rstrip(b"\0").decode())
        return make

    agree("bind", [(f"{endpoint} in use", case(endpoint)) for endpoint in ("tcp://127.0.0.1:*", "inproc://a")])


def test_ipc_paths_that_cannot_be_bound(agree, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "readonly").mkdir(0o500)
    names = ("file/socket", "folder", "folder/socket", "é")

    def bind(name):
        return lambda lib, context: Step(attempt(
            lib, context.socket(lib.PULL).bind, f"ipc://{name}").split(" a ")[0])

    agree("bind", [(f"ipc://{name}", bind(name)) for name in names])


@pytest.mark.parametrize("call", ["monitor", "get_monitor_socket"])
def test_monitors_with_any_endpoint(agree, call):
    def case(endpoint):
        def make(lib, context):
            socket = context.socket(lib.DEALER)
            if call == "monitor":
                outcome = attempt(lib, socket.monitor, endpoint)
            else:
                outcome = attempt(lib, lambda: isinstance(socket.get_monitor_socket(addr=endpoint), lib.Socket))
            end_monitor(lib, context, socket, endpoint)
            return outcome
        return make

    agree(call, [(name, case(endpoint)) for name, endpoint in ENDPOINTS.items()
                 if isinstance(endpoint, (str, bytes)) and endpoint != b"inproc://\xff"])


def end_monitor(lib, context, socket, endpoint):
    """pyzmq hangs when it ends a monitor that nobody is connected to."""
    text = endpoint if isinstance(endpoint, str) else endpoint.decode(errors="replace")
    attempt(lib, context.socket(lib.PAIR).connect, text)
    attempt(lib, socket.disable_monitor)


def test_groups_on_sockets_without_groups(agree):
    groups = {"'a'": "a", "b'a'": b"a", "''": "", "15 characters": "a" * 15, "16 characters": "a" * 16,
              "None": None, "7": 7}
    agree("join", [(f"{call} {name} on {kind}", lambda lib, context, call=call, group=group, kind=kind:
                    getattr(context.socket(getattr(lib, kind)), call)(group))
                   for call in ("join", "leave") for name, group in groups.items() for kind in ("SUB", "DEALER")])
