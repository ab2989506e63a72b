"""Every call of a socket × what can be wrong: closed, context over, wrong turn, unsupported, wrong arguments."""

import threading

import pytest
import zmq

from differential.outcome import Step, attempt
from differential.tables import NOT_FLAGS, VALUES

TYPES = "PAIR PUB SUB REQ REP DEALER ROUTER PULL PUSH XPUB XSUB STREAM".split()

CALLS = {
    "bind": ("inproc://b",),
    "connect": ("inproc://c",),
    "unbind": ("inproc://b",),
    "disconnect": ("inproc://c",),
    "send": (b"x", zmq.DONTWAIT),
    "recv": (zmq.DONTWAIT,),
    "send_multipart": ([b"x", b"y"], zmq.DONTWAIT),
    "recv_multipart": (zmq.DONTWAIT,),
    "send_string": ("x", zmq.DONTWAIT),
    "recv_string": (zmq.DONTWAIT,),
    "send_json": ({}, zmq.DONTWAIT),
    "recv_json": (zmq.DONTWAIT,),
    "send_pyobj": ({}, zmq.DONTWAIT),
    "recv_pyobj": (zmq.DONTWAIT,),
    "send_serialized": (b"x", lambda body: [body], zmq.DONTWAIT),
    "recv_serialized": (lambda frames: frames, zmq.DONTWAIT),
    "poll": (0,),
    "fileno": (),
    "get": (zmq.LINGER,),
    "set": (zmq.LINGER, 0),
    "get_string": (zmq.LAST_ENDPOINT,),
    "set_string": (zmq.ROUTING_ID, "x"),
    "get_hwm": (),
    "set_hwm": (5,),
    "subscribe": ("x",),
    "unsubscribe": ("x",),
    "monitor": ("inproc://m", zmq.EVENT_CONNECTED),
    "get_monitor_socket": (),
    "disable_monitor": (),
    "bind_to_random_port": ("tcp://127.0.0.1",),
    "join": ("group",),
    "leave": ("group",),
    "close": (),
    "__enter__": (),
    "__repr__": (),
}
ADDRESSES = ("0x",)


def without_address(text):
    return Step("a text") if isinstance(text, str) and "0x" in text else text


def call(lib, socket, name):
    return Step(attempt(lib, lambda: without_address(getattr(socket, name)(*CALLS[name]))).split(" a ")[0])


@pytest.mark.parametrize("name", CALLS)
def test_any_call_on_a_closed_socket(agree, name):
    def case(lib, context):
        socket = context.socket(lib.DEALER)
        socket.close()
        return call(lib, socket, name), socket.closed

    agree("closed socket", [(name, case)])


def test_attributes_of_a_closed_socket(agree):
    def reading(name):
        def case(lib, context):
            socket = context.socket(lib.DEALER)
            socket.close()
            value = getattr(socket, name)
            return Step("a number") if name == "underlying" else value
        return case

    names = ("closed", "context", "linger", "sndhwm", "hwm", "type", "socket_type", "copy_threshold", "underlying",
             "last_endpoint", "events")
    agree("closed socket", [(f"attribute {name}", reading(name)) for name in names])


@pytest.mark.parametrize("name", CALLS)
def test_any_call_when_the_context_is_over(agree, name):
    def case(lib, context):
        socket = context.socket(lib.DEALER)
        ending = threading.Thread(target=context.term)
        ending.start()
        try:
            over = attempt(lib, socket.recv)  # waits until the context ends
            return over, call(lib, socket, name)
        finally:
            socket.close(linger=0)
            ending.join()

    agree("context over", [(name, case)])


@pytest.mark.parametrize("name", [name for name in CALLS if name.startswith(("send", "recv", "poll"))])
def test_any_transfer_on_an_unconnected_socket_of_any_type(agree, name):
    def case(socket_type):
        return lambda lib, context: call(lib, context.socket(getattr(lib, socket_type)), name)

    agree("unconnected", [(f"{socket_type}.{name}", case(socket_type)) for socket_type in TYPES])


@pytest.mark.parametrize("name", [name for name in CALLS if not name.startswith(("send", "recv", "poll"))])
def test_any_other_call_on_any_type(agree, name):
    def case(socket_type):
        def run(lib, context):
            socket = context.socket(getattr(lib, socket_type))
            try:
                outcome = call(lib, socket, name)
                return Step("a number") if name in ("fileno", "bind_to_random_port") else outcome
            finally:
                attempt(lib, socket.disable_monitor)
        return run

    agree("any type", [(f"{socket_type}.{name}", case(socket_type)) for socket_type in TYPES])


# -- turns ----------------------------------------------------------------------------------------------------------

def connected(lib, context, first, second):
    binding, connecting = context.socket(getattr(lib, first)), context.socket(getattr(lib, second))
    binding.bind("inproc://meeting")
    connecting.connect("inproc://meeting")
    return binding, connecting


TURNS = {
    "REQ receives first": ("REP", "REQ", [(1, "recv")]),
    "REP sends first": ("REP", "REQ", [(0, "send")]),
    "REQ sends twice": ("REP", "REQ", [(1, "send"), (1, "send")]),
    "REP receives twice": ("REP", "REQ", [(1, "send"), (0, "recv"), (0, "recv")]),
    "REP answers twice": ("REP", "REQ", [(1, "send"), (0, "recv"), (0, "send"), (0, "send")]),
    "a whole round": ("REP", "REQ", [(1, "send"), (0, "recv"), (0, "send"), (1, "recv"), (1, "recv")]),
    "REQ sends, polls and receives": ("REP", "REQ", [(1, "send"), (1, "recv"), (1, "poll")]),
    "PULL sends": ("PULL", "PUSH", [(0, "send")]),
    "PUSH receives": ("PULL", "PUSH", [(1, "recv")]),
    "PUB receives": ("PUB", "SUB", [(0, "recv")]),
    "SUB sends": ("PUB", "SUB", [(1, "send")]),
    "PAIR both ways": ("PAIR", "PAIR", [(0, "send"), (1, "recv"), (1, "send"), (0, "recv"), (0, "recv")]),
    "DEALER to REP": ("REP", "DEALER", [(1, "send"), (0, "recv")]),
    "ROUTER sends to nobody": ("ROUTER", "DEALER", [(0, "send"), (0, "send_multipart"), (0, "poll")]),
    "XSUB sends no subscription": ("XPUB", "XSUB", [(1, "send"), (0, "recv")]),
    "two PAIRs to one": ("PAIR", "PAIR", [(0, "send"), (0, "send"), (1, "recv_multipart"), (1, "recv")]),
}


@pytest.mark.parametrize("story", TURNS)
def test_calls_in_and_out_of_turn(agree, story):
    first, second, steps = TURNS[story]

    def case(lib, context):
        sockets = connected(lib, context, first, second)
        return [call(lib, sockets[who], what) for who, what in steps]

    agree("turns", [(story, case)])


def test_a_mandatory_router_knows_whom_it_cannot_reach(agree):
    def case(option, value, message):
        def send(lib, context):
            router = context.socket(lib.ROUTER)
            router.bind("inproc://meeting")
            setattr(router, option, value)
            return [attempt(lib, router.send_multipart, message, lib.DONTWAIT), attempt(lib, router.send, b"x")]
        return send

    agree("router", [(f"{option}={value} {message}", case(option, value, message))
                     for option, value in (("router_mandatory", 1), ("router_mandatory", 0))
                     for message in ([b"nobody", b"body"], [b"", b"body"], [b"nobody"], [b"x" * 300, b""])])


@pytest.mark.parametrize("socket_type", ["PUSH", "DEALER", "PAIR", "REQ"])
def test_a_full_socket(agree, socket_type):
    def case(name):
        def fill(lib, context):
            binding = context.socket(getattr(lib, socket_type))
            binding.sndhwm = 1
            binding.connect("tcp://127.0.0.1:1")  # nobody there
            for _ in range(3):
                attempt(lib, binding.send, b"x", lib.DONTWAIT)
            binding.sndtimeo = 0
            return call(lib, binding, name), attempt(lib, binding.send, b"x"), binding.poll(0, lib.POLLOUT)
        return fill

    agree("full", [(f"{socket_type}.{name}", case(name)) for name in CALLS if name.startswith("send")])


# -- arguments ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("copy", [True, False])
def test_sending_any_value(agree, copy):
    def case(method, value):
        def send(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            sent = attempt(lib, getattr(push, method), value, lib.DONTWAIT, copy=copy)
            push.send(b"next", lib.DONTWAIT)
            return sent, attempt(lib, pull.recv_multipart, lib.DONTWAIT)
        return send

    agree("send", [(f"{method}({name}, copy={copy})", case(method, value))
                   for method in ("send", "send_multipart") for name, value in VALUES.items()])
    agree("send", [(f"send_multipart([b'a', {name}, b'c'], copy={copy})", case("send_multipart", [b"a", value, b"c"]))
                   for name, value in VALUES.items()])


SEQUENCES = {
    "a tuple": lambda lib: (b"a", b"b"),
    "a generator": lambda lib: (frame for frame in (b"a", b"b")),
    "an iterator": lambda lib: iter([b"a", b"b"]),
    "a set": lambda lib: {b"a"},
    "a dict": lambda lib: {b"a": b"b"},
    "a range": lambda lib: range(3),
    "nested": lambda lib: [b"a", [b"b"]],
    "frames": lambda lib: [lib.Frame(b"a"), lib.Frame(b"b")],
    "the same frame twice": lambda lib: [lib.Frame(b"a")] * 2,
    "mixed": lambda lib: [b"a", bytearray(b"b"), memoryview(b"c"), lib.Frame(b"d")],
    "17 frames": lambda lib: [b"%d" % i for i in range(17)],
    "empty frames": lambda lib: [b"", b"", b""],
    "released memoryview": lambda lib: [b"a", released()],
}


def released():
    view = memoryview(b"x")
    view.release()
    return view


@pytest.mark.parametrize("name", SEQUENCES)
def test_sending_any_sequence(agree, name):
    def case(copy):
        def send(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            sent = attempt(lib, push.send_multipart, SEQUENCES[name](lib), lib.DONTWAIT, copy=copy)
            push.send(b"next", lib.DONTWAIT)
            return sent, attempt(lib, pull.recv_multipart, lib.DONTWAIT)
        return send

    agree("sequence", [(f"{name}, copy={copy}", case(copy)) for copy in (True, False)])


def test_flags_that_are_none(agree):
    def send(flags):
        def case(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            return attempt(lib, push.send, b"x", flags), attempt(lib, pull.recv, lib.DONTWAIT)
        return case

    def recv(method, flags):
        def case(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            push.send(b"x")
            pull.rcvtimeo = 0
            return attempt(lib, getattr(pull, method), flags), attempt(lib, pull.recv, lib.DONTWAIT)
        return case

    agree("flags", [(f"send with {name}", send(flags)) for name, flags in NOT_FLAGS.items()])
    agree("flags", [(f"{method} with {name}", recv(method, flags)) for name, flags in NOT_FLAGS.items()
                    for method in ("recv", "recv_multipart", "recv_string")])


def test_wrong_numbers_of_arguments(agree):
    calls = {
        "send()": lambda s: s.send(), "send(…, 7 arguments)": lambda s: s.send(b"", 0, True, False, None, None, 7),
        "send(no_such=1)": lambda s: s.send(b"", no_such=1), "recv(no_such=1)": lambda s: s.recv(no_such=1),
        "bind()": lambda s: s.bind(), "connect()": lambda s: s.connect(), "set(1)": lambda s: s.set(1),
        "get()": lambda s: s.get(), "close(1, 2)": lambda s: s.close(1, 2), "poll(1, 2, 3)": lambda s: s.poll(1, 2, 3),
        "send_multipart()": lambda s: s.send_multipart(), "recv_into()": lambda s: s.recv_into(),
        "send(data=…)": lambda s: s.send(data=b"x", flags=zmq.DONTWAIT),
        "send_multipart(msg_parts=…)": lambda s: s.send_multipart(msg_parts=[b"x"], flags=zmq.DONTWAIT),
        "bind(addr=…)": lambda s: s.bind(addr="inproc://z").__class__.__name__ and None,
        "connect(addr=…)": lambda s: s.connect(addr="inproc://z").__class__.__name__ and None,
        "set(option=…)": lambda s: s.set(option=zmq.LINGER, optval=0),
        "get(option=…)": lambda s: s.get(option=zmq.LINGER),
        "poll(timeout=0, flags=1)": lambda s: s.poll(timeout=0, flags=1),
        "close(linger=0)": lambda s: s.close(linger=0),
        "monitor(addr=…, events=…)": lambda s: s.monitor(addr="inproc://y", events=1),
    }
    agree("arguments", [(name, lambda lib, context, c=c: c(context.socket(lib.DEALER))) for name, c in calls.items()])


def test_waiting_for_any_time(agree):
    times = {name: value for name, value in VALUES.items() if name not in ("-1", "-2", "None", "2**31-1", "-2**31-1")}
    times.update({"0.9": 0.9, "-0.5": 0.0})

    def case(timeout):
        def poll(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            push.send(b"x")
            return attempt(lib, pull.poll, timeout), attempt(lib, pull.poll, timeout=timeout, flags=lib.POLLIN)
        return poll

    agree("poll", [(name, case(timeout)) for name, timeout in times.items()])
    agree("poll", [(f"flags {name}", lambda lib, context, flags=flags: context.socket(lib.DEALER).poll(0, flags))
                   for name, flags in NOT_FLAGS.items()])


def test_closing_with_any_linger(agree):
    def case(value):
        def close(lib, context):
            socket = context.socket(lib.DEALER)
            return attempt(lib, socket.close, value), socket.closed, attempt(lib, socket.close, value)
        return close

    agree("close", [(f"linger {name}", case(value)) for name, value in VALUES.items()])


def test_receiving_into_any_buffer(agree):
    def case(buffer, nbytes):
        def recv(lib, context):
            push, pull = connected(lib, context, "PUSH", "PULL")
            push.send(b"abcdef")
            target = buffer()
            return (attempt(lib, pull.recv_into, target, nbytes=nbytes), attempt(lib, lambda: bytes(target)[:8]),
                    attempt(lib, pull.recv, lib.DONTWAIT))
        return recv

    buffers = {"bytearray(6)": lambda: bytearray(6), "bytearray(10)": lambda: bytearray(10),
               "bytearray(3)": lambda: bytearray(3), "bytearray(0)": lambda: bytearray(),
               "bytes": lambda: b"123456", "None": lambda: None, "memoryview": lambda: memoryview(bytearray(6)),
               "readonly": lambda: memoryview(b"123456"), "strided": lambda: memoryview(bytearray(20))[::2],
               "a list": lambda: [0] * 6, "str": lambda: "123456"}
    agree("recv_into", [(f"{name}, nbytes={nbytes!r}", case(make, nbytes)) for name, make in buffers.items()
                        for nbytes in (0, 3, 6, 7, -1, 2**64, None, "3")])
