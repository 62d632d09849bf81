# The JavaScript that the binary carries: bundled by esbuild (tools of package.json), embedded by the assembler.
set(DGATE_JS_OBJECTS "")
add_custom_target(dgate_js)
