"""Devices: proxies between sockets that are opened where the device runs: here, in a thread, or in a process."""

from zmqfast.devices.basedevice import Device, ProcessDevice, ThreadDevice
from zmqfast.devices.monitoredqueue import monitored_queue
from zmqfast.devices.monitoredqueuedevice import MonitoredQueue, ProcessMonitoredQueue, ThreadMonitoredQueue
from zmqfast.devices.proxydevice import ProcessProxy, Proxy, ThreadProxy
from zmqfast.devices.proxysteerabledevice import ProcessProxySteerable, ProxySteerable, ThreadProxySteerable

__all__ = [
    "Device",
    "MonitoredQueue",
    "ProcessDevice",
    "ProcessMonitoredQueue",
    "ProcessProxy",
    "ProcessProxySteerable",
    "Proxy",
    "ProxySteerable",
    "ThreadDevice",
    "ThreadMonitoredQueue",
    "ThreadProxy",
    "ThreadProxySteerable",
    "monitored_queue",
]
