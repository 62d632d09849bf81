/* fetch() against a small HTTP server in a process of its own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>

#include "script/script_fixture.h"

static int port;

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Echoes the head, "|" and the body. */
static void echo(int fd, const char *request, size_t body_len)
{
    char head[128];
    const size_t head_len = (size_t)(strstr(request, "\r\n\r\n") - request);
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n",
                   head_len + 1 + body_len);
    say(fd, head);
    if (strncmp(request, "HEAD", 4) == 0)
        return;
    (void)!send(fd, request, head_len, MSG_NOSIGNAL);
    say(fd, "|");
    (void)!send(fd, request + head_len + 4, body_len, MSG_NOSIGNAL);
}

struct canned {
    const char *path;
    const char *answer;
    size_t len; /* 0: a C string */
};

static const struct canned CANNED[] = {
    {" /json",
     "HTTP/1.1 201 Made\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{\"a\":[1]}",
     0},
    {" /binary", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\0\xff\x80\x01", 42},
    {" /none", "HTTP/1.1 204 No Content\r\n\r\n", 0},
    {" /broken", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 0},
};

static void say_much(int fd)
{
    char chunk[1024 + 16] = "400\r\n";
    memset(chunk + 5, 'x', 1024);
    memcpy(chunk + 5 + 1024, "\r\n", 3);
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2000; i++)
        say(fd, chunk);
}

static void answer(int fd, const char *request, size_t body_len)
{
    char moved[128];
    (void)snprintf(
        moved, sizeof(moved),
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/json\r\nContent-Length: 0\r\n\r\n",
        port);
    if (strstr(request, " /echo") != NULL)
        echo(fd, request, body_len);
    if (strstr(request, " /big") != NULL)
        say_much(fd);
    if (strstr(request, " /moved") != NULL)
        say(fd, moved);
    for (size_t i = 0; i < ARRAY_LEN(CANNED); i++) {
        const struct canned *c = &CANNED[i];
        if (strstr(request, c->path) != NULL)
            (void)!send(fd, c->answer, c->len > 0 ? c->len : strlen(c->answer), MSG_NOSIGNAL);
    }
}

/* One request a connection, except /hang, which is never answered. */
static void serve_connection(int fd)
{
    char request[8192] = "";
    size_t len = 0;
    size_t body_len = 0;
    for (;;) {
        const ssize_t n = recv(fd, request + len, sizeof(request) - len - 1, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *length = strcasestr(request, "content-length: ");
        body_len = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (len >= (size_t)(end + 4 - request) + body_len)
            break;
    }
    if (strstr(request, " /hang") != NULL)
        (void)recv(fd, request, 1, 0);
    else
        answer(fd, request, body_len);
}

static pid_t start_server(void)
{
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(a);
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &size) != 0)
        abort();
    port = ntohs(a.sin_port);
    const pid_t child = fork();
    if (child != 0) {
        (void)close(listener);
        return child;
    }
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        if (fork() == 0) {
            serve_connection(fd);
            _exit(0);
        }
        (void)close(fd);
    }
}

struct fetched {
    const char *expression; /* with U for the server's address */
    const char *result;
};

static const struct fetched FETCHED[] = {
    {"fetch(U + '/json').then(async (r) => JSON.stringify([r.status, r.statusText, r.ok, "
     "r.redirected, r.url === U + '/json', r.headers.get('Content-Type'), r.bodyUsed, await "
     "r.json(), r.bodyUsed]))",
     "[201,\"Made\",true,false,true,\"application/json\",false,{\"a\":[1]},true]"},
    {"fetch(U + '/binary').then((r) => r.arrayBuffer()).then((b) => new Uint8Array(b).join())",
     "0,255,128,1"},
    {"fetch(U + '/none').then(async (r) => r.status + '[' + (await r.text()) + ']')", "204[]"},
    {"fetch(U + '/moved').then((r) => [r.status, r.redirected, r.url === U + '/json'].join())",
     "201,true,true"},
    {"fetch(U + '/moved', { redirect: 'manual' }).then((r) => [r.status, r.ok, "
     "r.headers.has('location')].join())",
     "302,false,true"},
    {"fetch(U + '/moved', { redirects: 'error' }).catch((e) => { throw new "
     "Error(e.message.replace(U, 'U')); })",
     "! U: redirects not allowed"},
    {"fetch(U + '/echo?q=1').then((r) => r.text()).then((t) => /^GET \\/echo\\?q=1 "
     "HTTP\\/1.1\\r\\n/.test(t) && /\\r\\nUser-Agent: DGate-Client\\/1.0\\r\\n/.test(t))",
     "true"},
    {"fetch(U + '/echo').then((r) => [r.headers.get('x-two'), r.headers.values('X-Two').length, "
     "[...r.headers.keys()].join(' ')].join(';'))",
     "1, 2;2;content-length x-two"},
    {"fetch(U + '/echo', { method: 'post', body: 'a\\u00e4', headers: { 'X-Own': 'yes', "
     "'User-Agent': 'me', 'X-Empty': '' } }).then((r) => r.text()).then((t) => /^POST /.test(t) && "
     "/\\r\\nx-own: yes/.test(t) && /user-agent: me/.test(t) && /x-empty:/.test(t) && "
     "/content-type: text\\/plain/.test(t) && t.endsWith('|a\\u00e4'))",
     "true"},
    {"fetch(U + '/echo', { method: 'PUT', body: new Uint8Array([65, 66, 67]).subarray(1) "
     "}).then((r) => r.text()).then((t) => /^PUT /.test(t) && t.endsWith('|BC'))",
     "true"},
    {"fetch(U + '/echo', { method: 'PATCH', body: { a: 1 } }).then((r) => r.text()).then((t) => "
     "/^PATCH /.test(t) && /application\\/json/.test(t) && t.endsWith('|{\"a\":1}'))",
     "true"},
    {"fetch(U + '/echo', { method: 'DELETE' }).then((r) => r.text()).then((t) => /^DELETE "
     "/.test(t))",
     "true"},
    {"fetch(U + '/echo', { method: 'POST' }).then((r) => r.text()).then((t) => /^POST /.test(t) && "
     "/Content-Length: 0/.test(t))",
     "true"},
    {"fetch(U + '/echo', { method: 'HEAD' }).then(async (r) => r.status + (await r.text()))",
     "200"},
    {"fetch(U + '/json').then(async (r) => { await r.text(); return r.json(); })",
     "! body already used"},
    {"fetch(U + '/big').then((r) => r.text())",
     "! the body is larger than 1048576 bytes (limits.module_body_max)"},
    {"fetch(U + '/broken').then((r) => r.text()).catch((e) => { throw new "
     "Error(e.message.replace(U, 'U')); })",
     "! U: the peer closed the connection (the response is incomplete)"},
    {"fetch('http://127.0.0.1:1/')",
     "! http://127.0.0.1:1: the connection was refused or failed (127.0.0.1:1: Connection "
     "refused)"},
    {"fetch('http://user:secret@127.0.0.1/')",
     "! a URL with a user name or password is not allowed"},
    {"fetch(U, { method: 'TRACE' })", "! the method TRACE is not allowed"},
    {"fetch('ftp://x/')", "! \"ftp://x/\" is not an http or https URL"},
    {"fetch('/relative')", "! \"/relative\" is not an absolute URL"},
    {"fetch(U, { method: 'A B' })", "! \"A B\" is not a method"},
    {"fetch(U, { redirect: 'maybe' })", "! redirect must be \"follow\", \"error\" or \"manual\""},
    {"fetch(U, { body: 'x' })", "! a GET request has no body"},
    {"fetch(U, { headers: { a: 'x\\r\\ny: z' } })", "! a header value has control characters"},
    {"Promise.all([1, 2, 3, 4].map((n) => fetch(U + '/json').then((r) => r.status + "
     "n))).then((all) => all.join())",
     "202,203,204,205"},
    {"fetch(new URL(U + '/json')).then((r) => r.ok)", "true"},
};

static void fetches(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    for (size_t i = 0; i < ARRAY_LEN(FETCHED); i++) {
        char source[2048];
        (void)snprintf(source, sizeof(source),
                       "import { fetch } from 'dgate/http';\nconst U = "
                       "'http://127.0.0.1:%d';\nexport async function requestHandler(ctx: any) {\n"
                       "  let s; try { s = String(await (%s as any)); } catch (e: any) { s = '! ' "
                       "+ e.message; }\n  ctx.response().send(s); }",
                       port, FETCHED[i].expression);
        fixture_module(f, source);
        assert_string_equal(fixture_handle(f), FETCHED[i].result);
    }
    fixture_destroy(f);
}

static void a_fetch_ends_with_its_request(void **state)
{
    (void)state;
    struct fixture *f = fixture_create(NULL);
    char source[256];
    (void)snprintf(source, sizeof(source),
                   "export const requestHandler = () => fetch('http://127.0.0.1:%d/hang');", port);
    fixture_module(f, source);
    fixture_begin(f);
    fixture_start_call(f, SCRIPT_REQUEST_HANDLER, "");
    for (int i = 0; i < 20; i++) {
        loop_turn(f->loop, false);
        (void)usleep(2000);
    }
    assert_false(f->done);
    fixture_end_run(f);
    for (int i = 0; i < 5; i++)
        loop_turn(f->loop, false);
    fixture_destroy(f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fetches),
    cmocka_unit_test(a_fetch_ends_with_its_request),
};

int main(void)
{
    const pid_t server = start_server();
    fixture_start();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return failed;
}
