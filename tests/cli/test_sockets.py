"""The subcommands with a socket: lines through real processes, Ctrl-C, closed pipes, errors in one line."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

import zmqfast as zmq

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")
pytest.importorskip("click")
pytest.importorskip("rich")

LOCAL = "tcp://127.0.0.1:*"
TIMEOUT_S = 20


class Command:
    """A zmqfast command that runs; `endpoint` is where it bound."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "zmqfast", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.endpoint = ""
        if "--bind" in arguments:
            self.endpoint = self.process.stderr.readline().split()[-1]

    def end(self, text: str | None = None) -> tuple[str, str, int]:
        out, err = self.process.communicate(text, timeout=TIMEOUT_S)
        return out, err, self.process.returncode

    def let_go(self) -> None:
        """Nothing is left."""


@contextmanager
def starter(kind):
    """Starts what ends with the test."""
    started = []

    def start(*arguments):
        started.append(kind(*arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
        one.let_go()


@pytest.fixture
def command():
    with starter(Command) as start:
        yield start


def test_lines_go_from_push_to_pull(command):
    pull = command("pull", "--bind", LOCAL, "--count", "3")
    assert command("push", pull.endpoint).end("one\ntwo\nthree\n") == ("", "", 0)
    assert pull.end() == ("one\ntwo\nthree\n", "", 0)


def test_lines_are_published_once_somebody_subscribes(command):
    pub = command("pub", "--bind", LOCAL, "--topic", "news")
    sub = command("sub", pub.endpoint, "news", "--count", "2")
    assert pub.end("one\ntwo\n") == ("", "", 0)
    assert sub.end() == ("news\tone\nnews\ttwo\n", "", 0)


def test_requests_are_echoed_or_given_to_a_command(command):
    for arguments, reply in (((), "hello"), (("--command", "tr a-z A-Z"), "HELLO")):
        rep = command("rep", "--bind", LOCAL, "--count", "1", *arguments)
        assert command("req", rep.endpoint).end("hello\n") == (f"{reply}\n", "", 0)
        assert rep.end()[2] == 0


def test_json_is_checked_and_printed(command):
    pull = command("pull", "--bind", LOCAL, "--count", "1", "--json")
    assert command("push", "--json", pull.endpoint).end('{"a": 1}\n')[2] == 0
    assert json.loads(pull.end()[0]) == [{"a": 1}]
    out, err, status = command("push", "--json", pull.endpoint).end("{\n")
    assert (out, status) == ("", 1) and err.startswith("Error: not JSON: b'{'") and err.count("\n") == 1


def test_a_file_goes_whole(command, tmp_path):
    (tmp_path / "file").write_text("one\ntwo\n")
    pull = command("pull", "--bind", LOCAL, "--count", "1", "--json")
    assert command("push", "--whole", pull.endpoint, str(tmp_path / "file")).end()[2] == 0
    assert json.loads(pull.end()[0]) == ["one\ntwo\n"]


def test_sub_shows_rates_by_topic(command, context):
    pub = context.socket(zmq.XPUB)
    pub.bind(LOCAL)
    sub = command("sub", pub.last_endpoint.decode(), "--rates")
    assert pub.recv(timeout=TIMEOUT_S) == b"\1"
    for topic in (b"a", b"a", b"b"):
        pub.send_multipart([topic, b"body"])
    lines = [sub.process.stdout.readline() for _ in range(2)]
    assert [line.split("\t")[0] for line in lines] == ["a", "b"]
    assert all("msg/s" in line and "B/s" in line for line in lines)
    sub.process.send_signal(signal.SIGINT)
    assert sub.end()[1:] == ("", 130)


class Terminal:
    """A zmqfast command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
        self.process = subprocess.Popen([sys.executable, "-m", "zmqfast", *arguments], stdin=theirs, stdout=theirs,
                                        stderr=subprocess.PIPE, text=True, env={**os.environ, "TERM": "xterm-256color"})
        os.close(theirs)
        self.shown = ""

    def until(self, *texts: str) -> None:
        """Read until each of them was shown."""
        deadline = time.monotonic() + TIMEOUT_S
        while not all(text in self.shown for text in texts):
            ready, _, _ = select.select([self.end], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, self.shown
            self.shown += os.read(self.end, 65536).decode()

    def interrupt(self) -> tuple[str, int]:
        self.process.send_signal(signal.SIGINT)
        while True:             # what it still shows must not fill the terminal
            try:
                if not os.read(self.end, 65536):
                    break
            except OSError:     # EIO: it has let go of the terminal
                break
        _, err = self.process.communicate(timeout=TIMEOUT_S)
        return err, self.process.returncode


    def let_go(self) -> None:
        os.close(self.end)


@pytest.fixture
def terminal():
    with starter(Terminal) as start:
        yield start


CURSOR_UP = "\x1b[1A"       # how a table comes into the place of the one before


def test_on_a_terminal_rates_are_a_table_that_renews_itself(terminal, context):
    pub = context.socket(zmq.XPUB)
    pub.bind(LOCAL)
    sub = terminal("sub", pub.last_endpoint.decode(), "--rates")
    assert pub.recv(timeout=TIMEOUT_S) == b"\1"
    for number in range(40):
        pub.send_multipart([b"topic %02d" % number, b"body"])
    pub.send_multipart([b"[red]busiest", bytes(1500)])
    pub.send_multipart([b"[red]busiest", bytes(1500)])
    sub.until("[red]busiest", "3.0 kB", "41 topics", "27 more topics", CURSOR_UP)
    assert sub.interrupt() == ("", 130)


def test_on_a_terminal_a_proxys_statistics_are_a_table(terminal, context):
    proxy = terminal("proxy", LOCAL, LOCAL, "--kind", "pipeline", "--statistics")
    frontend, backend = (proxy.process.stderr.readline().split()[-1] for _ in range(2))
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(frontend)
    pull.connect(backend)
    push.send_many([bytes(2000), bytes(3000)])
    proxy.until("frontend to backend", "5.0 kB", CURSOR_UP)
    assert proxy.interrupt() == ("", 130)


@pytest.mark.parametrize("module", ["click", "rich", "rich.table", "zmqfast.cli.group", "zmqfast.cli.pub"])
def test_ctrl_c_while_it_is_imported_ends_it_without_a_traceback(module):
    program = f"""
import os, signal, sys
class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
sys.argv = ["zmqfast", "sub", "inproc://nobody"]
import zmqfast.cli
zmqfast.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 130)


def test_monitor_tells_events_as_they_happen(command, context):
    router = context.socket(zmq.ROUTER)
    router.bind(LOCAL)
    monitor = command("monitor", router.last_endpoint.decode(), "--json")
    names = []
    while "handshake_succeeded" not in names:
        names.append(json.loads(monitor.process.stdout.readline())["event"])
    assert "connected" in names
    monitor.process.send_signal(signal.SIGINT)
    assert monitor.end()[1:] == ("", 130)


def test_a_proxy_carries_and_counts(command, context):
    proxy = command("proxy", LOCAL, LOCAL, "--kind", "pipeline", "--statistics")
    frontend, backend = (proxy.process.stderr.readline().split()[-1] for _ in range(2))
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(frontend)
    pull.connect(backend)
    push.send_many([b"two", b"frames"])
    assert [pull.recv(timeout=TIMEOUT_S) for _ in range(2)] == [b"two", b"frames"]
    assert proxy.process.stdout.readline().startswith("2 frames\t9 B\t")
    proxy.process.send_signal(signal.SIGINT)
    assert proxy.end()[1:] == ("", 130)


def test_keygen_makes_a_pair_that_fits():
    if not zmq.has("curve"):
        pytest.skip("this libzmq has no CURVE")
    done = subprocess.run([sys.executable, "-m", "zmqfast", "keygen", "--json"], capture_output=True, timeout=TIMEOUT_S)
    keys = json.loads(done.stdout)
    assert zmq.curve_public(keys["secret"]).decode() == keys["public"]


@pytest.mark.parametrize("name", ["pull", "sub", "rep", "push", "pub"])
def test_ctrl_c_ends_it_without_a_traceback(command, name):
    running = command(name, "--bind", LOCAL)
    running.process.send_signal(signal.SIGINT)
    assert running.end()[1:] == ("", 130)


def test_ctrl_c_ends_a_request_that_nobody_answers(command, context):
    rep = context.socket(zmq.REP)
    rep.bind(LOCAL)
    req = command("req", rep.last_endpoint.decode(), "--timeout", "60")
    req.process.stdin.write("hello\n")
    req.process.stdin.close()
    assert rep.recv(timeout=TIMEOUT_S) == b"hello"
    req.process.send_signal(signal.SIGINT)
    req.process.stdin = None
    assert req.end() == ("", "", 130)


def test_ctrl_c_ends_the_demo_without_a_traceback(command):
    running = command("demo", "--transport", "tcp")
    assert running.process.stdout.readline()        # it has begun
    running.process.send_signal(signal.SIGINT)
    _, err, status = running.end()
    assert (err, status) == ("", 130)


def test_a_proxy_whose_reader_has_enough_ends_quietly(command, context):
    proxy = command("proxy", LOCAL, LOCAL, "--kind", "pipeline", "--statistics")
    frontend, backend = (proxy.process.stderr.readline().split()[-1] for _ in range(2))
    proxy.process.stdout.close()
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(frontend)
    pull.connect(backend)
    push.send(b"counted", timeout=TIMEOUT_S)
    assert proxy.process.wait(TIMEOUT_S) == 0
    assert proxy.process.stderr.read() == ""
    proxy.process.stdin.close()
    proxy.process.stderr.close()
    proxy.process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)


@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["keygen"], ["--help"], ["sub", "--help"],
                                       ["demo", "--lines", "10", "--pattern", "PAIR", "--transport", "inproc"]],
                         ids=" ".join)
def test_nobody_reads_what_it_prints_and_it_ends_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "zmqfast", *arguments], stdout=writer, stderr=subprocess.PIPE, text=True,
                          timeout=60)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 1)        # 1 is click's, where it prints help


@pytest.mark.parametrize("name", ["info", "keygen"])
def test_what_is_printed_into_a_pipe_has_no_colour(command, name):
    out, err, status = command(name).end()
    assert (err, status) == ("", 0) and out and "\x1b" not in out


def test_a_reader_that_has_enough_ends_it_quietly(command, context):
    push = context.socket(zmq.PUSH)
    push.bind(LOCAL)
    pull = command("pull", push.last_endpoint.decode())
    push.send(b"one", timeout=TIMEOUT_S)
    assert pull.process.stdout.readline() == "one\n"
    pull.process.stdout.close()
    push.send(b"two")
    assert pull.process.wait(TIMEOUT_S) == 0
    assert pull.process.stderr.read() == ""
    pull.process.stdin.close()
    pull.process.stderr.close()
    pull.process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)


def test_errors_are_one_line(command):
    out, err, status = command("pull", "nonsense").end()
    assert (out, status) == ("", 1)
    assert err.startswith("Error: ") and err.count("\n") == 1
    out, err, status = command("req", "tcp://127.0.0.1:1", "--timeout", "0.1").end("hello\n")
    assert (out, status) == ("", 1) and "no reply" in err


@pytest.mark.parametrize("name", ["pub", "sub", "push", "pull", "req", "rep", "proxy", "monitor", "keygen", "info",
                                  "demo", "bench", "run"])
def test_help_shows_an_example(command, name):
    out, err, status = command(name, "--help").end()
    assert (err, status) == ("", 0) and f"zmqfast {name}" in out.partition("Example:")[2]
