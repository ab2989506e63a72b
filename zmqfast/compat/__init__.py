"""What only old code imports, under pyzmq's names, and install_as_zmq(), which makes zmqfast be `zmq`."""

from zmqfast.compat.install import install_as_zmq, uninstall_as_zmq

__all__ = ["install_as_zmq", "uninstall_as_zmq"]
