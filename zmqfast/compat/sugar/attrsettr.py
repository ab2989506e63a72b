"""zmq.sugar.attrsettr: the base of what has options as attributes."""

from zmqfast.options import SettableOptions as AttributeSetter

__all__ = ["AttributeSetter"]
