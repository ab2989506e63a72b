# cython: language_level=3, freethreading_compatible=True
# cython: boundscheck=False, wraparound=False, initializedcheck=False, binding=False, autotestdict=False
# cython: embedsignature=True, embedsignature.format=clinic
"""The compiled core of zmqfast: everything that touches libzmq or is on a hot path.

One extension, because libzmq is linked into it: a second one would carry a second libzmq with a state of its own.
The rooms below are included in reading order and share one namespace.
"""

include "core/errno.pyx"        # return codes to exceptions
include "core/release.pyx"      # buffers lent to libzmq, and how they come back
include "core/frame.pyx"        # Frame: one zmq_msg_t
include "core/context.pyx"      # Context
include "core/handle.pyx"       # SocketHandle: the void * of a socket, and who is inside
include "core/message.pyx"      # frames and messages through a handle: try first, then wait
include "core/many.pyx"         # many messages in one call
include "core/batch.pyx"        # many frames in one buffer
include "core/inproc.pyx"       # who has bound and connected where within the process
include "core/peers.pyx"        # who is connected, without sleeping
include "core/monitor.pyx"      # what a socket reports of itself
include "core/precautions.pyx"  # mistakes that libzmq aborts on
include "core/options.pyx"      # socket options by their C type
include "core/socket.pyx"       # Socket
include "core/readiness.pyx"    # descriptors that are watched as one
include "core/engine.pyx"       # who waits for an asyncio socket, and when they are served
include "core/zmq_poll.pyx"     # sockets and descriptors looked at in one call
include "core/poller.pyx"       # sockets registered once
include "core/proxy.pyx"        # proxies
include "core/handles.pyx"      # the pointers inside, for other extensions
include "core/curve.pyx"        # CURVE keys and Z85
include "core/fork.pyx"         # what a forked child does with what it inherited
