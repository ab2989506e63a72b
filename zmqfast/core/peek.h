/* zmqfast_has_news() and zmqfast_events() of peek.cpp, where libzmq was built with it: not in a system's library. */
#ifndef ZMQFAST_PEEK_H
#define ZMQFAST_PEEK_H

#ifdef ZMQ_STATIC
enum { CAN_PEEK = 1 };
int zmqfast_has_news (void *socket);
int zmqfast_events (void *socket);
#else
enum { CAN_PEEK = 0 };
static inline int zmqfast_has_news (void *socket)
{
    (void) socket;
    return 1;
}
static inline int zmqfast_events (void *socket)
{
    (void) socket;
    return -1;
}
#endif

#endif
