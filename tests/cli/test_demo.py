"""zmqfast demo: real processes, every pattern and transport; and what it says when something goes wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import zmqfast as zmq

pytest.importorskip("click")
pytest.importorskip("rich")

from zmqfast.cli.demo_peer.text import Digest, messages_of
from zmqfast.cli.demo_row import Failed, Processes, judge, parts, run
from zmqfast.cli.demo_rows import STREAM_PATTERNS, ZMQFAST, Row, rows
from zmqfast.cli.demo_text import Text, copy_text
from zmqfast.cli.transports import capabilities

DEMO = [sys.executable, "-m", "zmqfast", "demo"]
TIMEOUT_S = 150         # a demo takes 15 s alone on the machine
pytestmark = pytest.mark.timeout(TIMEOUT_S + 30)
ROW_DEADLINE_S = 20
ROW = re.compile(r"^(?P<title>.+ over .+?): (?P<verdict>ok|not run)(?:: .*|, (?P<messages>[\d,]+) messages, .* msg/s)$")
PLAIN_PATTERNS = ["PUB-SUB", "REQ-REP", "PUSH-PULL", "ROUTER-DEALER", "PAIR", "XPUB-XSUB proxy", "asyncio PUSH-PULL"]
TEXT = b"".join(b"line %d of the text\n" % number for number in range(5000)) + b"\n\nthe last has no end"


def demo(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, **options)


def rows_told(output: str) -> dict[str, re.Match[str]]:
    """The rows that went well or did not run, by title, as a plain output tells them."""
    return {match["title"]: match for match in map(ROW.match, output.splitlines()) if match}


@pytest.fixture(scope="module")
def whole_demo() -> subprocess.CompletedProcess[str]:
    """The demo with a megabyte through everything."""
    return demo("--megabytes", "1")


@pytest.fixture
def text(tmp_path: Path) -> Text:
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    return Text(path, "a text")


@pytest.fixture(params=["REQ-REP", "PUSH-PULL", "PUB-SUB"])
def tcp_row(request) -> Row:
    """A row from zmqfast to zmqfast."""
    pattern = next(pattern for pattern in STREAM_PATTERNS if pattern.name == request.param)
    return Row(pattern, "tcp", ZMQFAST, ZMQFAST, "to zmqfast")


# -- what goes well -------------------------------------------------------------------------------------------------

def test_demo_ends_with_status_0_and_every_row_ok(whole_demo):
    told = [line for line in whole_demo.stdout.splitlines() if " over " in line]
    assert whole_demo.returncode == 0, whole_demo.stdout + whole_demo.stderr
    assert [line for line in told if not ROW.match(line)] == []
    assert whole_demo.stdout.splitlines()[-1].split(", ")[1] == "0 failed"


@pytest.mark.parametrize("pattern", PLAIN_PATTERNS)
@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("way", ["to", "from"])
def test_demo_talks_with_pyzmq_both_ways(whole_demo, pattern, transport, way):
    pytest.importorskip("zmq")
    assert rows_told(whole_demo.stdout)[f"{pattern} over {transport} {way} pyzmq"]["verdict"] == "ok"


@pytest.mark.parametrize("pattern", PLAIN_PATTERNS)
def test_demo_talks_over_inproc_with_a_thread(whole_demo, pattern):
    assert rows_told(whole_demo.stdout)[f"{pattern} over inproc to a zmqfast thread"]["verdict"] == "ok"


@pytest.mark.skipif(not zmq.has("curve"), reason="libzmq built without CURVE")
@pytest.mark.parametrize("way", ["to", "from"])
def test_demo_talks_with_pyzmq_both_ways_over_curve(whole_demo, way):
    pytest.importorskip("zmq")
    assert rows_told(whole_demo.stdout)[f"CURVE PAIR over tcp {way} pyzmq"]["verdict"] == "ok"


def test_demo_has_a_row_for_each_transport_of_this_build(whole_demo):
    told = {title.split(" over ")[1].split()[0] for title in rows_told(whole_demo.stdout)}
    assert told == {row.transport for row in rows(capabilities(zmq), None)}


def test_demo_carries_every_line_in_every_row_whose_message_is_a_line(whole_demo):
    counts = {title: match["messages"] for title, match in rows_told(whole_demo.stdout).items()
              if match["messages"] and re.match("PUB-SUB over (tcp|ipc)|PUSH-PULL|PAIR|CURVE|XPUB", title)}
    lines = re.search(r"([\d,]+) lines", whole_demo.stdout)[1]
    assert len(counts) > 5
    assert set(counts.values()) == {lines}


def test_demo_prints_one_table_with_the_rows_it_told(whole_demo):
    header, *body = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in whole_demo.stdout.splitlines()
                     if line.startswith(("│", "┃"))]
    assert header == ["pattern", "transport", "peer", "messages", "MB", "seconds", "msg/s", "verdict"]
    assert len([row for row in body if row[0]]) == len(rows_told(whole_demo.stdout))


def test_demo_takes_the_text_from_a_file(tmp_path):
    path = tmp_path / "three lines"
    path.write_text("one\ntwo\nthree\n")
    done = demo(str(path), "--transport", "inproc", "--pattern", "push-pull")
    assert done.returncode == 0
    assert rows_told(done.stdout)["PUSH-PULL over inproc to a zmqfast thread"]["messages"] == "3"


def test_demo_takes_the_text_from_stdin_up_to_a_line():
    done = demo("-", "--lines", "2", "--transport", "inproc", "--pattern", "pair", input="one\ntwo\nthree\n")
    assert rows_told(done.stdout)["PAIR over inproc to a zmqfast thread"]["messages"] == "2"


def test_demo_takes_zmqfast_for_the_peer_and_says_why_when_there_is_no_pyzmq(tmp_path):
    (tmp_path / "zmq.py").write_text("raise ImportError('this pyzmq is broken')\n")
    done = demo("--lines", "10", "--pattern", "REQ", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0
    assert "no pyzmq (ImportError: this pyzmq is broken)" in done.stdout
    assert rows_told(done.stdout)["REQ-REP over tcp to zmqfast"]["verdict"] == "ok"


def test_peer_process_of_pyzmq_does_not_load_zmqfast(tmp_path, text):
    pytest.importorskip("zmq")
    (tmp_path / "zmqfast.py").write_text("raise SystemError('zmqfast was loaded')\n")
    row = Row(STREAM_PATTERNS[0], "tcp", "zmq", "zmq", "")
    assert run(row, text, tmp_path, ROW_DEADLINE_S).ok


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_demo_shows_a_progress_bar_on_a_terminal():
    ours, theirs = os.openpty()
    process = subprocess.Popen([*DEMO, "--lines", "10", "--transport", "inproc", "--pattern", "PAIR"],
                               stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    output = b"".join(chunks_of_terminal(ours))
    assert process.wait(TIMEOUT_S) == 0
    assert "1/2 PAIR over inproc to a zmqfast thread" in output.decode()
    assert b"\nPAIR over inproc to a zmqfast thread: ok" not in output


def chunks_of_terminal(descriptor: int) -> Iterator[bytes]:
    """What comes, until the other end is closed."""
    with open(descriptor, "rb", buffering=0) as terminal:
        try:
            while chunk := terminal.read(65536):
                yield chunk
        except OSError:     # Linux says EIO for the end
            return


@pytest.mark.skipif(not zmq.has("pgm"), reason="libzmq built without pgm")
def test_demo_says_why_when_it_cannot_make_a_network_namespace():
    done = demo("--lines", "10", "--transport", "epgm", env={**os.environ, "PATH": ""})
    assert done.returncode == 0
    assert ": not run: needs unshare and nsenter and ip to make a network namespace" in done.stdout


# -- what goes wrong ------------------------------------------------------------------------------------------------

def test_demo_ends_with_status_1_when_a_row_is_not_done_in_time():
    done = demo("--lines", "10", "--deadline", "0.001", "--transport", "tcp", "--pattern", "PUSH-PULL")
    assert done.returncode == 1
    assert "PUSH-PULL over tcp to" in done.stdout
    assert "timed out after 0.001 s" in done.stdout


@pytest.mark.parametrize("arguments", [["--transport", "udp", "--pattern", "PAIR"], ["/no/such/file"], ["-"]])
def test_demo_ends_with_status_2_when_the_arguments_make_no_sense(arguments):
    assert demo(*arguments, stdin=subprocess.DEVNULL).returncode == 2


def test_row_fails_when_the_end_of_the_text_does_not_come(tcp_row, text, tmp_path):
    sent = tmp_path / "sent"
    sent.write_bytes(TEXT[:-len(TEXT) // 2])
    outcome = run(tcp_row, text, tmp_path, ROW_DEADLINE_S, sent_path=sent)
    assert not outcome.ok
    assert re.fullmatch(r"[\d,]+ of [\d,]+ messages came", outcome.verdict)


def test_row_fails_when_one_byte_comes_changed(tcp_row, text, tmp_path):
    sent = tmp_path / "sent"
    sent.write_bytes(TEXT.replace(b"line 4321", b"line 4320"))
    outcome = run(tcp_row, text, tmp_path, ROW_DEADLINE_S, sent_path=sent)
    assert (outcome.ok, outcome.verdict) == (False, "other bytes came than were sent")


def test_row_fails_when_a_process_dies(tcp_row, text, tmp_path):
    job = {"pattern": tcp_row.pattern.name, "transport": "tcp", "block_bytes": 0, "text": str(tmp_path / "none"),
           "folder": str(tmp_path)}
    with Processes(parts(tcp_row)[1:], job, (), ROW_DEADLINE_S) as processes:   # a receiver without its sender
        processes.processes[0].send_signal(signal.SIGTERM)
        with pytest.raises(Failed, match="a process ended with SIGTERM"):
            list(processes.events())


def test_row_fails_with_the_error_of_its_process(tcp_row, text, tmp_path):
    outcome = run(tcp_row, text, tmp_path, ROW_DEADLINE_S, sent_path=tmp_path / "no such file")
    assert not outcome.ok
    assert outcome.verdict.startswith("sender: FileNotFoundError")


def test_judge_tells_messages_that_were_cut_or_joined():
    expected, came = Digest(), Digest()
    expected.add([b"one\n", b"two\n", b"three\n"])
    came.add([b"one\ntwo\n", b"thr", b"ee\n"])
    report = {**came.report(), "role": "receiver", "started_s": 0.0, "ended_s": 1.0, "sent_again": None}
    assert not judge(expected.report(), [report]).ok


def test_judge_tells_a_wrong_echo_although_the_receiver_is_right():
    expected, echoed = Digest(), Digest()
    expected.add([b"one\n"])
    echoed.add([b"One\n"])
    reports = [{**digest.report(), "role": role, "started_s": 0.0, "ended_s": 1.0, "sent_again": None}
               for digest, role in ((expected, "receiver"), (echoed, "sender"))]
    assert not judge(expected.report(), reports).ok


# -- how it ends ----------------------------------------------------------------------------------------------------

@pytest.fixture
def long_demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo in the middle of its rows."""
    process = subprocess.Popen([*DEMO, "--megabytes", "20"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(tmp_path)})
    while " over " not in process.stdout.readline():
        pass
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def its_processes(long_demo) -> list:
    psutil = pytest.importorskip("psutil")
    children: list = []
    while not children:     # between two rows there is none
        children = psutil.Process(long_demo.pid).children(recursive=True)
    return children


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_demo_ends_its_processes_when_a_signal_ends_it(long_demo, its_processes, number, status):
    import psutil

    long_demo.send_signal(number)
    output = long_demo.communicate(timeout=TIMEOUT_S)[0]
    assert long_demo.returncode == status, output
    assert ("then interrupted" in output) is (number == signal.SIGINT)
    assert psutil.wait_procs(its_processes, timeout=TIMEOUT_S)[1] == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_signal_while_its_threads_start_ends_it(monkeypatch, number):
    """Each of two processes has two."""
    start, begun = threading.Thread.start, []

    def interrupted_start(thread):
        begun.append(thread)
        if len(begun) == number:
            signal.raise_signal(signal.SIGINT)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    processes = Processes([(ZMQFAST, [])] * 2, {"capabilities": []}, (), ROW_DEADLINE_S)
    with pytest.raises(KeyboardInterrupt), processes:
        pass
    assert len(begun) == number
    assert all(process.returncode == -signal.SIGKILL for process in processes.processes)


def test_processes_end_by_themselves_when_the_demo_is_killed(long_demo, its_processes):
    import psutil

    long_demo.kill()
    assert psutil.wait_procs(its_processes, timeout=TIMEOUT_S)[1] == []


# -- the text -------------------------------------------------------------------------------------------------------

def test_messages_are_the_lines_of_the_text(text):
    with text.path.open("rb") as file:
        assert list(messages_of(file, 0)) == TEXT.splitlines(keepends=True)


@pytest.mark.parametrize("block_bytes", [1024, 4096])
def test_blocks_are_whole_lines_within_their_size(text, block_bytes):
    with text.path.open("rb") as file:
        blocks = list(messages_of(file, block_bytes))
    assert b"".join(blocks) == TEXT
    assert all(len(block) <= block_bytes for block in blocks)
    assert all(block.endswith(b"\n") for block in blocks[:-1])


def test_line_that_is_longer_than_a_block_goes_in_pieces(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"x" * 2500 + b"\nshort\n")
    with path.open("rb") as file:
        assert [len(block) for block in messages_of(file, 1024)] == [1024, 1024, 459]


def test_copy_of_the_text_keeps_within_the_megabytes_in_whole_lines(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"0123456789\n" * 100)
    with source.open("rb") as file:
        text = copy_text(file, tmp_path, None, 0.0005)
    assert text.path.read_bytes() == b"0123456789\n" * 45
