"""Constants: pyzmq's names and values, zmq.h's numbers."""

from __future__ import annotations

import copy
import enum
import errno
import os
import pickle
import re
from pathlib import Path

import pytest

import zmqfast
from zmqfast import constants
from zmqfast.constants import OptType, SocketOption

ROOT = Path(__file__).resolve().parents[2]
ENUMS = [value for value in vars(constants).values() if isinstance(value, enum.EnumMeta) and value.__members__]

# zmq.h says the same in other ways: functions and macros.
NOT_CONSTANTS = {"VERSION_MAJOR", "VERSION_MINOR", "VERSION_PATCH", "VERSION", "DEFINED_STDINT", "EXPORT",
                 "HAS_CAPABILITIES"}
# What Debian's libzmq 4.3.4 had: it was a draft.
IN_4_3_4 = {"RECONNECT_STOP_AFTER_DISCONNECT": 3}
# pyzmq calls them int64; the manual says uint64_t.
UNSIGNED = {"AFFINITY", "VMCI_BUFFER_SIZE", "VMCI_BUFFER_MIN_SIZE", "VMCI_BUFFER_MAX_SIZE"}


@pytest.fixture(scope="session")
def pyzmq_constants():
    return pytest.importorskip("zmq.constants")


@pytest.fixture(scope="session")
def header() -> dict[str, int | str]:
    """Every ZMQ_ and errno definition of the zmq.h that the build used, without its prefix."""
    folders = [ROOT / "libzmq", *sorted((ROOT / "build").glob("debian/*")), *sorted((ROOT / "build").glob("libzmq/*"))]
    if "ZMQFAST_LIBZMQ_SOURCE" in os.environ:
        folders.insert(0, Path(os.environ["ZMQFAST_LIBZMQ_SOURCE"]))
    paths = [folder / "include/zmq.h" for folder in [*folders, Path("/usr")]]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        pytest.skip("no zmq.h: neither libzmq/ nor build/ has one")
    return definitions(path.read_text())


def definitions(text: str) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for name, value in re.findall(r"^#define (ZMQ_\w+|E[A-Z]+) +(\S.*?) *(?:/\*.*)?$", text, re.MULTILINE):
        expression = re.sub(r"\b(ZMQ_\w+)\b", lambda match: repr(found.get(match[1])), value)
        try:
            found[name] = eval(expression, {})  # numbers, texts, `|` and `+`
        except (SyntaxError, TypeError, NameError):
            continue
    return {name.removeprefix("ZMQ_"): value for name, value in found.items() if value is not None}


# -- pyzmq ----------------------------------------------------------------------------------------------------------

def test_every_constant_of_pyzmq_is_here_with_its_value_and_enum(pyzmq_constants):
    theirs = {name: shown(getattr(pyzmq_constants, name)) for name in pyzmq_constants.__all__
              if not hasattr(enum, name) or name == "Flag"}
    ours = {name: shown(getattr(zmqfast, name, None)) for name in theirs}
    assert ours == theirs


def shown(value):
    """A member by its enum and number, because its name may be an alias; a class by its name."""
    return (type(value).__name__, int(value)) if isinstance(value, int) else getattr(value, "__name__", value)


def test_every_enum_of_pyzmq_has_the_same_members_and_bases(pyzmq_constants):
    theirs = [value for name, value in vars(pyzmq_constants).items()
              if isinstance(value, enum.EnumMeta) and value.__members__ and not name.startswith("_")]
    assert len(theirs) == 13
    for their in theirs:
        ours = getattr(zmqfast, their.__name__)
        assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in their.__mro__]
        missing = {name: value for name, value in numbers(their).items() if numbers(ours).get(name) != value}
        assert not missing


def numbers(members: type[enum.Enum]) -> dict[str, int]:
    return {name: int(member) for name, member in members.__members__.items()}


def test_socket_options_have_pyzmqs_c_types_except_where_the_manual_says_unsigned(pyzmq_constants):
    for name, theirs in pyzmq_constants.SocketOption.__members__.items():
        expected = "uint64" if name in UNSIGNED else theirs._opt_type.name
        assert SocketOption[name]._opt_type is getattr(constants._OptType, theirs._opt_type.name), name
        assert SocketOption[name].c_type.name.lower() == expected, name


# -- zmq.h ----------------------------------------------------------------------------------------------------------

def test_every_constant_of_zmq_h_is_here_with_its_value(header):
    assert len(header) > 200
    missing = {name: value for name, value in header.items()
               if not name.startswith("HAVE_") and name not in NOT_CONSTANTS and not hasattr(errno, name)
               and getattr(zmqfast, name, None) != value}
    assert not missing or missing == IN_4_3_4


def test_error_numbers_are_the_systems_where_it_has_them():
    for error in constants.Errno:
        assert error == getattr(errno, error.name, error)
        assert error < constants.HAUSNUMERO or error.name in ("EFSM", "ENOCOMPATPROTO", "ETERM", "EMTHREAD")


def test_error_numbers_that_zmq_h_may_define_itself_have_a_number_on_windows(header):
    maybe = {name for name, value in header.items()
             if re.fullmatch("E[A-Z]+", name) and 0 < value - constants.HAUSNUMERO < 50}
    assert maybe == set(constants.UCRT_ERRNO)


# -- our own --------------------------------------------------------------------------------------------------------

def test_every_member_is_a_name_of_the_package():
    prefixes = {"Event": "EVENT_", "GssapiNameType": "GSSAPI_NT_", "NormMode": "NORM_", "OptType": None,
                "ReconnectStop": "RECONNECT_STOP_", "RouterNotify": "NOTIFY_"}
    for members in ENUMS:
        prefix = prefixes.get(members.__name__, "")
        for name, member in members.__members__.items():
            if prefix is not None:
                name = name if name.startswith("PROTOCOL_ERROR_") else prefix + name
                assert getattr(zmqfast, name) is member


def test_all_names_are_exported_in_order():
    assert constants.__all__ == sorted(set(constants.__all__))
    public = {name for name, value in vars(constants).items() if name.isupper() or value in ENUMS}
    assert public - set(constants.__all__) == {"BYTES_OPTIONS", "UCRT_ERRNO", "OptType"}


def test_a_socket_option_carries_its_c_type():
    assert zmqfast.LINGER.c_type is OptType.INT
    assert zmqfast.AFFINITY.c_type is OptType.UINT64
    assert zmqfast.MAXMSGSIZE.c_type is OptType.INT64
    assert zmqfast.IDENTITY.c_type is OptType.BYTES
    assert zmqfast.FD.c_type is OptType.FD
    assert (zmqfast.FD, OptType.FD, "FD") in constants.option_types()
    assert len(constants.option_types()) == len(SocketOption)


def test_events_names_every_event_that_a_monitor_reports():
    monitored = {name: event for name, event in vars(constants).items()
                 if name.startswith("EVENT_") and not name.startswith("EVENT_ALL")}
    assert zmqfast.events == {event: name for name, event in monitored.items()}
    assert zmqfast.events[1] == "EVENT_CONNECTED"


@pytest.mark.parametrize("members", ENUMS, ids=lambda members: members.__name__)
def test_members_can_be_looked_up_copied_and_pickled(members):
    for name, member in members.__members__.items():
        assert members[name] is members(int(member)) is member
        assert copy.deepcopy(member) is pickle.loads(pickle.dumps(member)) is member


def test_flags_and_events_can_be_combined():
    assert zmqfast.DONTWAIT | zmqfast.SNDMORE == 3
    assert isinstance(zmqfast.POLLIN | zmqfast.POLLOUT, zmqfast.PollEvent)
    assert zmqfast.EVENT_CONNECTED in zmqfast.EVENT_ALL
    assert zmqfast.EVENT_PIPES_STATS not in zmqfast.EVENT_ALL
