# What a person runs; `make` alone lists it. Each target prints what it runs.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Every platform that must build: GOOS/GOARCH[/GOARM].
TARGETS := linux/arm/6 linux/arm/7 linux/arm64 linux/386 linux/amd64 darwin/arm64 windows/amd64

# How long `make torture` fuzzes each fuzz target.
FUZZTIME ?= 60s

# How often it cuts the power of a mounted image; this needs root.
CUTS ?= 24

.PHONY: help demo test race test32 build e2e backend benchtest lint vulncheck bench torture

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  \1|\2/p' Makefile | column -t -s '|'

demo: ## run the agent on this machine's sensors against a Kinesis inside the process
	go run ./examples/raspberrypi

test: race test32 build e2e benchtest backend lint ## everything CI checks
	@echo "make test: passed"

# With -j2 it goes in two lanes: what one has does not disturb the other.
ifeq ($(MAKECMDGOALS),test)
test32: | race
build: | test32
e2e: | build
benchtest: | e2e
lint: | backend
endif

race: ## all tests, under the race detector where the platform has one
	scripts/test.sh race

test32: ## all tests as a 32-bit program
	scripts/test.sh 32bit

build: ## build every package for every device and desk platform
	scripts/targets.sh "go build ./..." $(TARGETS)

e2e: ## end to end: the emulator kinesis-local (needs Node.js); nginx, HAProxy and nghttpx before Kinesis
	scripts/e2e.sh
	scripts/http2.sh

backend: ## the generated backend: templates, commands, SQL, and the job on Spark (needs Python, Java, Node.js)
	scripts/stack.sh
	scripts/terraform.sh
	scripts/cli.sh
	scripts/backend-e2e.sh

benchtest: ## the tests of the benchmark's own module, in bench/
	scripts/bench-test.sh

lint: ## gofmt, go vet for every platform, staticcheck, known vulnerabilities
	scripts/lint.sh $(TARGETS)

vulncheck: ## known vulnerabilities only; fails if their database can't be reached
	LINT_STRICT=1 scripts/vulncheck.sh

# The last one compares with other producers, and writes the table of README.md and docs/*.svg.
bench: ## all benchmarks, with allocations, then Rivulet beside other producers
	go test -run '^$$' -bench . -benchmem ./...
	cd bench && go test -run '^$$' -bench . -benchmem .
	scripts/bench.sh

# STATES=n tries n states of each moment at which the power may go (default 96).
torture: ## the long tests, all mutants, CUTS (24) power cuts, then FUZZTIME (60s) of fuzzing per target
	TORTURE=1 go test -race -timeout 3h ./...
	scripts/mutants.sh
	scripts/powercut.sh $(CUTS)
	scripts/fuzz.sh $(FUZZTIME)
