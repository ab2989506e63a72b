/* A set of descriptors that tells which are readable, at a cost that follows those: epoll on Linux, kqueue on macOS and
   the BSDs; elsewhere there is none. */
#ifndef ZMQFAST_READINESS_H
#define ZMQFAST_READINESS_H

enum
{
    READY_AT_ONCE = 64 /* descriptors that one readiness_wait() tells of */
};

#if defined __linux__
#include <sys/epoll.h>
#include <unistd.h>

enum
{
    HAS_READINESS = 1,
    SET_IS_INHERITED = 1 /* by a forked child, whose changes would be changes to its parent's */
};

static int readiness_open (void)
{
    return epoll_create1 (EPOLL_CLOEXEC);
}
static void readiness_close (int set)
{
    close (set);
}
static int readiness_change (int set, int fd, int events)
{
    struct epoll_event event;
    event.events = events;
    event.data.u64 = 0;
    event.data.fd = fd;
    return epoll_ctl (set, EPOLL_CTL_ADD, fd, &event);
}
static int readiness_add (int set, int fd)
{
    return readiness_change (set, fd, EPOLLIN);
}
/* Tells once of what is readable, and again when more has come. */
static int readiness_add_once (int set, int fd)
{
    return readiness_change (set, fd, (int) (EPOLLIN | EPOLLET));
}
static void readiness_remove (int set, int fd)
{
    struct epoll_event unused;
    epoll_ctl (set, EPOLL_CTL_DEL, fd, &unused); /* fails where it is closed already, and so out of the set */
}
/* How many are readable, at most READY_AT_ONCE, into fds; -1 with errno. Waits for so many ms, -1 for ever. */
static int readiness_wait (int set, int *fds, int timeout_ms)
{
    struct epoll_event events[READY_AT_ONCE];
    int i, count = epoll_wait (set, events, READY_AT_ONCE, timeout_ms);
    for (i = 0; i < count; i++)
        fds[i] = events[i].data.fd;
    return count;
}

#elif defined __APPLE__ || defined __FreeBSD__ || defined __NetBSD__ || defined __OpenBSD__ || defined __DragonFly__
#include <fcntl.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

enum
{
    HAS_READINESS = 1,
    SET_IS_INHERITED = 0
};

static int readiness_open (void)
{
    int set = kqueue ();
    if (set != -1)
        fcntl (set, F_SETFD, FD_CLOEXEC);
    return set;
}
static void readiness_close (int set)
{
    close (set);
}
static int readiness_change (int set, int fd, int action)
{
    struct kevent change;
    EV_SET (&change, fd, EVFILT_READ, action, 0, 0, NULL);
    return kevent (set, &change, 1, NULL, 0, NULL);
}
static int readiness_add (int set, int fd)
{
    return readiness_change (set, fd, EV_ADD);
}
static int readiness_add_once (int set, int fd)
{
    return readiness_change (set, fd, EV_ADD | EV_CLEAR);
}
static void readiness_remove (int set, int fd)
{
    readiness_change (set, fd, EV_DELETE); /* fails where it is closed already, and so out of the set */
}
static int readiness_wait (int set, int *fds, int timeout_ms)
{
    struct kevent events[READY_AT_ONCE];
    struct timespec limit;
    int i, count;
    limit.tv_sec = timeout_ms / 1000;
    limit.tv_nsec = (timeout_ms % 1000) * 1000000L;
    count = kevent (set, NULL, 0, events, READY_AT_ONCE, timeout_ms < 0 ? NULL : &limit);
    for (i = 0; i < count; i++)
        fds[i] = (int) events[i].ident;
    return count;
}

#else
#include <errno.h>

enum
{
    HAS_READINESS = 0,
    SET_IS_INHERITED = 0
};

static int readiness_open (void)
{
    errno = ENOSYS;
    return -1;
}
static void readiness_close (int set)
{
    (void) set;
}
static int readiness_add (int set, int fd)
{
    return (void) set, (void) fd, -1;
}
static int readiness_add_once (int set, int fd)
{
    return (void) set, (void) fd, -1;
}
static void readiness_remove (int set, int fd)
{
    (void) set, (void) fd;
}
static int readiness_wait (int set, int *fds, int timeout_ms)
{
    return (void) set, (void) fds, (void) timeout_ms, -1;
}
#endif

#endif
