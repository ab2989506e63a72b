"""Every socket option × every kind of value: set, read back, by number and by attribute."""

import pytest
import zmq

from differential.outcome import Step, attempt, shown
from differential.tables import VALUES, suitable_type

OPTIONS = [option.name for option in zmq.SocketOption]
ATTRIBUTES = [name.lower() for name in OPTIONS]
SOCKET_TYPES = [kind.name for kind in zmq.SocketType if kind.name in (
    "PAIR PUB SUB REQ REP DEALER ROUTER PULL PUSH XPUB XSUB STREAM".split())]
CHANGING = {"FD"}  # a descriptor's number says nothing


def read_back(lib, socket, option):
    value = socket.get(getattr(lib, option))
    return Step("…") if option in CHANGING else value


@pytest.mark.parametrize("option", OPTIONS)
def test_setting_a_value_and_reading_it_back(agree, option):
    def setting(value):
        def case(lib, context):
            socket = context.socket(getattr(lib, suitable_type(option)))
            set_outcome = attempt(lib, socket.set, getattr(lib, option), value)
            return set_outcome, attempt(lib, read_back, lib, socket, option)
        return case

    agree("set option", [(f"{option} = {name}", setting(value)) for name, value in VALUES.items()])


@pytest.mark.parametrize("option", OPTIONS)
def test_setting_an_attribute_and_reading_it_back(agree, option):
    attribute = option.lower()

    def setting(value):
        def case(lib, context):
            socket = context.socket(getattr(lib, suitable_type(option)))
            set_outcome = attempt(lib, setattr, socket, attribute, value)
            if option in CHANGING:
                return set_outcome
            return set_outcome, attempt(lib, getattr, socket, attribute)
        return case

    agree("set attribute", [(f"{attribute} = {name}", setting(value)) for name, value in VALUES.items()])


@pytest.mark.parametrize("option", OPTIONS)
def test_reading_the_default_on_every_socket_type(agree, option):
    def reading(socket_type):
        return lambda lib, context: read_back(lib, context.socket(getattr(lib, socket_type)), option)

    agree("get option", [(f"{option} on {socket_type}", reading(socket_type)) for socket_type in SOCKET_TYPES])


@pytest.mark.parametrize("option", OPTIONS)
def test_setting_one_and_seven_on_every_socket_type(agree, option):
    def setting(socket_type, value):
        def case(lib, context):
            socket = context.socket(getattr(lib, socket_type))
            set_outcome = attempt(lib, socket.set, getattr(lib, option), value)
            return set_outcome, attempt(lib, read_back, lib, socket, option)
        return case

    agree("set option", [
        (f"{option} = {value!r} on {socket_type}", setting(socket_type, value))
        for socket_type in SOCKET_TYPES for value in (1, 7, b"abc")])


NOT_OPTIONS = {"0": 0, "-1": -1, "4": 4, "9999": 9999, "2**31": 2**31, "None": None, "'linger'": "linger",
               "b'x'": b"x", "1.5": 1.5, "IO_THREADS": zmq.IO_THREADS, "an object": object()}


def test_a_number_that_is_no_option(agree):
    agree("set option", [
        (f"{name} = {value!r}", lambda lib, context, option=option, value=value:
            context.socket(lib.DEALER).set(option, value))
        for name, option in NOT_OPTIONS.items() for value in (1, b"a", "a", None)])
    agree("get option", [
        (name, lambda lib, context, option=option: context.socket(lib.DEALER).get(option))
        for name, option in NOT_OPTIONS.items()])


ENCODINGS = ("utf-8", "utf-16", "latin-1", "ascii", "no such encoding", None)


def test_strings_are_set_and_read_with_their_encoding(agree):
    def case(text, encoding):
        def set_and_read(lib, context):
            socket = context.socket(lib.DEALER)
            return (attempt(lib, socket.setsockopt_string, lib.ROUTING_ID, text, encoding),
                    attempt(lib, socket.getsockopt_string, lib.ROUTING_ID, encoding),
                    attempt(lib, socket.get, lib.ROUTING_ID))
        return set_and_read

    agree("set string", [(f"{text!r} as {encoding}", case(text, encoding))
                         for text in ("plain", "é", "x\0y", "", b"bytes", None, 7) for encoding in ENCODINGS])
    agree("get string", [(name, lambda lib, context, name=name: context.socket(lib.DEALER).get_string(
        getattr(lib, name))) for name in OPTIONS])


ALIASES = ("getsockopt", "get", "getsockopt_string", "getsockopt_unicode", "get_string")
SETTERS = ("setsockopt", "set", "setsockopt_string", "setsockopt_unicode", "set_string")


def test_the_getters_and_setters_have_all_their_names(agree):
    agree("getter", [(name, lambda lib, context, name=name: getattr(context.socket(lib.DEALER), name)(
        lib.ROUTING_ID)) for name in ALIASES])
    agree("setter", [(f"{name}({value!r})", lambda lib, context, name=name, value=value: getattr(
        context.socket(lib.DEALER), name)(lib.ROUTING_ID, value)) for name in SETTERS for value in ("a", b"a")])


OTHER_ATTRIBUTES = ("hwm", "type", "socket_type", "closed", "copy_threshold", "underlying", "context", "no_such",
                    "LINGER", "Linger", "SNDHWM", "identity", "_private", "rcvmore", "fd")


def test_attributes_that_are_no_options(agree):
    def shown_kind(lib, value):
        return Step(type(value).__name__) if isinstance(value, int) and value > 2**20 else value

    def reading(name):
        return lambda lib, context: shown_kind(lib, getattr(context.socket(lib.DEALER), name)) \
            if name != "fd" else hasattr(context.socket(lib.DEALER), name)

    agree("get attribute", [(name, reading(name)) for name in OTHER_ATTRIBUTES])
    agree("set attribute", [
        (f"{name} = {value!r} read back", lambda lib, context, name=name, value=value: set_and_get(
            lib, context.socket(lib.DEALER), name, value))
        for name in OTHER_ATTRIBUTES if name != "context" for value in (5, "x", None)])


def set_and_get(lib, socket, name, value):
    return attempt(lib, setattr, socket, name, value), attempt(lib, lambda: shown(lib, getattr(socket, name))
                                                               if name not in ("fd", "underlying") else "…")


def test_high_water_marks_together(agree):
    def case(value):
        def set_hwm(lib, context):
            socket = context.socket(lib.DEALER)
            return [attempt(lib, socket.set_hwm, value), attempt(lib, socket.get_hwm), socket.sndhwm, socket.rcvhwm]
        return set_hwm

    agree("set_hwm", [(name, case(value)) for name, value in VALUES.items()])

    def different(lib, context):
        socket = context.socket(lib.DEALER)
        socket.sndhwm, socket.rcvhwm = 3, 4
        return [attempt(lib, socket.get_hwm), attempt(lib, getattr, socket, "hwm")]

    agree("set_hwm", [("sndhwm and rcvhwm differ", different)])
