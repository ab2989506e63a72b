"""`python -m zmqfast` is the `zmqfast` command."""

from zmqfast.cli import main

main()
