"""Contexts: arguments, options, instances, shadows, ends."""

import copy

import pytest
import zmq

from differential.outcome import Step, attempt
from differential.tables import VALUES

OPTIONS = [option.name for option in zmq.ContextOption]
UNREADABLE = {"THREAD_NAME_PREFIX", "THREAD_AFFINITY_CPU_ADD", "THREAD_AFFINITY_CPU_REMOVE", "THREAD_PRIORITY",
              "THREAD_SCHED_POLICY"}  # set only in contexts that start no thread


@pytest.mark.parametrize("option", OPTIONS)
def test_setting_a_value_and_reading_it_back(agree, option):
    def by_number(value):
        return lambda lib, context: (attempt(lib, context.set, getattr(lib, option), value),
                                     attempt(lib, context.get, getattr(lib, option)))

    def by_attribute(value):
        return lambda lib, context: (attempt(lib, setattr, context, option.lower(), value),
                                     attempt(lib, getattr, context, option.lower()))

    agree("context set", [(f"{option} = {name}", by_number(value)) for name, value in VALUES.items()])
    agree("context attribute", [(f"{option.lower()} = {name}", by_attribute(value)) for name, value in VALUES.items()])


def test_defaults(agree):
    agree("context get", [(name, lambda lib, context, name=name: context.get(getattr(lib, name))) for name in OPTIONS])
    agree("context get", [(repr(option), lambda lib, context, option=option: context.get(option))
                          for option in (0, -1, 9999, 2**31, None, "x", 1.5, zmq.LINGER)])
    agree("context set", [(repr(option), lambda lib, context, option=option: context.set(option, 1))
                          for option in (0, -1, 9999, 2**31, None, "x")])


def end(context):
    context.destroy(linger=0)
    return context.closed


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("2**31-1",)])
def test_a_context_with_any_argument(agree, name):
    value = VALUES[name]

    def case(**kwargs):
        def make(lib, context):
            made = lib.Context(**kwargs)
            threads = attempt(lib, lambda: made.io_threads)
            return threads, end(made)
        return make

    agree("Context", [(f"io_threads={name}", case(io_threads=value))])


SOCKET_TYPES = {"0": 0, "-1": -1, "11": 11, "12": 12, "20": 20, "99": 99, "2**31": 2**31, "None": None, "'PUB'": "PUB",
                "1.0": 1.0, "1.5": 1.5, "b''": b"", "True": True, "a class": object}


def test_sockets_of_any_type(agree):
    agree("socket", [(name, lambda lib, context, kind=kind: context.socket(kind).socket_type)
                     for name, kind in SOCKET_TYPES.items()])
    agree("socket", [(name, lambda lib, context, name=name: context.socket(getattr(lib, name)).socket_type)
                     for name in zmq.SocketType.__members__])
    agree("Socket", [
        ("no argument", lambda lib, context: opened_type(lib.Socket)),
        ("no type", lambda lib, context: opened_type(lib.Socket, context)),
        ("a number", lambda lib, context: opened_type(lib.Socket, 5, lib.PUB)),
        ("a text", lambda lib, context: opened_type(lib.Socket, "x", lib.PUB)),
        ("a closed context", lambda lib, context: opened_type(lib.Socket, ended(lib), lib.PUB)),
        ("keywords", lambda lib, context: opened_type(lib.Socket, context, socket_type=lib.PUB)),
        ("copy_threshold", lambda lib, context: opened_type(lib.Socket, context, lib.PUB, copy_threshold=5)),
        ("no such keyword", lambda lib, context: opened_type(lib.Socket, context, lib.PUB, no_such=5)),
    ])


def test_a_socket_without_a_context_uses_the_instance(agree):
    def case(lib, context):
        socket = lib.Socket(None, lib.PUB)
        same = socket.context is lib.Context.instance()
        socket.close()
        lib.Context.instance().term()
        return same

    agree("Socket", [("None", case)])


def opened_type(make, *args, **kwargs):
    socket = make(*args, **kwargs)
    kind = socket.socket_type, socket.copy_threshold
    socket.close()
    return kind


def ended(lib):
    context = lib.Context()
    context.term()
    return context


AFTER = {
    "socket": lambda lib, c: c.socket(lib.PUB),
    "get": lambda lib, c: c.get(lib.IO_THREADS),
    "set": lambda lib, c: c.set(lib.IO_THREADS, 1),
    "attribute io_threads": lambda lib, c: c.io_threads,
    "set attribute io_threads": lambda lib, c: setattr(c, "io_threads", 2),
    "attribute linger": lambda lib, c: c.linger,
    "set attribute linger": lambda lib, c: setattr(c, "linger", 5) or c.linger,
    "term": lambda lib, c: c.term(),
    "destroy": lambda lib, c: c.destroy(),
    "destroy linger": lambda lib, c: c.destroy(linger=5),
    "destroy a text": lambda lib, c: c.destroy(linger="x"),
    "closed": lambda lib, c: c.closed,
    "enter": lambda lib, c: c.__enter__() is c,
    "repr": lambda lib, c: "closed" in repr(c),
    "underlying": lambda lib, c: type(c.underlying),
    "no such attribute": lambda lib, c: c.no_such,
    "set no such attribute": lambda lib, c: setattr(c, "no_such", 1),
    "shadow": lambda lib, c: lib.Context.shadow(c).closed,
    "copy": lambda lib, c: copy.copy(c).closed,
}


@pytest.mark.parametrize("name", AFTER)
def test_calls_on_an_open_and_on_an_ended_context(agree, name):
    def opened(lib, context):
        return AFTER[name](lib, context)

    agree("open context", [(name, opened)])
    agree("ended context", [(name, lambda lib, context: AFTER[name](lib, ended(lib)))])


def test_socket_options_are_defaults_of_later_sockets(agree):
    def case(name, value):
        def make(lib, context):
            before = context.socket(lib.SUB)
            outcome = attempt(lib, setattr, context, name, value)
            after = context.socket(lib.SUB)
            return (outcome, attempt(lib, getattr, context, name), attempt(lib, getattr, before, name),
                    attempt(lib, getattr, after, name), attempt(lib, delattr, context, name))
        return make

    settings = {"linger": 7, "sndhwm": 3, "rcvtimeo": 5, "router_mandatory": 1, "subscribe": b"a", "routing_id": b"me",
                "sndtimeo": "text", "hwm": 4, "copy_threshold": 5, "type": 1}
    agree("default", [(f"{name} = {value!r}", case(name, value)) for name, value in settings.items()])
    agree("default", [(f"setsockopt {name}", lambda lib, context, name=name, value=value: (
        attempt(lib, context.setsockopt, getattr(lib, name), value), attempt(lib, context.getsockopt, getattr(lib, name)),
        attempt(lib, lambda: context.socket(lib.DEALER).get(getattr(lib, name)))))
        for name, value in {"LINGER": 9, "SNDHWM": 3, "ROUTER_MANDATORY": 1, "SUBSCRIBE": b""}.items()])


def test_the_limit_of_sockets(agree):
    def case(limit):
        def make(lib, context):
            context.max_sockets = limit
            return [attempt(lib, lambda: context.socket(lib.PUB).closed) for _ in range(4)]
        return make

    agree("max_sockets", [(str(limit), case(limit)) for limit in (1, 2, 3)])


def instance(lib, context):
    first, second = lib.Context.instance(), lib.Context.instance(io_threads=5)
    same, threads = first is second, first.io_threads
    first.term()
    third = lib.Context.instance()
    again = third is first
    third.term()
    return same, threads, again


def nested(lib, context):
    with lib.Context() as inner:
        socket = inner.socket(lib.PUB)
        socket.connect("tcp://127.0.0.1:1")
    return inner.closed, socket.closed


def nested_with_error(lib, context):
    with lib.Context() as inner, inner.socket(lib.PUB):
        raise KeyError("x")


def shadowed_by_address(lib, context):
    shadow = lib.Context.shadow(context.underlying)
    socket = shadow.socket(lib.PUB)
    kind = socket.socket_type
    socket.close()
    return kind, shadow.underlying == context.underlying


def shadowed_socket(lib, context):
    socket = context.socket(lib.DEALER)
    shadow = lib.Socket.shadow(socket.underlying)
    outcomes = [shadow.underlying == socket.underlying, shadow.socket_type, attempt(lib, shadow.bind, "inproc://s").split(
        " a ")[0]]
    shadow.close()
    return outcomes + [shadow.closed, Step(str(socket.closed))]


STORIES = {f.__name__: f for f in (instance, nested, nested_with_error, shadowed_by_address, shadowed_socket)}


@pytest.mark.parametrize("name", STORIES)
def test_stories(agree, name):
    agree("context", [(name, STORIES[name])])


def test_shadows_of_anything(agree):
    things = {"None": None, "0": 0, "'x'": "x", "[]": [], "-1": -1, "2**70": 2**70, "a class": object, "1.5": 1.5}
    agree("Context.shadow", [(name, lambda lib, context, thing=thing: lib.Context.shadow(thing).closed)
                             for name, thing in things.items() if name != "-1"])


@pytest.mark.parametrize("linger", [None, 0, 5, -1, "x", 1.5, 2**31])
def test_destroying_with_any_linger(agree, linger):
    def case(lib, context):
        made = lib.Context()
        sockets = [made.socket(lib.PUB), made.socket(lib.DEALER)]
        outcome = attempt(lib, made.destroy, linger)
        ends = [socket.closed for socket in sockets], made.closed
        for socket in sockets:
            socket.close(linger=0)
        made.term()
        return outcome, ends

    agree("destroy", [(repr(linger), case)])
