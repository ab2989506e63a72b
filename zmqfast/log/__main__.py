"""`python -m zmqfast.log ENDPOINT`: shows what PUBHandlers publish there."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from zmqfast.constants import SUB
from zmqfast.context import Context

COLORS = {"DEBUG": 36, "INFO": 32, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}     # of ANSI terminals
DEFAULT_DATE_FORMAT = "%Y-%d-%m %H:%M"


def main(arguments: list[str] | None = None) -> None:
    """Print messages as they come, until Ctrl-C."""
    options = parser().parse_args(arguments)
    printer = Printer(options)
    with Context() as context, context.socket(SUB) as subscriber:
        subscriber.subscribe(options.topic or "")
        subscriber.connect(options.zmq_pub_url)
        try:
            while True:
                topic, *texts = subscriber.recv_multipart()
                print(printer.line(topic.decode(errors="replace"), b" ".join(texts).decode(errors="replace")),
                      end="", flush=True)
        except (KeyboardInterrupt, BrokenPipeError):
            pass


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zmqfast.log", description="Show what a PUBHandler publishes.")
    parser.add_argument("zmq_pub_url", help="the publisher's endpoint")
    parser.add_argument("-t", "--topic", help="show only topics that begin so")
    parser.add_argument("--timestamp", action="store_true", help="print the time that a message came")
    parser.add_argument("--separator", default=" | ", help="between topic and text")
    parser.add_argument("--dateformat", help="of --timestamp, in strftime's form")
    parser.add_argument("--align", action="store_true", help="align the topics' parts, as wide as any so far")
    parser.add_argument("--color", action="store_true", help="color each line by its level")
    return parser


class Printer:
    """Writes a message as a line."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.widths: list[int] = []

    def line(self, topic: str, text: str) -> str:
        """The line, or lines, of a message; ends with a newline."""
        parts = topic.split(".")
        color = next((COLORS[part] for part in parts if part in COLORS), None)
        line: str = (self.aligned(parts) if self.options.align else topic) + self.options.separator + text
        if self.options.timestamp:
            line = datetime.now().strftime(self.options.dateformat or DEFAULT_DATE_FORMAT) + " " + line
        line = line.removesuffix("\n")
        if self.options.color and color is not None:
            line = f"\x1b[{color}m{line}\x1b[0m"
        return line + "\n"

    def aligned(self, parts: list[str]) -> str:
        """The parts of a topic, each as wide as the widest so far in its place."""
        self.widths += [0] * (len(parts) - len(self.widths))
        parts = parts + [""] * (len(self.widths) - len(parts))
        self.widths = [max(width, len(part)) for width, part in zip(self.widths, parts)]
        return ".".join(part.ljust(width) for part, width in zip(parts, self.widths))


if __name__ == "__main__":
    main(sys.argv[1:])
