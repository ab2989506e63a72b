/* zmq.h, and a stand-in for whatever a libzmq older than the pinned one lacks: the name exists, the call fails
   with an errno of its own, and core/errno.pyx raises ZMQVersionError for it. */
#ifndef ZMQFAST_COMPAT_H
#define ZMQFAST_COMPAT_H

#include <zmq.h>

static inline void set_errno (int errnum)
{
    errno = errnum;
}

#define ZMQFAST_MISSING (ZMQ_HAUSNUMERO + 1000) /* no errno of libzmq's */

static inline int zmqfast_missing (void)
{
    errno = ZMQFAST_MISSING;
    return -1;
}

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
#define zmq_disconnect_peer(socket, routing_id) zmqfast_missing ()
#endif

#ifndef ZMQ_IN_BATCH_SIZE
#define ZMQ_IN_BATCH_SIZE 101
#define ZMQ_OUT_BATCH_SIZE 102
#endif

#if defined ZMQ_BUILD_DRAFT_API && ZMQ_VERSION >= ZMQ_MAKE_VERSION(4, 3, 3)
#define ZMQFAST_DRAFTS 1
#else
#define ZMQFAST_DRAFTS 0
#ifndef ZMQ_RADIO
#define ZMQ_RADIO 14
#define ZMQ_DISH 15
#define ZMQ_DGRAM 18
#define ZMQ_CHANNEL 20
#endif
#undef zmq_disconnect_peer
#define zmq_ctx_set_ext(context, option, value, length) zmqfast_missing ()
#define zmq_ctx_get_ext(context, option, value, length) zmqfast_missing ()
#define zmq_join(socket, group) zmqfast_missing ()
#define zmq_leave(socket, group) zmqfast_missing ()
#define zmq_connect_peer(socket, endpoint) ((uint32_t) (zmqfast_missing (), 0))
#define zmq_disconnect_peer(socket, routing_id) zmqfast_missing ()
#define zmq_msg_set_routing_id(msg, routing_id) zmqfast_missing ()
#define zmq_msg_routing_id(msg) ((uint32_t) (zmqfast_missing (), 0))
#define zmq_msg_set_group(msg, group) zmqfast_missing ()
#define zmq_msg_group(msg) ((const char *) (zmqfast_missing (), NULL))
typedef struct zmq_poller_event_t
{
    void *socket;
    zmq_fd_t fd;
    void *user_data;
    short events;
} zmq_poller_event_t;
#define zmq_poller_new() ((void *) (zmqfast_missing (), NULL))
#define zmq_poller_destroy(poller) zmqfast_missing ()
#define zmq_poller_add(poller, socket, data, events) zmqfast_missing ()
#define zmq_poller_wait(poller, event, timeout) zmqfast_missing ()
#define zmq_poller_fd(poller, fd) zmqfast_missing ()
#define zmq_socket_monitor_versioned(socket, endpoint, events, version, type) zmqfast_missing ()
#define zmq_socket_monitor_pipes_stats(socket) zmqfast_missing ()
#endif

#endif
