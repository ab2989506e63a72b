"""What is put right in the copies of libzmq's files that are built: what peers, our own calls or the system can do to it,
and system calls and copies that nobody needs.

libzmq/ itself stays as it is: setup.py writes what is changed below build/, and compiles that instead. Each fix names
its file, the text that it replaces, wherever that stands, and why. One whose text is not there does nothing, nor do those
that need it: libzmq has moved on, and the tests in tests/hostile and tests/core/test_system_calls.py say what is needed
again. "Both" is 4.3.4 and the pinned commit.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Fix(NamedTuple):
    file: str       # below src/
    before: str
    after: str


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
)

# What calls of ours, or a system that refuses something, can do to it.
AGAINST_CALLS_AND_SYSTEM = (
    # Both. Over WebSocket a client's bytes are masked, in their place: in the very object that was sent without a copy.
    Fix("ws_encoder.cpp", """\
        if (in_progress ()->flags () & msg_t::shared
            || in_progress ()->is_cmsg ()) {
""", """\
        if (!in_progress ()->is_vsm ()) {
"""),

    # Both, from DGRAM, and 4.3.4 from RADIO: a message longer than a datagram was written beyond the buffer.
    Fix("udp_engine.cpp", """\
            size = body_size;

            memcpy (_out_buffer, body_msg.data (), body_size);
""", """\
            size = body_size;
            if (size > MAX_UDP_MSG) {
                rc = group_msg.close ();
                errno_assert (rc == 0);
                rc = body_msg.close ();
                errno_assert (rc == 0);
                return;
            }

            memcpy (_out_buffer, body_msg.data (), body_size);
"""),
    Fix("udp_engine.cpp", """\
            size = group_size + body_size + 1;

            // TODO: check if larger than maximum size
""", """\
            size = group_size + body_size + 1;
            if (size > MAX_UDP_MSG) {
                rc = group_msg.close ();
                errno_assert (rc == 0);
                rc = body_msg.close ();
                errno_assert (rc == 0);
                return;
            }

"""),

    # 4.3.4, backported: a socket that is closed, or disconnects, after its inproc peer with DISCONNECT_MSG had gone wrote that
    # message to a pipe that was no more: a segmentation fault.
    Fix("pipe.cpp", """\
    if (_disconnect_msg.size () > 0) {
""", """\
    if (_disconnect_msg.size () > 0 && _out_pipe) {
"""),

    # Both. Who binds an inproc endpoint wrote its HELLO_MSG to one that had connected, and was closed since:
    # `Assertion failed: written`. So it would be with a routing id, if the other was closed at that moment.
    *(Fix("pipe.cpp", f"""\
    const bool written = pipe_->write (&{message});
    zmq_assert (written);
    pipe_->flush ();
""", f"""\
    if (pipe_->write (&{message})) {{
        pipe_->flush ();
        return;
    }}
    const int closed = {message}.close ();
    errno_assert (closed == 0);
""") for message in ("id", "hello")),

    # Both. And it gave its DISCONNECT_MSG to the other's pipe, while libzmq's reaper had that in its hands.
    Fix("ctx.cpp", """\
        && !bind_options_.disconnect_msg.empty ())
        pending_connection_""", """\
        && !bind_options_.disconnect_msg.empty ()
        && pending_connection_.endpoint.socket->check_tag ())
        pending_connection_"""),

    # Both. When no descriptor is left, the I/O thread could not open a udp socket: `Too many open files`. It tries again.
    Fix("session_base.cpp", """\
        int rc = engine->init (_addr, send, recv);
        errno_assert (rc == 0);

        send_attach (this, engine);
""", """\
        if (engine->init (_addr, send, recv) == -1) {
            delete engine;
            add_timer (50, udp_timer_id);
            return;
        }

        send_attach (this, engine);
"""),
    Fix("session_base.cpp", """\
zmq::session_base_t::~session_base_t ()
{
""", """\
//  What is not the id of the linger's timer.
static const int udp_timer_id = 0x21;

zmq::session_base_t::~session_base_t ()
{
    if (_addr && _addr->protocol == protocol_name::udp)
        cancel_timer (udp_timer_id);

"""),
    Fix("session_base.cpp", """\
void zmq::session_base_t::timer_event (int id_)
{
""", """\
void zmq::session_base_t::timer_event (int id_)
{
    if (id_ == udp_timer_id) {
        start_connecting (false);
        return;
    }

"""),

    # Both. Closing a thread-safe socket took a descriptor, and without one: `Bad file descriptor`. It has it from the start.
    Fix("socket_base.cpp", """\
        zmq_assert (_mailbox);
    } else {
""", """\
        zmq_assert (_mailbox);
        _reaper_signaler = new (std::nothrow) signaler_t ();
        zmq_assert (_reaper_signaler);
        if (_reaper_signaler->get_fd () == retired_fd) {
            LIBZMQ_DELETE (_mailbox);
            errno = EMFILE;
        }
    } else {
"""),
    Fix("socket_base.cpp", """\
        _reaper_signaler = new (std::nothrow) signaler_t ();
        zmq_assert (_reaper_signaler);

        //  Add signaler""", """\
        //  Add signaler"""),

    # Both. The names of network interfaces are read through a descriptor: `Too many open files`.
    Fix("ip_resolver.cpp", """\
    errno_assert (rc == 0);
    zmq_assert (ifa != NULL);
""", """\
    if (rc != 0)
        return -1;
    zmq_assert (ifa != NULL);
"""),

    # Both. A socket that closed with LINGER 0 while its peer went as well, in the middle of a message of several frames, had no
    # rest of it to be read: `Resource temporarily unavailable`.
    Fix("session_base.cpp", """\
        rc = pull_msg (&msg);
        errno_assert (rc == 0);
""", """\
        if (pull_msg (&msg) == -1)
            _incomplete_in = false;
"""),

    # 4.3.4, backported: stats() asked, and a change of SNDHWM told, the other end of a connection that was going: a use after
    # free, and a segmentation fault in the I/O thread. https://github.com/zeromq/libzmq/issues/4524
    Fix("pipe.cpp", """\
{
    send_pipe_hwm (_peer, inhwm_, outhwm_);
}
""", """\
{
    if (_state == active)
        send_pipe_hwm (_peer, inhwm_, outhwm_);
}
"""),
    Fix("pipe.cpp", """\
    endpoint_uri_pair_t *ep =
      new (std::nothrow) endpoint_uri_pair_t (_endpoint_pair);
    send_pipe_peer_stats (""", """\
    if (_state != active)
        return;
    endpoint_uri_pair_t *ep =
      new (std::nothrow) endpoint_uri_pair_t (_endpoint_pair);
    send_pipe_peer_stats ("""),

    # 4.3.4, backported: a pipe's end could delete what it reads from twice.
    Fix("pipe.cpp", """\
    if (!_conflate) {
        msg_t msg;
        while (_in_pipe->read (&msg)) {
            const int rc = msg.close ();
            errno_assert (rc == 0);
        }
    }

    LIBZMQ_DELETE (_in_pipe);
""", """\
    upipe_t *in_pipe = _in_pipe;
    _in_pipe = NULL;

    if (!_conflate && in_pipe) {
        msg_t msg;
        while (in_pipe->read (&msg)) {
            const int rc = msg.close ();
            errno_assert (rc == 0);
        }
    }

    LIBZMQ_DELETE (in_pipe);
"""),

    # 4.3.4, backported: who subscribed to a topic of 246 to 255 bytes was dropped by its peer, again and again.
    Fix("v3_1_encoder.cpp", """\
    if (in_progress ()->size () > UCHAR_MAX)
        protocol_flags |= v2_protocol_t::large_flag;
""", ""),
    Fix("v3_1_encoder.cpp", """\
            size += zmq::msg_t::cancel_cmd_name_size;
    }

    //  Encode the message length.""", """\
            size += zmq::msg_t::cancel_cmd_name_size;
    }
    if (size > UCHAR_MAX)
        protocol_flags |= v2_protocol_t::large_flag;

    //  Encode the message length."""),

    # 4.3.4, backported: a ROUTER that was polled lost its first frame's metadata, with the name of its user.
    Fix("router.cpp", """\
    _prefetched_id.set_flags (msg_t::more);

    _prefetched = true;
    _routing_id_sent = false;
""", """\
    _prefetched_id.set_flags (msg_t::more);
    if (_prefetched_msg.metadata ())
        _prefetched_id.set_metadata (_prefetched_msg.metadata ());

    _prefetched = true;
    _routing_id_sent = false;
"""),

    # 4.3.4, backported: the end of a context closed libsodium's source of random numbers under other contexts with CURVE.
    Fix("random.cpp", """\
        zmq_assert (rc != -1);
    } else {
        randombytes_close ();
    }
""", """\
        zmq_assert (rc != -1);
    }
"""),
)

FEWER_SYSTEM_CALLS = (
    # Both. Whether a command has come is asked of the descriptor, where the pipe tells as well: see core/peek.cpp. And where
    # it has come, a read tells whether its signal has: that does not block, so nobody has to ask before.
    Fix("mailbox.cpp", """\
    int rc = _signaler.wait (timeout_);
""", """\
    if (timeout_ == 0 && !zmqfast_is_flushed (&_cpipe)) {
        errno = EAGAIN;
        return -1;
    }
    int rc = _signaler.wait (timeout_);
"""),
    Fix("mailbox.cpp", """\
#include "err.hpp"
""", """\
#include "err.hpp"

extern "C" int zmqfast_is_flushed (void *command_pipe);
"""),
    Fix("signaler.cpp", """\
#ifdef ZMQ_POLL_BASED_ON_POLL
    struct pollfd pfd;
""", """\
    if (timeout_ == 0)
        return 0;
#ifdef ZMQ_POLL_BASED_ON_POLL
    struct pollfd pfd;
"""),
    # Both. Each signal asks the system three times whether this is a forked child; the child can tell once.
    Fix("signaler.cpp", "getpid ()", "known_pid"),
    Fix("signaler.cpp", """\
zmq::signaler_t::signaler_t ()
""", """\
#ifdef HAVE_FORK
#include <pthread.h>

static pid_t known_pid = getpid ();

static void forked_child ()
{
    known_pid = getpid ();
}

static const int told_of_forks = pthread_atfork (NULL, NULL, forked_child);
#endif

zmq::signaler_t::signaler_t ()
"""),
)

FEWER_COPIES = (
    # Both. A long message was copied into the batch as far as that had room, and its rest was another call: what does not
    # fit now stays where it is, and goes out with the batch before it in one call.
    Fix("i_encoder.hpp", """\
    virtual size_t encode (unsigned char **data_, size_t size_) = 0;
""", """\
    //  With leaves_, what does not fit into the buffer may be left.
    virtual size_t
    encode (unsigned char **data_, size_t size_, bool leaves_ = false) = 0;

    //  What comes right after all that encode() has returned.
    virtual size_t left (unsigned char **data_) = 0;

    //  So much of that needs no encode() any more.
    virtual void skip (size_t size_) = 0;
"""),
    Fix("encoder.hpp", """\
    size_t encode (unsigned char **data_, size_t size_) ZMQ_FINAL
    {
""", """\
    size_t left (unsigned char **data_) ZMQ_FINAL
    {
        *data_ = _write_pos;
        return _to_write;
    }

    void skip (size_t size_) ZMQ_FINAL
    {
        zmq_assert (size_ <= _to_write);
        _write_pos += size_;
        _to_write -= size_;
    }

    size_t encode (unsigned char **data_,
                   size_t size_,
                   bool leaves_ = false) ZMQ_FINAL
    {
"""),
    Fix("encoder.hpp", """\
            //  Copy data to the buffer. If the buffer is full, return.
""", """\
            //  Short ones are copied: a call takes two places at most.
            if (leaves_ && _to_write > buffersize - pos && _to_write >= 1024)
                break;

            //  Copy data to the buffer. If the buffer is full, return.
"""),
    Fix("stream_engine_base.hpp", """\
    virtual int write (const void *data_, size_t size_);
""", """\
    virtual int write (const void *data_, size_t size_);

    //  Whether two places can be read or written in one call.
    virtual bool gathers () { return false; }
"""),
    Fix("zmtp_engine.hpp", """\
    void plug_internal ();
""", """\
    void plug_internal ();

#ifndef ZMQ_HAVE_WINDOWS
    bool gathers () { return true; }
#endif
"""),
    Fix("stream_engine_base.cpp", """\
        _outsize = _encoder->encode (&_outpos, 0);

        while (_outsize < static_cast<size_t> (_options.out_batch_size)) {
""", """\
        _outsize = _encoder->encode (&_outpos, 0, gathers ());

        unsigned char *unused;
        while (_outsize < static_cast<size_t> (_options.out_batch_size)
               && _encoder->left (&unused) == 0) {
"""),
    Fix("stream_engine_base.cpp", """\
              _encoder->encode (&bufptr, _options.out_batch_size - _outsize);
""", """\
              _encoder->encode (&bufptr, _options.out_batch_size - _outsize,
                                gathers ());
"""),
    Fix("stream_engine_base.cpp", """\
    const int nbytes = write (_outpos, _outsize);
""", """\
    unsigned char *left = NULL;
    const size_t left_size =
      gathers () && _encoder ? _encoder->left (&left) : 0;
    int nbytes = left_size ? write_two (_s, _outpos, _outsize, left, left_size)
                           : write (_outpos, _outsize);
"""),
    Fix("stream_engine_base.cpp", """\
        reset_pollout ();
        return;
    }

    _outpos += nbytes;
""", """\
        reset_pollout ();
        return;
    }

    if (static_cast<size_t> (nbytes) > _outsize) {
        _encoder->skip (nbytes - _outsize);
        nbytes = static_cast<int> (_outsize);
    }
    _outpos += nbytes;
"""),
    # Both. Of a message that is longer than the buffer, all but its last bytes was copied from there, because those of the
    # one before were read together with it: they are read to where they belong, and with them no more than a beginning.
    Fix("i_decoder.hpp", """\
    virtual void resize_buffer (size_t) = 0;
""", """\
    virtual void resize_buffer (size_t) = 0;

    //  In the middle of a long message: what is missing of it, and where a
    //  read may go on that has filled that. After get_buffer().
    virtual size_t get_long (unsigned char **, size_t *, unsigned char **)
    {
        return 0;
    }

"""),
    Fix("decoder.hpp", """\
    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
""", """\
    size_t get_long (unsigned char **data_,
                     std::size_t *size_,
                     unsigned char **more_) ZMQ_FINAL
    {
        if (!is_long ())
            return 0;
        *data_ = _read_pos;
        *size_ = _to_read;
        *more_ = _buf;
        //  A long message is likely to be followed by another.
        return std::min<std::size_t> (256, _allocator.size ());
    }

    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
"""),
    Fix("decoder.hpp", """\
        _to_read = to_read_;
        _next = next_;
    }

    A &get""", """\
        _to_read = to_read_;
        _whole = to_read_;
        _next = next_;
    }

    A &get"""),
    Fix("decoder.hpp", """\
  private:
    //  Next step.""", """\
  private:
    //  Whether it reads a body that has memory of its own. In much longer
    //  ones the copy is a small part, and reading less at once lets the
    //  sender go on meanwhile.
    bool is_long () const
    {
        return _whole >= std::max<std::size_t> (_allocator.size (), 1024)
               && _whole / 8 < _allocator.size ();
    }

    //  How much data this step has read before it is done.
    std::size_t _whole;

    //  Next step."""),
    Fix("stream_engine_base.cpp", """\
        const int rc = read (_inpos, bufsize);
""", """\
        if (gathers ())
            more_size = _decoder->get_long (&_inpos, &bufsize, &more);
        const int rc = more_size
                         ? read_two (_s, _inpos, bufsize, more, more_size)
                         : read (_inpos, bufsize);
"""),
    Fix("stream_engine_base.cpp", """\
        //  Adjust input size
        _insize = static_cast<size_t> (rc);
        // Adjust buffer size to received bytes
        _decoder->resize_buffer (_insize);
    }
""", """\
        //  Adjust input size
        _insize = static_cast<size_t> (rc);
        more_size = 0;
        if (_insize > bufsize) {
            more_size = _insize - bufsize;
            _insize = bufsize;
        }
        // Adjust buffer size to received bytes
        _decoder->resize_buffer (more_size ? more_size : _insize);
    }
"""),
    Fix("stream_engine_base.cpp", """\
    if (!_insize) {
        //  Retrieve""", """\
    unsigned char *more = NULL;
    size_t more_size = 0;
    if (!_insize) {
        //  Retrieve"""),
    Fix("stream_engine_base.cpp", """\
        _inpos += processed;
        _insize -= processed;
        if (rc == 0 || rc == -1)
            break;
        rc = (this->*_process_msg) (_decoder->msg ());
        if (rc == -1)
            break;
    }

    //  Tear down""", """\
        _inpos += processed;
        _insize -= processed;
        if (_insize == 0 && more_size) {
            _inpos = more;
            _insize = more_size;
            more_size = 0;
        }
        if (rc == 0 || rc == -1)
            break;
        rc = (this->*_process_msg) (_decoder->msg ());
        if (rc == -1)
            break;
    }

    //  Tear down"""),
    Fix("stream_engine_base.cpp", """\
static std::string get_peer_address (zmq::fd_t s_)
""", """\
#ifndef ZMQ_HAVE_WINDOWS
#include <sys/socket.h>
#include <sys/uio.h>

//  More of a message than this is left for the next call.
static const size_t most_in_one_call = 1 << 28;

//  As tcp_write() and tcp_read(), from and to two places.
static int write_two (zmq::fd_t s_,
                      void *first_,
                      size_t first_size_,
                      void *second_,
                      size_t second_size_)
{
    struct iovec places[2];
    places[0].iov_base = first_;
    places[0].iov_len = first_size_;
    places[1].iov_base = second_;
    places[1].iov_len = std::min (second_size_, most_in_one_call);
    struct msghdr both;
    memset (&both, 0, sizeof both);
    both.msg_iov = places;
    both.msg_iovlen = 2;

    const ssize_t nbytes = sendmsg (s_, &both, 0);
    if (nbytes == -1
        && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    errno_assert (nbytes != -1
                  || (errno != EACCES && errno != EBADF
                      && errno != EDESTADDRREQ && errno != EFAULT
                      && errno != EISCONN && errno != EMSGSIZE
                      && errno != ENOMEM && errno != ENOTSOCK
                      && errno != EOPNOTSUPP));
    return static_cast<int> (nbytes);
}

static int read_two (zmq::fd_t s_,
                     void *first_,
                     size_t first_size_,
                     void *second_,
                     size_t second_size_)
{
    if (first_size_ > most_in_one_call)
        second_size_ = 0;
    struct iovec places[2];
    places[0].iov_base = first_;
    places[0].iov_len = std::min (first_size_, most_in_one_call);
    places[1].iov_base = second_;
    places[1].iov_len = second_size_;
    struct msghdr both;
    memset (&both, 0, sizeof both);
    both.msg_iov = places;
    both.msg_iovlen = second_size_ ? 2 : 1;

    const ssize_t nbytes = recvmsg (s_, &both, 0);
    if (nbytes == 0) {
        errno = EPIPE; // closed by the peer
        return -1;
    }
    if (nbytes == -1) {
        errno_assert (errno != EBADF && errno != EFAULT && errno != ENOMEM
                      && errno != ENOTSOCK);
        if (errno == EWOULDBLOCK || errno == EINTR)
            errno = EAGAIN;
    }
    return static_cast<int> (nbytes);
}
#else
//  Never called: see gathers().
static int write_two (zmq::fd_t, void *, size_t, void *, size_t)
{
    return -1;
}
static int read_two (zmq::fd_t, void *, size_t, void *, size_t)
{
    return -1;
}
#endif

static std::string get_peer_address (zmq::fd_t s_)
"""),
)

FIXES = (*AGAINST_PEERS, *AGAINST_CALLS_AND_SYSTEM, *FEWER_SYSTEM_CALLS)      # each for itself
ALL_OR_NONE = (FEWER_COPIES,)


def fixed(texts: dict[str, str]) -> dict[str, str]:
    """The changed ones of libzmq's files, by their name below src/."""
    changed = dict(texts)
    for fix in FIXES:
        if fix.file in changed:
            changed[fix.file] = changed[fix.file].replace(fix.before, fix.after)
    for fixes in ALL_OR_NONE:
        if all(fix.before in changed.get(fix.file, "") for fix in fixes):
            for fix in fixes:
                changed[fix.file] = changed[fix.file].replace(fix.before, fix.after)
    return {file: text for file, text in changed.items() if text != texts[file]}


def write_fixed(source: Path, place: Path) -> list[str]:
    """Write the changed copies of the files below source/src to `place`; the names of what is compiled of those.

    Whoever includes a header that is changed has to be compiled with that one, and finds the one beside itself: so it is
    copied as well.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in (source / "src").glob("*.[ch]pp")}
    includes = {file: set(re.findall(r'^\s*#\s*include "(\w+\.hpp)"', text, re.MULTILINE)) for file, text in texts.items()}
    changed = fixed(texts)
    files = set(changed)
    while more := {file for file, included in includes.items() if included & files} - files:
        files |= more
    for file in files:
        (place / file).write_text(changed.get(file, texts[file]), encoding="utf-8")
    return sorted(file for file in files if file.endswith(".cpp"))
