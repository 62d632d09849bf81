# Compiler flags: docs/architecture.md says which build is for what.

set(DGATE_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wundef -Wvla
    -Walloca -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations -Wold-style-definition
    -Wnested-externs -Wredundant-decls -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings
    -Wformat=2 -Winit-self -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wfloat-equal
    -Wdate-time -Wunused-macros)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND DGATE_WARNINGS
        -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Wformat-overflow=2
        -Wformat-truncation=2 -Wformat-signedness -Wstringop-overflow=4 -Warith-conversion
        -Wtrampolines -Wstack-usage=16384)
else()
    list(APPEND DGATE_WARNINGS
        -Wcomma -Wextra-semi-stmt -Wunreachable-code -Wassign-enum -Wconditional-uninitialized
        -Wthread-safety -Wnewline-eof -Wframe-larger-than=16384)
endif()
if(DGATE_WERROR)
    list(APPEND DGATE_WARNINGS -Werror)
endif()

if(DGATE_SANITIZE)
    add_compile_options(-fsanitize=${DGATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${DGATE_SANITIZE})
else()
    add_compile_options(
        -fno-plt -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection
        -fcf-protection=full -fPIE)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-ftrivial-auto-var-init=zero) # clang 14 wants another option beside it
    endif()
    add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
    add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
if(DGATE_FUZZ)
    # Coverage feedback for everything a target calls, not only for the target's own file.
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_compile_options(-fno-common -g)
# gcc 12 reasons wrongly about nodes of intrusive lists by their types: see test_sorted_insert of ilist_test.c.
add_compile_options(-fno-strict-aliasing)
# Assertions stay on in release builds: a wrong gateway is worse than a restarted worker.
set(CMAKE_C_FLAGS_RELEASE "-O3")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Most of what a request costs us is calls of small functions across files.
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
endif()
set(CMAKE_C_FLAGS_DEBUG "-O1 -g3")

function(dgate_compile_options target)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE
        -include ${CMAKE_SOURCE_DIR}/src/base/banned.h ${DGATE_WARNINGS})
endfunction()
