# The JavaScript that the binary carries: bundled by esbuild (tools of package.json), embedded by the assembler.
# Gives DGATE_JS_OBJECTS (symbols js_NAME, js_NAME_end: text with a final NUL) and the target dgate_js.
set(DGATE_ESBUILD ${CMAKE_SOURCE_DIR}/node_modules/.bin/esbuild)
set(DGATE_JS_DIR ${CMAKE_BINARY_DIR}/js)
set(DGATE_JS_OBJECTS "")
file(MAKE_DIRECTORY ${DGATE_JS_DIR})
file(GLOB_RECURSE DGATE_JS_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/js/*.ts)

function(dgate_js_bundle name main)
    set(bundle ${DGATE_JS_DIR}/${name}.js)
    set(assembly ${DGATE_JS_DIR}/${name}.S)
    set(object ${DGATE_JS_DIR}/${name}.o)
    file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT [[
.section .rodata
.global js_@name@
.global js_@name@_end
.hidden js_@name@
.hidden js_@name@_end
.balign 16
js_@name@:
.incbin "@bundle@"
js_@name@_end:
.byte 0
.section .note.GNU-stack, "", @progbits
]])
    add_custom_command(
        OUTPUT ${bundle}
        COMMAND ${DGATE_ESBUILD} ${CMAKE_SOURCE_DIR}/js/${main} --bundle --minify --format=iife
            --platform=browser --target=safari16.4 --charset=ascii --legal-comments=none
            --log-level=error --log-limit=20 --outfile=${bundle}
        DEPENDS ${DGATE_JS_SOURCES} ${CMAKE_SOURCE_DIR}/js/tsconfig.json ${CMAKE_SOURCE_DIR}/package-lock.json
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        COMMENT "Bundling js/${main}"
        VERBATIM)
    add_custom_command(
        OUTPUT ${object}
        COMMAND ${CMAKE_C_COMPILER} -c ${assembly} -o ${object}
        DEPENDS ${bundle} ${assembly}
        COMMENT "Embedding ${name}.js"
        VERBATIM)
    set(DGATE_JS_OBJECTS ${DGATE_JS_OBJECTS} ${object} PARENT_SCOPE)
endfunction()

dgate_js_bundle(compiler compiler/main.ts)
dgate_js_bundle(runtime runtime/main.ts)
dgate_js_bundle(validator validator/main.ts)
add_custom_target(dgate_js DEPENDS ${DGATE_JS_OBJECTS})

# Exported by the library but declared only in its private headers: src/script/jsc_private.h declares them.
include(CheckFunctionExists)
include(CMakePushCheckState)
cmake_push_check_state(RESET)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::JSC)
foreach(symbol JSContextGroupSetExecutionTimeLimit JSConfigureSignalForGC JSGlobalContextSetEvalEnabled
        JSGlobalContextSetUnhandledRejectionCallback JSSynchronousGarbageCollectForDebugging)
    check_function_exists(${symbol} HAVE_${symbol})
    if(NOT HAVE_${symbol})
        message(FATAL_ERROR "the JavaScriptCore library does not export ${symbol}; the limits on modules need it")
    endif()
endforeach()
cmake_pop_check_state()
