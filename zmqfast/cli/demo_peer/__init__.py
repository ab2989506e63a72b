"""The program that the demo starts: one process of a row, with zmqfast or with pyzmq, by the same code.

It runs by its path (`python demo_peer JOB`), as a package of its own: a process of pyzmq never loads zmqfast.
"""
