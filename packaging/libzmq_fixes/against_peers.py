"""What a peer could do to libzmq."""

from .fix import Fix

AGAINST_PEERS = (
    # Both. A reset connection is kept until what it had sent is read; a PING in that, or our own heartbeat's timer, then
    # wrote to it: `Assertion failed: !_io_error`. https://github.com/zeromq/libzmq/issues/4841
    Fix("stream_engine_base.cpp", """\
    zmq_assert (!_io_error);

    //  If write buffer is empty""", """\
    if (unlikely (_io_error))
        return;

    //  If write buffer is empty"""),

    # Both. A connection that a heartbeat gave up, while its messages waited for room, has a successor that waits for
    # nothing: `Assertion failed: _input_stopped`. https://github.com/zeromq/libzmq/issues/3937
    Fix("stream_engine_base.cpp", """\
    zmq_assert (_input_stopped);
""", """\
    if (!_input_stopped)
        return true;
"""),

    # Both. WebSocket's decoder refuses frames without saying why, and what errno was left at by something else then decided:
    # with EAGAIN the connection was kept for ever, unread, with its descriptor.
    Fix("stream_engine_base.cpp", """\
        rc = _decoder->decode (_inpos, _insize, processed);
""", """\
        errno = EPROTO;
        rc = _decoder->decode (_inpos, _insize, processed);
"""),

    # Both. What is sent to a socket that only sends was kept for ever, up to the high-water mark; beyond that its connection
    # was not read any more, and outlived its peer, with its descriptor.
    Fix("session_base.cpp", """\
    if (_pipe && _pipe->write (msg_)) {
""", """\
    if (options.type == ZMQ_PUSH || options.type == ZMQ_SCATTER) {
        int rc = msg_->close ();
        errno_assert (rc == 0);
        rc = msg_->init ();
        errno_assert (rc == 0);
        return 0;
    }
    if (_pipe && _pipe->write (msg_)) {
"""),

    # 4.3.4, backported: a peer of ZMTP 1 or 2, whose handshake has ended, was dropped after HANDSHAKE_IVL all the same.
    Fix("stream_engine_base.cpp", """\
            if (_mechanism == NULL && _has_handshake_stage)
                _session->engine_ready ();
""", """\
            if (_mechanism == NULL && _has_handshake_stage) {
                if (_has_handshake_timer) {
                    cancel_timer (handshake_timer_id);
                    _has_handshake_timer = false;
                }
                _session->engine_ready ();
            }
"""),

    # Both. A PING without the bytes of its TTL was answered with bytes from beyond its end.
    Fix("zmtp_engine.cpp", """\
    if (msg_->is_ping ()) {
        // 16-bit TTL""", """\
    if (msg_->is_ping () && msg_->size () >= msg_t::ping_cmd_name_size + 2) {
        // 16-bit TTL"""),

    # Both. A connecting ROUTER or XPUB whose queue is full met a peer of ZMTP 1, which has no place for its routing id.
    # Refusing the message keeps it, and it is tried again when there is room.
    *(Fix(file, """\
        const int rc = session ()->push_msg (msg_);
        errno_assert (rc == 0);
""", """\
        if (session ()->push_msg (msg_) == -1)
            return -1;
""") for file in ("zmtp_engine.cpp", "ws_engine.cpp")),
    Fix("zmtp_engine.cpp", """\
        rc = session ()->push_msg (&subscription);
        errno_assert (rc == 0);
""", """\
        if (session ()->push_msg (&subscription) == -1)
            return -1;
"""),

    # Both. RADIO took a JOIN or LEAVE of more than 255 bytes for its own mistake.
    Fix("radio.cpp", """\
        errno_assert (rc == 0);

        //  Set the group
""", """\
        errno_assert (rc == 0);
        if (group_length > ZMQ_GROUP_MAX_LENGTH) {
            errno = EFAULT;
            return -1;
        }

        //  Set the group
"""),

    # Both. Who has no routing id gets the next number; a peer may have called itself that already, and ROUTER and REP then
    # ended: `Assertion failed: ok`.
    Fix("router.cpp", """\
            buf[0] = 0;
            put_uint32 (buf + 1, _next_integral_routing_id++);
            routing_id.set (buf, sizeof buf);
            msg.close ();
""", """\
            buf[0] = 0;
            do {
                put_uint32 (buf + 1, _next_integral_routing_id++);
                routing_id.set (buf, sizeof buf);
            } while (has_out_pipe (routing_id));
            msg.close ();
"""),
    Fix("router.cpp", """\
                buf[0] = 0;
                put_uint32 (buf + 1, _next_integral_routing_id++);
                blob_t new_routing_id (buf, sizeof buf);
""", """\
                buf[0] = 0;
                blob_t new_routing_id;
                do {
                    put_uint32 (buf + 1, _next_integral_routing_id++);
                    new_routing_id.set (buf, sizeof buf);
                } while (has_out_pipe (new_routing_id));
"""),

    # Both. A peer that had gone when REP read its request, one without an envelope, took the next one's reply with it.
    Fix("router.cpp", """\
        _current_out->rollback ();
        _current_out = NULL;
        _more_out = false;
    }
""", """\
        _current_out->rollback ();
        _current_out = NULL;
    }
    _more_out = false;
"""),

    # Both. Over WebSocket the handshake had no time limit.
    Fix("ws_engine.cpp", """\
    start_ws_handshake ();
    set_pollin ();
""", """\
    set_handshake_timer ();
    start_ws_handshake ();
    set_pollin ();
"""),

    # Both. Over WebSocket a peer could choose to have no handshake of ZMTP, and with it no question to ZAP. And heartbeats
    # need one: `Assertion failed: _mechanism != NULL`.
    Fix("ws_engine.cpp", """\
    if (_options.mechanism == ZMQ_NULL && (strcmp ("ZWS2.0", protocol_) == 0)) {
""", """\
    if (_options.mechanism == ZMQ_NULL && !session ()->zap_enabled ()
        && (strcmp ("ZWS2.0", protocol_) == 0)) {
"""),
    Fix("ws_engine.cpp", """\
        // No mechanism in place, enabling heartbeat
        if (_options.heartbeat_interval > 0 && !_has_heartbeat_timer) {
            add_timer (_options.heartbeat_interval, heartbeat_ivl_timer_id);
            _has_heartbeat_timer = true;
        }

""", ""),

    # 4.3.4, backported: one datagram to a DISH ended it, whose first byte is the length of the group, and no sign.
    Fix("udp_engine.cpp", """\
        const int group_size = _in_buffer[0];
""", """\
        const int group_size = static_cast<unsigned char> (_in_buffer[0]);
"""),
    Fix("udp_engine.cpp", """\
        //  This doesn't fit, just ingore
        if (nbytes - 1 < group_size)
            return;
""", """\
        //  This doesn't fit, just ignore
        if (nbytes - 1 < group_size) {
            rc = msg.close ();
            errno_assert (rc == 0);
            return;
        }
"""),

    # Both, in 4.3.4 more often: with XPUB_MANUAL, a peer that had gone when its subscription was read was subscribed all the
    # same, through a pipe that was no more.
    Fix("xpub.cpp", """\
        _subscriptions.rm (pipe_, stub, static_cast<void *> (NULL), false);
""", """\
        _subscriptions.rm (pipe_, stub, static_cast<void *> (NULL), false);
        if (_last_pipe == pipe_)
            _last_pipe = NULL;
        for (size_t i = 0; i != _pending_pipes.size (); ++i)
            if (_pending_pipes[i] == pipe_)
                _pending_pipes[i] = NULL;
"""),

    # Both. A CHANNEL drops messages of several frames, and never gave their memory back.
    Fix("channel.cpp", """\
    while (read && msg_->flags () & msg_t::more) {
        // drop all frames of the current multi-frame message
        read = _pipe->read (msg_);
        while (read && msg_->flags () & msg_t::more)
            read = _pipe->read (msg_);

        // get the new message
        if (read)
            read = _pipe->read (msg_);
    }
""", """\
    bool dropping = false;
    while (read && (dropping || msg_->flags () & msg_t::more)) {
        dropping = (msg_->flags () & msg_t::more) != 0;
        rc = msg_->close ();
        errno_assert (rc == 0);
        read = _pipe->read (msg_);
    }
"""),
)
