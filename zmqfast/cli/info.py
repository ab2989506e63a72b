"""`zmqfast info`: what this build is, and what it can do on this machine."""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
from importlib import metadata
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import zmqfast
from zmqfast import _core
from zmqfast.cli.transports import capabilities, kernel_lacks, transports
from zmqfast.version import __version__


@click.command(epilog="Example: zmqfast info --json | jq .features")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(as_json: bool) -> None:
    """Show versions, features and transports of this build."""
    found = facts()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), in_words(value))
    Console().print(table)


def facts() -> dict[str, Any]:
    """What is known, by name; every value is found out here and now."""
    has = capabilities(zmqfast)
    return {
        "zmqfast": __version__,
        "libzmq": zmqfast.zmq_version(),
        "libzmq_source": _core.LIBZMQ_SOURCE,
        "draft_api": zmqfast.DRAFT_API,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "extension_abi": sysconfig.get_config_var("SOABI"),
        "cython_abi": cython_abi(),
        "pyzmq": installed("pyzmq"),
        "platform": platform.platform(),
        "byte_order": sys.byteorder,
        "features": {name.lower(): is_there for name, is_there in has.items()},
        "transports": {name: kernel_lacks(name) or "yes" for name in transports(has)},
    }


def cython_abi() -> str | None:
    """The Cython that compiled the core, as its shared types are named; None where they do not tell."""
    modules = [name for name in sys.modules if name.startswith("_cython_")]
    return modules[0].removeprefix("_cython_").replace("_", ".") if len(modules) == 1 else None


def installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def in_words(value: Any) -> str:
    if isinstance(value, dict):
        flags = [name if answer in (True, "yes") else f"{name} ({answer})" for name, answer in value.items() if answer]
        return " ".join(flags)
    return {True: "yes", False: "no", None: "none"}.get(value, str(value))
