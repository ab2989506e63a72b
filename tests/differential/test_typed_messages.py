"""String, JSON, pickled and serialized messages; and the small functions of the module."""

import pytest

from differential.outcome import Step, attempt


def pair(lib, context):
    first, second = context.socket(lib.PAIR), context.socket(lib.PAIR)
    first.bind("inproc://meeting")
    second.connect("inproc://meeting")
    second.rcvtimeo = 0
    return first, second


OBJECTS = {"None": None, "a number": 5, "a float": 1.5, "nan": float("nan"), "a text": "é", "bytes": b"x", "a list": [1],
           "a tuple": (1, 2), "a set": {1}, "a dict": {"a": 1}, "a dict of numbers": {1: 2}, "an object": object(),
           "a function": lambda: 1, "nested": {"a": [None, True, {"b": "é"}]}, "a surrogate": "\ud800"}
TEXTS = {"''": "", "'a'": "a", "'é'": "é", "'\\0'": "\0", "a surrogate": "\ud800", "None": None, "5": 5, "[]": [],
         "bytes": b"x", "bytearray": bytearray(b"x"), "a long one": "é" * 10_000}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "ascii", "none such"])
def test_strings(agree, encoding):
    def case(text):
        def send_and_recv(lib, context):
            one, two = pair(lib, context)
            return (attempt(lib, one.send_string, text, encoding=encoding), attempt(lib, two.recv_string,
                                                                                   encoding=encoding))
        return send_and_recv

    agree(f"string {encoding}", [(name, case(text)) for name, text in TEXTS.items()])


def test_strings_in_other_calls(agree):
    def case(call, *args, **kwargs):
        def send(lib, context):
            one, two = pair(lib, context)
            return attempt(lib, getattr(one, call), *args, **kwargs), attempt(lib, two.recv_multipart)
        return send

    agree("send_string", [
        ("SNDMORE only", case("send_string", "a", 2)),
        ("copy=False", case("send_string", "a", copy=False)),
        ("send_unicode", case("send_unicode", "a")),
        ("no such keyword", case("send_string", "a", no_such=5)),
        ("flags as keyword", case("send_string", "a", flags=0)),
    ])
    agree("recv_string", [(repr(data), lambda lib, context, data=data: received(lib, context, data, "recv_string"))
                          for data in (b"", b"a", b"\xff", "é".encode(), b"\0")])
    agree("recv_unicode", [("b'a'", lambda lib, context: received(lib, context, b"a", "recv_unicode"))])


def received(lib, context, data, call, *args, **kwargs):
    one, two = pair(lib, context)
    one.send(data)
    return attempt(lib, getattr(two, call), *args, **kwargs)


def test_json(agree):
    def case(thing, **kwargs):
        def send_and_recv(lib, context):
            one, two = pair(lib, context)
            return attempt(lib, one.send_json, thing, **kwargs), attempt(lib, lambda: Step(repr(two.recv_json())))
        return send_and_recv

    agree("json", [(name, case(thing)) for name, thing in OBJECTS.items()])
    agree("json", [("sort_keys", case({"b": 1, "a": 2}, sort_keys=True)), ("indent", case({"a": 1}, indent=2)),
                   ("ensure_ascii", case("é", ensure_ascii=False)), ("no_such", case(1, no_such=1))])

    def on_the_wire(thing, **kwargs):
        def send_and_recv(lib, context):
            one, two = pair(lib, context)
            one.send_json(thing, **kwargs)
            return two.recv()
        return send_and_recv

    agree("json on the wire", [
        (repr(thing), on_the_wire(thing)) for thing in ({"a": [1, 2]}, "é", 1.5, None, {"b": 1, "a": 2})])
    agree("recv_json", [(repr(data), lambda lib, context, data=data: received(lib, context, data, "recv_json"))
                        for data in (b"", b"{", b"\xff", b"1", b'"\xc3\xa9"', b"NaN", "\ufeff1".encode())])


def test_pickled_objects(agree):
    def case(thing, **kwargs):
        def send_and_recv(lib, context):
            one, two = pair(lib, context)
            return (attempt(lib, one.send_pyobj, thing, **kwargs),
                    attempt(lib, lambda: Step(repr(two.recv_pyobj()).split(" at ")[0])))
        return send_and_recv

    agree("pyobj", [(name, case(thing)) for name, thing in OBJECTS.items()])
    agree("pyobj", [(f"protocol {protocol!r}", case([1], protocol=protocol)) for protocol in (0, 2, 5, -1, 99, "x")])
    agree("recv_pyobj", [(repr(data), lambda lib, context, data=data: received(lib, context, data, "recv_pyobj"))
                         for data in (b"", b"x", b"\x80\x05.")])


def test_serialized_messages(agree):
    def case(serialize, deserialize, **kwargs):
        def send_and_recv(lib, context):
            one, two = pair(lib, context)
            return (attempt(lib, one.send_serialized, [b"a", b"b"], serialize, **kwargs),
                    attempt(lib, two.recv_serialized, deserialize))
        return send_and_recv

    def failing(frames):
        raise KeyError("no")

    agree("serialized", [
        ("as they are", case(lambda m: m, lambda m: m)),
        ("joined", case(lambda m: [b"".join(m)], lambda m: m[0].decode())),
        ("text instead of frames", case(lambda m: ["text"], lambda m: m)),
        ("bytes instead of frames", case(lambda m: b"xyz", lambda m: m)),
        ("no frames", case(lambda m: [], lambda m: m)),
        ("None", case(lambda m: None, lambda m: m)),
        ("a generator", case(lambda m: (f for f in m), lambda m: m)),
        ("failing to serialize", case(failing, lambda m: m)),
        ("failing to deserialize", case(lambda m: m, failing)),
        ("nothing to serialize with", case(None, None)),
        ("copy=False", case(lambda m: m, lambda m: m, copy=False)),
    ])


FUNCTIONS = {
    "strerror(EAGAIN)": lambda lib: lib.strerror(11),
    "strerror(EFSM)": lambda lib: lib.strerror(lib.EFSM),
    "strerror(ETERM)": lambda lib: lib.strerror(lib.ETERM),
    "strerror(9999)": lambda lib: lib.strerror(9999),
    "strerror('x')": lambda lib: lib.strerror("x"),
    "strerror(2**40)": lambda lib: lib.strerror(2**40),
    "zmq_errno()": lambda lib: type(lib.zmq_errno()),
    "zmq_version()": lambda lib: type(lib.zmq_version()),
    "zmq_version_info()": lambda lib: [type(number) for number in lib.zmq_version_info()],
    "has('ipc')": lambda lib: lib.has("ipc"),
    "has('curve')": lambda lib: lib.has("curve"),
    "has('nothing')": lambda lib: lib.has("nothing"),
    "has('')": lambda lib: lib.has(""),
    "has(5)": lambda lib: lib.has(5),
    "has(None)": lambda lib: lib.has(None),
    "has(b'ipc')": lambda lib: lib.has(b"ipc"),
    "curve_keypair()": lambda lib: [(type(key), len(key)) for key in lib.curve_keypair()],
    "curve_public(key)": lambda lib: lib.curve_public(lib.curve_keypair()[1]) is not None,
    "curve_public of a pair": lambda lib: (lambda pair: lib.curve_public(pair[1]) == pair[0])(lib.curve_keypair()),
    "curve_public as text": lambda lib: len(lib.curve_public(lib.curve_keypair()[1].decode())),
    "curve_public('')": lambda lib: lib.curve_public(""),
    "curve_public(40 times z)": lambda lib: lib.curve_public("z" * 40),
    "curve_public(39)": lambda lib: lib.curve_public(b"x" * 39),
    "curve_public(None)": lambda lib: lib.curve_public(None),
    "curve_public(5)": lambda lib: lib.curve_public(5),
    "curve_public('é')": lambda lib: lib.curve_public("é" * 20),
    "pyzmq's version": lambda lib: type(lib.__version__),
    "device types": lambda lib: [lib.QUEUE, lib.FORWARDER, lib.STREAMER],
    "proxy()": lambda lib: lib.proxy(),
    "proxy(None, None)": lambda lib: lib.proxy(None, None),
    "proxy(5, 6)": lambda lib: lib.proxy(5, 6),
    "proxy_steerable(None, None)": lambda lib: lib.proxy_steerable(None, None),
    "ZMQError()": lambda lib: lib.ZMQError().errno is not None,
    "ZMQError(11)": lambda lib: (lib.ZMQError(11).errno, str(lib.ZMQError(11)), type(lib.ZMQError(11))),
    "ZMQError(11, 'text')": lambda lib: (lib.ZMQError(11, "text").errno, str(lib.ZMQError(11, "text"))),
    "ZMQError(msg=)": lambda lib: str(lib.ZMQError(msg="text")),
    "Again()": lambda lib: (lib.Again().errno, str(lib.Again())),
    "Again args": lambda lib: lib.Again().args,
    "ZMQError(11) args": lambda lib: lib.ZMQError(11).args,
    "ContextTerminated()": lambda lib: (lib.ContextTerminated().errno == lib.ETERM, str(lib.ContextTerminated())),
    "InterruptedSystemCall()": lambda lib: lib.InterruptedSystemCall().errno,
    "NotDone()": lambda lib: str(lib.NotDone()),
    "ZMQBindError()": lambda lib: (str(lib.ZMQBindError()), str(lib.ZMQBindError("x"))),
    "ZMQVersionError": lambda lib: str(lib.ZMQVersionError("1.2", "it")).startswith("it requires libzmq >= 1.2"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(agree, name):
    agree("function", [(name, lambda lib, context: FUNCTIONS[name](lib))])


ERRORS = ("ZMQBaseError ZMQError Again ContextTerminated InterruptedSystemCall NotDone ZMQBindError ZMQVersionError"
          " DraftFDWarning").split()


def test_the_tree_of_errors(agree):
    agree("error", [(name, lambda lib, context, name=name: [base.__name__ for base in getattr(lib, name).__mro__])
                    for name in ERRORS])
