"""zmq.h as zmqfast calls it, in zmq.h's order.

What a libzmq older than the pinned one lacks is declared by core/compat.h, which makes such a call fail with
ZMQFAST_MISSING; core/errno.pyx turns that into ZMQVersionError.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "core/compat.h" nogil:
    # errors
    enum:
        ENOTSOCK, ENOTSUP, EFSM, ETERM, EMTHREAD, ENOCOMPATPROTO, EPROTONOSUPPORT      # zmq.h gives the first two where a system lacks them
    int zmq_errno()
    void set_errno(int errnum)
    const char *zmq_strerror(int errnum)
    void zmq_version(int *major, int *minor, int *patch)

    # context
    enum:
        ZMQ_IO_THREADS, ZMQ_THREAD_NAME_PREFIX, ZMQ_MAX_SOCKETS
    void *zmq_ctx_new()
    int zmq_ctx_term(void *context)
    int zmq_ctx_shutdown(void *context)
    int zmq_ctx_set(void *context, int option, int optval)
    int zmq_ctx_get(void *context, int option)
    int zmq_ctx_set_ext(void *context, int option, const void *optval, size_t optvallen)
    int zmq_ctx_get_ext(void *context, int option, void *optval, size_t *optvallen)

    # message
    ctypedef struct zmq_msg_t:
        pass
    ctypedef void zmq_free_fn(void *data, void *hint) noexcept
    int zmq_msg_init(zmq_msg_t *msg)
    int zmq_msg_init_size(zmq_msg_t *msg, size_t size)
    int zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *ffn, void *hint)
    int zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
    int zmq_msg_recv(zmq_msg_t *msg, void *socket, int flags)
    int zmq_msg_close(zmq_msg_t *msg)
    int zmq_msg_move(zmq_msg_t *dest, zmq_msg_t *src)
    int zmq_msg_copy(zmq_msg_t *dest, zmq_msg_t *src)
    void *zmq_msg_data(zmq_msg_t *msg)
    size_t zmq_msg_size(const zmq_msg_t *msg)
    int zmq_msg_more(const zmq_msg_t *msg)
    int zmq_msg_get(const zmq_msg_t *msg, int prop)
    int zmq_msg_set(zmq_msg_t *msg, int prop, int optval)
    const char *zmq_msg_gets(const zmq_msg_t *msg, const char *prop)

    # socket
    enum:
        ZMQ_PAIR, ZMQ_PUB, ZMQ_SUB, ZMQ_REQ, ZMQ_REP, ZMQ_DEALER, ZMQ_ROUTER, ZMQ_PULL, ZMQ_PUSH
        ZMQ_XPUB, ZMQ_XSUB, ZMQ_STREAM, ZMQ_RADIO, ZMQ_DISH, ZMQ_DGRAM, ZMQ_CHANNEL
    enum:
        ZMQ_ROUTING_ID, ZMQ_SUBSCRIBE, ZMQ_UNSUBSCRIBE, ZMQ_FD, ZMQ_EVENTS, ZMQ_LINGER, ZMQ_SNDHWM, ZMQ_RCVHWM
        ZMQ_RCVTIMEO, ZMQ_SNDTIMEO, ZMQ_LAST_ENDPOINT, ZMQ_TYPE, ZMQ_THREAD_SAFE, ZMQ_RCVMORE
        ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SERVERKEY, ZMQ_USE_FD, ZMQ_CONFLATE, ZMQ_IN_BATCH_SIZE, ZMQ_OUT_BATCH_SIZE
    enum:
        ZMQ_DONTWAIT, ZMQ_SNDMORE
    enum:
        ZMQ_EVENT_ALL, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_MONITOR_STOPPED
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
        ZMQ_EVENT_PIPES_STATS
    void *zmq_socket(void *context, int type)
    int zmq_close(void *socket)
    int zmq_setsockopt(void *socket, int option, const void *optval, size_t optvallen)
    int zmq_getsockopt(void *socket, int option, void *optval, size_t *optvallen)
    int zmq_bind(void *socket, const char *endpoint)
    int zmq_connect(void *socket, const char *endpoint)
    int zmq_unbind(void *socket, const char *endpoint)
    int zmq_disconnect(void *socket, const char *endpoint)
    int zmq_send(void *socket, const void *buf, size_t len, int flags)
    int zmq_recv(void *socket, void *buf, size_t len, int flags)
    int zmq_socket_monitor(void *socket, const char *endpoint, int events)

    # polling
    ctypedef int zmq_fd_t
    enum:
        ZMQ_POLLIN, ZMQ_POLLOUT, ZMQ_POLLERR, ZMQ_POLLPRI
    ctypedef struct zmq_pollitem_t:
        void *socket
        zmq_fd_t fd
        short events
        short revents
    int zmq_poll(zmq_pollitem_t *items, int nitems, long timeout)

    # proxy
    int zmq_proxy(void *frontend, void *backend, void *capture)
    int zmq_proxy_steerable(void *frontend, void *backend, void *capture, void *control)

    int zmq_has(const char *capability)

    # encryption
    char *zmq_z85_encode(char *dest, const uint8_t *data, size_t size)
    uint8_t *zmq_z85_decode(uint8_t *dest, const char *string)
    int zmq_curve_keypair(char *z85_public_key, char *z85_secret_key)
    int zmq_curve_public(char *z85_public_key, const char *z85_secret_key)

    # draft
    int zmq_join(void *socket, const char *group)
    int zmq_leave(void *socket, const char *group)
    uint32_t zmq_connect_peer(void *socket, const char *endpoint)
    int zmq_disconnect_peer(void *socket, uint32_t routing_id)
    int zmq_msg_set_routing_id(zmq_msg_t *msg, uint32_t routing_id)
    uint32_t zmq_msg_routing_id(zmq_msg_t *msg)
    int zmq_msg_set_group(zmq_msg_t *msg, const char *group)
    const char *zmq_msg_group(zmq_msg_t *msg)
    ctypedef struct zmq_poller_event_t:
        void *socket
        zmq_fd_t fd
        void *user_data
        short events
    void *zmq_poller_new()
    int zmq_poller_destroy(void **poller)
    int zmq_poller_add(void *poller, void *socket, void *user_data, short events)
    int zmq_poller_wait(void *poller, zmq_poller_event_t *event, long timeout)
    int zmq_poller_fd(void *poller, zmq_fd_t *fd)
    int zmq_socket_monitor_versioned(void *socket, const char *endpoint, uint64_t events, int version, int type)
    int zmq_socket_monitor_pipes_stats(void *socket)
    enum:
        ZMQFAST_MISSING         # the errno of a call that this libzmq lacks
        ZMQFAST_DRAFTS          # 1 where zmq.h declares the draft API
        ZMQFAST_LAST_OPTION     # the highest number of a socket option that zmq.h has
