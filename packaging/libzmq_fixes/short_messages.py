"""Messages that lie in their msg_t as a whole, of up to 33 bytes: what is done to each of them, without a call."""

from .fix import Fix


def inlined(declaration: str, short: str) -> tuple[Fix, ...]:
    """Make the member function answer for short messages where it is called, and call what it was for others."""
    name = declaration.split(" (")[0].split()[-1].lstrip("*")
    argument = "size_" if "size_)" in declaration else ""
    return (
        Fix("msg.hpp", f"    {declaration};\n", f"""\
    {declaration}
    {{
{short}        return any_{name} ({argument});
    }}
    {declaration.replace(f"{name} (", f"any_{name} (")};
"""),
        Fix("msg.cpp", f"zmq::msg_t::{name} (", f"zmq::msg_t::any_{name} ("),
    )


# Needs GATHERED_WRITES and WHOLE_FRAMES.
SHORT_MESSAGES = (
    # Both. Making, asking and closing a message took a call each, several times on its way.
    *inlined("int init_size (size_t size_)", """\
        if (size_ <= max_vsm_size) {
            init_short (static_cast<unsigned char> (size_));
            return 0;
        }
"""),
    *inlined("int close ()", """\
        if (is_plain ()) {
            _u.base.type = 0;
            return 0;
        }
"""),
    *inlined("void *data ()", """\
        if (_u.base.type == type_vsm)
            return _u.vsm.data;
        if (_u.base.type == type_lmsg || _u.base.type == type_zclmsg)
            return _u.lmsg.content->data;
"""),
    *inlined("size_t size () const", """\
        if (_u.base.type == type_vsm)
            return _u.vsm.size;
        if (_u.base.type == type_lmsg || _u.base.type == type_zclmsg)
            return _u.lmsg.content->size;
"""),
    Fix("msg.hpp", """\
    int init ();
""", """\
    int init ()
    {
        init_short (0);
        return 0;
    }
"""),
    Fix("msg.cpp", """\
int zmq::msg_t::init ()
{
    _u.vsm.metadata = NULL;
    _u.vsm.type = type_vsm;
    _u.vsm.flags = 0;
    _u.vsm.size = 0;
    _u.vsm.group.sgroup.group[0] = '\\0';
    _u.vsm.group.type = group_type_short;
    _u.vsm.routing_id = 0;
    return 0;
}

""", ""),
    Fix("msg.hpp", """\
    void shrink (size_t new_size_);
""", """\
    void shrink (size_t new_size_);

    //  Makes a message of so many bytes, at most max_vsm_size.
    void init_short (unsigned char size_)
    {
        _u.vsm.metadata = NULL;
        _u.vsm.size = size_;
        _u.vsm.type = type_vsm;
        _u.vsm.flags = 0;
        _u.vsm.routing_id = 0;
        _u.vsm.group.type = group_type_short;
        _u.vsm.group.sgroup.group[0] = '\\0';
    }

    //  The max_vsm_size bytes in which those lie.
    unsigned char *short_data () { return _u.vsm.data; }

    //  Whether nothing outside of it belongs to it.
    bool is_plain () const
    {
        return _u.base.type == type_vsm && _u.base.metadata == NULL
               && _u.base.group.type == group_type_short;
    }
"""),
    # Both. A short frame with nothing special about it was taken out of the buffer by the steps of any frame. All that may
    # belong to it is copied, since that is a few instructions, and so it is where it is put into the batch.
    Fix("v2_decoder.cpp", """\
    const size_t header_size = data_[0] & v2_protocol_t::large_flag ? 9 : 2;
""", """\
    if (data_[0] <= v2_protocol_t::more_flag
        && data_[1] <= msg_t::max_vsm_size && size_ >= 2 + msg_t::max_vsm_size
        && (_max_msg_size < 0 || data_[1] <= _max_msg_size)) {
        if (unlikely (!_in_progress.is_plain ()))
            _in_progress.close ();
        _in_progress.init_short (data_[1]);
        memcpy (_in_progress.short_data (), data_ + 2, msg_t::max_vsm_size);
        _in_progress.set_flags (data_[0]
                                  ? static_cast<unsigned char> (msg_t::more)
                                  : 0);
        used_ = 2 + data_[1];
        return 1;
    }
    const size_t header_size = data_[0] & v2_protocol_t::large_flag ? 9 : 2;
"""),
    Fix("stream_engine_base.cpp", """\
            memmove (batch + used, _tx_msg.data (), size);
""", """\
            if (_tx_msg.is_vsm ())
                memcpy (batch + used, _tx_msg.short_data (),
                        msg_t::max_vsm_size);
            else
                memmove (batch + used, _tx_msg.data (), size);
"""),
)
