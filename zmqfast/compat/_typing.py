"""zmq._typing: what pyzmq takes from typing, for old Pythons."""

from typing import TypeAlias

__all__ = ["TypeAlias"]
