"""What the subcommands with a socket share: opening it, lines in and out, and how Ctrl-C and a closed pipe end them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

import zmqfast as zmq
from zmqfast.cli import INTERRUPTED

LINGER_MS = 5000            # for what is unsent at the end of the input

endpoint_argument = click.argument("endpoint")
bind_option = click.option("--bind", is_flag=True, help="Bind the endpoint instead of connecting to it.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON: each line is one value, checked.")


@contextmanager
def opened(socket_type: int, endpoint: str, bind: bool,
           before: Callable[[zmq.Socket[bytes]], None] = lambda socket: None) -> Iterator[zmq.Socket[bytes]]:
    """A socket at the endpoint, after `before(socket)`: until Ctrl-C (status 130), or an error in one line."""
    try:
        with zmq.Context() as context, context.socket(socket_type) as socket:
            socket.linger = LINGER_MS
            try:
                before(socket)
                if bind:
                    socket.bind(endpoint)
                    click.echo(f"bound to {socket.last_endpoint.decode()}", err=True)
                else:
                    socket.connect(endpoint)
                yield socket
            except KeyboardInterrupt:
                socket.linger = 0
                sys.exit(INTERRUPTED)
    except zmq.ZMQError as error:
        raise click.ClickException(str(error)) from None


def bodies(files: Sequence[str], whole: bool, as_json: bool) -> Iterator[bytes]:
    """The lines of the files, without their ends, or each file whole; `-` is stdin."""
    for name in files or ["-"]:
        with click.open_file(name, "rb") as file:
            if whole:
                yield file.read()
                continue
            for line in file:
                yield checked(line.rstrip(b"\r\n")) if as_json else line.rstrip(b"\r\n")


def checked(body: bytes) -> bytes:
    """The body, which is JSON, or an error that shows it."""
    try:
        json.loads(body)
    except ValueError as error:
        raise click.ClickException(f"not JSON: {body[:80]!r}: {error}") from None
    return body


def tell(frames: Sequence[bytes], as_json: bool) -> None:
    """Print one message: its frames in a line, with tabs between them; or a JSON array of them."""
    if as_json:
        click.echo(json.dumps([in_json(frame) for frame in frames]))
    else:
        click.echo(b"\t".join(frames))


def in_json(frame: bytes) -> Any:
    try:
        return json.loads(frame)
    except ValueError:
        return frame.decode(errors="replace")
