"""Work that is done anew for every message, and need not be."""

from .fix import Fix

WHOLE_FRAMES = (
    # Both. A frame that is in the buffer as a whole is taken out in one step, where its flags, its size and its body were
    # three.
    Fix("decoder.hpp", """\
        bytes_used_ = 0;

        //  In case of zero-copy simply adjust""", """\
        bytes_used_ = 0;

        const int whole_rc =
          static_cast<T *> (this)->decode_whole (data_, size_, bytes_used_);
        if (whole_rc != 0)
            return whole_rc;

        //  In case of zero-copy simply adjust"""),
    Fix("decoder.hpp", """\
    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
""", """\
    //  A message that begins at data_ and is there as a whole, in one step:
    //  as decode(), but 0 wherever that is not so. A derived class may
    //  have its own.
    int decode_whole (const unsigned char *, std::size_t, std::size_t &)
    {
        return 0;
    }

    void resize_buffer (std::size_t new_size_) ZMQ_FINAL
"""),
    Fix("v2_decoder.hpp", """\
    msg_t *msg () { return &_in_progress; }
""", """\
    msg_t *msg () { return &_in_progress; }

    //  See decoder_base_t.
    int decode_whole (unsigned char const *data_, size_t size_, size_t &used_);
"""),
    Fix("v2_decoder.hpp", """\
    unsigned char _msg_flags;
""", """\
    unsigned char _msg_flags;

    //  Whether the next byte is the first of a frame.
    bool _begins;
"""),
    Fix("v2_decoder.cpp", """\
    _msg_flags (0),
    _zero_copy""", """\
    _msg_flags (0),
    _begins (true),
    _zero_copy"""),
    Fix("v2_decoder.cpp", """\
    _msg_flags = 0;
    if (_tmpbuf[0] & v2_protocol_t::more_flag)
""", """\
    _begins = false;
    _msg_flags = 0;
    if (_tmpbuf[0] & v2_protocol_t::more_flag)
"""),
    Fix("v2_decoder.cpp", """\
    //  Message is completely read. Signal this to the caller
    //  and prepare to decode next message.
""", """\
    //  Message is completely read. Signal this to the caller
    //  and prepare to decode next message.
    _begins = true;
"""),
    Fix("v2_decoder.cpp", """\
int zmq::v2_decoder_t::flags_ready (unsigned char const *)
""", """\
int zmq::v2_decoder_t::decode_whole (unsigned char const *data_,
                                     size_t size_,
                                     size_t &used_)
{
    if (!_begins || size_ < 2)
        return 0;
    const size_t header_size = data_[0] & v2_protocol_t::large_flag ? 9 : 2;
    if (size_ < header_size)
        return 0;
    const uint64_t body_size =
      header_size == 2 ? data_[1] : get_uint64 (data_ + 1);
    if (body_size > size_ - header_size)
        return 0;

    const unsigned char *const body = data_ + header_size;
    _tmpbuf[0] = data_[0];
    flags_ready (NULL);
    if (unlikely (size_ready (body_size, body) == -1))
        return -1;
    if (_in_progress.data () != body)
        memcpy (_in_progress.data (), body, static_cast<size_t> (body_size));
    used_ = header_size + static_cast<size_t> (body_size);
    return message_ready (NULL);
}

int zmq::v2_decoder_t::flags_ready (unsigned char const *)
"""),
)

FEWER_DIVISIONS = (
    # Both. Each received message took two divisions: to go round the pipes, and to report to the sender now and then.
    Fix("fq.cpp", """\
                _current = (_current + 1) % _active;
""", """\
                if (++_current == _active)
                    _current = 0;
"""),
    Fix("pipe.cpp", """\
    if (_lwm > 0 && _msgs_read % _lwm == 0)
        send_activate_write (_peer, _msgs_read);
""", """\
    if (_lwm > 0 && _msgs_read - _msgs_reported >= static_cast<uint64_t> (_lwm)) {
        _msgs_reported = _msgs_read;
        send_activate_write (_peer, _msgs_read);
    }
"""),
    Fix("pipe.cpp", """\
    _msgs_read (0),
""", """\
    _msgs_read (0),
    _msgs_reported (0),
"""),
    Fix("pipe.hpp", """\
    uint64_t _msgs_read;
""", """\
    uint64_t _msgs_read;

    //  Of those, how many the peer knows of.
    uint64_t _msgs_reported;
"""),
)

NO_CLOCK = (
    # Both. Each send read the processor's clock, to look for commands once in a millisecond: that none have come is seen in
    # less.
    Fix("socket_base.cpp", """\
        //  Get the CPU's tick counter. If 0, the counter is not available.
""", """\
        if (throttle_ && !_mailbox->has_commands ())
            return 0;

        //  Get the CPU's tick counter. If 0, the counter is not available.
"""),
    Fix("i_mailbox.hpp", """\
    virtual int recv (command_t *cmd_, int timeout_) = 0;
""", """\
    virtual int recv (command_t *cmd_, int timeout_) = 0;

    //  False if recv() would find nothing. Only for who calls that.
    virtual bool has_commands () const { return true; }
"""),
    Fix("mailbox.hpp", """\
    int recv (command_t *cmd_, int timeout_);
""", """\
    int recv (command_t *cmd_, int timeout_);
    bool has_commands () const ZMQ_FINAL
    {
        return _active || _cpipe.is_awaited ();
    }
"""),
    Fix("ypipe.hpp", """\
    //  Check whether item is available for reading.
    bool check_read ()
""", """\
    //  Whether something waits for a reader whose last look found nothing.
    bool is_awaited () const { return _c.get () != NULL; }

    //  Check whether item is available for reading.
    bool check_read ()
"""),
    Fix("atomic_ptr.hpp", """\
    //  Perform atomic 'exchange pointers' operation. Pointer is set
    //  to the 'val_' value. Old value is returned.
    T *xchg""", """\
    T *get () const ZMQ_NOEXCEPT
    {
#if defined ZMQ_ATOMIC_PTR_CXX11
        return _ptr.load (std::memory_order_acquire);
#else
        return (T *) _ptr;
#endif
    }

    //  Perform atomic 'exchange pointers' operation. Pointer is set
    //  to the 'val_' value. Old value is returned.
    T *xchg"""),
)
