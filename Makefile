# Apus: every target installs what it needs (with sudo where it must) and says what it does.
# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BUILD_FLAGS := -c release --static-swift-stdlib --product apus
APUS := .build/release/apus
VENV := .venv
PORT ?= 8080
PREFIX ?= /usr/local
BIN = $(DESTDIR)$(PREFIX)/bin
AUTOBAHN := .autobahn
VERSIONS := .versions
# What goes through nginx, too; everything: make conformance NGINX_CASES='*'
NGINX_CASES ?= 1.*,2.*,3.*,4.*,5.*,6.*,7.*
SOURCES := $(shell find Sources Web Package.swift -type f)

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | column -t -s '|'

# ---- what people run ----

.PHONY: run
run: $(APUS) ## A node for a first look: http://localhost:8080
	@exec $(APUS) serve --dev --port $(PORT)

.PHONY: cluster
cluster: $(APUS) cluster-tools ## Redis, three nodes and nginx on this machine, port 8080; REDIS=shards, sentinel or cluster: several Redis; Ctrl-C ends all
	@exec deploy/cluster --port $(PORT) --redis $(or $(REDIS),one) $(APUS)

.PHONY: compose
compose: ## The same in containers, by docker compose, with REDIS=sentinel or cluster, too; APUS_PUBLISH_API=127.0.0.1:8081 publishes the HTTP API, too
	@command -v docker >/dev/null || { echo 'make compose needs Docker: https://docs.docker.com/engine/install/' >&2; exit 1; }
	@more=; \
	case '$(or $(REDIS),one)' in \
		one) ;; \
		sentinel) more+=:docker-compose.sentinel.yml ;; \
		cluster) more+=:docker-compose.redis-cluster.yml ;; \
		*) echo 'REDIS of make compose is one, sentinel or cluster, not $(REDIS).' >&2; exit 1 ;; \
	esac; \
	[ -z "$${APUS_PUBLISH_API:-}" ] || more+=:docker-compose.api.yml; \
	if [ -n "$$more" ]; then \
		files=docker-compose.yml; \
		[ ! -e docker-compose.override.yml ] || files+=:docker-compose.override.yml; \
		export COMPOSE_FILE=$${COMPOSE_FILE:-$$files}$$more; \
	fi; \
	if docker compose version >/dev/null 2>&1; then docker compose up --build --scale node=3; \
	elif command -v docker-compose >/dev/null; then docker-compose up --build --scale node=3; \
	else echo 'make compose needs Docker Compose: install the package docker-compose-v2, docker-compose-plugin (from' \
		"Docker's own packages) or docker-compose; see https://docs.docker.com/compose/install/" >&2; exit 1; fi

.PHONY: build
build: $(APUS) ## The release executable, .build/release/apus

.PHONY: install
install: $(APUS) ## Puts apus into /usr/local/bin, or make install PREFIX=~/.local
	@deploy/in-place $(BIN) mkdir -p $(BIN)
	@deploy/in-place $(BIN) install -m 755 $(APUS) $(BIN)/apus
	@echo '$(BIN)/apus is installed; make uninstall removes it'

.PHONY: uninstall
uninstall: ## Removes it again, with the same PREFIX
	@deploy/in-place $(BIN) rm -f $(BIN)/apus

$(APUS): $(SOURCES) | build-tools
	@echo '== building (the first time this takes a few minutes)'
	swift build $(BUILD_FLAGS)
	@touch $(APUS)

# ---- tests ----

.PHONY: test
test: ## Everything a change must pass; installs what it needs
	@rm -f .build/tiers
	@$(MAKE) --no-print-directory lint unit fuzz broker build test-tools web-tools $(VENV)/ready $(AUTOBAHN)/ready
	@echo '== beside tests that mostly wait, end to end and in a browser: conformance, and the build for the thread sanitizer'
	@+deploy/beside '$(WITHIN) end-to-end topologies web browser' '$(WITHIN) conformance' '$(WITHIN) threads-build'
	@$(MAKE) --no-print-directory counts threads
	@echo '== what each tier took' && cat .build/tiers
	@echo '== all tests passed'

.PHONY: lint
lint: build-tools ## Formatting and style
	@$(TIER) lint swift format lint --strict --recursive --configuration .swift-format Package.swift Sources Tests Web

.PHONY: unit
unit: build-tools ## The tests of single modules
	@$(TIER) unit swift test --skip BrokerTests $(SWIFT_TEST_FLAGS)

.PHONY: broker
# Each test starts a Redis and nodes: all at once they slow each other down until leases and time limits run out.
broker: export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 24
broker: build-tools test-tools ## One suite on both brokers, with a real Redis
	@$(TIER) broker swift test --filter BrokerTests $(SWIFT_TEST_FLAGS)

.PHONY: end-to-end
end-to-end: $(APUS) $(VENV)/ready test-tools ## Three nodes, Redis and nginx as processes, driven by Python clients
	@$(TIER) end-to-end $(VENV)/bin/pytest Tests/EndToEnd --numprocesses 2 --dist loadscope --no-loadscope-reorder $(PYTEST_FLAGS)

# What the common fixtures start in place of one Redis.
TOPOLOGIES := shards sentinel cluster
TOPOLOGY_TESTS := $(addprefix Tests/EndToEnd/test_,$(addsuffix .py,api api_cluster streams polls direct presence history recovery rosters))
TOPOLOGY_PAGES := $(addprefix Tests/Browser/test_,$(addsuffix .py,console chat dashboard))
# `over KIND TESTS`: those tests with that kind; what needs no Redis at all is left out.
over = APUS_TEST_REDIS=$(1) $(TIER) over-$(1) $(VENV)/bin/pytest $(2) -k 'not memory' --numprocesses 2 --dist loadscope $(PYTEST_FLAGS)

.PHONY: topologies
topologies: $(APUS) $(VENV)/ready test-tools ## The HTTP API over shards, Sentinels and a Redis Cluster
	@$(foreach kind,$(TOPOLOGIES),$(call over,$(kind),Tests/EndToEnd/test_api_cluster.py) &&) true

.PHONY: topologies-all
topologies-all: $(APUS) $(VENV)/ready test-tools web-tools ## Whatever needs only a Redis over each of them
	@$(foreach kind,$(TOPOLOGIES),$(call over,$(kind),$(TOPOLOGY_TESTS)) && $(call over,$(kind),$(TOPOLOGY_PAGES)) &&) true

.PHONY: versions
versions: $(APUS) $(VENV)/ready $(VERSIONS)/ready test-tools ## Redis 6.2 to 8.2, Valkey 8 and 9, each with what it can; or make versions SERVERS='valkey-*'
	@$(TIER) versions $(VENV)/bin/python Tests/Versions/run --versions $(VERSIONS) --only '$(or $(SERVERS),*)' -- $(PYTEST_FLAGS)

.PHONY: web
web: $(APUS) $(VENV)/ready web-tools test-tools ## The client for browsers: its types, scripted pages and nodes, and real ones
	@$(TIER) web Tests/Web/run

.PHONY: browser
browser: $(APUS) $(VENV)/ready web-tools test-tools ## The pages in Chromium, over three nodes behind nginx
	@$(TIER) browser $(VENV)/bin/pytest Tests/Browser --numprocesses 2 --dist loadfile $(PYTEST_FLAGS)

.PHONY: test-all
test-all: test engines topologies-all ## make test, other engines than Chromium, and more tests over other kinds of Redis

.PHONY: engines
engines: $(APUS) $(VENV)/ready web-tools engine-tools ## The client in Firefox and WebKitGTK
	@$(TIER) engines $(VENV)/bin/pytest Tests/Engines $(PYTEST_FLAGS)

.PHONY: pages
pages: web-tools ## Makes Web/served, which the node serves, of its sources
	@Web/build

.PHONY: pictures
pictures: $(APUS) $(VENV)/ready web-tools test-tools ## Takes the pictures of README anew
	@PYTHONPATH=Tests $(VENV)/bin/python Tests/Browser/pictures.py

.PHONY: counts
counts: $(APUS) $(VENV)/ready test-tools bench-tools ## Limits on what a delivery may cost in counts: allocations, sends, wakes, bytes
	@$(TIER) counts $(VENV)/bin/pytest Tests/Counts $(PYTEST_FLAGS)

.PHONY: conformance
conformance: $(APUS) $(AUTOBAHN)/ready cluster-tools ## Autobahn's 517 cases on the echo, directly and through nginx
	@$(TIER) conformance Tests/Conformance/run --autobahn $(AUTOBAHN) $(CONFORMANCE_FLAGS)
	@$(TIER) conformance-nginx Tests/Conformance/run --autobahn $(AUTOBAHN) --through nginx --sections '$(NGINX_CASES)'

.PHONY: fuzz
fuzz: build-tools ## What peers may send, made up by libFuzzer: the corpus, then 10 s each, or make fuzz SECONDS=1200
	@$(TIER) fuzz Tests/Fuzz/run --seconds $(or $(SECONDS),10) $(FUZZ_FLAGS)

.PHONY: threads
threads: build-tools test-tools ## Data races, by the thread sanitizer
	@$(TIER) threads Tests/Threads/run

# Runs only when nothing else wants the processors: the tests beside it have deadlines.
.PHONY: threads-build
threads-build: build-tools
	@$(TIER) threads-build chrt --idle 0 Tests/Threads/build

# ---- benchmarks ----

.PHONY: bench
bench: $(APUS) bench-tools $(VENV)/ready ## Apus against the least it can cost, what history, the HTTP API and each kind of Redis cost, and as many connections as it holds, or make bench CONNECTIONS=100000
	Tests/Bench/ratios --apus $(APUS)
	Tests/Bench/recovery --apus $(APUS)
	Tests/Bench/api --apus $(APUS)
	$(VENV)/bin/python Tests/Bench/topologies --apus $(APUS)
	Tests/Bench/scale --apus $(APUS) $(if $(CONNECTIONS),--connections $(CONNECTIONS))

.PHONY: bench-others
bench-others: $(APUS) bench-tools ## Apus beside nchan, FastAPI, Django Channels and python-socketio
	@Tests/Bench/others/install
	Tests/Bench/others/run --binary $(APUS)

.PHONY: bench-hostile
bench-hostile: $(APUS) $(VENV)/ready ## What attacks cost everybody else, as ratios
	@$(VENV)/bin/python Tests/Bench/hostile.py $(APUS)

.PHONY: format
format: ## Formats every Swift file
	swift format --in-place --recursive --configuration .swift-format Package.swift Sources Tests Web

# Runs one tier and prints the seconds it took: `tier NAME COMMAND...`
TIER := deploy/tier
# One target, for the shell.
WITHIN = $(MAKE) --no-print-directory

# ---- what the targets need ----

.PHONY: build-tools
build-tools:
	@command -v swift >/dev/null || { echo 'Apus needs Swift 6.2 or newer: https://www.swift.org/install/linux/' >&2; exit 1; }
	@pkg-config --exists hiredis zlib openssl 2>/dev/null || deploy/install pkg-config libhiredis-dev zlib1g-dev libssl-dev

.PHONY: cluster-tools
cluster-tools:
	@command -v redis-server >/dev/null || deploy/install redis-server
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || deploy/install nginx-light

.PHONY: bench-tools
bench-tools: cluster-tools
	@command -v cc >/dev/null || deploy/install gcc libc6-dev
	@command -v strace >/dev/null || deploy/install strace
	@command -v redis-benchmark >/dev/null || deploy/install redis-tools

.PHONY: test-tools
test-tools: cluster-tools
	@command -v node >/dev/null || deploy/install nodejs node-ws
	@command -v curl >/dev/null && command -v openssl >/dev/null || deploy/install curl openssl
	@command -v promtool >/dev/null || deploy/install prometheus

.PHONY: web-tools
web-tools:
	@command -v esbuild >/dev/null && command -v terser >/dev/null && command -v tsc >/dev/null || deploy/install esbuild terser node-typescript
	@command -v chromium >/dev/null || deploy/install chromium

.PHONY: engine-tools
engine-tools:
	@command -v firefox-esr >/dev/null || deploy/install firefox-esr
	@command -v Xvfb >/dev/null || deploy/install xvfb
	@compgen -G '/usr/lib/*/webkit2gtk-4.1/MiniBrowser' >/dev/null || deploy/install libwebkit2gtk-4.1-0

$(VENV)/ready: Tests/EndToEnd/requirements.txt Tests/Web/requirements.txt
	@python3 -c 'import venv, ensurepip' 2>/dev/null || deploy/install python3 python3-venv
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r Tests/EndToEnd/requirements.txt -r Tests/Web/requirements.txt
	@touch $@

$(AUTOBAHN)/ready: Tests/Conformance/requirements.txt Tests/Conformance/install
	@Tests/Conformance/install $(AUTOBAHN)

$(VERSIONS)/ready: Tests/Versions/requirements.txt Tests/Versions/install
	@Tests/Versions/install $(VERSIONS)

.PHONY: clean
clean: ## Removes what was built
	rm -rf .build $(VENV) $(AUTOBAHN) $(VERSIONS) .others
