"""PUBHandler publishes log records; a TopicLogger says which topic each belongs to.

A message has two frames: the topic, `root_topic.LEVEL.topic` without what is empty, and the text.
"""

from __future__ import annotations

import logging
from typing import Any

from zmqfast.constants import PUB
from zmqfast.context import Context
from zmqfast.socket import Socket

__all__ = ["TOPIC_DELIM", "PUBHandler", "TopicLogger"]

TOPIC_DELIM = "::"      # between topic and text, in what is logged

WITH_PLACE = "%(levelname)s %(filename)s:%(lineno)d - %(message)s\n"
DEFAULT_FORMATS = {
    logging.DEBUG: WITH_PLACE,
    logging.INFO: "%(message)s\n",
    logging.WARNING: WITH_PLACE,
    logging.ERROR: "%(levelname)s %(filename)s:%(lineno)d - %(message)s - %(exc_info)s\n",
    logging.CRITICAL: WITH_PLACE,
}


class PUBHandler(logging.Handler):
    """Publishes each record under a topic.

    Text of the form "topic::text" is published under that topic. A PUB drops what has no subscriber, so logging never
    waits. The lock of every Handler makes it safe to log from several threads.

    Args:
        interface_or_socket: the endpoint to bind a PUB to; or a socket to use, which stays yours to close.
        context: of the PUB; one of its own when None.
        root_topic: leads every topic.
    Raises:
        ZMQError: the endpoint cannot be bound.
    """

    ctx: Context[Any]
    socket: Socket[Any]
    formatters: dict[int, logging.Formatter | None]
    """By level; one that is not here uses the next lower one's."""

    def __init__(
        self, interface_or_socket: str | Socket[Any], context: Context[Any] | None = None, root_topic: str = ""
    ) -> None:
        super().__init__()
        self.root_topic = root_topic
        self.formatters = {level: logging.Formatter(text) for level, text in DEFAULT_FORMATS.items()}
        if isinstance(interface_or_socket, Socket):
            self._owns_socket = False
            self.socket = interface_or_socket
            self.ctx = self.socket.context  # type: ignore[assignment]
        else:
            self._owns_socket = True
            self.ctx = context or Context()
            self.socket = self.ctx.socket(PUB)
            try:
                self.socket.bind(interface_or_socket)
            except BaseException:
                self.socket.close()
                raise

    @property
    def root_topic(self) -> str:
        """What leads every topic."""
        return self._root_topic

    @root_topic.setter
    def root_topic(self, root_topic: str) -> None:
        self.setRootTopic(root_topic)

    def setRootTopic(self, root_topic: str) -> None:
        """Set what leads every topic: text, or UTF-8 in bytes."""
        self._root_topic = root_topic.decode() if isinstance(root_topic, bytes) else root_topic

    def setFormatter(self, fmt: logging.Formatter | None, level: int = logging.NOTSET) -> None:
        """Set the formatter of a level, or of all of them when `level` is NOTSET; None is logging's own."""
        if level == logging.NOTSET:
            for each in self.formatters:
                self.formatters[each] = fmt
        else:
            self.formatters[level] = fmt

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, in its level's format."""
        level = max((level for level in self.formatters if level <= record.levelno), default=min(self.formatters))
        return (self.formatters[level] or logging.Formatter()).format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Publish a record. What goes wrong goes to handleError(), as with every handler."""
        try:
            topic, record = split_topic(record)
            topics = [self.root_topic, record.levelname, topic]
            text = self.format(record).encode("utf-8", "backslashreplace")
            self.socket.send_multipart([".".join(filter(None, topics)).encode(), text])
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close the PUB, if it was made here."""
        if self._owns_socket:
            self.socket.close()
        super().close()


def split_topic(record: logging.LogRecord) -> tuple[str, logging.LogRecord]:
    """The topic of "topic::text", and the record without it: a copy, since other handlers get the record, too."""
    topic, delimiter, text = record.getMessage().partition(TOPIC_DELIM)
    if not delimiter:
        return "", record
    bare = logging.makeLogRecord(record.__dict__)
    bare.msg, bare.args = text, None
    return topic, bare


class TopicLogger(logging.Logger):
    """A Logger whose methods take a topic first, for PUBHandlers: `logger.info("disk", "%d %% used", 93)`."""

    def log(self, level: int, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message of a level under a topic; the topic is text, where % has no meaning."""
        super().log(level, _with_topic(topic, msg), *args, **_shallower(kwargs))

    def debug(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic."""
        super().debug(_with_topic(topic, msg), *args, **_shallower(kwargs))

    def info(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic."""
        super().info(_with_topic(topic, msg), *args, **_shallower(kwargs))

    def warning(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic."""
        super().warning(_with_topic(topic, msg), *args, **_shallower(kwargs))

    def error(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic."""
        super().error(_with_topic(topic, msg), *args, **_shallower(kwargs))

    def exception(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic, with the exception that is being handled."""
        kwargs.setdefault("exc_info", True)
        super().error(_with_topic(topic, msg), *args, **_shallower(kwargs))

    def critical(self, topic: str, msg: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Log a message under a topic."""
        super().critical(_with_topic(topic, msg), *args, **_shallower(kwargs))

    warn = warning  # type: ignore[assignment]
    fatal = critical  # type: ignore[assignment]


def _with_topic(topic: str, msg: Any) -> str:
    return f"{topic.replace('%', '%%')}{TOPIC_DELIM}{msg}"


def _shallower(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The caller is one frame further up."""
    return {**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1}
