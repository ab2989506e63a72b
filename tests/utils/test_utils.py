"""pyzmq's utilities; the same cases on pyzmq where it is installed."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import subprocess
import sys
import threading

import pytest
import zmqfast as zmq
import zmqfast.asyncio
from zmqfast import decorators
from zmqfast.utils import interop, jsonapi, monitor, strtypes, win32, z85
from zmqfast.utils.garbage import GarbageCollector

# -- cases with one outcome in both libraries: (module, function, arguments, result or exception)

CASES = [
    ("jsonapi", "dumps", ({"a": "é"},), b'{"a": "\\u00e9"}'),
    ("jsonapi", "loads", (b'{"a": 1}',), {"a": 1}),
    ("jsonapi", "loads", ("[1]",), [1]),
    ("jsonapi", "loads", (b"\xff",), UnicodeDecodeError),
    ("jsonapi", "loads", (b"{",), ValueError),
    ("monitor", "parse_monitor_message", ([b"\1\0\5\0\0\0", b"tcp://x"],), {"event": 1, "value": 5, "endpoint": b"tcp://x"}),
    ("monitor", "parse_monitor_message", ([b"x"],), RuntimeError),
    ("strtypes", "asbytes", ("é",), "é".encode()),
    ("strtypes", "b", (b"x",), b"x"),
    ("strtypes", "cast_bytes", (3,), TypeError),
    ("strtypes", "u", (b"x",), "x"),
    ("strtypes", "cast_unicode", ("x",), "x"),
    ("strtypes", "u", (b"\xff",), UnicodeDecodeError),
    ("strtypes", "u", (3,), TypeError),
    ("z85", "encode", (b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b",), b"HelloWorld"),
    ("z85", "decode", (b"HelloWorld",), b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b"),
    ("z85", "decode", ("HelloWorld",), b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b"),
    ("z85", "encode", (bytearray(b"abcd"),), b"vpA.S"),
    ("z85", "encode", (b"",), b""),
    ("z85", "decode", (b"",), b""),
    ("z85", "encode", (b"123",), ValueError),
    ("z85", "decode", (b"123",), ValueError),
    ("z85", "encode", ("abcd",), TypeError),
    ("z85", "decode", ("éaaaa",), ValueError),
    ("interop", "cast_int_addr", (3,), 3),
    ("interop", "cast_int_addr", (None,), ValueError),
    ("interop", "cast_int_addr", ("x",), ValueError),
]


@pytest.mark.filterwarnings("ignore:.*strtypes is deprecated")
@pytest.mark.parametrize("library", ["zmqfast", "zmq"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}.{case[1]}{case[2]}")
def test_utilities_do_what_pyzmqs_do(case, library):
    module, name, arguments, expected = case
    pytest.importorskip(library)
    function = getattr(importlib.import_module(f"{library}.utils.{module}"), name)
    if isinstance(expected, type):
        with pytest.raises(expected):
            function(*arguments)
    else:
        assert function(*arguments) == expected


def test_text_that_is_no_z85_is_a_wrong_value():
    for text in (b"\xff1234", "aaaa~", b"#####"):
        with pytest.raises(ValueError):
            z85.decode(text)


def test_strtypes_warns_its_caller():
    with pytest.warns(DeprecationWarning, match="strtypes") as caught:
        strtypes.u(b"x")
    assert caught[0].filename == __file__


def test_json_options_are_passed_on():
    assert jsonapi.dumps([1, 2], separators=(",", ":")) == b"[1,2]"
    assert jsonapi.loads(b"1.5", parse_float=str) == "1.5"


def test_addresses_of_ctypes_and_cffi_are_ints():
    assert interop.cast_int_addr(ctypes.c_void_p(77)) == 77
    with zmq.Context() as context, zmq.Context.shadow(interop.cast_int_addr(context.underlying)) as shadow:
        assert shadow.underlying == context.underlying
    cffi = pytest.importorskip("cffi")
    assert interop.cast_int_addr(cffi.FFI().cast("void *", 77)) == 77


@pytest.mark.parametrize("action", [None, lambda: None])
def test_ctrl_c_can_be_allowed_anywhere(action):
    with win32.allow_interrupt(action) as allowed:
        assert isinstance(allowed, win32.allow_interrupt)


def test_a_monitor_gives_dicts(context):
    pull = context.socket(zmq.PULL)
    events = pull.get_monitor_socket()
    pull.bind("tcp://127.0.0.1:*")
    event = monitor.recv_monitor_message(events)
    assert event["event"] == zmq.EVENT_LISTENING
    assert event["endpoint"] == pull.last_endpoint
    pull.disable_monitor()
    events.close()


def test_an_asyncio_monitor_gives_awaitables():
    async def run():
        with zmqfast.asyncio.Context() as context, context.socket(zmq.PULL) as pull:
            events = pull.get_monitor_socket()
            pull.bind("tcp://127.0.0.1:*")
            event = await monitor.recv_monitor_message(events)
            pull.disable_monitor()
            events.close()
            return event["event"]

    assert asyncio.run(run()) == zmq.EVENT_LISTENING


def test_a_monitor_with_nothing_to_say_is_again(context):
    pull = context.socket(zmq.PULL)
    events = pull.get_monitor_socket()
    with pytest.raises(zmq.Again):
        monitor.recv_monitor_message(events, zmq.DONTWAIT)
    events.close()


# -- garbage

class Thing:
    pass


def test_an_object_is_kept_until_its_id_arrives():
    collector = GarbageCollector()
    released = threading.Event()
    number = collector.store(Thing(), released)
    assert collector.is_alive() and number in collector.refs
    with collector.context.socket(zmq.PUSH) as push:
        push.connect(collector.url)
        push.send(number.to_bytes(8, sys.byteorder))
        assert released.wait(10)
        assert not collector.refs
    collector.stop()
    assert not collector.is_alive()
    collector.stop()


def test_a_stopped_collector_starts_again_and_lets_everything_go():
    collector = GarbageCollector()
    collector.store(Thing())
    collector.stop()
    assert not collector.refs
    collector.store(Thing())
    assert collector.is_alive()
    collector.stop()


def test_a_context_of_the_users_stays_open(context):
    collector = GarbageCollector(context)
    collector.store(Thing())
    collector.stop()
    assert not context.closed


# -- decorators

def test_a_decorated_function_gets_a_context_that_is_closed_afterwards():
    @decorators.context()
    def function(first, context):
        assert first == 1 and not context.closed
        return context

    assert function(1).closed
    assert function.__name__ == "function"


@pytest.mark.parametrize("arguments", [("named",), ("named", 2)])
def test_a_name_makes_it_a_keyword(arguments):
    @decorators.context(*arguments)
    def function(*, named):
        return named.get(zmq.IO_THREADS)

    assert function() == (2 if arguments[1:] else 1)
    with pytest.raises(TypeError, match="multiple values"):
        function(named=1)


def test_a_socket_is_opened_by_the_context_among_the_arguments():
    @decorators.context(name="ctx", io_threads=1)
    @decorators.socket("first", zmq.PUB, context_name="ctx")
    @decorators.socket(zmq.SUB, context_name="ctx")
    def named(second, ctx, first):
        assert (first.socket_type, second.socket_type) == (zmq.PUB, zmq.SUB)
        assert first.context is ctx
        second.close()
        return first

    @decorators.context()
    @decorators.socket(zmq.PUB)
    def positional(context, socket):
        assert socket.context is context
        return socket

    assert named().closed
    assert positional().closed


def test_a_socket_without_a_context_is_opened_by_the_instance():
    @decorators.socket(zmq.PUB)
    def function(socket):
        return socket.context

    assert function() is zmq.Context.instance()
    zmq.Context.instance().term()


def test_a_name_is_given_once():
    with pytest.raises(TypeError, match="twice"):
        decorators.socket("a", zmq.PUB, name="b")


# -- python -m zmqfast.curve_keygen

def keygen(*arguments):
    return subprocess.run([sys.executable, "-m", "zmqfast.curve_keygen", *arguments], capture_output=True, text=True)


@pytest.mark.skipif(not zmq.has("curve"), reason="built without CURVE")
def test_keys_are_printed():
    keys = json.loads(keygen("--json").stdout)
    assert zmq.curve_public(keys["secret"]).decode() == keys["public"]
    assert json.loads(keygen("--json", "--secret", keys["secret"]).stdout) == keys
    lines = keygen().stdout.split("\n")
    assert zmq.curve_public(lines[4]).decode() == lines[1]
    like_an_option = "-" + 39 * "0"
    assert json.loads(keygen("--secret", like_an_option, "--json").stdout)["secret"] == like_an_option
    wrong = keygen("--secret", keys["secret"][1:])
    assert wrong.returncode == 2 and keys["secret"][1:] not in wrong.stderr
