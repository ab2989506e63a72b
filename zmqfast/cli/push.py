"""`zmqfast push` and `zmqfast pull`: lines, JSON or files through a pipeline."""

from __future__ import annotations

import click

import zmqfast as zmq
from zmqfast.cli.sockets import bind_option, bodies, endpoint_argument, json_option, opened, tell

count_option = click.option("--count", type=click.IntRange(1), help="End after so many messages.")


@click.command(epilog="Example: seq 10 | zmqfast push tcp://127.0.0.1:5557")
@endpoint_argument
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@bind_option
@json_option
@click.option("--whole", is_flag=True, help="Send each file as one message, instead of its lines.")
def push(endpoint: str, files: tuple[str, ...], bind: bool, as_json: bool, whole: bool) -> None:
    """Send the lines of FILES, or of the input, to whoever pulls at ENDPOINT."""
    with opened(zmq.PUSH, endpoint, bind) as socket:
        for body in bodies(files, whole, as_json):
            socket.send(body)


@click.command(epilog="Example: zmqfast pull --bind tcp://127.0.0.1:5557 > lines.txt")
@endpoint_argument
@bind_option
@json_option
@count_option
def pull(endpoint: str, bind: bool, as_json: bool, count: int | None) -> None:
    """Print each message that is pushed to ENDPOINT, a line for each."""
    with opened(zmq.PULL, endpoint, bind) as socket:
        while count is None or count > 0:
            tell(socket.recv_multipart(), as_json)
            if count is not None:
                count -= 1
