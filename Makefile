# DGate. "make help" lists what there is; CMake does the building (CMakePresets.json), tools/ the rest.
SHELL := /bin/bash
BUILD ?= build
FUZZ_SECONDS ?= 60
CONFIG ?= config.dgate.yaml
export DGATE_BUILD := $(BUILD)
export DGATE_BIN ?= $(abspath $(BUILD))/bin
# Half-built files must not look finished; recipes stop at the first error of a pipe too.
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: all release dev run test lint fuzz soak bench format clean help
.PHONY: deps-run deps-test deps-lint deps-bench

all: release ## build the release into build/bin

release:
	@tools/bootstrap --check run
	@cmake --preset release -B $(BUILD) --log-level=WARNING >/dev/null
	@cmake --build $(BUILD) -j "$$(nproc)"

dev: ## build with ASan and UBSan into build/dev
	@cmake --preset dev -B $(BUILD)/dev --log-level=WARNING >/dev/null
	@cmake --build $(BUILD)/dev -j "$$(nproc)"

deps-run deps-test deps-lint deps-bench:
	@tools/bootstrap $(@:deps-%=%)

run: deps-run release ## install what is missing, build, start the server with the example config
	exec $(BUILD)/bin/dgate-server -c $(CONFIG)

test: deps-test ## unit tests under ASan and UBSan, fuzz corpora and 10 s per target, end-to-end tests
	@$(MAKE) --no-print-directory dev release
	ctest --test-dir $(BUILD)/dev --output-on-failure --no-tests=error -j "$$(nproc)"
	@FUZZ_SEED=1 $(MAKE) --no-print-directory fuzz FUZZ_SECONDS=10
	tools/test-e2e

GATES := check-format check-layers check-sizes "check-symbols $(BUILD)" check-headers check-paths \
	check-gates check-types check-tidy
lint: deps-lint release ## every gate of tools/, all of them even when one fails
	@failed=; for gate in $(GATES); do \
	    echo "tools/$$gate"; tools/$$gate || failed="$$failed $${gate%% *}"; done; \
	if [ -n "$$failed" ]; then echo "lint: FAILED:$$failed"; exit 1; fi; echo "lint: all gates passed"

fuzz: ## fuzz every target for FUZZ_SECONDS (60)
	@cmake --preset fuzz -B $(BUILD)/fuzz --log-level=WARNING >/dev/null
	@cmake --build $(BUILD)/fuzz -j "$$(nproc)" --target fuzz_targets
	tools/fuzz $(FUZZ_SECONDS)

soak: deps-test release ## run for long under load and watch memory and descriptors
	node tests/soak/tunnels.mjs
	node tests/soak/bodies.mjs
	node tests/soak/soak.mjs

bench: deps-bench release ## compare with nginx, haproxy, Lua and njs: docs/performance.md
	node bench/bench.mjs

format: ## let clang-format rewrite src/ and tests/
	find src tests -name '*.[ch]' -print0 | xargs -0 -r clang-format -i

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
