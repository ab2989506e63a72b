"""zmq.sugar.tracker."""

from zmqfast._core import MessageTracker, _FINISHED_TRACKER

__all__ = ["MessageTracker", "_FINISHED_TRACKER"]
