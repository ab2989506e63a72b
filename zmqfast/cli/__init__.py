"""The `zmqfast` command. Its arguments and tables need the extra `cli`."""

from __future__ import annotations

import sys

INTERRUPTED = 130           # the status after Ctrl-C, as a shell has it


def main() -> None:
    """Run the command that the arguments name, and end the process with its status."""
    if sys.argv[1:2] == ["run"]:
        from zmqfast.cli.run import run

        run(sys.argv[2:])
        return
    try:
        try:
            import rich  # noqa: F401  a subcommand that needs it should not be the one to find out

            from zmqfast.cli.group import group
        except ModuleNotFoundError as error:
            sys.exit(f"zmqfast: the command needs {error.name}: pip install 'zmqfast[cli]'")
        group(prog_name="zmqfast")
    except KeyboardInterrupt:       # while something was imported
        sys.exit(INTERRUPTED)
