"""The `zmqfast` command. Its arguments and tables need the extra `cli`."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130           # the status after Ctrl-C, as a shell has it


def main() -> None:
    """Run the command that the arguments name, and end the process with its status."""
    if sys.argv[1:2] == ["run"]:
        from zmqfast.cli.run import run

        run(sys.argv[2:])
        return
    try:
        import click
        import rich  # noqa: F401  a subcommand that needs it should not be the one to find out
    except ModuleNotFoundError as error:
        sys.exit(f"zmqfast: the command needs {error.name}: pip install 'zmqfast[cli]'")
    from zmqfast.cli.bench import bench
    from zmqfast.cli.demo import demo
    from zmqfast.cli.info import info
    from zmqfast.cli.keygen import keygen
    from zmqfast.cli.monitor import monitor
    from zmqfast.cli.proxy import proxy
    from zmqfast.cli.pub import pub, sub
    from zmqfast.cli.push import pull, push
    from zmqfast.cli.req import rep, req
    from zmqfast.version import __version__

    class Group(click.Group):
        """Ends every command alike where Ctrl-C comes, or whoever reads our output has enough."""

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
    for command in (bench, demo, info, pub, sub, push, pull, req, rep, proxy, monitor, keygen):
        group.add_command(command)
    group.add_command(click.Command("run", short_help="Run a program that says `import zmq` on zmqfast."))
    click.version_option(__version__, prog_name="zmqfast")(group)
    group(prog_name="zmqfast")
