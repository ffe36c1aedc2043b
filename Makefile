# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Each installs what it needs through packaging/provision.sh.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules
.DEFAULT_GOAL := default

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export CGO_ENABLED = 0
# Root does not always have these: su keeps a user's PATH, sudo sets its own.
export PATH := $(PATH):/usr/sbin:/sbin:/usr/local/go/bin
# Root may not ask git about a clone that is a user's, and Go would stop there.
export GOFLAGS += -buildvcs=false

# Kernels of the matrix, as testdata/vm/kernels.txt names them.
KERNELS ?= 6.1 6.12 7.3
# What may not be skipped for want of it: vm, agents, clients, connectors, backends, bpf. CI sets vm, agents and backends.
REQUIRE ?=
export REQUIRE

# ./... leaves testdata out.
HELPERS   := $(shell find testdata \( -path '*/collector' -o -path '*/servers' \) -prune -o -name '*.go' -printf './%h\n' | sort -u)
PACKAGES  := ./... $(HELPERS)
# Tests of C in user space. Nothing that is installed has cgo.
WITH_CGO  := ./bpf/parse/...
C_SOURCES := $(wildcard bpf/include/*.h bpf/include/net/*.h bpf/hooks/*.h bpf/prog/*.c bpf/fuzz/*.[ch])
# Written by `make generate` and committed, so that building needs neither clang nor protoc.
GENERATED := bpf/*_bpfel.go bpf/*_bpfel.o bpf/*/*_bpfel.go bpf/*/*_bpfel.o sensor/api/reeve/*.pb.go plugins/api/plugin/*.pb.go
# The plugins that come with Reeve.
PLUGINS   := contain syslog otlp

GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VM          := bin/test/vm
STEP         = @printf '== %s\n' "$(1)"

.PHONY: default help build generate check format-c lint tidy generated unit test test-plugins test-vm test-live test-churn test-work test-evade test-clients test-connectors test-agents test-outage \
	test-harness test-demo demo bench bench-gate bench-inventory bench-scan budget fuzz soak clean provision-build provision-vm provision-claude provision-agents provision-clients provision-connectors provision-backends

default: check unit

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the binaries, into bin/
	$(call STEP,build: bin/reeved bin/reeve bin/plugins $(VERSION))
	@for command in reeved reeve; do \
		go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/$$command ./cmd/$$command; \
	done
	@for plugin in $(PLUGINS); do \
		go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/plugins/$$plugin ./plugins/$$plugin; \
	done

generate: provision-build ## kernel objects with their Go face, and the local API
	$(call STEP,generate: bpf2go and protoc)
	@go generate ./bpf/... ./sensor/... ./plugins/...

check: format-go format-c tidy lint generated ## everything that is found without running Reeve

.PHONY: format-go
format-go:
	$(call STEP,check: gofmt)
	@unformatted=$$(gofmt -l bpf cmd enforce plugins sensor testdata); \
	if [ -n "$$unformatted" ]; then echo "gofmt:" $$unformatted >&2; exit 1; fi

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

lint: bin/tools/golangci-lint ## golangci-lint, go vet and staticcheck among it, and the rules of who imports whom
	$(call STEP,check: golangci-lint)
	@bin/tools/golangci-lint run $(PACKAGES)
	@CGO_ENABLED=1 bin/tools/golangci-lint run $(WITH_CGO)

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
BOOTS := ExitCodeOn|SuccessComes|TimeOut|GuestThatDies|RootOfTheHost|SystemdOn|InstructionCounts|GoTestRuns|TestClaudeCode|TestCowork|TestSandboxes|TestEvasion|TestClients|TestConnectors|TestOrdinaryWork|TestAgentsFindThemselves|TestRuleFreezes|TestOutageInMachine

# Tests that run in a guest alone.
GUESTS := ./testdata/live ./testdata/churn
# Tests that need rsyslog and the OpenTelemetry Collector.
BACKENDS := ./testdata/backends
# Tests that choose their machines by a flag.
PLAYS  := ./testdata/sandbox ./testdata/work ./testdata/catalogue ./testdata/evade ./testdata/clients ./testdata/connectors

unit: ## tests that need neither a machine nor an agent
	$(call STEP,unit)
	@go test -vet=off ./...
	@CGO_ENABLED=1 go test -vet=off $(WITH_CGO)
	@go test -vet=off -skip '$(BOOTS)' $(filter-out $(GUESTS) $(BACKENDS),$(HELPERS))

test: ## everything; REQUIRE=vm,agents,clients,connectors,backends,bpf makes a skip a failure
	@$(MAKE) --no-print-directory provision-build build check unit
	@$(MAKE) --no-print-directory test-plugins
	@$(MAKE) --no-print-directory provision-vm provision-agents test-vm
	$(call STEP,all tests passed)

test-plugins: provision-backends ## plugins against rsyslog and the OpenTelemetry Collector
	$(call STEP,test-plugins: real back ends)
	@go test -count=1 -timeout 10m -skip '$(BOOTS)' $(BACKENDS)

# No part of test-vm: soak has it.
OUTAGE   ?= 5m
DENIALS  ?= 10000
OUTAGE_MACHINES ?= 6.12
test-outage: provision-vm provision-backends ## rsyslog and the Collector are down, a session is refused, the daemon is killed: nothing lacks
	$(call STEP,test-outage: $(DENIALS) refusals in $(OUTAGE))
	@go test -count=1 -v -timeout 60m -run OutageInMachine $(BACKENDS) -machines '$(OUTAGE_MACHINES)' -outage $(OUTAGE) -denials $(DENIALS)

# Machines, four at a time, the longest first: each keeps one processor busy, but for nearly half of its time, when it waits for
# networks. What a machine says is printed when it is done. Of what is random, the tests here take a part; test-live, test-churn and
# soak take the whole.
LIVES  := $(foreach kernel,$(KERNELS),live-$(kernel) live-$(kernel)-nobpf)
CHURNS := $(foreach kernel,$(KERNELS),churn-$(kernel) churn-$(kernel)-nobpf)
SIDE_BY_SIDE = @$(MAKE) --no-print-directory -j4 -Otarget

test-vm: provision-vm provision-claude live-files churn-files ## tests in machines, on every kernel of the matrix, with bpf in lsm= and without; the demo
	$(SIDE_BY_SIDE) CHURN_PART=yes LIVE='$(LIVE) $(FEWER)' KEPT=-test.run=AnotherABI BUDGET='-k 6.1' PROCESSORS=1 \
		test-evade churn-6.1 live-7.3-nobpf $(LIVES) churn-7.3-nobpf $(HARNESS) budget torn test-demo

# The machines themselves, and the real agent without a policy: the control of all refusals. A package at a time, beside others.
BOOTING := $(shell grep -rlE --include='*_test.go' 'func \w*($(BOOTS))' testdata | xargs -n1 dirname | sort -u)
HARNESS := $(patsubst testdata/%,harness-%,$(filter-out $(patsubst ./%,%,$(GUESTS) $(BACKENDS) $(PLAYS) ./testdata/bench%),$(BOOTING)))
$(if $(HARNESS),,$(error no package under testdata boots a machine: BOOTING finds none))
test-harness: $(HARNESS)

harness-%: provision-vm
	$(call STEP,test-vm: machines and the scripted agent: $*)
	@go test -count=1 -timeout 20m -run '$(BOOTS)' ./testdata/$*

$(VM): FORCE
	@go build -o $@ ./testdata/vm/cmd/vm
.PHONY: FORCE live-files churn-files
FORCE:

# Every program loaded and attached: what it refuses, and what it agrees with. What the verifier walks is budget's.
LIVE ?= -test.timeout=50m
FEWER := -decisions 5000 -calls 500 -storms 1 -rewrites 200
LIVE_FILES = -ext4 /data $(addprefix -module ,$(LIVE_MODULES)) -e REQUIRE=bpf,lsm -f bin/test/live.test -f bin/test/actor -f bin/test/btrfs.img.gz
TORN = && ./bench.test -test.run=Torn $(filter -test.timeout%,$(LIVE))
LIVE_MODULES = btrfs veth tls ccm ctr sctp algif_hash tipc rds
# Of emulated processors, two are a quarter more work than one. test-live has them everywhere; here they are where a kernel preempts
# itself, and for tests of what happens at once (torn).
PROCESSORS ?= 2
live-7.3-nobpf: override PROCESSORS = 2
test-live: live-files
	$(SIDE_BY_SIDE) $(LIVES)

live-files: provision-vm $(VM) bin/test/btrfs.img.gz
	@go build -ldflags '-s -w' -o bin/test/actor ./testdata/live/actor/cmd/actor
	@for package in testdata/live testdata/bench testdata/observe testdata/gate sensor bpf/parse; do go test -c -o bin/test/$${package##*/}.test ./$$package; done

# An empty file system of 48 MB, as far as there is anything in it; guests have nothing that makes one.
bin/test/btrfs.img.gz: Makefile | provision-vm
	@mkdir -p $(@D) && rm -f bin/test/btrfs.img && truncate -s 48M bin/test/btrfs.img
	@mkfs.btrfs -q --mixed bin/test/btrfs.img > /dev/null
	@cmp -s <(tail -c 40M bin/test/btrfs.img) <(head -c 40M /dev/zero) && head -c 8M bin/test/btrfs.img | gzip -9 > $@

# What the package itself tests of a daemon that comes and goes, in a form that enforces: on one kernel. Here a part, for each of these
# tests has every program verified several times; `unit` has them all, in the form that this machine's own kernel takes.
live-6.1-nobpf: MORE = && ./sensor.test $(KEPT)
# Programs of control groups and tracepoints are the same whatever is in lsm=, so each is tried with one of the two lists; what a
# daemon does that has nothing else is for kernels that refuse the rest, as a development machine's does (`unit`).
live-%-nobpf:
	$(call STEP,test-vm: live tests on $* without bpf in lsm=)
	@$(VM) -v -k $* -c $(PROCESSORS) -lsm nobpf -t 70m $(LIVE_FILES) -f bin/test/sensor.test -f bin/test/observe.test \
		-- './live.test $(LIVE) && ./observe.test -test.run="Tracepoints|ControlGroups" $(MORE)'
live-%:
	$(call STEP,test-vm: live tests on $*)
	@$(VM) -v -k $* -c $(PROCESSORS) -t 70m $(LIVE_FILES) -f bin/test/gate.test -f bin/test/bench.test -f bin/test/parse.test \
		-- './live.test $(LIVE) && ./gate.test && ./parse.test $(if $(filter-out 1,$(PROCESSORS)),$(TORN))'

.PHONY: torn
torn:
	$(call STEP,test-vm: no act is judged by two policies)
	@$(VM) -v -k 6.1 -c 2 -e REQUIRE=bpf,lsm -f bin/test/bench.test -- './bench.test -test.run=Torn'

# An agent that hammers while the daemon comes and goes: at length on the kernel that verifies quickest, and without a pause between its
# acts where the kernel preempts itself and leaves checks out. An upgrade verifies every program anew beside the hammer, and a release
# has all of them loaded once more, which takes a minute here: `make test-churn` does so on each kernel in each form; soak at length on
# each.
CHURN            ?=
CHURN_LONG       := -restarts 50 -upgrades 20 -kills 20 -reloads 200
CHURN_6.1         = $(CHURN_LONG) $(if $(CHURN_PART),-pause 50ms -sessions 40)
CHURN_7.3-nobpf   = -test.skip="Loss$(if $(CHURN_PART),|NothingPasses|Dead|Session)"
CHURN_HARD       := -test.run=NothingPasses -pause 0 -upgrades 0 -restarts 2 -kills 1 -reloads 2
CHURN_FILES       = -ext4 /data -f bin/test/churn.test -f bin/test/reeved -f bin/test/reeved-other
test-churn: churn-files
	$(SIDE_BY_SIDE) $(CHURNS)

churn-files: provision-vm $(VM)
	@go build -o bin/test/reeved ./cmd/reeved
	@go build -ldflags '-X github.com/reeve-sensor/reeve/bpf.edition=other' -o bin/test/reeved-other ./cmd/reeved
	@go test -c -o bin/test/churn.test ./testdata/churn

# Of two emulated processors one may trap on what the other one replaced (testdata/vm, qemu.go), each time that programs come, and the
# machine begins anew: half of the runs at length did.
churn-%: override PROCESSORS = 1
churn-7.3-nobpf: override PROCESSORS = 2
churn-%-nobpf: LSM := nobpf
churn-7.3-nobpf: MORE = && ./churn.test -test.v $(CHURN_HARD)
churn-%:
	$(call STEP,test-vm: restarts$(comma) upgrades$(comma) kills and reloads on $*)
	@$(VM) -v -k $(*:-nobpf=) -c $(PROCESSORS) -lsm '$(LSM)' -t 90m $(CHURN_FILES) -- './churn.test -test.v -test.timeout=89m $(or $(CHURN),$(CHURN_$*)) $(MORE)'

comma := ,

# Agents in their own sandboxes, and work that must go on in a session as outside of it: the whole daemon, once more in the fallback.
WORK_MACHINES ?= 6.12
test-work: provision-vm provision-agents ## ordinary work under the preset, of agents in their sandboxes and of tools, on every kernel
	$(call STEP,test-work: nothing ordinary is refused)
	@for package in $(filter-out ./testdata/catalogue ./testdata/evade ./testdata/clients ./testdata/connectors,$(PLAYS)); do \
		go test -count=1 -v -timeout 120m $$package -machines '$(WORK_MACHINES)'; \
	done

EVADE_MACHINES ?= 6.12
test-evade: provision-vm provision-agents ## the real agent tries to get round its refusals, and its work goes on
	$(call STEP,test-evade: nowhere to go)
	@go test -count=1 -v -timeout 60m ./testdata/evade -machines '$(EVADE_MACHINES)'

CLIENT_MACHINES ?= 6.12
test-clients: provision-vm provision-clients ## programs that people use on networks, in a session as outside of it, by every kind of resolver
	$(call STEP,test-clients: who may go where)
	@go test -count=1 -v -timeout 120m ./testdata/clients -machines '$(CLIENT_MACHINES)'

CONNECTOR_MACHINES ?= 6.12
test-connectors: provision-vm provision-connectors ## the real agent with two real connectors, that reach what is their own and are held when they change
	$(call STEP,test-connectors: to each its own)
	@go test -count=1 -v -timeout 90m ./testdata/connectors -machines '$(CONNECTOR_MACHINES)'

# The catalogue's agents, as far as they can be had.
AGENT_MACHINES ?= 6.12
test-agents: provision-vm provision-agents ## five real agents find themselves under the preset
	$(call STEP,test-agents: each a session of its own)
	@go test -count=1 -v -timeout 60m ./testdata/catalogue -machines '$(AGENT_MACHINES)'

test-demo: demo ## the demo, which checks itself

demo: $(if $(filter host,$(DEMO)),,provision-vm) provision-claude build ## the real agent under the real policy, live; DEMO=host: on this kernel
	@go run ./testdata/demo $(if $(filter host,$(DEMO)),-here)

bench: provision-vm ## instructions, table sizes and compile times against their goals
	$(call STEP,bench)
	@go run ./testdata/bench/cmd/bench

budget: provision-vm ## instructions, sizes and memory against their goldens in testdata/budget.txt
	$(call STEP,budget: what Reeve costs)
	@go run ./testdata/bench/cmd/bench -check -k '$(KERNELS)' $(BUDGET)

bench-gate: ## what judging networks costs here: without programs, with idle ones, beside a session, in one; as root
	$(call STEP,bench-gate)
	@go test -run '^$$' -bench . -benchtime 1x ./testdata/gate

bench-inventory: ## a pass over a home of 200,000 files, beside find on the same tree in the same run, and how soon a change is seen
	$(call STEP,bench-inventory)
	@go test -run '^$$' -bench Home -benchtime 1x ./sensor/inventory/live

# Where the labelled corpus is unpacked; it holds working attacks, and is no part of this repository.
CORPUS ?=
bench-scan: ## the scanner on a labelled corpus (CORPUS=FOLDER): cross-validated rates, speed, and whether rules remember samples
	$(call STEP,bench-scan: $(CORPUS))
	@go run ./testdata/scanbench/cmd/scanbench -corpus '$(CORPUS)'

fuzz: fuzz-c ## each fuzz target for ten seconds; LONG=1: ten minutes, and the C 30 million times each
	@export CGO_ENABLED=1; \
	for package in $$(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{else if .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			printf '== fuzz: %s %s\n' $$package $$target; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(if $(LONG),10m,10s) $$package; \
		done; \
	done

# The parsers of packets under libFuzzer, from the recorded messages on; the first four bytes of an input say where it is cut.
FUZZERS := dns stream hello request
bin/fuzz/%: bpf/fuzz/%.c $(wildcard bpf/fuzz/*.h bpf/include/net/*.h)
	@mkdir -p $(@D)
	@clang-19 -g -O2 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Ibpf/include -Wall -Wextra -Wno-unused-function -Werror -o $@ $<

.PHONY: fuzz-c
fuzz-c: provision-build $(FUZZERS:%=bin/fuzz/%)
	@for target in $(FUZZERS); do \
		printf '== fuzz: bpf/fuzz %s\n' $$target; \
		mkdir -p bin/fuzz/seeds/$$target bin/fuzz/corpus/$$target; \
		for message in bpf/parse/testdata/$$target/*.bin; do \
			printf '\1\2\3\4' | cat - $$message > bin/fuzz/seeds/$$target/$${message##*/}; \
		done; \
		cp -f bpf/fuzz/found/$$target-* bin/fuzz/seeds/$$target 2> /dev/null || true; \
		bin/fuzz/$$target $(if $(LONG),-runs=30000000,-max_total_time=10) -max_len=800 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=bin/fuzz/found-$$target- bin/fuzz/corpus/$$target bin/fuzz/seeds/$$target; \
	done

# How long the model goes on with random sequences, on each kernel of the matrix.
SOAK       ?= 30m
SOAK_NOBPF ?= 5m
soak: provision-vm ## kernel against oracle and model, at length and with a seed of the day; every restart; 10,000 sessions a machine; an outage
	@$(MAKE) --no-print-directory test-live LIVE="-test.timeout=60m -test.run=Oracle -decisions 500000 -calls 50000 -seed $$(date +%s)"
	@for kernel in $(KERNELS); do for form in ':$(SOAK)' 'nobpf:$(SOAK_NOBPF)'; do \
		printf '== soak: the model on %s %s\n' $$kernel $$form; \
		$(VM) -v -k $$kernel -lsm "$${form%%:*}" -ext4 /data -t 70m -e REQUIRE=bpf,lsm -f bin/test/live.test -f bin/test/actor \
			-- "./live.test -test.v -test.run=TestModel -test.timeout=65m -for $${form#*:} -seed $$(date +%s)"; \
	done; done
	@$(MAKE) --no-print-directory test-churn CHURN='$(CHURN_LONG)'
	@$(MAKE) --no-print-directory test-churn CHURN='-test.run=ManySessions -sessions 10000'
	@$(MAKE) --no-print-directory test-outage

clean: ## what was built; downloaded kernels and agents stay in the cache
	rm -rf bin

provision-build provision-vm provision-claude provision-agents provision-clients provision-connectors provision-backends: provision-%:
	@packaging/provision.sh $*
