# The JavaScript that the binary carries: bundled by esbuild (tools of package.json), embedded by the assembler.
# Gives DGATE_JS_OBJECTS and, for dgate-runtime only, DGATE_JS_TOOL_OBJECTS (symbols js_NAME, js_NAME_end: text with a
# final NUL), and the target dgate_js.
set(DGATE_ESBUILD ${CMAKE_SOURCE_DIR}/node_modules/.bin/esbuild)
set(DGATE_JS_DIR ${CMAKE_BINARY_DIR}/js)
set(DGATE_JS_OBJECTS "")
set(DGATE_JS_TOOL_OBJECTS "")
file(MAKE_DIRECTORY ${DGATE_JS_DIR})
file(GLOB_RECURSE DGATE_JS_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/js/*.ts)

# Adds the object to the list; more arguments are options of esbuild.
function(dgate_js_bundle list name main)
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
        COMMAND ${DGATE_ESBUILD} ${CMAKE_SOURCE_DIR}/js/${main} --bundle --minify
            --platform=browser --charset=ascii --legal-comments=none ${ARGN}
            --log-level=error --log-limit=20 --outfile=${bundle}
        DEPENDS ${DGATE_JS_SOURCES} ${DGATE_JS_MORE_SOURCES} ${CMAKE_SOURCE_DIR}/js/tsconfig.json
            ${CMAKE_SOURCE_DIR}/package-lock.json
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        COMMENT "Bundling js/${main}"
        VERBATIM)
    add_custom_command(
        OUTPUT ${object}
        COMMAND ${CMAKE_C_COMPILER} -c ${assembly} -o ${object}
        DEPENDS ${bundle} ${assembly}
        COMMENT "Embedding ${name}.js"
        VERBATIM)
    set(${list} ${${list}} ${object} PARENT_SCOPE)
endfunction()

set(script --format=iife --target=safari16.4)
dgate_js_bundle(DGATE_JS_OBJECTS compiler compiler/main.ts ${script})
dgate_js_bundle(DGATE_JS_OBJECTS runtime runtime/main.ts ${script})
dgate_js_bundle(DGATE_JS_OBJECTS validator validator/main.ts ${script})
# A module as the compiler would make it: CommonJS, async functions lowered. Names stay, for stacks.
dgate_js_bundle(DGATE_JS_TOOL_OBJECTS tool_test tool/test/index.ts --format=cjs --target=es2016 --external:dgate/* --keep-names)
set(libs ${DGATE_JS_DIR}/libs.json)
set(DGATE_JS_MORE_SOURCES ${libs})
dgate_js_bundle(DGATE_JS_TOOL_OBJECTS tool_check tool/check/main.ts ${script} --alias:dgate-libs=${libs})
add_custom_command(
    OUTPUT ${libs}
    COMMAND node ${CMAKE_SOURCE_DIR}/js/tool/check/libs.mjs ${libs}
    DEPENDS ${DGATE_JS_SOURCES} ${CMAKE_SOURCE_DIR}/js/tool/check/libs.mjs ${CMAKE_SOURCE_DIR}/package-lock.json
    COMMENT "Collecting TypeScript's libraries"
    VERBATIM)
add_custom_target(dgate_js DEPENDS ${DGATE_JS_OBJECTS} ${DGATE_JS_TOOL_OBJECTS})

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
