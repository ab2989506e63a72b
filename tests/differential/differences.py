"""Where zmqfast behaves otherwise than pyzmq on purpose, and why: the one table, also shown in
docs/differences.md (`python tests/differential/differences.py` writes it).

A row allows the differential cases that match one of its patterns, when both outcomes match theirs. It names the test
that finds the difference: test_rows.py fails where that test is not there, or has found it no more.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

import zmqfast


@dataclass
class Difference:
    reason: str
    cases: tuple[str, ...]
    pyzmq: str = "*"
    zmqfast: str = "*"
    test: str = field(kw_only=True)     # one that finds it: a file below tests/ and a function
    there: bool = field(default=True, kw_only=True)     # whether this build of libzmq can show it
    needed_by: set[str] = field(default_factory=set, compare=False, kw_only=True)   # the tests of this run that found it


DRAFT_OPTIONS = (
    "ROUTER_NOTIFY IN_BATCH_SIZE OUT_BATCH_SIZE HELLO_MSG DISCONNECT_MSG PRIORITY BUSY_POLL HICCUP_MSG"
    " XSUB_VERBOSE_UNSUBSCRIBE TOPICS_COUNT ONLY_FIRST_SUBSCRIBE RECONNECT_STOP ZAP_ENFORCE_DOMAIN LOOPBACK_FASTPATH"
    " METADATA MULTICAST_LOOP XPUB_MANUAL_LAST_VALUE SOCKS_USERNAME SOCKS_PASSWORD"
).split()
TRANSPORT_OPTIONS = (
    "GSSAPI_SERVER GSSAPI_PRINCIPAL GSSAPI_SERVICE_PRINCIPAL GSSAPI_PLAINTEXT GSSAPI_PRINCIPAL_NAMETYPE"
    " GSSAPI_SERVICE_PRINCIPAL_NAMETYPE NORM_MODE NORM_UNICAST_NACK NORM_BUFFER_SIZE NORM_SEGMENT_SIZE"
    " NORM_BLOCK_SIZE NORM_NUM_PARITY NORM_NUM_AUTOPARITY NORM_PUSH"
).split()
KEY_OPTIONS = "CURVE_PUBLICKEY CURVE_SECRETKEY CURVE_SERVERKEY".split()
CLEARED_BY_NONE = ("PLAIN_USERNAME PLAIN_PASSWORD SOCKS_PROXY SOCKS_USERNAME SOCKS_PASSWORD BINDTODEVICE"
                   " XPUB_WELCOME_MSG TCP_ACCEPT_FILTER").split()
VMCI_SIZES = "VMCI_BUFFER_SIZE VMCI_BUFFER_MIN_SIZE VMCI_BUFFER_MAX_SIZE".split()


def option(*names: str) -> tuple[str, ...]:
    """Every case of these options."""
    return tuple(
        pattern for name in names for pattern in (
            f"set option: {name} *", f"get option: {name} *", f"set attribute: {name.lower()} *", f"get string: {name}"))


def value(*names: str) -> tuple[str, ...]:
    """Every case that sets an option to one of these values of tables.py."""
    return tuple(f"{table}: * = {name}" for name in names for table in ("set option", "set attribute"))


LACKING = zmqfast.zmq_version_info() < (4, 3, 6)    # Debian's has not all of DRAFT_OPTIONS
TRANSPORTS = zmqfast.has("gssapi") or zmqfast.has("norm")

GREEN = find_spec("gevent") is not None
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LIMITED_API = sys.version_info >= (3, 12) and not FREE_THREADED     # pyzmq's wheels then: they convert to integers otherwise

INTEGERS = ("an integer is converted alike on every Python; pyzmq's wheels for 3.12 and later take also what has only"
            " __index__, and the text in a buffer")
NO_SUCH_OPTION = "*ZMQBaseError ?EINVAL?*"

DIFFERENCES = [
    Difference("the draft API is on", option(*DRAFT_OPTIONS), pyzmq="*AttributeError*",
               test="differential/test_option_values.py::test_setting_an_attribute_and_reading_it_back"),
    Difference("the draft API is on", option(*DRAFT_OPTIONS), pyzmq=NO_SUCH_OPTION,
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("GSSAPI and NORM are built in where their libraries are", option(*TRANSPORT_OPTIONS),
               pyzmq="*AttributeError*",
               there=TRANSPORTS, test="differential/test_option_values.py::test_setting_an_attribute_and_reading_it_back"),
    Difference("GSSAPI and NORM are built in where their libraries are", option(*TRANSPORT_OPTIONS),
               pyzmq=NO_SUCH_OPTION,
               there=TRANSPORTS, test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("an option that the libzmq of this build lacks names the version that has it", option(*DRAFT_OPTIONS),
               zmqfast="*ZMQVersionError*",
               there=LACKING, test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("an option that the libzmq of this build lacks names the version that has it",
               tuple(f"set attribute: {name.lower()} *" for name in DRAFT_OPTIONS), zmqfast="*AttributeError*",
               there=LACKING, test="differential/test_option_values.py::test_setting_an_attribute_and_reading_it_back"),
    Difference("STREAM and DGRAM are refused where libzmq would end the process over what they receive or send",
               ("*: * on STREAM", "*: STREAM*", "*: * on DGRAM"), pyzmq="*returns*", zmqfast="*ENOCOMPATPROTO*",
               test="differential/test_endpoints.py::test_a_first_call_with_any_endpoint"),
    Difference("the HWM option is both high-water marks, as the hwm attribute is", option("HWM"),
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("CURVE keys can be read back", option(*KEY_OPTIONS), zmqfast="*'*'*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("bytes options take what exports a contiguous buffer",
               value("bytearray", "memoryview", "array"), pyzmq="*TypeError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("bytes options take what exports a contiguous buffer",
               value("strided memoryview"), pyzmq="*TypeError*", zmqfast="*BufferError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("whatever says by __index__ that it is an integer is one: NumPy's integers",
               (*value("an object with __index__"), "set_hwm: an object with __index__",
                "poll: an object with __index__"), pyzmq="*TypeError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("unsigned options take 0 to 2**64 - 1", option("AFFINITY", *VMCI_SIZES), zmqfast="*OverflowError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("unsigned options take 0 to 2**64 - 1", option("AFFINITY", *VMCI_SIZES), pyzmq="*OverflowError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("None takes the user name, password, proxy, filter … away again", option(*CLEARED_BY_NONE),
               pyzmq="*(raises TypeError*", zmqfast="*(returns None*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("where libzmq takes no empty value, None is one", (*value("None"), "set attribute: identity = None*"),
               pyzmq="*TypeError*", zmqfast="*(raises ZMQError*",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("values of 255 bytes and more can be read back",
               value("255 bytes", "256 bytes"), zmqfast="*returns bytes of 25?)",
               test="differential/test_option_values.py::test_setting_a_value_and_reading_it_back"),
    Difference("BLOCKY is an option of contexts, sockets have no such attribute", ("set attribute: blocky *",),
               zmqfast="*raises AttributeError*",
               test="differential/test_option_values.py::test_setting_an_attribute_and_reading_it_back"),
    Difference("the type attribute is read-only", ("set attribute: type *",), zmqfast="*raises AttributeError*",
               test="differential/test_option_values.py::test_setting_an_attribute_and_reading_it_back"),
    Difference("option attributes are in lower or in upper case, not in both",
               ("get attribute: Linger", "set attribute: Linger *"),
               test="differential/test_option_values.py::test_attributes_that_are_no_options"),
    Difference("a number that stands for HWM", ("?et option: IO_THREADS*", "?et option: 1.5*"),
               test="differential/test_option_values.py::test_a_number_that_is_no_option"),

    Difference("WebSocket is built in", ("*: 'ws://*", "*: 'wss://*"), pyzmq="*EPROTONOSUPPORT*",
               there=zmqfast.has("ws"), test="differential/test_endpoints.py::test_a_first_call_with_any_endpoint"),
    Difference("an endpoint with a NUL in it is refused, not cut off", ("*: *x00*",), zmqfast="*EINVAL*",
               test="differential/test_endpoints.py::test_a_first_call_with_any_endpoint"),
    Difference("groups: the draft API is on", ("*join*", "*leave*"), pyzmq="*RuntimeError*",
               test="differential/test_endpoints.py::test_groups_on_sockets_without_groups"),
    Difference("a closed socket is a closed socket: ENOTSOCK as for every other call",
               ("closed socket: poll", "random: poll *"), zmqfast="*ENOTSOCK*",
               test="differential/test_misused_calls.py::test_any_call_on_a_closed_socket"),
    Difference("ETERM is ContextTerminated in every call", ("context over: unbind", "context over: disconnect"),
               zmqfast="*ContextTerminated*ContextTerminated*",
               test="differential/test_misused_calls.py::test_any_call_when_the_context_is_over"),
    Difference("LINGER can be set after the context's end, too: what is unsent can be dropped then", ("context over: set",),
               zmqfast="*ContextTerminated*returns None)",
               test="differential/test_misused_calls.py::test_any_call_when_the_context_is_over"),
    Difference("a message without frames is a wrong value", ("send: send_multipart(*",),
               pyzmq="*IndexError*", zmqfast="*ValueError*",
               test="differential/test_misused_calls.py::test_sending_any_value"),
    Difference("a message without frames is a wrong value", ("send: send_multipart({}*",), zmqfast="*ValueError*",
               test="differential/test_misused_calls.py::test_sending_any_value"),
    Difference("frames may come from any iterable", ("sequence: a generator*", "sequence: an iterator*",
                                                     "sequence: a set*", "sequence: a dict*"),
               test="differential/test_misused_calls.py::test_sending_any_sequence"),
    Difference("a message is sent whole or not at all", ("sequence: released memoryview*",),
               pyzmq="*[[]b'a', b'next'[]]*", zmqfast="*[[]b'next'[]]*",
               test="differential/test_misused_calls.py::test_sending_any_sequence"),
    Difference("a message is sent whole or not at all", ("send: send_multipart(?b'a', strided*",),
               pyzmq="*[[]b'a', b'next'[]]*", zmqfast="*[[]b'next'[]]*",
               test="differential/test_misused_calls.py::test_sending_any_value"),
    Difference("a time may be longer than 2**31 ms", ("poll: 2??*", "poll: 10??30"), pyzmq="*OverflowError*",
               test="differential/test_misused_calls.py::test_waiting_for_any_time"),

    Difference("thread names are text, when set and when read", ("context *: THREAD_NAME_PREFIX *",
                                                                 "context *: thread_name_prefix *",
                                                                 "context get: THREAD_NAME_PREFIX"),
               test="differential/test_contexts.py::test_setting_a_value_and_reading_it_back"),
    Difference("whatever says by __index__ that it is an integer is one: NumPy's integers",
               ("context *: * = an object with __index__", "Context: io_threads=an object with __index__"),
               pyzmq="*TypeError*",
               test="differential/test_contexts.py::test_setting_a_value_and_reading_it_back"),
    Difference("a socket of an ended context fails as context.socket() does", ("Socket: a closed context",),
               zmqfast="*[[]ENOTSUP[]]",
               test="differential/test_contexts.py::test_sockets_of_any_type"),
    Difference("the shadow and the copy of an ended context have ended, too",
               ("ended context: shadow", "ended context: copy"), zmqfast="returns True",
               test="differential/test_contexts.py::test_calls_on_an_open_and_on_an_ended_context"),
    Difference("shadow() takes a context or its address", ("Context.shadow: *",), zmqfast="*TypeError*",
               test="differential/test_contexts.py::test_shadows_of_anything"),
    Difference("hwm is a default like any other", ("default: hwm = 4",),
               zmqfast="*returns 4, returns 1000, returns 4*",
               test="differential/test_contexts.py::test_socket_options_are_defaults_of_later_sockets"),

    Difference("a frame's memory cannot be written where others may see it: lent bytes, or a frame that was sent",
               ("Frame: *",), pyzmq="*False*", zmqfast="*True*",
               test="differential/test_frames.py::test_a_frame_of_any_size_and_way"),
    Difference("the copy of a frame is a Frame", ("*frame: copy*",), pyzmq="returns a Frame",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("frame.more is read-only", ("frame: setting more",), zmqfast="*AttributeError*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("pyzmq's private way to track", ("*frame: tracker_event",), zmqfast="*AttributeError*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("each view of a frame is its own: releasing one leaves the others", ("frame: two views",),
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("a frame that was made of bytes gives them back, without another copy",
               ("frame: bytes of a frame made of bytes",), zmqfast="returns True",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("groups and routing ids: the draft API is on",
               ("*frame: *group", "*frame: *routing_id"), pyzmq="*RuntimeError*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("a property has a text for its name", ("frame: get b'bytes'",), zmqfast="*TypeError*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("a property that cannot be set is EINVAL", ("frame: set 'no such'",), zmqfast="*EINVAL*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),
    Difference("an unknown argument is an error", ("frame: Frame(no_such=1)",), zmqfast="*TypeError*",
               test="differential/test_frames.py::test_what_a_frame_can_do"),

    Difference("close() while another thread receives is SocketBusy; pyzmq may crash",
               ("misuse: close() while another thread receives",), zmqfast="prints*SocketBusy*exits with 0",
               test="differential/test_misuse.py::test_misuse"),
    Difference("a context that has ended under its shadow has ended", ("misuse: a shadow is ended before its context",),
               zmqfast="prints*exits with 0",
               test="differential/test_misuse.py::test_misuse"),
    Difference("nothing that Python code does ends or hangs the process", ("misuse: *",),
               pyzmq="is killed by *", zmqfast="prints*exits with 0",
               test="differential/test_misuse.py::test_misuse"),
    Difference("nothing that Python code does ends or hangs the process", ("misuse: *",),
               pyzmq="hangs", zmqfast="prints*exits with 0",
               test="differential/test_misuse.py::test_misuse"),
    Difference("nothing that Python code does ends or hangs the process",   # without a GIL, pyzmq happens to survive it
               ("misuse: a bytearray is resized while it is sent without a copy",),
               pyzmq="prints*False*exits with 0", zmqfast="prints*True*exits with 0", there=FREE_THREADED,
               test="differential/test_misuse.py::test_misuse"),

    Difference("what was unbound inside its `with` is left in peace", ("story: with_bind_unbound_inside",),
               pyzmq="*ENOENT*", zmqfast="returns *",
               test="differential/test_conveniences.py::test_stories"),
    Difference("`with Context()` closes the sockets that are open, which is what it is for: no ResourceWarning says so",
               ("story: with_context",), pyzmq="*'ResourceWarning'*", zmqfast="returns (True, True, [[][]])",
               test="differential/test_conveniences.py::test_stories"),
    Difference("subclasses of Socket have attributes of their own", ("story: socket_subclass",),
               pyzmq="*AttributeError*", zmqfast="returns *",
               test="differential/test_conveniences.py::test_stories"),
    Difference("subclasses of Socket have attributes of their own", ("story: subclass_with_attributes",),
               pyzmq="*AttributeError*", zmqfast="*returns None, 5, returns None, returns None, 5*",
               test="differential/test_conveniences.py::test_stories"),
    Difference("the draft API is on", ("constant: DRAFT_API",), zmqfast="returns True",
               test="differential/test_conveniences.py::test_constants_have_the_same_value_and_kind"),
    Difference("a closed socket in a poller is ENOTSOCK; pyzmq polls descriptor 0 instead",
               ("poller: a_closed_socket", "poller: registering_a_closed_socket", "poller: ended_context"),
               zmqfast="*ENOTSOCK*",
               test="differential/test_pollers.py::test_polling"),
    Difference("send_string takes bytes, too", ("string *: bytes",), pyzmq="*TypeError*", zmqfast="*(returns None*",
               test="differential/test_typed_messages.py::test_strings"),
    Difference("a message without frames is a wrong value", ("serialized: no frames",), zmqfast="*ValueError*",
               test="differential/test_typed_messages.py::test_serialized_messages"),
    Difference("frames may come from any iterable", ("serialized: a generator",), zmqfast="*(returns None*",
               test="differential/test_typed_messages.py::test_serialized_messages"),
    Difference("JSON may begin with a byte order mark", ("recv_json: *xef?xbb*",), zmqfast="*returns 1",
               test="differential/test_typed_messages.py::test_json"),
    Difference("a key that is no Z85 is a wrong value", ("function: curve_public('é')",), zmqfast="*ValueError*",
               test="differential/test_typed_messages.py::test_functions"),
    Difference("a policy that cannot be set is not read back as an error",
               ("context set: THREAD_SCHED_POLICY = -*", "context attribute: thread_sched_policy = -*"),
               zmqfast="*returns -1)",
               test="differential/test_contexts.py::test_setting_a_value_and_reading_it_back"),
    Difference("subclasses of Context have attributes of their own",
               ("open context: set no such attribute", "default: copy_threshold = 5"), pyzmq="*AttributeError*",
               test="differential/test_contexts.py::test_calls_on_an_open_and_on_an_ended_context"),
    Difference("a linger that is no number is refused before any socket is closed", ("open context: destroy a text",),
               zmqfast="*TypeError*",
               test="differential/test_contexts.py::test_calls_on_an_open_and_on_an_ended_context"),
    Difference("a time may be longer than 2**31 ms", ("poller: times_of_any_kind",), pyzmq="*OverflowError*",
               test="differential/test_pollers.py::test_polling"),
    Difference("green sockets keep RCVTIMEO and SNDTIMEO, so there is nothing to warn of", ("green: *timeo",),
               pyzmq="*'UserWarning'*", zmqfast="*50, [[][]])",
               test="differential/test_green.py::test_timeouts"),
    Difference("what is no callback is refused by on_recv_stream() and on_send_stream(), too", ("stream: callbacks",),
               test="differential/test_streams.py::test_stories_of_streams"),
    Difference("a stream whose socket is closed ends; no descriptor of it is left that could mislead",
               ("stream: its_socket_is_closed",), pyzmq="*'UserWarning'*", zmqfast="returns (True, None, [[][]])",
               test="differential/test_streams.py::test_stories_of_streams"),
    Difference("methods cannot be replaced on one socket: a subclass can replace them", ("story: slots",),
               test="differential/test_conveniences.py::test_stories"),
    Difference("the draft API is on", ("constant: PYZMQ_DRAFT_API",), zmqfast="returns True",
               test="differential/test_conveniences.py::test_constants_have_the_same_value_and_kind"),
    Difference("the draft API is on", ("interface: *DRAFT_API",), zmqfast="True",
               test="parity/test_interface.py::test_every_constant_has_its_value"),
    Difference("`__version__` is zmqfast's own until install_as_zmq(); pyzmq_version() tells the pyzmq that it is like",
               ("interface: zmq.__version__", "interface: zmq.green.__version__"),
               test="parity/test_interface.py::test_every_constant_has_its_value"),
    Difference("Python's own Enum, IntEnum and IntFlag are not among the names",
               ("interface: zmq.Enum", "interface: zmq.IntEnum", "interface: zmq.IntFlag", "interface: zmq.constants.Enum",
                "interface: zmq.green.*Enum", "interface: zmq.green.IntFlag"),
               zmqfast="missing",
               test="parity/test_interface.py::test_every_name_is_there"),
    Difference("the libzmq inside shares no context with pyczmq, which is no more", ("interface: *.shadow_pyczmq",),
               zmqfast="missing",
               test="parity/test_interface.py::test_every_class_has_the_same_methods"),
    Difference("pyzmq's private way to track", ("interface: *.tracker_event",), zmqfast="missing",
               test="parity/test_interface.py::test_every_class_has_the_same_methods"),
    Difference("AttributeSetter is only a name: the options themselves are the attributes",
               ("interface: zmq.sugar.attrsettr.AttributeSetter.?et",), zmqfast="missing",
               test="parity/test_interface.py::test_every_class_has_the_same_methods"),
    Difference("get() and set() have the same names for their arguments in all sockets: option, optval",
               ("interface: *.Socket.get", "interface: *.Socket.set"), zmqfast="does not",
               test="parity/test_interface.py::test_every_call_is_accepted"),
    Difference("a message without frames is a wrong value", ("interface: zmq.green.Socket.send_multipart",),
               there=GREEN, test="parity/test_interface.py::test_every_call_is_accepted"),
    Difference("what cancels a Future of tornado is what cancels asyncio's, which `except Exception` does not catch",
               ("interface: zmq.eventloop.future.CancelledError",),
               test="parity/test_interface.py::test_every_exception_is_what_it_was"),
    Difference("CURVE_ALLOW_ANY lets everybody into its own domain only: in pyzmq it opens the others, too",
               ("zap: CURVE, any for *",), pyzmq="*'200'*", zmqfast="*'400'*",
               test="differential/test_authenticators.py::test_answers"),
    Difference("CURVE_ALLOW_ANY lets everybody into its own domain only: in pyzmq it opens the others, too",
               ("zap: CURVE, *, then any for *",), pyzmq="*'200'*[[][]])",
               test="differential/test_authenticators.py::test_answers_after_two_settings"),
    Difference("the CURVE settings of a domain are for that domain: in pyzmq those of another undo them",
               ("zap: CURVE, * for '[*]', then * for 'here', *", "zap: CURVE, * for 'here', then * for '[*]', *"),
               pyzmq="*'400'*", zmqfast="*'200'*",
               test="differential/test_authenticators.py::test_answers_after_two_settings"),
    Difference("authenticators have no pipe", ("interface: zmq.auth.thread.ThreadAuthenticator.pipe_endpoint",),
               zmqfast="missing",
               test="parity/test_interface.py::test_every_class_has_the_same_methods"),
    Difference("poll() takes its flags as an int", ("poll: flags *",), zmqfast="*TypeError*",
               test="differential/test_misused_calls.py::test_waiting_for_any_time"),
    Difference("the tracker of a message covers all of its frames", ("sequence: *, copy=False", "random: send_frames *"),
               pyzmq="*returns None*", zmqfast="*MessageTracker*",
               test="differential/test_misused_calls.py::test_sending_any_sequence"),
    Difference(INTEGERS, ("flags: * with an object with __index__",), zmqfast="*TypeError*",
               test="differential/test_misused_calls.py::test_flags_that_are_none", there=LIMITED_API),
    Difference(INTEGERS, ("poller: flags_of_any_kind",),
               test="differential/test_pollers.py::test_polling", there=LIMITED_API),
    Difference(INTEGERS, tuple(f"Context: io_threads={kind}" for kind in ("bytearray", "memoryview", "array")),
               pyzmq="*ValueError*", zmqfast="*TypeError*",
               test="differential/test_contexts.py::test_a_context_with_any_argument", there=LIMITED_API),
]


def is_wanted(key: str, theirs: str, ours: str) -> bool:
    """Whether a row allows these outcomes; that the running test has needed it is noted in the row."""
    row = difference_for(key, theirs, ours)
    if row is None:
        return False
    row.needed_by.add(test_of(os.environ["PYTEST_CURRENT_TEST"].partition(" (")[0]))
    return True


def test_of(nodeid: str) -> str:
    """pytest's name of a test, as a row says it: below tests/, without parameters."""
    return nodeid.partition("[")[0].removeprefix("tests/")


def difference_for(key: str, theirs: str, ours: str) -> Difference | None:
    """The row that allows these outcomes, if there is one."""
    for row in DIFFERENCES:
        if (any(fnmatchcase(key, pattern) for pattern in row.cases)
                and fnmatchcase(theirs, row.pyzmq) and fnmatchcase(ours, row.zmqfast)):
            return row
    return None


TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "differences.md"


def is_written(test: str) -> bool:
    """Whether there is a test of that name."""
    file, _, function = test.partition("::")
    path = TESTS / file
    return path.is_file() and f"\ndef {function}(" in path.read_text(encoding="utf-8")


def page() -> str:
    """The text of docs/differences.md: each reason, and the tests that find it."""
    tests: dict[str, list[str]] = {}
    for row in DIFFERENCES:
        known = tests.setdefault(row.reason, [])
        known += [test for test in [row.test] if test not in known]
    rows = [f"| {reason} | {', '.join(map(link, found))} |" for reason, found in tests.items()]
    return "\n".join([
        "# Differences from pyzmq",
        "",
        "zmqfast does what pyzmq 27 does, but for these rows. Each is found by running the same case on both libraries, by",
        "the test beside it; a row that its test no longer finds is an error. The page is written from the table that the",
        "tests use (`tests/differential/differences.py`).",
        "",
        "| what differs, and why | the test that finds it |",
        "| --- | --- |",
        *rows,
        "",
    ])


def link(test: str) -> str:
    file, _, function = test.partition("::")
    return f"[{function}](../tests/{file})"


if __name__ == "__main__":
    PAGE.write_text(page())
