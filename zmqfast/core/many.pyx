"""Many messages in one call: send_many and recv_many.

The GIL stays held while nothing waits: between two threads over inproc, taking it back for each burst costs more than
both of them working at once brings.
"""

from libc.math cimport INFINITY

cdef enum:
    ENOUGH_BYTES = 16 * 1024 * 1024     # once so many are received no further message is taken: a sender may refill for ever


cdef Py_ssize_t send_messages(
    SocketHandle handle, object messages, int flags, bint copy, object timeout, Py_ssize_t copy_threshold
) except -1:
    """send_many(): how many messages are out."""
    cdef libzmq.zmq_msg_t msg
    cdef Py_ssize_t sent = 0
    cdef double deadline = INFINITY
    if timeout is not None and milliseconds(timeout) >= 0:
        deadline = monotonic_seconds() + <double>timeout
    if flags & libzmq.ZMQ_SNDMORE:
        raise ValueError("send_many: SNDMORE would join the messages to one")
    try:
        for message in messages:
            if PyBytes_CheckExact(message) and copy:
                load_bytes(handle, &msg, message)
            elif isinstance(message, (list, tuple)):
                send_parts(
                    handle, tuple(message), flags, copy, False, None, None, time_left(timeout, deadline), copy_threshold
                )
                sent += 1
                continue
            else:
                load(handle, &msg, message, copy, False, copy_threshold)
            if not try_send(handle, &msg, flags):
                try:
                    send_patiently(handle, &msg, flags, time_left(timeout, deadline))
                except:
                    close_msg(&msg)
                    raise
            sent += 1
    except Again:
        if sent == 0:
            raise
    except (TypeError, ValueError, BufferError) as refused:
        error = type(refused)(f"message {sent}: {refused}")
        error.sent = sent
        raise error from None
    except BaseException as error:
        error.sent = sent
        raise
    return sent


cdef object time_left(object timeout, double deadline):
    """Of a timeout in seconds; of none, none."""
    return None if timeout is None else max(0.0, deadline - monotonic_seconds())


cdef list recv_messages(
    SocketHandle handle, Py_ssize_t max_messages, int flags, object timeout, bint multipart, bint copy,
    list unfinished=None,
):
    """recv_many(): a list of frames, or with `multipart` of messages.

    A list `unfinished` gets the places, in the list of frames, of those that have more to come.
    """
    cdef libzmq.zmq_msg_t msg
    cdef list received = []
    cdef list parts = received      # where the next frame belongs
    cdef Py_ssize_t messages = 0
    cdef Py_ssize_t known = 0       # received[:known] are whole messages
    cdef size_t size = 0            # bytes
    cdef bint more
    cdef int errnum
    check_max_messages(max_messages, "recv_many")
    libzmq.zmq_msg_init(&msg)       # never fails
    handle.enter()
    try:
        if libzmq.zmq_msg_recv(&msg, handle.ptr, flags | libzmq.ZMQ_DONTWAIT) == -1:
            errnum = libzmq.zmq_errno()
            if errnum == EAGAIN and flags & libzmq.ZMQ_DONTWAIT:
                return received         # as below, without the price of an exception
            retry(handle, &msg, flags, timeout, <transfer_t>libzmq.zmq_msg_recv, libzmq.ZMQ_RCVTIMEO, errnum)
        while True:
            more = libzmq.zmq_msg_more(&msg)
            size += message_size(&msg)
            if multipart and parts is received:
                parts = []
            parts.append(take_frame(handle, &msg, copy))
            if not more:
                if multipart:
                    received.append(parts)
                    parts = received
                known = len(received)
                messages += 1
                if messages == max_messages or size >= ENOUGH_BYTES:
                    return received
            elif unfinished is not None:
                unfinished.append(len(parts) - 1)
            if libzmq.zmq_msg_recv(&msg, handle.ptr, libzmq.ZMQ_DONTWAIT) == -1:
                if not more:
                    return received         # whatever it was, the next call says so
                finish(handle, &msg, 0, <transfer_t>libzmq.zmq_msg_recv)
    except Again:
        if flags & libzmq.ZMQ_DONTWAIT:
            return received
        raise
    except ContextTerminated:
        if known == 0:
            raise
        return received[:known]
    finally:
        handle.leave()
        close_msg(&msg)


cdef int check_max_messages(Py_ssize_t max_messages, str call) except -1:
    if max_messages < 1:
        raise ValueError(f"{call}: max_messages is at least 1, not {max_messages}")
    return 0
