"""`zmqfast demo`: carries a real text through every pattern and transport, and verifies every byte."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from zmqfast.cli.network_namespace import MULTICAST_ON_LOOPBACK, NO_NAMESPACE, network_namespace
from zmqfast.cli.demo_row import Failed, Outcome, describe, run
from zmqfast.cli.demo_rows import PYZMQ, ZMQFAST, Row, rows
from zmqfast.cli.demo_text import MEGABYTE, Text, copy_text
from zmqfast.cli.transports import TRANSPORTS

STATUS_INTERRUPTED = 128 + signal.SIGINT
PLAIN_WIDTH = 150       # columns of the table where the output is no terminal

LEGEND = """\
A message is a line; in ROUTER-DEALER, asyncio, udp and multicast as many lines as fit into 1 KiB; in REQ-REP, 4 KiB.
In REQ-REP and ROUTER-DEALER each message comes back: both ways are verified, and it is counted once.
PUB and XPUB wait at their high-water mark (XPUB_NODROP) instead of dropping, and start once the subscription is there.
udp and multicast: numbered messages in windows; what did not come is sent again, and counted in the verdict.
Seconds: from the first send until the last byte was received and hashed. 1 MB is 1,000,000 bytes."""


@click.command(epilog="Example: zmqfast demo book.txt --transport tcp --lines 10000")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--lines", type=click.IntRange(1), metavar="N", help="At most the first N lines.")
@click.option("--megabytes", type=click.FloatRange(0, min_open=True), metavar="N", help="At most the first N MB.")
@click.option("--pattern", "patterns", multiple=True, metavar="TEXT",
              help="Only patterns with TEXT in their name; may be repeated.")
@click.option("--transport", "transports", multiple=True, type=click.Choice(list(TRANSPORTS)),
              help="Only this transport; may be repeated.")
@click.option("--deadline", "deadline_s", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="Time for each row; by default 30 s and 1 s for each MB.")
def demo(file: BinaryIO | None, lines: int | None, megabytes: float | None, patterns: tuple[str, ...],
         transports: tuple[str, ...], deadline_s: float | None) -> None:
    """Carry a text through every pattern and transport, between processes of zmqfast and pyzmq.

    FILE is the text, or - for stdin; by default it is the sources of Python's standard library. Every byte is
    verified by hash. The status is 1 if anything was lost or differs.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))     # by way of our clean-up
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    try:
        # A short name, since an ipc path has at most 107 bytes. A peer that is being ended may still write there.
        with tempfile.TemporaryDirectory(prefix="zmqfast-", ignore_cleanup_errors=True) as folder:
            text = copy_text(file, Path(folder), lines, megabytes)
            if not text.size:
                raise click.UsageError("the text is empty")
            own, peer, no_peer = libraries()
            console.print(escape(f"{text.title}: {text.digest(0)['messages']:,} lines, {in_megabytes(text.size)} MB"))
            console.print(f"zmqfast {own['version']} with libzmq {own['libzmq']}; "
                          + (f"pyzmq {peer['version']} with libzmq {peer['libzmq']}" if peer else escape(no_peer)))
            chosen = choose(rows(own["has"], peer and peer["has"]), patterns, transports)
            deadline_s = deadline_s or 30 + text.size / MEGABYTE
            results, is_whole = run_all(chosen, text, Path(folder), deadline_s, console)
    except KeyboardInterrupt:
        sys.exit(STATUS_INTERRUPTED)
    console.print(table_of(results))
    console.print(LEGEND)
    console.print(summary(results, is_whole), style="bold")
    if not is_whole:
        sys.exit(STATUS_INTERRUPTED)
    sys.exit(1 if any(outcome.ok is False for _, outcome in results) else 0)


def libraries() -> tuple[dict[str, Any], dict[str, Any] | None, str]:
    """What zmqfast and pyzmq say about themselves; and where there is no pyzmq, why."""
    own = describe(ZMQFAST)
    try:
        return own, describe(PYZMQ), ""
    except Failed as failure:
        return own, None, f"no pyzmq ({failure}): every peer is zmqfast"


def choose(all_rows: list[Row], patterns: tuple[str, ...], transports: tuple[str, ...]) -> list[Row]:
    """The rows that the options ask for.

    Raises:
        click.UsageError: none is like that.
    """
    chosen = [row for row in all_rows if (not transports or row.transport in transports)
              and (not patterns or any(part.lower() in row.pattern.name.lower() for part in patterns))]
    if not chosen:
        raise click.UsageError("no row has this pattern and this transport")
    return chosen


# -- running --------------------------------------------------------------------------------------------------------

Results = list[tuple[Row, Outcome]]
Watch = Callable[[Row], Callable[[int], None]]      # a row begins: what to tell how many bytes have come


def run_all(
    chosen: list[Row], text: Text, folder: Path, deadline_s: float, console: Console
) -> tuple[Results, bool]:
    """Run the rows one after the other; also whether those were all, or Ctrl-C came between."""
    results: Results = []
    needs_namespace = any(row.needs_namespace and not row.obstacle for row in chosen)
    try:
        with (shown_progress(console, len(chosen), text.size) as watch,
              network_namespace(MULTICAST_ON_LOOPBACK) if needs_namespace else nullcontext(NO_NAMESPACE) as namespace):
            for row in chosen:
                on_progress = watch(row)
                obstacle = row.obstacle or (namespace.obstacle if row.needs_namespace else "")
                if obstacle:
                    outcome = Outcome(f"not run: {obstacle}", None)
                else:
                    prefix = namespace.prefix if row.needs_namespace else []
                    outcome = run(row, text, folder, deadline_s, prefix=prefix, on_progress=on_progress)
                results.append((row, outcome))
                if not console.is_terminal:
                    console.print(escape(f"{row.title}: {in_words(outcome)}"), soft_wrap=True)
    except KeyboardInterrupt:
        return results, False
    return results, True


@contextmanager
def shown_progress(console: Console, rows_count: int, text_bytes: int) -> Iterator[Watch]:
    """A bar over all rows, where the output is a terminal; yields what to call as a row begins."""
    bar = Progress(TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:>3.0f}%"),
                   TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task("", total=rows_count * text_bytes)
        begun = 0

        def watch(row: Row) -> Callable[[int], None]:
            nonlocal begun
            before = begun * text_bytes
            begun += 1
            bar.update(task, completed=before, description=escape(f"{begun}/{rows_count} {row.title}"),
                       refresh=True)
            return lambda bytes_so_far: bar.update(task, completed=before + bytes_so_far)

        yield watch


# -- telling --------------------------------------------------------------------------------------------------------

def table_of(results: Results) -> Table:
    table = Table(header_style="bold")
    for name in ("pattern", "transport", "peer"):
        table.add_column(name)
    for name in ("messages", "MB", "seconds", "msg/s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row, outcome in results:
        table.add_row(row.pattern.name.removesuffix(" multicast"), row.transport, escape(row.peer),
                      *figures(outcome), escape(outcome.verdict), style=STYLES[outcome.ok])
    return table


STYLES = {True: "", False: "red", None: "dim"}


def figures(outcome: Outcome) -> list[str]:
    """Messages, MB, seconds and msg/s; nothing where nothing was measured."""
    if not outcome.seconds:
        return [""] * 4
    return [f"{outcome.messages:,}", in_megabytes(outcome.bytes), f"{outcome.seconds:.3f}",
            f"{outcome.messages / outcome.seconds:,.0f}"]


def in_words(outcome: Outcome) -> str:
    messages, megabytes, seconds, rate = figures(outcome)
    measured = f", {messages} messages, {megabytes} MB, {seconds} s, {rate} msg/s" if seconds else ""
    return outcome.verdict + measured


def in_megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.2f}"


def summary(results: Results, is_whole: bool) -> str:
    verdicts = [outcome.ok for _, outcome in results]
    parts = [f"{verdicts.count(True)} ok", f"{verdicts.count(False)} failed", f"{verdicts.count(None)} not run"]
    return ", ".join(parts) + ("" if is_whole else ", then interrupted")
