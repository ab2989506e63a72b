"""Copies of long messages that nobody needs: the fixes of each list need each other."""

from .fix import Fix

BYTES_IN_PLACE = (
    # Both. What is received without a copy: see core/body.h.
    Fix("msg.cpp", """\
        _u.lmsg.content = NULL;
        if (sizeof (content_t) + size_ > size_)
""", """\
        _u.lmsg.content = NULL;
        void *content;
        void *data = zmqfast_new_body (size_, sizeof (content_t), &content);
        if (data)
            return init_external_storage (static_cast<content_t *> (content),
                                          data, size_, zmqfast_body_on_free,
                                          NULL);
        if (sizeof (content_t) + size_ > size_)
"""),
    Fix("msg.cpp", """\
#include "metadata.hpp"
""", """\
#include "metadata.hpp"

extern "C" void *
zmqfast_new_body (size_t size, size_t content_size, void **content);
extern "C" void zmqfast_body_on_free (void *data, void *unused);
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
