"""`zmqfast monitor ENDPOINT`: what happens to a connection, as it happens."""

from __future__ import annotations

import json

import click

import zmqfast as zmq
from zmqfast.cli.push import count_option
from zmqfast.cli.sockets import bind_option, endpoint_argument, opened

TYPES = ["DEALER", "PAIR", "PUB", "PULL", "PUSH", "REP", "REQ", "ROUTER", "SUB", "XPUB", "XSUB"]


@click.command(epilog="Example: zmqfast monitor tcp://127.0.0.1:5556 --type SUB")
@endpoint_argument
@bind_option
@click.option("--type", "socket_type", type=click.Choice(TYPES, case_sensitive=False), default="DEALER",
              show_default=True, help="The type of our socket, which has to fit the peer's.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as JSON.")
@count_option
def monitor(endpoint: str, bind: bool, socket_type: str, as_json: bool, count: int | None) -> None:
    """Open a socket at ENDPOINT, and print each event of its connections: its name, value and endpoint."""
    with opened(getattr(zmq, socket_type.upper()), endpoint, bind, before=watch) as socket:
        socket.linger = 0
        reader = socket.get_monitor_socket()
        while count is None or count > 0:
            event = reader.recv()
            name = event.event.name.lower()
            if as_json:
                click.echo(json.dumps({"event": name, "value": event.value, "endpoint": event.endpoint}))
            else:
                click.echo(f"{name}\t{event.value}\t{event.endpoint}")
            if count is not None:
                count -= 1


def watch(socket: zmq.Socket[bytes]) -> None:
    """Start the monitor before there is anything to see."""
    socket.get_monitor_socket()
