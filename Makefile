# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each installs what it needs through packaging/provision.sh.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules
.DEFAULT_GOAL := default

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export CGO_ENABLED = 0

# Kernels of the matrix, as testdata/vm/kernels.txt names them.
KERNELS ?= 6.1 6.12 7.3
# What may not be skipped: vm, agents. CI sets both.
REQUIRE ?=
export REQUIRE

# ./... leaves testdata out.
HELPERS   := $(shell find testdata -name '*.go' -printf './%h\n' | sort -u)
PACKAGES  := ./... $(HELPERS)
C_SOURCES := $(wildcard bpf/include/*.h bpf/hooks/*.h bpf/prog/*.c)
# Written by `make generate` and committed, so that building needs neither clang nor protoc.
GENERATED := bpf/*_bpfel.go bpf/*_bpfel.o bpf/*/*_bpfel.go bpf/*/*_bpfel.o sensor/api/reeve/*.pb.go

GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VM          := bin/test/vm
STEP         = @printf '== %s\n' "$(1)"

.PHONY: default help build generate check format-c lint tidy generated unit test test-vm test-live test-harness \
	test-demo demo bench fuzz soak clean provision-build provision-vm provision-agents

default: check unit

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the binaries, into bin/
	$(call STEP,build: bin/reeved bin/reeve $(VERSION))
	@for command in reeved reeve; do \
		go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/$$command ./cmd/$$command; \
	done

generate: provision-build ## kernel objects with their Go face, and the local API
	$(call STEP,generate: bpf2go and protoc)
	@go generate ./bpf/... ./sensor/...

check: format-go format-c tidy lint generated ## everything that is found without running Reeve

.PHONY: format-go
format-go:
	$(call STEP,check: gofmt and go vet)
	@unformatted=$$(gofmt -l bpf cmd enforce sensor testdata); \
	if [ -n "$$unformatted" ]; then echo "gofmt:" $$unformatted >&2; exit 1; fi
	@go vet $(PACKAGES)

format-c: provision-build
	$(call STEP,check: clang-format)
	@clang-format-19 --dry-run -Werror $(C_SOURCES)

tidy:
	$(call STEP,check: go.mod)
	@go mod tidy -diff

# Pinned here and not in go.mod, whose list it would make four times as long; about two minutes the first time.
bin/tools/golangci-lint: Makefile
	$(call STEP,building golangci-lint)
	@GOBIN=$(CURDIR)/bin/tools go install $(GOLANGCI) && touch $@

lint: bin/tools/golangci-lint ## golangci-lint, staticcheck among it, and the rules of who imports whom
	$(call STEP,check: golangci-lint)
	@bin/tools/golangci-lint run $(PACKAGES)

generated:
	$(call STEP,check: generated files are up to date)
	@before=$$(sha256sum $(wildcard $(GENERATED))); \
	$(MAKE) --silent generate; \
	after=$$(sha256sum $(wildcard $(GENERATED))); \
	if [ "$$before" != "$$after" ]; then \
		diff <(echo "$$before") <(echo "$$after") >&2 || true; \
		echo "generated files were stale: commit what make generate wrote" >&2; exit 1; \
	fi

# Tests below testdata that boot machines or run an agent; all others are unit tests.
BOOTS := ExitCodeOn|SuccessComes|TimeOut|GuestThatDies|RootOfTheHost|SystemdOn|InstructionCounts|GoTestRuns|TestClaudeCode|TestCowork

unit: ## tests that need neither a machine nor an agent
	$(call STEP,unit)
	@go test ./...
	@go test -skip '$(BOOTS)' $(filter-out ./testdata/live,$(HELPERS))

test: ## everything; REQUIRE=vm,agents makes a skip a failure
	@$(MAKE) --no-print-directory provision-build build check unit
	@$(MAKE) --no-print-directory provision-vm provision-agents test-vm test-demo
	$(call STEP,all tests passed)

test-vm: test-harness test-live ## tests in machines, on every kernel of the matrix

# The machines themselves, and the real agent without a policy: the control of all refusals.
test-harness: provision-vm
	$(call STEP,test-vm: machines and the scripted agent)
	@go test -count=1 -p 1 -timeout 20m -run '$(BOOTS)' $(filter-out ./testdata/live ./testdata/bench%,$(HELPERS))

$(VM): FORCE
	@go build -o $@ ./testdata/vm/cmd/vm
.PHONY: FORCE
FORCE:

# Every program loaded and attached: what it refuses, what it agrees with, what the verifier walks.
LIVE ?= -test.timeout=15m
test-live: provision-vm $(VM)
	@for package in live bench; do go test -c -o bin/test/$$package.test ./testdata/$$package; done
	@for kernel in $(KERNELS); do \
		printf '== test-vm: live tests on %s\n' $$kernel; \
		$(VM) -v -k $$kernel -t 20m -e REQUIRE=bpf,lsm -f bin/test/live.test -f bin/test/bench.test \
			-f testdata/budget.txt -- './live.test $(LIVE) && ./bench.test $(filter -test.timeout%,$(LIVE))'; \
	done

test-demo: demo ## the demo, which checks itself

demo: $(if $(filter host,$(DEMO)),,provision-vm) provision-agents build ## the real agent under the real policy, live; DEMO=host: on this kernel
	@go run ./testdata/demo $(if $(filter host,$(DEMO)),-here)

bench: provision-vm ## instructions, table sizes and compile times against their budgets
	$(call STEP,bench)
	@go run ./testdata/bench/cmd/bench

fuzz: ## each fuzz target for ten seconds; LONG=1: ten minutes
	@for package in $$(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{else if .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			printf '== fuzz: %s %s\n' $$package $$target; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(if $(LONG),10m,10s) $$package; \
		done; \
	done

soak: ## kernel against oracle with ten times the cases and a seed of the day
	@$(MAKE) --no-print-directory test-live LIVE="-test.timeout=60m -decisions 1000000 -calls 100000 -seed $$(date +%s)"

clean: ## what was built; downloaded kernels and agents stay in the cache
	rm -rf bin

provision-build provision-vm provision-agents: provision-%:
	@packaging/provision.sh $*
