/* Whether so many file descriptors are left. libzmq aborts when an epoll or eventfd of a thread it starts cannot be
   made, so the first socket of a context asks before libzmq does. */
#ifndef ZMQFAST_DESCRIPTORS_H
#define ZMQFAST_DESCRIPTORS_H

#if defined _WIN32
enum
{
    IPC_PATH_MAX = 107
};

static int descriptors_left (int wanted)
{
    (void) wanted; /* Windows counts handles, and has no limit that a process could reach first */
    return 1;
}
#else
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

/* bytes in the path of an ipc endpoint */
enum
{
    IPC_PATH_MAX = sizeof (((struct sockaddr_un *) 0)->sun_path) - 1
};

static int descriptors_left (int wanted)
{
    int opened[64];
    int n = 0;
    int failed = 0;
    if (wanted > 64)
        wanted = 64;
    while (n < wanted) {
        opened[n] = open ("/", O_RDONLY | O_CLOEXEC);
        if (opened[n] == -1) {
            failed = errno;
            break;
        }
        n++;
    }
    while (n > 0)
        close (opened[--n]);
    errno = failed;
    return failed != EMFILE && failed != ENFILE;
}
#endif

#endif
