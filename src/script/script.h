/* Modules: JavaScript on the requests of a worker. One VM per process, made when the first program is, one context
 * per namespace, one program (linked modules) per route.
 *
 * script/ does not know the proxy: a request comes to it as a struct script_exchange that both sides read and write, and
 * what modules ask of the world beyond fetch comes as the functions of struct script_host.
 */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "codec/http_head.h"
#include "model/model.h"

struct fetch_options;
struct loop;
struct script_clock;
struct script_vm;
struct script_program;
struct script_run;

/* What is limited: symbol, name in errors, logs and metrics. */
#define SCRIPT_LIMITS(X)                                                                           \
    X(CPU, cpu)                                                                                    \
    X(WALL, wall)                                                                                  \
    X(HEAP, heap)                                                                                  \
    X(BODY, body)                                                                                  \
    X(FETCHES, fetches)                                                                            \
    X(TIMERS, timers)                                                                              \
    X(LOG, log)

enum script_limit {
#define X(symbol, name) SCRIPT_LIMIT_##symbol,
    SCRIPT_LIMITS(X)
#undef X
        SCRIPT_LIMIT_COUNT,
};

/* "cpu", ...; "" for SCRIPT_LIMIT_COUNT. */
const char *script_limit_name(enum script_limit limit);

struct script_limits {
    uint64_t cpu_ms;     /* of one call, microtasks that follow it included */
    uint64_t wall_ms;    /* until its promise settles */
    uint64_t idle_ms;    /* until it gives the next piece of a body that it streams; 0: any */
    uint64_t heap_bytes; /* of the VM */
    size_t body_max;     /* of a body that a module reads or writes */
    uint32_t fetches;    /* per request */
    uint32_t timers;     /* per request, at once */
    uint32_t log_rate;   /* lines per second of a module */
    /* Of the server only. */
    uint32_t raise_max;      /* how many times the above a module's own limits may be; 0: as 1 */
    uint64_t cpu_ceiling_ms; /* no module has more processor time; 0: no such bound */
    uint32_t stops_max;      /* calls ended by cpu or heap before host.offend is told; 0: never */
    uint64_t stops_window_ms;
};

/* What a module asks of the state, with its args -> result: JSON texts as the module API gives and takes them. */
enum script_state_op {
    /* Reads, with "namespace" in the args if it is not the module's own. */
    SCRIPT_GET_COLLECTION,    /* {"name"} -> collection or null */
    SCRIPT_GET_DOCUMENT,      /* {"id","collection"} -> document or null */
    SCRIPT_GET_DOCUMENTS,     /* {"collection","limit","offset"} -> array */
    SCRIPT_PUT_COLLECTION,    /* collection -> the stored one */
    SCRIPT_PUT_DOCUMENT,      /* {"id","collection","data"} -> the stored one */
    SCRIPT_DELETE_COLLECTION, /* {"name"} -> null */
    SCRIPT_DELETE_DOCUMENT,   /* {"id","collection"} -> null */

    SCRIPT_GET_SECRET, /* {"name"} -> its data or null; a read */

    /* The replicated store. ttl is in seconds, 0 or absent: for ever. */
    SCRIPT_STORAGE_GET,  /* {"key"} -> value or null; a read */
    SCRIPT_STORAGE_LIST, /* {"prefix","after","limit"} -> [{"key","value"}]; a read */
    SCRIPT_STORAGE_READ, /* {"key"} -> value or null, as of now and not only as this node knows it */
    SCRIPT_STORAGE_PUT,  /* {"key","value","ttl"} -> null */
    SCRIPT_STORAGE_DELETE, /* {"key"} -> whether it was there */
    SCRIPT_STORAGE_COMPARE, /* {"key","expected","value","ttl"} -> whether it was as expected (null: absent) */
    SCRIPT_STORAGE_INCREMENT, /* {"key","by","ttl"} -> the new number */

    SCRIPT_TOOL = 1000, /* not of modules: script_host.tool */
};

/* Whether it only reads what this node has: such a question has its answer at once. */
bool script_state_reads(enum script_state_op op);

/* One such question; borrowed during the call that asks it. */
struct script_state_request {
    enum script_state_op op;
    struct str ns; /* the module's */
    struct str module;
    struct str args;
};

/* What runs, for logs and the shared page; valid during the call that it is given to. */
struct script_place {
    struct str ns;
    struct str route;    /* "": no program's code */
    struct str module;   /* "": not known */
    struct str function; /* "requestHandler", "(top-level code)", ... */
    uint64_t program;    /* script_program_fingerprint(); 0: none */
};

/* error is NULL on success; else result is empty. Both are valid during the call. */
typedef void (*script_state_done)(void *user, struct str result, const struct err *error);

struct script_host {
    void *user;
    /* done is called exactly once, on the loop, maybe before this returns. */
    void (*state)(void *user, const struct script_state_request *request, script_state_done done,
                  void *done_user);
    /* What the module "dgate/tool" asks, which no uploaded module can import; answered as state is. NULL: there is no such
     * module. */
    void (*tool)(void *user, struct str args, script_state_done done, void *done_user);
    /* console.*, and what is to be said about modules: one line. */
    void (*log)(void *user, enum log_level level, const struct script_place *from, struct str text);
    /* Called before and after JavaScript runs, for the shared page; NULL: nothing runs any more. */
    void (*running)(void *user, const struct script_place *what);
    /* So many calls of a program were ended by limits that it should be switched off. */
    void (*offend)(void *user, const struct script_place *who, uint32_t stops);
    /* Programs that were made before are of a VM that ends: let go of them, they are made again when needed. */
    void (*renewed)(void *user);
    /* state() for what script_state_reads(), while the caller waits: appends the result, or returns
     * false with e filled. */
    bool (*state_now)(void *user, const struct script_state_request *request, struct buf *out,
                      struct err *e);
    /* The node's cache. Gets append the value and return false when there is none; values are JSON texts. ttl_s is in
     * seconds, negative: until there is no room. False from set: e says why. */
    bool (*cache_get)(void *user, struct str ns, struct str key, struct buf *out);
    bool (*cache_set)(void *user, struct str ns, struct str key, struct str value, double ttl_s,
                      struct err *e);
    bool (*cache_delete)(void *user, struct str ns, struct str key); /* whether it was there */
    /* Names of the environment variables that modules may see; borrowed, NULL: none. */
    const struct model_strings *environment;
    const struct fetch_options *fetch; /* read when the VM is created; NULL: modules cannot fetch */
};

/* A body that modules may read and replace. */
struct script_body {
    bool collected; /* bytes holds all of it */
    bool replaced;  /* a module wrote it: bytes is what is to be sent */
    bool taken;     /* a module reads it piece by piece, or has: it is nobody else's any more */
    struct str bytes;
    /* Where a module wrote bytes. The next write releases it; who made the exchange finishes it, or moves it away before. */
    struct buf written;
};

/* What a read of the state answers at most, and a listing of dgate/storage. */
enum { SCRIPT_STATE_RESULT_MAX = 8 * 1024 * 1024 };
#define SCRIPT_STATE_RESULT_TOO_LARGE "the result is larger than 8 MiB: ask for fewer"

enum script_side { SCRIPT_REQUEST_BODY, SCRIPT_UPSTREAM_BODY, SCRIPT_SIDE_COUNT };

/* What the proxy does for bodies that flow through modules: those that a module reads piece by piece
 * (script_run_feed()), and the one that it gives piece by piece (script_run_pull()). All are called while JavaScript runs:
 * they must not call script_run_*() but script_run_feed*(), nor end the run. */
struct script_flow {
    /* Whether a module may read that body piece by piece now: it begins to. */
    bool (*open)(void *user, enum script_side side);
    /* From now on room bytes in all may be fed. */
    void (*want)(void *user, enum script_side side, size_t room);
    /* No more of it is wanted. Also when the run is destroyed before that body's end. */
    void (*cancel)(void *user, enum script_side side);
    /* The next piece of the response's body. */
    void (*write)(void *user, struct str data);
    /* Its end; or, with an error, it broke off. Nothing follows. error is valid during the call, which may also come from
     * the loop (a limit). */
    void (*finish)(void *user, const char *error);
};

struct script_param {
    struct str name;
    struct str value; /* percent-decoded */
};

/* One request as modules see it. Owned by the proxy; everything in it lives as long as the run. */
struct script_exchange {
    struct arena *arena; /* for what scripts add to the message */
    struct str id;

    struct str method;  /* a module may write it */
    struct str path;    /* normalised */
    bool path_written;  /* by a module: it is what is forwarded */
    bool merge_slashes; /* how a path that a module writes is normalised */
    struct str query;   /* without "?" */
    bool query_written; /* by a module */
    struct str host;
    struct str proto; /* "HTTP/1.1" */
    struct str remote_address;
    int64_t content_length;            /* of the request as received; -1 unknown */
    struct http_fields request_fields; /* changes are forwarded */
    bool fields_written; /* a module set or added one that is forwarded, in either direction */
    struct script_body request_body;
    const struct script_param *params;
    size_t param_count;

    const struct model_route *route;
    const struct model_service *service; /* NULL: none */

    /* The upstream's response: while a responseModifier runs. */
    bool has_upstream;
    struct str
        upstream_url; /* that it came from; in an errorHandler the last that was asked; else empty */
    struct str upstream_query; /* that it was asked with, without "?" */
    uint16_t upstream_status;
    struct str upstream_reason;
    struct str upstream_proto;
    int64_t upstream_length;
    struct http_fields upstream_fields; /* changes are forwarded */
    struct http_fields upstream_trailers;
    struct script_body upstream_body;

    /* The response that modules make themselves. */
    uint16_t response_status;           /* 0: not set */
    struct http_fields response_fields; /* without an answer they go with the upstream's */
    struct buf
        response_body; /* initialised by script_run_create() with limits.body_max; the proxy finishes it */
    bool response_sent; /* send(), json(), end(), redirect(): it is the answer */

    const struct script_flow *flow; /* NULL: no body flows */
    void *flow_user;
    bool
        flows; /* a module gives the body piece by piece: of the response that it made if response_sent, else
                 * in the place of the upstream's. script_run_pull() makes it come. */
};

enum script_function {
    SCRIPT_FETCH_UPSTREAM,
    SCRIPT_REQUEST_MODIFIER,
    SCRIPT_RESPONSE_MODIFIER,
    SCRIPT_ERROR_HANDLER,
    SCRIPT_REQUEST_HANDLER,
    SCRIPT_FUNCTION_COUNT,
};

/* "fetchUpstream", ... */
struct str script_function_name(enum script_function f);

/* Settings of the process that the engine reads when it is first used: call it early in a process that will run
 * modules (script_vm_create() does not need it, but threads that exist before it keep their signal mask). */
void script_vm_prepare_process(void);

/* Makes the VM's owner; the VM itself comes with the first program. Borrows loop; copies limits and host. */
struct script_vm *script_vm_create(struct loop *loop, const struct script_limits *limits,
                                   const struct script_host *host);

/* The time that modules see (script/script_clock.h); the VM's. */
struct script_clock *script_vm_clock(struct script_vm *vm);

/* Every program and run must be gone. NULL is allowed. */
void script_vm_destroy(struct script_vm *vm);

/* Whether the modules have used more than their memory and it did not come back with a new VM: the process should take
 * no new work and be replaced. */
bool script_vm_wants_restart(const struct script_vm *vm);

/* How often that limit was passed. */
uint64_t script_vm_limit_hits(const struct script_vm *vm, enum script_limit limit);

/* Identifies the code of a route: another number when the route or one of its modules is another. Never below 2. */
uint64_t script_program_fingerprint(const struct model_route *route,
                                    const struct model_module *const *modules, size_t count);

/* Links the modules of a route, in the route's order, and runs their top-level code (within the limits). Modules that
 * another listed module imports are libraries; the rest are entries and form the chain. The error names module,
 * line and column in the source; its code tells a limit that was passed (script_limit_of_link()). A program that failed to
 * link can still be kept by the caller as an error. */
enum err_code script_program_create(struct script_vm *vm, const struct model_route *route,
                                    const struct model_module *const *modules, size_t count,
                                    struct script_program **ret, struct err *e)
    __attribute__((warn_unused_result));
/* The limit that ended top-level code, by the code of the error; SCRIPT_LIMIT_COUNT: none. */
enum script_limit script_limit_of_link(enum err_code rc);
struct script_program *script_program_ref(struct script_program *p);
void script_program_unref(struct script_program *p);

/* Whether an entry has that function; whether any listed module may read that body (then the proxy collects it
 * before the first call). */
bool script_program_has(const struct script_program *p, enum script_function f);
bool script_program_reads_request_body(const struct script_program *p);
bool script_program_reads_response_body(const struct script_program *p);

/* The most that may be collected of a body for its modules. */
size_t script_program_body_max(const struct script_program *p);

/* A body was larger than that: counts and logs it. */
void script_program_body_refused(const struct script_program *p);

enum script_status {
    SCRIPT_OK,
    SCRIPT_THREW, /* text: the message with module:line:column */
    SCRIPT_CPU,   /* the CPU limit stopped it */
    SCRIPT_WALL,  /* its promise did not settle in time */
    SCRIPT_HEAP,  /* the VM ran out of its memory */
};

struct script_outcome {
    enum script_status status;
    bool responded; /* a module sent the response: x->response_* is the answer */
    struct str
        text; /* FETCH_UPSTREAM: the URL, or empty for the service's own choice; failures: what to log and
                 give to errorHandler. Valid during done */
    enum script_limit limit; /* of a failure: the limit that was passed; SCRIPT_LIMIT_COUNT: none */
    struct str module;       /* of a failure: whose function it was; valid as the program */
};

/* Called exactly once per call unless the run is destroyed before; maybe before script_run_call() returns. */
typedef void (*script_done_fn)(void *user, const struct script_outcome *outcome);

/* Begins a request's use of a program (takes a reference). x is borrowed, and memory, which the run is in: NULL when
 * that is full. */
struct script_run *script_run_create(struct script_program *p, struct script_exchange *x,
                                     struct arena *memory);

/* Runs the chain's functions of that kind: requestModifiers in order until one responds, the first fetchUpstream,
 * responseModifiers in reverse order, requestHandlers in order until one responds, errorHandlers in reverse until one responds.
 * error_text only for SCRIPT_ERROR_HANDLER. One call at a time. */
void script_run_call(struct script_run *r, enum script_function f, struct str error_text,
                     script_done_fn done, void *user);

/* After a call that left x->flows: the client has room for room bytes in all (a piece may be somewhat larger). What comes
 * goes to flow->write(), maybe at once; flow->finish() is called when limits.idle_ms pass without a piece. Enters
 * JavaScript. */
void script_run_pull(struct script_run *r, size_t room);

/* Bytes of a body that flow->want() asked for, within the room that it told; error is NULL at the end. May enter JavaScript
 * when none runs. */
void script_run_feed(struct script_run *r, enum script_side side, struct str data);
void script_run_feed_end(struct script_run *r, enum script_side side, const char *error);

/* Ends it: what is pending (promises, fetches, timers) is dropped and done is not called any more. A body that flows is
 * cancelled, which runs what modules have to say to it. Safe inside done. */
void script_run_destroy(struct script_run *r);

#endif
