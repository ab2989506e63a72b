"""zmq.sugar.frame."""

from zmqfast._core import Frame
from zmqfast._core import Frame as Message

__all__ = ["Frame", "Message"]
