/* Load that wrk cannot make: paced, with latencies per window of time; and connections that only stay open.
 *
 *     load paced PORT PATH CONNECTIONS RATE SECONDS WINDOW_MS
 *         One GET after the other on each connection, RATE a second over all of them (0: as fast as answers come). A
 *         request's latency runs from the moment it was due, so that a stall is not hidden by the requests that it
 *         keeps from being sent. Prints a line of JSON per window (milliseconds), and one at the end.
 *     load idle PORT PATH CONNECTIONS
 *         Opens them, makes one GET on each, prints "ready", and holds them until standard input ends. Then prints how
 *         many the server had closed.
 *
 * Responses need a Content-Length. A status other than 200 counts as failed; a connection that the server closes counts as
 * closed, and is opened again when paced.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 256, HEAD_MAX = 8192, OPENING_MAX = 64, SAMPLES_MAX = 1 << 22 };

static const double NS = 1e9;

struct connection {
    int fd;
    bool busy;
    double due;          /* of the request that is under way */
    char head[HEAD_MAX]; /* the response's, until it is complete */
    size_t head_len;
    size_t left; /* of the body */
    bool in_body;
    bool good;
};

static struct sockaddr_in address;
static char request[1024];
static size_t request_len;
static int epoll_fd;
static struct connection *connections;
static size_t connection_count;
static struct connection **idle; /* a ring: the one that waited longest is next */
static size_t idle_first, idle_count;
static double *samples; /* milliseconds, of this window */
static size_t sample_count;
static unsigned long sent, ok, failed, closed;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / NS;
}

static void put_idle(struct connection *c)
{
    idle[(idle_first + idle_count++) % connection_count] = c;
}

static struct connection *take_idle(void)
{
    struct connection *c = idle[idle_first];
    idle_first = (idle_first + 1) % connection_count;
    idle_count--;
    return c;
}

static void open_connection(struct connection *c)
{
    const int on = 1;
    memset(c, 0, offsetof(struct connection, head));
    c->head_len = 0;
    c->left = 0;
    c->in_body = false;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void start_request(struct connection *c, double due)
{
    c->busy = true;
    c->due = due;
    sent++;
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len && errno != EPIPE &&
        errno != ECONNRESET)
        die("send");
}

static void end_request(struct connection *c)
{
    c->busy = false;
    c->in_body = false;
    c->head_len = 0;
    if (c->good)
        ok++;
    else
        failed++;
    if (samples != NULL && sample_count < SAMPLES_MAX)
        samples[sample_count++] = (now() - c->due) * 1000;
    put_idle(c);
}

static void end_head(struct connection *c, const char *end)
{
    const char *length = strcasestr(c->head, "\r\nContent-Length:");
    if (length == NULL || length > end) {
        (void)fprintf(stderr, "load: a response without Content-Length:\n%s\n", c->head);
        exit(1);
    }
    const size_t body = strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
    const size_t have = c->head_len - (size_t)(end + 4 - c->head);
    c->good = strncmp(c->head, "HTTP/1.1 200 ", 13) == 0;
    c->in_body = true;
    c->left = body - (have < body ? have : body);
}

static void receive(struct connection *c, const char *data, size_t n)
{
    if (c->in_body) {
        c->left -= n < c->left ? n : c->left;
    } else {
        if (n >= HEAD_MAX - c->head_len)
            n = HEAD_MAX - 1 - c->head_len;
        memcpy(c->head + c->head_len, data, n);
        c->head_len += n;
        c->head[c->head_len] = '\0';
        const char *end = strstr(c->head, "\r\n\r\n");
        if (end == NULL)
            return;
        end_head(c, end);
    }
    if (c->left == 0)
        end_request(c);
}

/* The server ended it. */
static void lose(struct connection *c)
{
    closed++;
    if (c->busy) {
        failed++;
    } else {
        for (size_t n = idle_count; n > 0; n--) {
            struct connection *other = take_idle();
            if (other != c)
                put_idle(other);
        }
    }
    (void)close(c->fd);
    c->fd = -1;
}

static void on_readable(struct connection *c, bool reopen)
{
    static char buffer[BUFFER];
    const ssize_t n = recv(c->fd, buffer, BUFFER, MSG_DONTWAIT);
    if (n > 0) {
        receive(c, buffer, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        lose(c);
        if (reopen) {
            open_connection(c);
            put_idle(c);
        }
    }
}

static void turn(int wait_ms, bool reopen)
{
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->fd >= 0)
            on_readable(c, reopen);
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double at(double part)
{
    if (sample_count == 0)
        return 0;
    const size_t i = (size_t)((double)sample_count * part);
    return samples[i < sample_count ? i : sample_count - 1];
}

static void print_window(double start, double seconds)
{
    qsort(samples, sample_count, sizeof(*samples), by_size);
    (void)printf("{\"at\":%.3f,\"requests\":%zu,\"rps\":%.0f,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%."
                 "3f,\"max\":%.3f}\n",
                 start, sample_count, (double)sample_count / seconds, at(0.5), at(0.99), at(0.999),
                 at(1));
    (void)fflush(stdout);
    sample_count = 0;
}

static void print_summary(void)
{
    (void)printf("{\"summary\":true,\"sent\":%lu,\"ok\":%lu,\"failed\":%lu,\"closed\":%lu}\n", sent,
                 ok, failed, closed);
}

static void open_all(void)
{
    for (size_t i = 0; i < connection_count; i++) {
        open_connection(&connections[i]);
        put_idle(&connections[i]);
    }
}

static void run_paced(double rate, double seconds, double window)
{
    samples = malloc(SAMPLES_MAX * sizeof(*samples));
    if (samples == NULL)
        die("malloc");
    open_all();
    const double began = now();
    double window_start = began;
    double due = began;
    for (;;) {
        const double t = now();
        if (t >= window_start + window) {
            print_window(window_start - began, t - window_start);
            window_start = t;
        }
        if (t - began >= seconds)
            break;
        while (idle_count > 0 && (rate <= 0 || due <= t)) {
            start_request(take_idle(), rate <= 0 ? t : due);
            due += rate > 0 ? 1 / rate : 0;
        }
        /* Below a millisecond epoll cannot wait: it polls while a request is due so soon. */
        const double left = rate > 0 && idle_count > 0 ? due - now() : 0.05;
        turn(left > 0.001 ? (int)(left * 1000) : 0, true);
    }
    const double end = now() + 5;
    while (idle_count < connection_count && now() < end)
        turn(10, true);
    failed += connection_count - idle_count; /* no answer came */
    print_summary();
}

static void run_idle(void)
{
    for (size_t i = 0; i < connection_count;) {
        for (size_t n = 0; n < OPENING_MAX && i < connection_count; n++, i++) {
            open_connection(&connections[i]);
            start_request(&connections[i], now());
        }
        while (idle_count + closed < i)
            turn(1000, false);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0)
        turn(50, false);
    print_summary();
}

static void set_up(char **argv)
{
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int n =
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench.test\r\n\r\n", argv[3]);
    if (n < 0 || (size_t)n >= sizeof(request))
        die("path");
    request_len = (size_t)n;
    connection_count = strtoul(argv[4], NULL, 10);
    connections = calloc(connection_count, sizeof(*connections));
    idle = calloc(connection_count, sizeof(struct connection *));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || idle == NULL || epoll_fd < 0)
        die("set up");
}

int main(int argc, char **argv)
{
    const bool paced = argc == 8 && strcmp(argv[1], "paced") == 0;
    if (!paced && (argc != 5 || strcmp(argv[1], "idle") != 0)) {
        (void)fprintf(stderr, "usage: load paced PORT PATH CONNECTIONS RATE SECONDS WINDOW_MS\n"
                              "       load idle PORT PATH CONNECTIONS\n");
        return 2;
    }
    set_up(argv);
    if (paced)
        run_paced(strtod(argv[5], NULL), strtod(argv[6], NULL), strtod(argv[7], NULL) / 1000);
    else
        run_idle();
    return 0;
}
