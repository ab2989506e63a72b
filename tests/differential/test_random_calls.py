"""The same calls at random, on pyzmq and on zmqfast, in a process each: the same outcomes, or a row of differences.py.

Some seconds here, the same calls each time; ZMQFAST_FUZZ_SECONDS=3600 for as long as that, different ones each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import zmq
from hypothesis import strategies as st

from differential.differences import is_wanted
from differential.tables import VALUES

FUZZ_S = float(os.environ.get("ZMQFAST_FUZZ_SECONDS", "0"))
EXAMPLES = 150
STEPS = 25
PROGRAM = Path(__file__).with_name("random_calls.py")

TYPES = [("PAIR", "PAIR"), ("PUSH", "PULL"), ("PULL", "PUSH"), ("REP", "REQ"), ("ROUTER", "REQ"), ("REP", "DEALER"),
         ("DEALER", "DEALER"), ("ROUTER", "DEALER"), ("XPUB", "SUB"), ("XPUB", "XSUB"), ("SUB", "XPUB")]
OPTIONS = [option.name for option in zmq.SocketOption if option.name not in ("FD", "EVENTS")]
ENDPOINTS = ["inproc://story", "inproc://other", "inproc://", "nonsense", "tcp://127.0.0.1:x", "", "x://y"]
POLLED = [0, 1, 2, 3, 4, 7]
JSON = [None, 0, "é", [1, {"a": None}], 1.5, True]

values, options, endpoints = st.sampled_from(sorted(VALUES)), st.sampled_from(OPTIONS), st.sampled_from(ENDPOINTS)
FRAMES = ["b'a'", "b''", "4 bytes", "bytearray", "memoryview", "256 bytes", "70000 bytes", "a key as bytes"]
small = st.sampled_from(FRAMES)
yes_or_no = st.booleans()
texts = st.sampled_from(["", "a", "é", "a\0b"])


def step(name: str, *arguments: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(st.just(name), st.integers(0, 1), *arguments)


steps = st.one_of(
    step("send", small, yes_or_no, yes_or_no), step("send", values, yes_or_no, yes_or_no),
    step("send_frames", st.lists(small, min_size=1, max_size=4), yes_or_no),
    step("send_frames", st.lists(values, min_size=1, max_size=3), yes_or_no),
    step("send_frame", st.sampled_from([0, 1, 40, 70000]), yes_or_no),
    step("recv", yes_or_no), step("recv_multipart", yes_or_no), step("recv_into", st.integers(0, 8), st.just(0)),
    step("send_string", texts), step("recv_string"), step("send_json", st.sampled_from(JSON)), step("recv_json"),
    step("send_pyobj", st.sampled_from(JSON)), step("recv_pyobj"),
    step("poll", st.just(0), st.sampled_from(POLLED)), step("set_hwm", st.integers(-2, 3)), step("get_hwm"),
    step("set_option", options, values), step("get_option", options), step("set_attribute", options, values),
    step("get_attribute", options), step("subscribe", texts), step("unsubscribe", texts),
    step("bind", endpoints), step("connect", endpoints), step("unbind", endpoints), step("disconnect", endpoints),
    step("closed"), step("close", st.sampled_from([None, 0, -1, 5])), step("repr"), step("with"))
stories = st.fixed_dictionaries({"types": st.sampled_from(TYPES), "steps": st.lists(steps, min_size=1, max_size=STEPS)})


class Library:
    """A process with one of the libraries; another one when it has died."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process: subprocess.Popen[str] | None = None

    def tell(self, story: dict) -> list[str] | None:
        """The outcomes of the steps; None when the process has died of them."""
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, PROGRAM, self.name], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(story) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.end()
            return None
        return json.loads(answer)

    def end(self) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def libraries() -> Iterator[tuple[Library, Library]]:
    both = Library("zmq"), Library("zmqfast")
    yield both
    for library in both:
        library.end()


def key_of(name: str, which: int, *arguments: object) -> str:
    """How the tables of the other tests name such a case."""
    match name, arguments:
        case "set_option", (option, value):
            return f"set option: {option} = {value}"
        case "get_option", (option,):
            return f"get option: {option} on random"
        case "set_attribute", (option, value):
            return f"set attribute: {option.lower()} = {value}"
        case "get_attribute", (option,):
            return f"set attribute: {option.lower()} = read"
    return f"random: {name} {arguments}"


def has_two_mistakes(step: tuple, their_outcome: str, our_outcome: str) -> bool:
    """Whether a value that is no frame was sent where nothing can be: one library tells the one, one the other."""
    name, _, *arguments = step
    sent = [arguments[0]] if name == "send" else arguments[0] if name == "send_frames" else []
    return (any(value not in FRAMES for value in sent)
            and their_outcome.startswith("raises") and our_outcome.startswith("raises"))


@pytest.mark.timeout(120 + FUZZ_S)
def test_random_calls(libraries):
    theirs, ours = libraries
    end = time.monotonic() + FUZZ_S

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, print_blob=True, derandomize=not FUZZ_S,
        suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(stories)
    def compare(story):
        found = ours.tell(story)
        assert found is not None, "the process has died"
        expected = theirs.tell(story)
        if expected is None:        # pyzmq's has
            return
        for number, (their_outcome, our_outcome) in enumerate(zip(expected, found, strict=True)):
            if their_outcome != our_outcome:
                made = story["steps"][number - 1] if number else ("start", 0)
                if has_two_mistakes(made, their_outcome, our_outcome):
                    continue
                key = key_of(*made)
                assert is_wanted(key, f"({their_outcome}", f"({our_outcome}"), (key, their_outcome, our_outcome)
                return              # from here on they are not in the same state

    compare()
    while time.monotonic() < end:
        compare()
