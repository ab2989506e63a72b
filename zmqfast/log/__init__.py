"""Logging through PUB sockets; `python -m zmqfast.log` shows what comes."""
