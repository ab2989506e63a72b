"""`zmqfast keygen`: a pair of keys for CURVE."""

from __future__ import annotations

import json

import click

import zmqfast as zmq


@click.command(epilog="Example: zmqfast keygen --json > keys.json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def keygen(as_json: bool) -> None:
    """Make a new pair of CURVE keys, in Z85: give the public one away, keep the secret one."""
    try:
        public, secret = (key.decode() for key in zmq.curve_keypair())
    except zmq.ZMQError as error:
        raise click.ClickException(f"this libzmq has no CURVE: {error}") from None
    if as_json:
        click.echo(json.dumps({"public": public, "secret": secret}))
    else:
        click.echo(f"public {public}\nsecret {secret}")
