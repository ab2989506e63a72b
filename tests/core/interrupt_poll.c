/* For test_signals.py: preloaded, it sends this thread a SIGINT just before its first poll() that waits. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>

static __thread int armed;

void arm (void)
{
    armed = 1;
}

int poll (struct pollfd *fds, nfds_t count, int timeout)
{
    if (armed && timeout != 0) {
        armed = 0;
        raise (SIGINT);
    }
    return ((__typeof__ (&poll)) dlsym (RTLD_NEXT, "poll")) (fds, count, timeout);
}
