"""Random ports, `with`, subclasses, copies, monitors, and the names of the module."""

import copy
import warnings

import pytest
import zmq

from differential.outcome import Step, attempt

PORTS = {       # those of a range are below what the system gives to connections: one try must not meet one
    "default": (), "any": ("tcp://*",), "loopback": ("tcp://127.0.0.1",), "ipv6": ("tcp://[::1]",),
    "a small range": ("tcp://127.0.0.1", 20000, 20100), "an empty range": ("tcp://127.0.0.1", 5000, 5000),
    "a range upside down": ("tcp://127.0.0.1", 5001, 5000), "no tries": ("tcp://127.0.0.1", 20000, 20100, 0),
    "negative tries": ("tcp://127.0.0.1", 20000, 20100, -1), "one try": ("tcp://127.0.0.1", 20000, 20900, 1),
    "ports too large": ("tcp://127.0.0.1", 70000, 70010), "text for a port": ("tcp://127.0.0.1", "a", "b"),
    "a port in the address": ("tcp://127.0.0.1:5555",), "not ours": ("tcp://192.0.2.1",), "ipc": ("ipc://a",),
    "inproc": ("inproc://a",), "no transport": ("127.0.0.1",), "None": (None,), "bytes": (b"tcp://127.0.0.1",),
    "a number": (5,), "not ours, in a range": ("tcp://192.0.2.1", 40000, 40010),
    "nonsense, in a range": ("nonsense", 40000, 40010), "ipc in a range": ("ipc://b", 40000, 40010),
}


@pytest.mark.parametrize("name", PORTS)
def test_random_ports(agree, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def case(lib, context):
        socket = context.socket(lib.PULL)
        port = socket.bind_to_random_port(*PORTS[name])
        return type(port), 0 < port < 65536, socket.last_endpoint.rstrip(b"\0").endswith(f":{port}".encode())

    agree("random port", [(name, case)])


def test_random_ports_of_a_range_that_is_taken(agree):
    def case(lib, context):
        first, second = context.socket(lib.PULL), context.socket(lib.PULL)
        port = first.bind_to_random_port("tcp://127.0.0.1")
        return attempt(lib, second.bind_to_random_port, "tcp://127.0.0.1", port, port + 1, 5)

    agree("random port", [("taken", case)])


# -- with -----------------------------------------------------------------------------------------------------------

def with_socket(lib, context):
    with context.socket(lib.PULL) as socket:
        inside = socket.closed
    return inside, socket.closed


def with_error(lib, context):
    with context.socket(lib.PULL) as socket:
        socket.bind("inproc://a")
        raise KeyError("x")


def with_bind(lib, context):
    socket = context.socket(lib.PULL)
    with socket.bind("tcp://127.0.0.1:*") as same:
        inside = same is socket, socket.closed
        endpoint = socket.last_endpoint.rstrip(b"\0").decode()
    return inside, socket.closed, attempt(lib, socket.unbind, endpoint)


def with_connect(lib, context):
    socket = context.socket(lib.PUSH)
    with socket.connect("tcp://127.0.0.1:1") as same:
        inside = same is socket, socket.closed
    return inside, socket.closed, attempt(lib, socket.disconnect, "tcp://127.0.0.1:1")


def with_bind_unbound_inside(lib, context):
    socket = context.socket(lib.PULL)
    with socket.bind("inproc://a"):
        socket.unbind("inproc://a")
    return socket.closed


def with_bind_closed_inside(lib, context):
    socket = context.socket(lib.PULL)
    with socket.bind("tcp://127.0.0.1:*"):
        socket.close()
    return socket.closed


def with_bind_error_inside(lib, context):
    socket = context.socket(lib.PULL)
    with socket.bind("tcp://127.0.0.1:*"):
        raise KeyError("x")


def nested(lib, context):
    with context.socket(lib.PULL) as pull, context.socket(lib.PUSH) as push:
        with pull.bind("inproc://a"), push.connect("inproc://a"):
            push.send(b"x")
            got = pull.recv()
    return got, pull.closed, push.closed


def with_context(lib, context):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lib.Context() as own:
            socket = own.socket(lib.PULL)
    return socket.closed, own.closed, [warning.category.__name__ for warning in caught]


# -- subclasses -----------------------------------------------------------------------------------------------------

def socket_subclass(lib, context):
    class Mine(lib.Socket):
        label = "mine"

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.calls = 0

        def send(self, *args, **kwargs):
            self.calls += 1
            return super().send(*args, **kwargs)

    socket = Mine(context, lib.PUSH)
    try:
        attempt(lib, socket.send_string, "x", lib.DONTWAIT)
        attempt(lib, socket.send_json, {}, lib.DONTWAIT)
        attempt(lib, socket.send_pyobj, {}, lib.DONTWAIT)
        attempt(lib, socket.send_multipart, [b"x"], lib.DONTWAIT)
        return socket.calls >= 3, socket.label, isinstance(socket, lib.Socket), socket.linger
    finally:
        socket.close()


def subclass_with_attributes(lib, context):
    class Mine(lib.Socket):
        note = None

    socket = Mine(context, lib.PUSH)
    try:
        return [attempt(lib, setattr, socket, "note", 5), socket.note, attempt(lib, setattr, socket, "no_such", 5),
                attempt(lib, setattr, socket, "linger", 5), socket.linger]
    finally:
        socket.close()


def subclass_with_property(lib, context):
    class Mine(lib.Socket):
        @property
        def linger_s(self):
            return self.linger / 1000

        @linger_s.setter
        def linger_s(self, value):
            self.linger = int(1000 * value)

    socket = Mine(context, lib.PUSH)
    try:
        socket.linger_s = 2
        return socket.linger, socket.linger_s
    finally:
        socket.close()


def context_subclass(lib, context):
    class Mine(lib.Context):
        def socket(self, kind, **kwargs):
            made = super().socket(kind, **kwargs)
            made.linger = 77
            return made

    with Mine() as own:
        socket = own.socket(lib.PUSH)
        linger = socket.linger
        socket.close()
    return linger, isinstance(own, lib.Context)


def socket_class(lib, context):
    class Mine(lib.Socket):
        pass

    class Makes(lib.Context):
        _socket_class = Mine

    with Makes() as own, own.socket(lib.PUSH) as socket:
        first = type(socket).__name__
    with lib.Context() as other, other.socket(lib.PUSH, socket_class=Mine) as socket:
        return first, type(socket).__name__


def copies(lib, context):
    socket = context.socket(lib.DEALER)
    shadow = copy.copy(socket)
    outcome = [shadow is socket, shadow.underlying == socket.underlying, isinstance(shadow, lib.Socket)]
    shadow.close()
    return outcome, shadow.closed


def hashes(lib, context):
    one, two = context.socket(lib.PUSH), context.socket(lib.PUSH)
    return len({one, two, one}), one == one, one == two, one != two, {one: 1}[one]


def reprs(lib, context):
    socket = context.socket(lib.PUSH)
    shown = repr(socket).split(" at ")[0]
    socket.close()
    return Step(shown), "closed" in repr(socket), Step(repr(lib.Context.__name__))


def slots(lib, context):
    socket = context.socket(lib.PUSH)
    return [attempt(lib, setattr, socket, name, 5) for name in ("no_such", "recv", "closed", "context", "_private")]


def weakly(lib, context):
    import weakref

    socket = context.socket(lib.PUSH)
    return weakref.ref(socket)() is socket, weakref.ref(context)() is context


STORIES = {f.__name__: f for f in (
    with_socket, with_error, with_bind, with_connect, with_bind_unbound_inside, with_bind_closed_inside,
    with_bind_error_inside, nested, with_context, socket_subclass, subclass_with_attributes, subclass_with_property,
    context_subclass, socket_class, copies, hashes, reprs, slots, weakly)}


@pytest.mark.parametrize("name", STORIES)
def test_stories(agree, name):
    agree("story", [(name, STORIES[name])])


# -- names ----------------------------------------------------------------------------------------------------------

CONSTANTS = [name for name in dir(zmq) if name.isupper() and isinstance(getattr(zmq, name), int)]
ENUMS = ("Flag PollEvent SocketType SocketOption ContextOption MessageOption Event Errno SecurityMechanism"
         " ReconnectStop RouterNotify NormMode DeviceType").split()


def test_constants_have_the_same_value_and_kind(agree):
    agree("constant", [(name, lambda lib, context, name=name: getattr(lib, name)) for name in CONSTANTS])


@pytest.mark.parametrize("enum", ENUMS)
def test_enums_have_the_same_members(agree, enum):
    def members(lib, context):
        return [f"{member}={int(value)}" for member, value in sorted(getattr(lib, enum).__members__.items())]

    agree("enum", [(f"{enum}.{name}", lambda lib, context, name=name: int(getattr(lib, enum).__members__[name]))
                   for name in getattr(zmq, enum).__members__])
    agree("enum", [(f"{enum} bases", lambda lib, context: [base.__name__ for base in getattr(lib, enum).__mro__])])


BY_ACCIDENT = {"Enum", "IntEnum", "IntFlag", "__revision__"}  # what pyzmq's own modules import
NAMES = sorted(set(zmq.__all__) - BY_ACCIDENT)


def test_public_names_exist(agree):
    agree("name", [(name, lambda lib, context, name=name: hasattr(lib, name)) for name in NAMES])
