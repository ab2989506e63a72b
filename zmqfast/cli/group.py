"""The `zmqfast` command's subcommands: each is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys

import click

from zmqfast.cli import INTERRUPTED
from zmqfast.version import __version__

MODULES = {name: f"zmqfast.cli.{name}" for name in ("bench", "demo", "info", "keygen", "monitor", "proxy", "pub", "push",
                                                     "req")}
MODULES |= {"sub": MODULES["pub"], "pull": MODULES["push"], "rep": MODULES["req"]}
RUN = click.Command("run", short_help="Run a program that says `import zmq` on zmqfast.")


class Group(click.Group):
    """Ends every command alike where Ctrl-C comes, or whoever reads our output has enough."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*MODULES, "run"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "run":
            return RUN
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(importlib.import_module(MODULES[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)


group = Group("zmqfast", help="ZeroMQ for Python: look at this build, see it at work, measure it, "
                              "or use it from a shell.")
click.version_option(__version__, prog_name="zmqfast")(group)
