/* libzmq's own speed, in C: the same bodies as zmqfast/cli/bench_peer, one frame a call, default options.
   peer stream SIZE SECONDS BIND | feed SIZE ENDPOINT | threads SIZE SECONDS | answer BIND | round_trip SIZE SECONDS ENDPOINT
   A serving side prints its endpoint first; a measure prints its value; feed and answer run until they are ended. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define CHECK(call) do { if ((call) == -1) { fprintf(stderr, "%s: %s\n", #call, zmq_strerror (zmq_errno ())); exit (1); } } while (0)

static void *context;

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *open_socket (int type)
{
    void *socket = zmq_socket (context, type);
    if (!socket) {
        fprintf (stderr, "zmq_socket: %s\n", zmq_strerror (zmq_errno ()));
        exit (1);
    }
    return socket;
}

static void *bound (int type, const char *endpoint)
{
    char last[256];
    size_t length = sizeof last;
    void *socket = open_socket (type);
    CHECK (zmq_bind (socket, endpoint));
    CHECK (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, last, &length));
    printf ("%s\n", last);
    fflush (stdout);
    return socket;
}

static void *connected (int type, const char *endpoint)
{
    void *socket = open_socket (type);
    CHECK (zmq_connect (socket, endpoint));
    return socket;
}

static void send_frame (void *socket, const char *data, size_t size)
{
    zmq_msg_t msg;
    CHECK (zmq_msg_init_size (&msg, size));
    memcpy (zmq_msg_data (&msg), data, size);
    CHECK (zmq_msg_send (&msg, socket, 0));
}

static void receive_frames (void *socket, long count)
{
    zmq_msg_t msg;
    zmq_msg_init (&msg);        /* never fails */
    while (count--)
        CHECK (zmq_msg_recv (&msg, socket, 0));
    zmq_msg_close (&msg);
}

struct feeding { void *socket; size_t size; };

static void *feed (void *argument)
{
    struct feeding *feeding = argument;
    char *data = calloc (1, feeding->size);
    assert (data);
    for (;;)
        send_frame (feeding->socket, data, feeding->size);
}

static double receive_for (double seconds, void *socket, size_t size)
{
    long chunk = (1 << 22) / (long) size, seen = 0;
    double begun, took = 0;
    chunk = chunk < 4 ? 4 : chunk > 2000 ? 2000 : chunk;
    for (begun = now (); took < seconds; took = now () - begun) {
        receive_frames (socket, chunk);
        seen += chunk;
    }
    return seen / took;
}

/* The first half of the time is not counted: new threads take a while to find their core. */
static void count (void *socket, size_t size, double seconds)
{
    receive_for (seconds / 2, socket, size);
    printf ("%f\n", receive_for (seconds, socket, size));
}

static double ask_for (double seconds, void *socket, const char *data, size_t size)
{
    long trips = 0;
    double begun, took = 0;
    for (begun = now (); took < seconds; took = now () - begun)
        for (int i = 0; i < 50; i++, trips++) {
            send_frame (socket, data, size);
            receive_frames (socket, 1);
        }
    return trips / took;
}

static void round_trips (void *socket, size_t size, double seconds)
{
    char *data = calloc (1, size);
    assert (data);
    ask_for (seconds / 2, socket, data, size);
    printf ("%f\n", ask_for (seconds, socket, data, size));
}

int main (int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    context = zmq_ctx_new ();
    if (!strcmp (kind, "stream") && argc == 5)
        count (bound (ZMQ_PULL, argv[4]), atol (argv[2]), atof (argv[3]));
    else if (!strcmp (kind, "feed") && argc == 4) {
        struct feeding feeding = {connected (ZMQ_PUSH, argv[3]), atol (argv[2])};
        feed (&feeding);
    } else if (!strcmp (kind, "threads") && argc == 4) {
        void *pull = open_socket (ZMQ_PULL);
        CHECK (zmq_bind (pull, "inproc://stream"));
        struct feeding feeding = {connected (ZMQ_PUSH, "inproc://stream"), atol (argv[2])};
        pthread_t thread;
        if (pthread_create (&thread, NULL, feed, &feeding))
            return 1;
        count (pull, feeding.size, atof (argv[3]));
    } else if (!strcmp (kind, "answer") && argc == 3) {
        void *rep = bound (ZMQ_REP, argv[2]);
        zmq_msg_t msg;
        for (zmq_msg_init (&msg);;) {
            CHECK (zmq_msg_recv (&msg, rep, 0));
            CHECK (zmq_msg_send (&msg, rep, 0));
        }
    } else if (!strcmp (kind, "round_trip") && argc == 5)
        round_trips (connected (ZMQ_REQ, argv[4]), atol (argv[2]), atof (argv[3]));
    else
        return 2;
    fflush (stdout);
    _exit (0);                  /* a thread still sends */
}
