/* libzmq's own speed, in C: the same bodies as zmqfast/cli/benchmark/peer, one frame a call, default options.
   peer KIND name=value ...; prints and waits as the other peers do: see their __main__.py. */
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define CHECK(call) do { if ((call) == -1) { fprintf (stderr, "%s: %s\n", #call, zmq_strerror (zmq_errno ())); exit (1); } } while (0)
#define TRIPS 50                /* between two looks at the clock */
#define MOST_SAMPLES (1 << 20)
#define QUEUED (1 << 28)        /* bytes that a queue may hold */
#define DEFAULT_HWM 1000

static void *context;
static struct { const char *endpoint, *bind; long size, connections, subscriptions, samples; double seconds; } job;

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void set_int (void *socket, int option, int value)
{
    CHECK (zmq_setsockopt (socket, option, &value, sizeof value));
}

static void *open_socket (int type)
{
    void *socket = zmq_socket (context, type);
    if (!socket) {
        fprintf (stderr, "zmq_socket: %s\n", zmq_strerror (zmq_errno ()));
        exit (1);
    }
    if (job.size * DEFAULT_HWM > QUEUED) {
        int hwm = QUEUED / job.size > 2 ? QUEUED / job.size : 2;
        set_int (socket, ZMQ_SNDHWM, hwm);
        set_int (socket, ZMQ_RCVHWM, hwm);
    }
    return socket;
}

static void say (const char *text)
{
    printf ("%s\n", text);
    fflush (stdout);
}

static void bind_socket (void *socket)
{
    char last[256];
    size_t length = sizeof last;
    CHECK (zmq_bind (socket, job.bind));
    CHECK (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, last, &length));
    say (last);
}

static void *bound (int type)
{
    void *socket = open_socket (type);
    bind_socket (socket);
    return socket;
}

static void *connected (int type)
{
    void *socket = open_socket (type);
    CHECK (zmq_connect (socket, job.endpoint));
    return socket;
}

static void *must_have (void *memory)
{
    assert (memory);
    return memory;
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

static void send_for_ever (void **sockets, const char *data)
{
    for (;;)
        for (long place = 0; place < job.connections; place++)
            send_frame (sockets[place], data, job.size);
}

static double receive_for (double seconds, void **sockets, long count)
{
    long chunk = (1 << 22) / job.size, seen = 0;
    double begun, took = 0;
    chunk = chunk < 4 ? 4 : chunk > 2000 ? 2000 : chunk;
    chunk = (chunk + count - 1) / count;
    for (begun = now (); took < seconds; took = now () - begun) {
        if (count == 1)
            receive_frames (sockets[0], chunk);
        else
            for (long time = 0; time < chunk; time++)
                for (long place = 0; place < count; place++)
                    receive_frames (sockets[place], 1);
        seen += chunk * count;
    }
    return seen / took;
}

/* The first half of the time is not counted: new threads take a while to find their core. */
static void count_messages (void **sockets, long count)
{
    receive_for (job.seconds / 2, sockets, count);
    printf ("%f\n", receive_for (job.seconds, sockets, count));
}

static void *feed_from_thread (void *socket)
{
    send_for_ever (&socket, must_have (calloc (1, job.size)));
    return NULL;
}

static void threads (void)
{
    pthread_t thread;
    void *pull = open_socket (ZMQ_PULL), *push = open_socket (ZMQ_PUSH);
    CHECK (zmq_bind (pull, "inproc://pair"));
    CHECK (zmq_connect (push, "inproc://pair"));
    if (pthread_create (&thread, NULL, feed_from_thread, push))
        exit (1);
    count_messages (&pull, 1);
}

static void stream (void)
{
    void *pull = bound (ZMQ_PULL);
    receive_frames (pull, job.connections);
    say ("connected");
    count_messages (&pull, 1);
}

static void feed (void)
{
    void **pushes = must_have (calloc (job.connections, sizeof *pushes));
    char *data = must_have (calloc (1, job.size));
    for (long place = 0; place < job.connections; place++)
        send_frame (pushes[place] = connected (ZMQ_PUSH), data, job.size);
    getchar ();
    send_for_ever (pushes, data);
}

static void answer (void)
{
    void *rep = bound (ZMQ_REP);
    zmq_msg_t msg;
    for (zmq_msg_init (&msg);;) {
        CHECK (zmq_msg_recv (&msg, rep, 0));
        CHECK (zmq_msg_send (&msg, rep, 0));
    }
}

static void ask (void *socket, const char *data)
{
    send_frame (socket, data, job.size);
    receive_frames (socket, 1);
}

static double ask_for (double seconds, void *socket, const char *data)
{
    long trips = 0;
    double begun, took = 0;
    for (begun = now (); took < seconds; took = now () - begun)
        for (int i = 0; i < TRIPS; i++, trips++)
            ask (socket, data);
    return trips / took;
}

static void round_trip (void)
{
    void *req = connected (ZMQ_REQ);
    char *data = must_have (calloc (1, job.size));
    if (!job.samples) {
        ask_for (job.seconds / 2, req, data);
        printf ("%f\n", ask_for (job.seconds, req, data));
        return;
    }
    ask_for (job.seconds / 4, req, data);
    long done = 0;
    double until = now () + job.seconds, *took = must_have (malloc (MOST_SAMPLES * sizeof *took));
    for (; done < MOST_SAMPLES && (done < job.samples || now () < until); done++) {
        double begun = now ();
        ask (req, data);
        took[done] = now () - begun;
    }
    for (long place = 0; place < done; place++)
        printf ("%c%.0f", place ? ',' : '[', took[place] * 1e9);
    printf ("]\n");
}

/* Topic number `place` of many; alike in fan.py. */
static void name_topic (char *name, long place)
{
    snprintf (name, 9, "%08x", (uint32_t) (place * 2654435761u));
}

static void publish (void)
{
    void *publisher = open_socket (ZMQ_XPUB);
    long topics = job.subscriptions, place;
    char *data = must_have (calloc (topics, job.size));
    set_int (publisher, ZMQ_XPUB_VERBOSE, 1);
    set_int (publisher, ZMQ_XPUB_NODROP, 1);
    set_int (publisher, ZMQ_RCVHWM, 0);
    bind_socket (publisher);
    receive_frames (publisher, job.connections * topics);
    for (place = 0; topics > 1 && place < topics; place++) {
        char name[9];
        name_topic (name, place);
        memcpy (data + place * job.size, name, 8);
    }
    for (;;)
        for (place = 0; place < topics; place++)
            send_frame (publisher, data + place * job.size, job.size);
}

static void subscribe (void)
{
    void **subscribers = must_have (calloc (job.connections, sizeof *subscribers));
    for (long place = 0; place < job.connections; place++) {
        void *subscriber = subscribers[place] = open_socket (ZMQ_SUB);
        if (job.subscriptions > 1)
            set_int (subscriber, ZMQ_SNDHWM, 0);
        CHECK (zmq_connect (subscriber, job.endpoint));
        for (long topic = 0; topic < job.subscriptions; topic++) {
            char name[9] = "";
            if (job.subscriptions > 1)
                name_topic (name, topic);
            CHECK (zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, name, strlen (name)));
        }
    }
    for (long place = 0; place < job.connections; place++)
        receive_frames (subscribers[place], 1);
    count_messages (subscribers, job.connections);
}

static const struct { const char *name; void (*run) (void); } KINDS[] = {
    {"threads", threads}, {"stream", stream}, {"feed", feed}, {"answer", answer}, {"round_trip", round_trip},
    {"publish", publish}, {"subscribe", subscribe},
};

/* The job's fields by their names; the last argument of a name counts. */
static int read_job (int argc, char **argv)
{
    for (int place = 2; place < argc; place++) {
        char *value = strchr (argv[place], '=');
        if (!value)
            return 0;
        *value++ = 0;
        const char *name = argv[place];
        if (!strcmp (name, "endpoint")) job.endpoint = value;
        else if (!strcmp (name, "bind")) job.bind = value;
        else if (!strcmp (name, "seconds")) job.seconds = atof (value);
        else if (!strcmp (name, "size")) job.size = atol (value);
        else if (!strcmp (name, "connections")) job.connections = atol (value);
        else if (!strcmp (name, "subscriptions")) job.subscriptions = atol (value);
        else if (!strcmp (name, "samples")) job.samples = atol (value);
        else return 0;
    }
    return job.size > 0 && job.connections > 0 && job.subscriptions > 0;
}

int main (int argc, char **argv)
{
    if (argc < 2 || !read_job (argc, argv))
        return 2;
    context = zmq_ctx_new ();
    zmq_ctx_set (context, ZMQ_MAX_SOCKETS, job.connections + 1023);
    for (size_t kind = 0; kind < sizeof KINDS / sizeof *KINDS; kind++)
        if (!strcmp (argv[1], KINDS[kind].name)) {
            KINDS[kind].run ();
            fflush (stdout);
            pause ();           /* until whoever started us ends us */
        }
    return 2;
}
