"""PUBHandler, TopicLogger and `python -m zmqfast.log`."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import subprocess
import sys

import pytest
import zmqfast as zmq
from zmqfast.log.__main__ import Printer, parser
from zmqfast.log.handlers import PUBHandler, TopicLogger

numbers = itertools.count()


@pytest.fixture(params=["zmqfast", "zmq"])
def library(request):
    return pytest.importorskip(request.param)


def subscribed(lib, context):
    """An XPUB, and a SUB that has subscribed to it."""
    publisher, subscriber = context.socket(lib.XPUB), context.socket(lib.SUB)
    publisher.bind("inproc://log")
    subscriber.subscribe(b"")
    subscriber.connect("inproc://log")
    publisher.recv()
    return publisher, subscriber


class Published:
    """A logger with a handler; `said()` is what was published since."""

    def __init__(self, lib, handlers, context, logger_class=logging.Logger) -> None:
        self.publisher, self.subscriber = subscribed(lib, context)
        self.handler = handlers.PUBHandler(self.publisher)
        self.logger = logger_class(f"log.{next(numbers)}", logging.DEBUG)
        self.logger.addHandler(self.handler)

    def said(self):
        said = []
        while self.subscriber.poll(0):
            said.append(tuple(frame.decode() for frame in self.subscriber.recv_multipart()))
        return said


@pytest.fixture
def published(library):
    """The same on both libraries."""
    import importlib
    context = library.Context()
    yield Published(library, importlib.import_module(f"{library.__name__}.log.handlers"), context)
    context.destroy(linger=0)


@pytest.fixture
def ours(context):
    from zmqfast.log import handlers
    return lambda logger_class=logging.Logger: Published(zmq, handlers, context, logger_class)


@pytest.mark.parametrize(("level", "text"), [
    ("debug", "DEBUG test_log.py:{} - 5 left\n"),
    ("info", "5 left\n"),
    ("warning", "WARNING test_log.py:{} - 5 left\n"),
    ("error", "ERROR test_log.py:{} - 5 left - None\n"),
    ("critical", "CRITICAL test_log.py:{} - 5 left\n"),
])
def test_each_level_has_its_topic_and_its_format(published, level, text):
    line = sys._getframe().f_lineno + 1
    getattr(published.logger, level)("%d left", 5)
    assert published.said() == [(level.upper(), text.format(line))]


@pytest.mark.parametrize(("logged", "topic", "text"), [
    ("a", "INFO", "a\n"),
    ("disk::a", "INFO.disk", "a\n"),
    ("disk::a::b", "INFO.disk", "a::b\n"),
    ("", "INFO", "\n"),
    (7, "INFO", "7\n"),
])
def test_a_topic_leads_the_text(published, logged, topic, text):
    published.logger.info(logged)
    published.handler.root_topic = "root"
    published.logger.info(logged)
    published.handler.setRootTopic(b"other")
    published.logger.info(logged)
    assert published.said() == [(topic, text), (f"root.{topic}", text), (f"other.{topic}", text)]


def test_an_exception_is_published(published):
    try:
        raise LookupError("lost")
    except LookupError:
        published.logger.exception("look")
    [(topic, text)] = published.said()
    assert topic == "ERROR" and "look" in text and "Traceback" in text and "LookupError: lost" in text


def test_formatters_are_set_for_all_levels_or_for_one(published):
    published.handler.setFormatter(logging.Formatter("all:%(message)s"))
    published.handler.setFormatter(logging.Formatter("one:%(message)s"), logging.ERROR)
    published.logger.info("a")
    published.logger.error("b")
    assert published.said() == [("INFO", "all:a"), ("ERROR", "one:b")]


def test_a_level_of_ones_own_has_the_next_lower_format(ours):
    ours = ours()
    ours.logger.log(25, "a")
    ours.logger.log(5, "too low for the logger")
    assert ours.said() == [("Level 25", "a\n")]


def test_no_formatter_is_loggings_own(ours):
    ours = ours()
    ours.handler.setFormatter(None)
    ours.logger.error("a")
    assert ours.said() == [("ERROR", "a")]


def test_other_handlers_get_the_record_as_it_was(ours):
    seen = []

    class Keeping(logging.Handler):
        def emit(self, record):
            seen.append((record.getMessage(), record.args))

    ours = ours()
    ours.logger.addHandler(Keeping())
    ours.logger.info("disk::%d left", 5)
    assert ours.said() == [("INFO.disk", "5 left\n")]
    assert seen == [("disk::5 left", (5,))]


def test_every_method_of_a_topic_logger_takes_a_topic(ours):
    ours = ours(TopicLogger)
    for name in ("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal"):
        getattr(ours.logger, name)("100%", "%d left", 5, **({"exc_info": False} if name == "exception" else {}))
    ours.logger.log(logging.INFO, "disk", "%d left", 5)
    topics = [topic for topic, _ in ours.said()]
    assert topics == ["DEBUG.100%", "INFO.100%", "WARNING.100%", "WARNING.100%", "ERROR.100%", "ERROR.100%",
                      "CRITICAL.100%", "CRITICAL.100%", "INFO.disk"]


def test_a_topic_logger_names_the_line_of_its_caller(ours):
    ours = ours(TopicLogger)
    line = sys._getframe().f_lineno + 1
    ours.logger.warning("disk", "full")
    assert ours.said() == [("WARNING.disk", f"WARNING test_log.py:{line} - full\n")]


def test_a_handler_binds_and_closes_a_socket_of_its_own(context):
    handler = PUBHandler("tcp://127.0.0.1:*", context)
    assert handler.socket.socket_type == zmq.PUB and handler.ctx is context
    handler.close()
    assert handler.socket.closed


def test_a_handler_leaves_a_socket_of_yours_open(context):
    publisher = context.socket(zmq.PUB)
    PUBHandler(publisher).close()
    assert not publisher.closed


def test_an_endpoint_that_is_none_leaves_nothing_open(context):
    with pytest.raises(zmq.ZMQError):
        PUBHandler("nonsense", context)


def test_a_closed_socket_is_loggings_error(ours, capsys, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    ours = ours()
    ours.publisher.close()
    ours.logger.info("a")
    assert "Logging error" in capsys.readouterr().err


# -- python -m zmqfast.log

def test_a_topics_parts_are_as_wide_as_the_widest_so_far():
    printer = Printer(parser().parse_args(["--align", "tcp://x"]))
    assert [printer.line(*message) for message in (
        ("INFO", "a\n"), ("WARNING.LONGTOPIC", "b\n"), ("ERROR.T", "c"), ("CRITICAL", "d\n"), ("root.INFO.S", "e\n"),
    )] == ["INFO | a\n", "WARNING.LONGTOPIC | b\n", "ERROR  .T         | c\n", "CRITICAL.          | d\n",
           "root    .INFO     .S | e\n"]


def test_a_line_has_the_color_of_its_level():
    printer = Printer(parser().parse_args(["--color", "--separator", ":", "tcp://x"]))
    assert printer.line("root.ERROR", "a\n") == "\x1b[31mroot.ERROR:a\x1b[0m\n"
    assert printer.line("other", "a") == "other:a\n"


def test_a_time_is_put_in_front():
    printer = Printer(parser().parse_args(["--timestamp", "--dateformat", "at", "tcp://x"]))
    assert printer.line("INFO", "a\n") == "at INFO | a\n"


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for another process")
def test_what_is_published_is_printed(context):
    publisher = context.socket(zmq.XPUB)
    publisher.bind("tcp://127.0.0.1:*")
    logger = TopicLogger("printed", logging.DEBUG)
    logger.addHandler(PUBHandler(publisher))
    watcher = subprocess.Popen(
        [sys.executable, "-m", "zmqfast.log", "-t", "INFO", publisher.last_endpoint.decode()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with watcher:
        try:
            assert publisher.recv(timeout=20) == b"\x01INFO"
            logger.error("disk", "not asked for")
            logger.info("disk", "full")
            publisher.send(b"INFO of one frame")
            assert watcher.stdout.readline() == "INFO.disk | full\n"
            assert watcher.stdout.readline() == "INFO of one frame | \n"
            watcher.send_signal(signal.SIGINT)
            assert watcher.communicate(timeout=20) == ("", "")
        finally:
            watcher.kill()
    assert watcher.returncode == 0
