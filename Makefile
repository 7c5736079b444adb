# CallAPI. `make help` lists the targets; each sets up what it needs in .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
NATIVE_SOURCES := $(shell find native -name '*.rs' -o -name 'Cargo.toml' -o -name 'Cargo.lock' 2>/dev/null | grep -v '/target/')
MODULE := src/callapi/media/_native.abi3.so
DEMO ?= stay
SOAK_MINUTES ?= 30
# A process that may not keep what it has compiled takes half again as long to start; the suite starts hundreds.
unexport PYTHONDONTWRITEBYTECODE
# Most of a scenario's time is waiting for real audio: with two workers to a core, the cores rest two fifths of the time.
WORKERS ?= $(shell echo $$((3 * $$(nproc))))
PURE_TESTS := tests/sip/messages tests/sip/transaction tests/sip/invite_session tests/rcml tests/media/sdp tests/base \
	tests/test_shape.py tests/test_configuration_reference.py tests/test_promises.py

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/.installed: pyproject.toml constraints.txt scripts/need
	@scripts/need python "$(PYTHON)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt maturin
	@touch $@

$(MODULE): $(BIN)/.installed $(NATIVE_SOURCES)
	scripts/with-rust $(BIN)/maturin develop --quiet --release --locked --skip-install
	@touch $@

$(BIN)/callapi: $(BIN)/.installed
	PIP_QUIET=1 PIP_CONSTRAINT=$(CURDIR)/constraints.txt scripts/with-rust $(BIN)/maturin develop --quiet --release --locked --extras speech,telemetry
	@touch $@

CONSOLE := src/callapi/console/static/index.html
CONSOLE_SOURCES := $(shell find console -path console/node_modules -prune -o -type f -print 2>/dev/null)

$(CONSOLE): $(CONSOLE_SOURCES)
	scripts/console

.PHONY: console
console: $(CONSOLE)  ## build the pages of /console, where Node.js is there

.PHONY: install
install: $(BIN)/callapi $(MODULE) console  ## prepare .venv and the native module; start nothing

$(BIN)/.dev: $(BIN)/callapi
	PIP_QUIET=1 PIP_CONSTRAINT=$(CURDIR)/constraints.txt scripts/with-rust $(BIN)/maturin develop --quiet --release --locked --extras dev,speech,telemetry
	@touch $@

.PHONY: dev
dev: $(BIN)/.dev $(MODULE) console  ## prepare .venv with the tools for tests and checks

.PHONY: run
run: install  ## a first real call through <Dial><Sip>, then a live node (DEMO=once: leave after the call)
	$(BIN)/callapi demo --$(DEMO)

.venv/sipvicious: constraints.txt $(BIN)/.installed
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --constraint constraints.txt sipvicious
	@touch -c $@

.PHONY: scanner
scanner: .venv/sipvicious  ## the scanner SIPVicious (GPL, a program beside ours) for the tests that are scanned by it

.PHONY: agents
agents: $(BIN)/.installed  ## pipecat, twilio-agent-connect and OpenAI's transport, beside ours, for the tests with agents of others
	scripts/agents-environment $(BIN)/python .venv/agents
	scripts/node-packages tests/scenarios/agents

.venv/sippy: constraints.txt $(BIN)/.installed
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $@ --constraint constraints.txt \
		sippy ElPeriodic pycryptodome
	@touch -c $@

.PHONY: carrier
carrier: .venv/sippy  ## the B2BUA of Sippy (a program beside ours), through which the tests call

.venv/kubernetes: constraints.txt $(BIN)/.installed
	-$(BIN)/python -m pip install --quiet --no-compile --upgrade --target $@ --constraint constraints.txt kubernetes-validate
	@touch -c $@

.PHONY: schemas
schemas: .venv/kubernetes  ## the schemas of Kubernetes and Grafana, beside ours, by which the tests check deploy/
	scripts/node-packages tests/deploy/grafana

.PHONY: container-check
container-check: wheel  ## build deploy/Containerfile with podman, run the image as an operator does, and call it (3 minutes, 5 GB)
	scripts/system-packages podman runc debootstrap sip-tester
	$(BIN)/python scripts/container_check.py

# Tests that judge a delay, or a sound without a gap, run by themselves after the others, one at a time.
.PHONY: test
test: dev scanner carrier agents schemas  ## the whole suite: most of it in WORKERS processes at once, then alone what judges real time
	scripts/system-packages sip-tester chromium postgresql tshark \
		kamailio kamailio-tls-modules kamailio-websocket-modules faketime pgbouncer iproute2 \
		linphone-cli libnet-sip-perl baresip-core prometheus
	scripts/node-packages tests/scenarios/sdk
	scripts/node-packages tests/scenarios/browser
	scripts/with-rust cargo test --quiet --locked --manifest-path native/Cargo.toml
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not timing and not load"
	$(BIN)/pytest -m "timing or load" $$(grep -rlE "mark\.(timing|load)\b" tests --include='test_*.py')

.PHONY: quick
quick: dev  ## linters and pure tests, in under a minute: the inner loop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports > /dev/null
	$(BIN)/pytest -q -n $(WORKERS) $(PURE_TESTS)

.PHONY: cov
cov: dev  ## branch coverage by room; a pure room below 100 % fails (without the pytest plugin, which imports callapi too early)
	$(BIN)/pytest -q -n $(WORKERS) -p no:callapi --cov --cov-branch --cov-report= --ignore=tests/scenarios --ignore=tests/testing -m "not timing and not load" tests
	$(BIN)/python scripts/coverage_report.py

.PHONY: pythons
pythons: wheel  ## the unit tests with each supported CPython that is on PATH; one that is not there is skipped with a reason
	scripts/pythons

.PHONY: wheel
wheel: dev console  ## a wheel in dist/ that installs without a compiler, for Python 3.11 and later
	scripts/with-rust $(BIN)/maturin build --quiet --release --locked --out dist

.PHONY: load
load: dev  ## 100 calls a second for a minute, 500 calls with audio, 100 participants who come and go: the load tests whole, and their figures
	scripts/system-packages sip-tester
	LOAD=full $(BIN)/pytest -m load

.PHONY: bench
bench: dev  ## markup calls: cost, sustained rate, delay, overload, memory; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.calls --output docs/benchmarks/calls.md

.PHONY: bench-floor
bench-floor: dev  ## how much of a call is input and output: programs that do nothing else, beside the node; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.floor --output docs/benchmarks/floor.md

.PHONY: bench-parts
bench-parts: dev  ## what each part of the node costs a markup call: parts switched off in turn; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.parts --output docs/benchmarks/parts.md

.PHONY: bench-sip
bench-sip: dev  ## SIP alone: both ends of a dialog without sockets, microseconds and functions a call; reading and writing messages
	$(BIN)/python bench/sip_dialog.py
	$(BIN)/python bench/sip_messages.py

.PHONY: bench-observers
bench-observers: dev  ## what counters, feed, log lines and traces add to a call: switched off in turn; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.observers --output docs/benchmarks/observers.md

.PHONY: bench-flat
bench-flat: dev  ## whether a call costs more beside 3,000 held calls or a million records; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.flat --output docs/benchmarks/flat.md

.PHONY: bench-relay
bench-relay: dev  ## RTP: CPU per packet beside a plain forwarder and rtpengine, then ever more calls, then the whole node (9 minutes)
	scripts/system-packages rtpengine-daemon
	$(BIN)/python -m bench.relay --output docs/benchmarks

.PHONY: bench-srtp
bench-srtp: dev  ## SRTP on both legs: CPU per packet beside the plain relay and rtpengine, in turn (2 minutes)
	$(BIN)/python -m bench.relay.encrypted --output docs/benchmarks/srtp.md

.PHONY: pacing
pacing: dev  ## how evenly 500 callers at once are played to: the gaps between packets; the table into docs/benchmarks
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.pacing --output docs/benchmarks/pacing.md

.PHONY: bench-handshakes
bench-handshakes: dev  ## 500 browsers that call within 10 s, beside calls that are up: legs keyed, late packets (2 minutes)
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.relay.handshakes --output docs/benchmarks/handshakes.md

.PHONY: bench-answering
bench-answering: dev  ## how often answering machine detection is right, on voices made here and on recorded ones; into docs/benchmarks
	scripts/system-packages espeak-ng $(addprefix asterisk-core-sounds-,$(addsuffix -wav,en es fr it ru))
	$(BIN)/python -m bench.answering --output docs/benchmarks/answering.md

.PHONY: bench-detection
bench-detection: dev  ## when a caller speaks, by noise: our detector beside Silero VAD; into docs/benchmarks
	scripts/system-packages espeak-ng
	$(BIN)/python -m bench.detection --output docs/benchmarks/detection.md

.PHONY: bench-streams
bench-streams: dev  ## streams in both directions: CPU, memory, late frames, delays by a capture; tables and plot into docs/benchmarks
	scripts/system-packages tshark
	$(BIN)/python -m bench.streams --output docs/benchmarks

.PHONY: bench-conference
bench-conference: dev  ## conferences: CPU beside ConfBridge (if Asterisk is there), a tone without gap or click, delay; into docs/benchmarks
	$(BIN)/python -m bench.conference --output docs/benchmarks/conference.md

.PHONY: bench-cluster
bench-cluster: dev  ## one node and three: CPU of each part for a call, commands at a foreign node; docs/benchmarks/cluster.md
	scripts/system-packages sip-tester postgresql kamailio
	$(BIN)/python -m bench.cluster --output docs/benchmarks/cluster.md

.PHONY: cluster-soak
cluster-soak: dev  ## three nodes through every failure at full length: 1,000 calls, two minutes without a database or application
	scripts/system-packages sip-tester postgresql kamailio kamailio-tls-modules kamailio-websocket-modules faketime iproute2
	CLUSTER=full $(BIN)/pytest tests/scenarios/test_cluster_nodes.py tests/scenarios/test_cluster_failures.py \
		tests/scenarios/test_cluster_backlog.py tests/scenarios/test_cluster_edge.py

.PHONY: bench-console
bench-console: dev  ## the console with 10,000 calls in the store and 500 live: when each page is there; the table into docs/benchmarks
	scripts/system-packages sip-tester chromium
	scripts/node-packages tests/scenarios/browser
	$(BIN)/python -m bench.console --output docs/benchmarks/console.md

.PHONY: screenshots
screenshots: dev  ## a picture of each page of the console, wide and narrow, light and dark, in data/screenshots
	scripts/system-packages chromium
	scripts/node-packages tests/scenarios/browser
	mkdir -p data/screenshots
	CALLAPI_SCREENSHOTS=$(CURDIR)/data/screenshots $(BIN)/pytest -q tests/scenarios/test_console.py tests/scenarios/test_console_rooms.py tests/scenarios/test_console_conversation.py tests/scenarios/test_console_setup.py

.PHONY: speech
speech: dev  ## ten sentences said on calls in each codec, recorded at the other end and understood again
	SPEECH=full $(BIN)/pytest tests/scenarios/test_speech.py tests/media/speech

.PHONY: soak
soak: dev  ## mixed calls for half an hour (SOAK_MINUTES=3: shorter); fails if a call fails or the node grows
	scripts/system-packages sip-tester
	$(BIN)/python -m bench.soak --minutes $(SOAK_MINUTES) --output docs/benchmarks/soak.md

.PHONY: crash
crash: dev  ## kill -9 fifty times under load; after each restart every record, callback and the database are judged
	CRASHES=$${CRASHES:-50} $(BIN)/pytest tests/scenarios/test_crashes.py

.PHONY: outage
outage: dev  ## ten thousand callbacks while the application is down for a minute: none lost, none twice, memory bounded
	CALLBACKS=$${CALLBACKS:-10000} $(BIN)/pytest tests/scenarios/test_hostile_applications.py -k outage

SECONDS ?= 60
.PHONY: fuzz
fuzz: dev  ## anything at all into every parser, codec and the REST interface, for SECONDS each; what breaks is in fuzz/found
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m pip install --quiet atheris
	FUZZ_SECONDS=$(SECONDS) $(BIN)/pytest fuzz
	scripts/fuzz $(SECONDS)

.PHONY: schemathesis
schemathesis: dev  ## thousands of requests over the OpenAPI document: no 5xx, no undocumented answer
	SCHEMATHESIS=full $(BIN)/pytest tests/scenarios/test_schemathesis.py

.PHONY: audit
audit: dev  ## known faults and licences of what we depend on: pip-audit, and cargo-deny where it is installed
	scripts/audit $(BIN)

.PHONY: check
check: dev  ## formatters, linters, types, the stub of the native module, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest callapi.media._native
	$(BIN)/lint-imports
	scripts/with-rust cargo fmt --all --check --manifest-path native/Cargo.toml
	scripts/with-rust cargo clippy --quiet --locked --all-targets --manifest-path native/Cargo.toml -- -D warnings

.PHONY: fmt
fmt: dev  ## format everything
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	scripts/with-rust cargo fmt --all --manifest-path native/Cargo.toml

.PHONY: voices
voices: install  ## a spoken sample of each voice, as WAV files in data/voices
	$(BIN)/python scripts/voices.py data/voices $(CONFIG)

.PHONY: clean
clean:  ## take away what was built
	rm -rf .venv native/target $(MODULE)
