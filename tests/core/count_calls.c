/* Counts what is asked of the system, for test_system_calls.py and test_descriptors.py: preloaded, it stands before the C
   library's functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static __thread int counted[4];
static atomic_int sent[2];
static atomic_int refused;
static atomic_int controlled;

/* What this thread has done since the last call: getpid, poll, read, write. */
void take_counts (int counts[4])
{
    for (int kind = 0; kind < 4; kind++) {
        counts[kind] = counted[kind];
        counted[kind] = 0;
    }
}

/* What all threads have done since the last call: send, sendmsg. */
void take_sent (int counts[2])
{
    for (int kind = 0; kind < 2; kind++)
        counts[kind] = atomic_exchange (&sent[kind], 0);
}

/* How many connections no thread could accept since the last call. */
int take_refused (void)
{
    return atomic_exchange (&refused, 0);
}

/* How often a thread has said what it waits for since the last call. */
int take_controlled (void)
{
    return atomic_exchange (&controlled, 0);
}

#define REAL(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

pid_t getpid (void)
{
    counted[0]++;
    return REAL (getpid) ();
}

int poll (struct pollfd *fds, nfds_t count, int timeout)
{
    counted[1]++;
    return REAL (poll) (fds, count, timeout);
}

ssize_t read (int fd, void *buffer, size_t size)
{
    counted[2]++;
    return REAL (read) (fd, buffer, size);
}

ssize_t write (int fd, const void *buffer, size_t size)
{
    counted[3]++;
    return REAL (write) (fd, buffer, size);
}

ssize_t send (int fd, const void *buffer, size_t size, int flags)
{
    atomic_fetch_add (&sent[0], 1);
    return REAL (send) (fd, buffer, size, flags);
}

ssize_t sendmsg (int fd, const struct msghdr *message, int flags)
{
    atomic_fetch_add (&sent[1], 1);
    return REAL (sendmsg) (fd, message, flags);
}

int epoll_ctl (int epoll, int operation, int fd, struct epoll_event *event)
{
    atomic_fetch_add (&controlled, 1);
    return REAL (epoll_ctl) (epoll, operation, fd, event);
}

int accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    int accepted = REAL (accept4) (fd, address, length, flags);
    if (accepted == -1)
        atomic_fetch_add (&refused, 1);
    return accepted;
}
