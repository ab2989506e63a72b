"""ZeroMQ's patterns, each reliable in three lines: import the one that you need, `from zmqfast.patterns import pipeline`."""
