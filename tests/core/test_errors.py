"""Errors: pyzmq's classes and behaviour; an empty socket costs no Python call."""

from __future__ import annotations

import errno
import os
import pickle
import sys

import pytest

import zmqfast
from zmqfast import errors
from zmqfast.errors import Again, ContextTerminated, InterruptedSystemCall, SocketBusy, ZMQError, error_for

# What pyzmq and zmqfast make of these must agree.
CALLS = [
    ("ZMQError", (errno.EINVAL,)),
    ("ZMQError", (0,)),
    ("ZMQError", (errno.EINVAL, "what happened")),
    ("ZMQError", (errno.EINVAL, "")),
    ("ZMQError", ("what happened",)),
    ("ZMQError", (zmqfast.EFSM,)),
    ("ZMQError", (zmqfast.ETERM,)),
    ("ZMQError", (99999,)),
    ("ZMQError", (1, 2, 3)),
    ("Again", ()),
    ("Again", (errno.EINVAL,)),
    ("Again", (errno.EINVAL, "ignored")),
    ("ContextTerminated", ()),
    ("ContextTerminated", (errno.EINVAL, "ignored")),
    ("NotDone", ()),
    ("NotDone", ("what happened",)),
    ("ZMQBindError", ("what happened",)),
    ("ZMQBaseError", ("what happened", 1)),
    ("DraftFDWarning", ("what happened",)),
    ("ZMQVersionError", ()),
]
CLASSES = ["ZMQBaseError", "ZMQError", "Again", "ContextTerminated", "InterruptedSystemCall", "NotDone", "ZMQBindError",
           "ZMQVersionError", "DraftFDWarning"]


@pytest.fixture(scope="session")
def pyzmq_errors():
    return pytest.importorskip("zmq.error")


def seen(library, name, args):
    """All that one can see of an exception, or the class of what making it raised."""
    try:
        error = getattr(library, name)(*args)
    except TypeError:
        return TypeError
    seen = [type(error).__name__, error.args, str(error), repr(error)]
    if isinstance(error, (library.ZMQError, OSError)):
        seen += [error.errno, error.strerror]
    return seen


@pytest.mark.parametrize(("name", "args"), CALLS)
def test_an_exception_looks_like_pyzmqs(pyzmq_errors, name, args):
    assert seen(errors, name, args) == seen(pyzmq_errors, name, args)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_pyzmqs_bases(pyzmq_errors, name):
    ours, theirs = getattr(errors, name), getattr(pyzmq_errors, name)
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]
    assert getattr(zmqfast, name) is ours


@pytest.mark.parametrize(
    "error",
    [
        ZMQError(errno.EINVAL),
        ZMQError(errno.EINVAL, "bind nowhere: no"),
        ZMQError("text"),
        Again(),
        Again("recv: nothing came in time"),
        Again(errno.EAGAIN, "ignored"),
        ContextTerminated("recv: ended"),
        InterruptedSystemCall("poll: interrupted"),
        SocketBusy(),
        SocketBusy(errno.EBUSY, "close: busy"),
        errors.NotDone(),
        errors.ZMQBindError("no port"),
        errors.ZMQVersionError("9.9", "teleport"),
        errors.ZMQVersionError(min_version="9.9"),
    ],
    ids=repr,
)
def test_an_exception_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))
    assert getattr(again, "errno", None) == getattr(error, "errno", None)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (zmqfast.EAGAIN, Again),
        (zmqfast.ETERM, ContextTerminated),
        (errno.EINTR, InterruptedSystemCall),
        (errno.EINVAL, ZMQError),
        (zmqfast.EFSM, ZMQError),
    ],
)
def test_each_errno_has_its_class(number, kind):
    plain, telling = error_for(number), error_for(number, "recv inproc://a: no")
    assert type(plain) is type(telling) is kind
    assert plain.errno == telling.errno == number
    assert str(plain) == plain.strerror == zmqfast.strerror(number)
    assert str(telling) == "recv inproc://a: no"


def test_again_without_a_message_runs_no_python_code():
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event) if event == "call" else None)
    try:
        Again()
    finally:
        sys.setprofile(None)
    assert not calls


@pytest.mark.parametrize("args", [(), (None, "what happened")])
def test_zmq_error_without_errno_takes_that_of_the_last_failed_call(monkeypatch, args):
    monkeypatch.setattr("zmqfast._core.zmq_errno", lambda: errno.EINVAL)
    assert ZMQError(*args).errno == errno.EINVAL
    assert str(ZMQError(*args)) == (args[1] if args else zmqfast.strerror(errno.EINVAL))


def test_an_interrupted_call_is_an_interrupted_error_too():
    with pytest.raises(InterruptedError) as caught:
        raise InterruptedSystemCall("poll: interrupted")
    assert caught.value.errno == errno.EINTR
    assert caught.value.strerror == os.strerror(errno.EINTR)


def test_socket_busy_is_a_zmq_error():
    error = SocketBusy()
    assert isinstance(error, ZMQError)
    assert error.errno == errno.EBUSY
    assert str(error) == "another thread is using this socket"


def test_a_version_error_says_what_is_missing():
    error = errors.ZMQVersionError("9.9", "teleport")
    assert (error.min_version, error.msg, error.version) == ("9.9", "teleport", zmqfast.zmq_version())
    assert str(error) == f"teleport requires libzmq >= 9.9, have {zmqfast.zmq_version()}"
