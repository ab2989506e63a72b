/* zmq.h, and a stand-in for whatever a libzmq older than the pinned one lacks: the name exists, the call fails
   with ENOTSUP, and core/errno.pyx raises ZMQVersionError for it. */
#ifndef ZMQFAST_COMPAT_H
#define ZMQFAST_COMPAT_H

#include <zmq.h>

static inline void set_errno (int errnum)
{
    errno = errnum;
}

static inline int zmqfast_enotsup (void)
{
    errno = ENOTSUP;
    return -1;
}

/* Proxies lost their steerable form in some releases after 4.3.5 only to get it back; the option names below
   came and went the same way. Numbers are zmq.h's. */
#ifndef ZMQ_THREAD_NAME_PREFIX
#define ZMQ_THREAD_NAME_PREFIX 9
#endif

/* The socket option with the highest number that this libzmq has: numbers were only ever added. */
#if defined ZMQ_NORM_PUSH
#define ZMQFAST_LAST_OPTION 124
#elif defined ZMQ_TOPICS_COUNT
#define ZMQFAST_LAST_OPTION 116
#elif defined ZMQ_BUSY_POLL
#define ZMQFAST_LAST_OPTION 113
#elif defined ZMQ_DISCONNECT_MSG
#define ZMQFAST_LAST_OPTION 112
#else
#define ZMQFAST_LAST_OPTION 92 /* no drafts */
#endif

#if ZMQ_VERSION < ZMQ_MAKE_VERSION(4, 3, 5)
#define zmq_disconnect_peer(socket, routing_id) zmqfast_enotsup ()
#endif

#if defined ZMQ_BUILD_DRAFT_API && ZMQ_VERSION >= ZMQ_MAKE_VERSION(4, 3, 3)
#define ZMQFAST_DRAFTS 1
#else
#define ZMQFAST_DRAFTS 0
#ifndef ZMQ_RADIO
#define ZMQ_RADIO 14
#define ZMQ_DGRAM 18
#endif
#undef zmq_disconnect_peer
#define zmq_ctx_set_ext(context, option, value, length) zmqfast_enotsup ()
#define zmq_ctx_get_ext(context, option, value, length) zmqfast_enotsup ()
#define zmq_join(socket, group) zmqfast_enotsup ()
#define zmq_leave(socket, group) zmqfast_enotsup ()
#define zmq_connect_peer(socket, endpoint) ((uint32_t) (zmqfast_enotsup (), 0))
#define zmq_disconnect_peer(socket, routing_id) zmqfast_enotsup ()
#define zmq_msg_set_routing_id(msg, routing_id) zmqfast_enotsup ()
#define zmq_msg_routing_id(msg) ((uint32_t) (zmqfast_enotsup (), 0))
#define zmq_msg_set_group(msg, group) zmqfast_enotsup ()
#define zmq_msg_group(msg) ((const char *) (zmqfast_enotsup (), NULL))
typedef struct zmq_poller_event_t
{
    void *socket;
    zmq_fd_t fd;
    void *user_data;
    short events;
} zmq_poller_event_t;
#define zmq_poller_new() ((void *) (zmqfast_enotsup (), NULL))
#define zmq_poller_destroy(poller) zmqfast_enotsup ()
#define zmq_poller_add(poller, socket, data, events) zmqfast_enotsup ()
#define zmq_poller_wait(poller, event, timeout) zmqfast_enotsup ()
#define zmq_poller_fd(poller, fd) zmqfast_enotsup ()
#define zmq_socket_monitor_versioned(socket, endpoint, events, version, type) zmqfast_enotsup ()
#define zmq_socket_monitor_pipes_stats(socket) zmqfast_enotsup ()
#endif

#endif
