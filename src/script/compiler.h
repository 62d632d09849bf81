/* The compiler process. It compiles modules: TypeScript and JavaScript (ES modules or plain scripts) -> CommonJS for JavaScriptCore.
 *
 * It talks over one stream socket with frames: u32 little-endian length, then JSON.
 * Request:  {"id": n, "name": "mod", "type": "typescript" | "javascript",
 *            "api": "auto" | "dgate1" | "dgate2" (absent: auto), "source": "..."}
 * Answer:   {"id": n, "ok": true, "compiled": {...}} or
 *           {"id": n, "ok": false, "problems": [{"line": 3, "column": 7, "text": "..."}]}, and in it
 *           "exhausted": true when stack or memory did not suffice: a process that has done nothing before may do it
 * compiled: {"js": "...", "map": "...", "exports": [...], "imports": [...], "importPositions": [[3, 7], ...],
 *            "flavour": "dgate1", "readsRequestBody": bool, "readsResponseBody": bool, "compiler": "5.9.x"}
 *
 * And it checks documents against JSON Schemas (draft-07, 2020-12). What either needs is loaded with its first request.
 * Request:  {"validate": true, "id": n, "schema": ..., "documents": [...]}, "validate" first
 * Answer:   {"id": n, "ok": true, "problems": [{"document": 0, "text": "data/age must be integer"}]}; a problem
 *           without "document" is one of the schema, and then no document is looked at
 *
 * map is the "mappings" of a source map; imports are names as written, each with line and column.
 */
#ifndef SCRIPT_COMPILER_H
#define SCRIPT_COMPILER_H

#include <stddef.h>

#include "base/err.h"

enum { COMPILER_FRAME_MAX = 4 * 1024 * 1024 };

struct compiler_options {
    size_t memory_bytes; /* RLIMIT_DATA budget for the process */
};

/* Serves fd until its end. Returns the process's exit status. */
int compiler_serve(int fd, const struct compiler_options *options);

#endif
