"""The version of pyzmq whose interface this is: what programs ask for before they use something."""

from __future__ import annotations

from zmqfast._core import zmq_version, zmq_version_info

__all__ = [
    "__revision__",
    "__version__",
    "pyzmq_version",
    "pyzmq_version_info",
    "zmq_version",
    "zmq_version_info",
]

VERSION_MAJOR, VERSION_MINOR, VERSION_PATCH = version_info = (27, 3, 0)
VERSION_EXTRA = ""
__version__ = "27.3.0"
__revision__ = ""


def pyzmq_version() -> str:
    """The version of pyzmq that zmqfast is like, as text."""
    return __version__


def pyzmq_version_info() -> tuple[int, int, int]:
    """The version of pyzmq that zmqfast is like, as (major, minor, patch)."""
    return version_info
