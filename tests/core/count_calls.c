/* Counts what a thread asks of the system, for test_system_calls.py: preloaded, it stands before the C library's functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

static __thread int counted[4];

/* What this thread has done since the last call: getpid, poll, read, write. */
void take_counts (int counts[4])
{
    for (int kind = 0; kind < 4; kind++) {
        counts[kind] = counted[kind];
        counted[kind] = 0;
    }
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
