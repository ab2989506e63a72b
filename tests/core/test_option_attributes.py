"""Options as attributes of sockets and contexts, in lower and upper case, like pyzmq's."""

from __future__ import annotations

import pytest

import zmqfast
from zmqfast import options
from zmqfast.constants import ContextOption, SocketOption

SOCKET_TYPES = [kind for kind in zmqfast.SocketType if kind <= zmqfast.STREAM]
# Groups that zmqfast can read, and pyzmq, or its libzmq without drafts, cannot; or that depend on the build.
DIFFERENT = ("HWM", "CURVE_", "IN_BATCH", "OUT_BATCH", "ROUTER_NOTIFY", "PRIORITY", "BUSY_POLL", "NORM_", "GSSAPI_",
             "VMCI_")
NO_VALUES = ("FD", "SUBSCRIBE", "UNSUBSCRIBE")


@pytest.fixture
def socket(context):
    return context.socket(zmqfast.DEALER)


@pytest.mark.parametrize("kind", SOCKET_TYPES, ids=lambda kind: kind.name)
def test_every_option_reads_as_in_pyzmq(context, kind):
    pyzmq = pytest.importorskip("zmq")
    with pyzmq.Context() as theirs, theirs.socket(kind) as their_socket, context.socket(kind) as our_socket:
        for name in pyzmq.SocketOption.__members__:
            if name.startswith(DIFFERENT) or name in NO_VALUES:
                continue
            for spelt in (name, name.lower()):
                ours = read(our_socket, spelt)
                if zmqfast.zmq_version_info() < (4, 3, 5) and is_lacking(our_socket, name):
                    assert ours is AttributeError       # Debian's libzmq is older than pyzmq's
                    continue
                assert ours == read(their_socket, spelt), spelt


def read(socket, name):
    try:
        return getattr(socket, name)
    except AttributeError as error:
        return type(error)


def is_lacking(socket, name):
    """Whether the libzmq inside has no such option."""
    try:
        socket.get(SocketOption[name])
    except zmqfast.ZMQVersionError:
        return True
    except zmqfast.ZMQError:
        pass
    return False


def test_looking_at_every_attribute_is_harmless(socket):
    import inspect
    from unittest import mock

    inspect.getmembers(socket)
    assert mock.Mock(spec=socket).linger


def test_every_option_has_its_line():
    for name in SocketOption.__members__:
        for spelt in (name, name.lower()):
            assert hasattr(options.ContextOptions, spelt) or hasattr(options.SocketOptions, spelt), spelt
    for name in ContextOption.__members__:
        assert vars(options.ContextOptions)[name] is vars(options.ContextOptions)[name.lower()]
    for place in (options.SettableOptions, options.SocketOptions, options.ContextOptions):
        for name, attribute in vars(place).items():
            if isinstance(attribute, (options.Option, options.ContextAttribute)):
                members = {**SocketOption.__members__, **ContextOption.__members__}
                assert attribute.number == members[name.upper()], name


def test_a_line_has_the_c_type_of_its_option():
    for place in (options.SettableOptions, options.SocketOptions):
        for name, attribute in vars(place).items():
            if isinstance(attribute, options.Option):
                is_bytes = isinstance(attribute, (options.BytesOption, options.ReadOnlyBytes))
                assert is_bytes == (attribute.number.c_type is zmqfast.constants.OptType.BYTES), name


def test_setting_an_attribute_sets_the_option(socket):
    socket.linger = 5
    assert socket.LINGER == socket.get(zmqfast.LINGER) == 5
    socket.RCVTIMEO = 7
    assert socket.rcvtimeo == 7
    socket.identity = b"name"
    assert socket.routing_id == b"name"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("typo", 1, AttributeError),
        ("linger", "5", TypeError),
        ("linger", 1.5, TypeError),
        ("linger", 2**40, OverflowError),
        ("identity", "name", TypeError),
        ("identity", 5, TypeError),
        ("rcvmore", 1, zmqfast.ZMQError),
        ("curve_publickey", b"short", zmqfast.ZMQError),
        ("subscribe", 5, TypeError),
        ("socket_type", zmqfast.PUB, AttributeError),
    ],
)
def test_a_bad_attribute_or_value_is_refused_as_by_pyzmq(socket, name, value, kind):
    with pytest.raises(kind):
        setattr(socket, name, value)


def test_an_option_that_cannot_be_read_is_an_attribute_that_is_not_there(socket):
    assert not hasattr(socket, "router_mandatory")
    with pytest.raises(AttributeError, match="router_mandatory cannot be read"):
        _ = socket.router_mandatory


def test_an_option_of_a_closed_socket_raises_enotsock(socket):
    socket.close()
    with pytest.raises(zmqfast.ZMQError) as caught:
        _ = socket.linger
    assert caught.value.errno == zmqfast.ENOTSOCK
    assert socket.type is zmqfast.DEALER


def test_subscribe_can_be_called_and_assigned_to(context):
    with context.socket(zmqfast.SUB) as socket, context.socket(zmqfast.XPUB) as publisher:
        publisher.bind("inproc://subscriptions")
        socket.connect("inproc://subscriptions")
        socket.subscribe("a")
        socket.subscribe(b"b")
        socket.subscribe = "c"
        socket.SUBSCRIBE = b"d"
        socket.unsubscribe("a")
        socket.unsubscribe = b"b"
        received = [publisher.recv(timeout=5) for _ in range(6)]
        assert received == [b"\x01a", b"\x01b", b"\x01c", b"\x01d", b"\x00a", b"\x00b"]


def test_a_context_option_is_an_attribute(context):
    context.max_sockets = 10
    assert context.MAX_SOCKETS == context.get(zmqfast.MAX_SOCKETS) == 10
    context.blocky = 0
    with context.socket(zmqfast.PUB) as socket:
        assert socket.linger == 0
    assert not hasattr(context, "thread_affinity_cpu_add")


def test_a_context_names_its_threads(context):
    context.thread_name_prefix = "fast"
    assert context.thread_name_prefix == "fast"


def test_a_socket_option_of_a_context_is_the_default_of_new_sockets(context):
    context.linger = 7
    context.SNDHWM = 8
    context.subscribe = b"news"     # counts for SUB sockets only
    assert (context.linger, context.sndhwm, context.SUBSCRIBE) == (7, 8, b"news")
    with context.socket(zmqfast.XPUB) as pub, context.socket(zmqfast.SUB) as sub:
        assert (pub.linger, pub.sndhwm, sub.linger) == (7, 8, 7)
        pub.bind("inproc://subscriptions")
        sub.connect("inproc://subscriptions")
        assert pub.recv(timeout=5) == b"\x01news"
    del context.linger
    with context.socket(zmqfast.PUB) as pub:
        assert (pub.linger, pub.sndhwm) == (-1, 8)


@pytest.mark.parametrize("name", ["typo", "PUB", "EVENT_ALL"])
def test_an_attribute_that_is_no_option_of_a_context_is_refused(context, name):
    with pytest.raises(AttributeError):
        setattr(context, name, 1)


@pytest.mark.parametrize("name", ["linger", "SNDHWM", "typo"])
def test_a_default_that_was_never_set_is_an_attribute_that_is_not_there(context, name):
    with pytest.raises(AttributeError):
        getattr(context, name)
    with pytest.raises(AttributeError):
        delattr(context, name)


def test_a_subclass_may_have_attributes_of_its_own(context):
    class Named(zmqfast.Socket):
        name = "nobody"

    socket = Named(context, zmqfast.PUB)
    socket.name = "me"
    socket.linger = 0
    assert (socket.name, socket.LINGER) == ("me", 0)
    socket.close()
