"""`zmqfast req` and `zmqfast rep`: ask with lines, and answer them."""

from __future__ import annotations

import subprocess

import click

import zmqfast as zmq
from zmqfast.cli.push import count_option
from zmqfast.cli.sockets import bind_option, bodies, endpoint_argument, json_option, opened, tell


@click.command(epilog="Example: echo hello | zmqfast req tcp://127.0.0.1:5555")
@endpoint_argument
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@bind_option
@json_option
@click.option("--whole", is_flag=True, help="Send each file as one request, instead of its lines.")
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds for each reply.")
def req(endpoint: str, files: tuple[str, ...], bind: bool, as_json: bool, whole: bool, timeout: float) -> None:
    """Send each line of FILES, or of the input, as a request to ENDPOINT, and print its reply."""
    with opened(zmq.REQ, endpoint, bind) as socket:
        for body in bodies(files, whole, as_json):
            try:
                socket.send(body, timeout=timeout)
                tell(socket.recv_multipart(timeout=timeout), as_json)
            except zmq.Again:
                socket.linger = 0
                raise click.ClickException(f"no reply from {endpoint} in {timeout:g} s") from None


@click.command(epilog="Example: zmqfast rep --bind tcp://127.0.0.1:5555 --command 'tr a-z A-Z'")
@endpoint_argument
@bind_option
@count_option
@click.option("--command", help="A shell command: a request is its input, its output the reply. Without it, the "
                                "reply is the request.")
def rep(endpoint: str, bind: bool, count: int | None, command: str | None) -> None:
    """Answer the requests that come to ENDPOINT."""
    with opened(zmq.REP, endpoint, bind) as socket:
        while count is None or count > 0:
            frames = socket.recv_multipart()
            if command is not None:
                frames = [subprocess.run(command, shell=True, input=b"\n".join(frames), stdout=subprocess.PIPE).stdout]
            socket.send_multipart(frames)
            if count is not None:
                count -= 1
