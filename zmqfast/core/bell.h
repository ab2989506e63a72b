/* A bell: a descriptor that any thread makes readable, to end a wait for descriptors. Two where the system has pipes only. */
#ifndef ZMQFAST_BELL_H
#define ZMQFAST_BELL_H

#if defined __linux__
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int bell_open (int ends[2])
{
    ends[0] = ends[1] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    return ends[0] == -1 ? -1 : 0;
}
static void bell_ring (int ends[2])
{
    unsigned long long one = 1;
    while (write (ends[1], &one, sizeof one) == -1 && errno == EINTR)
        ;
}
static void bell_quiet (int ends[2])
{
    unsigned long long rings;
    while (read (ends[0], &rings, sizeof rings) == -1 && errno == EINTR)
        ;
}
static void bell_close (int ends[2])
{
    close (ends[0]);
}

#elif !defined _WIN32
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int bell_open (int ends[2])
{
    int i;
    if (pipe (ends) == -1)
        return -1;
    for (i = 0; i < 2; i++) {
        fcntl (ends[i], F_SETFD, FD_CLOEXEC);
        fcntl (ends[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}
static void bell_ring (int ends[2])
{
    while (write (ends[1], "", 1) == -1 && errno == EINTR)
        ;
}
static void bell_quiet (int ends[2])
{
    char rings[64];
    while (read (ends[0], rings, sizeof rings) > 0)
        ;
}
static void bell_close (int ends[2])
{
    close (ends[0]);
    close (ends[1]);
}

#else
#include <errno.h>

static int bell_open (int ends[2])
{
    (void) ends;
    errno = ENOSYS;
    return -1;
}
static void bell_ring (int ends[2])
{
    (void) ends;
}
static void bell_quiet (int ends[2])
{
    (void) ends;
}
static void bell_close (int ends[2])
{
    (void) ends;
}
#endif

#endif
