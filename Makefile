# Two commands do everything, on a fresh Debian or Ubuntu machine with Python >= 3.10, git, gcc/g++ and make:
#
#   make demo       build and install into .venv, then run real data through every pattern and transport
#   make test       the same set-up, then the whole test suite
#
# The others: test-long (asyncio under load and leaks, some minutes), fuzz, fuzz-calls, soak, asan, tsan, memcheck,
# test-pyzmq-suite, test-downstream, misuse, lint, wheel-check, test-pythons, bench, bench-quick, bench-report, bench-check, clean.
# PYTHON=python3.13 make demo takes another Python (after make clean); `make test PYTEST="-k poll"` and
# `make demo DEMO=file.txt` hand arguments on. A second run is fast: what is done leaves a stamp in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BUILD_INPUTS := setup.py pyproject.toml $(wildcard packaging/libzmq_fixes/*.py zmqfast/*.pyx zmqfast/*.pxd zmqfast/core/*)

.PHONY: demo test test-long test-pyzmq-suite test-downstream misuse fuzz fuzz-calls soak asan tsan memcheck lint wheel-check test-pythons bench bench-quick bench-report bench-check clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/zmqfast demo $(DEMO)

test: $(VENV)/.test
	$(BIN)/pytest $(PYTEST)

test-long: $(VENV)/.test
	ZMQFAST_LONG_TESTS=1 $(BIN)/pytest tests/asyncio tests/leaks --timeout 1000 $(PYTEST)

# pyzmq's own tests, from its source distribution, with zmqfast in its place; PYZMQ_TESTS="test_socket.py" runs one file.
test-pyzmq-suite: $(VENV)/.test
	$(BIN)/python tests/dropin/pyzmq_suite.py $(PYZMQ_TESTS)

# Hostile peers against every socket type, over each transport: FUZZ="--seconds 600 --transport tcp --seed 1".
fuzz: $(VENV)/.test
	$(BIN)/python tests/hostile/fuzz.py $(FUZZ)

# What reads text or bytes of others, given what atheris thinks of: FUZZ_CALLS="-max_total_time=3600".
fuzz-calls: $(VENV)/.installed
	$(PIP) install --quiet --group fuzz
	mkdir -p build/fuzz-calls
	cd build/fuzz-calls && $(CURDIR)/$(BIN)/python $(CURDIR)/tests/hostile/fuzz_calls.py $(or $(FUZZ_CALLS),-max_total_time=60)

# libzmq and the core with AddressSanitizer and UndefinedBehaviorSanitizer, or ThreadSanitizer, under the tests that the core
# has a part in: hours. SANITIZED="tests/core -k poll" runs those.
asan: $(VENV)/.packages
	.ci/sanitize asan $(SANITIZED)

tsan: $(VENV)/.packages
	.ci/sanitize tsan $(SANITIZED)

# Valgrind's memcheck over a few tests, some minutes; MEMCHECKED="tests/core -k poll" runs those.
memcheck: $(VENV)/.test
	.ci/memcheck $(BIN)/python $(MEMCHECKED)

# An hour of processes that are killed, stopped and cut off, then an hour of random calls; SOAK_SECONDS=60 takes a minute each.
soak: export SOAK_SECONDS ?= 3600
soak: $(VENV)/.test
	$(BIN)/python tests/soak/soak.py
	ZMQFAST_FUZZ_SECONDS=$(SOAK_SECONDS) $(BIN)/pytest tests/model $(PYTEST)

# Programs of others with zmqfast in the place of pyzmq.
test-downstream: $(VENV)/.test
	$(BIN)/python tests/dropin/downstream.py

# The misuse suite (tests/misuse) against pyzmq and zmqfast, both columns; MISUSE="threads fork" runs those cases.
misuse: $(VENV)/.test
	$(BIN)/python tests/misuse/compare.py $(MISUSE)

# zizmor stays offline: it looks at the files, not at what GitHub says of the actions.
lint: $(VENV)/.test $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/stubtest zmqfast._core --allowlist tests/typing/stubtest_allowlist.txt --ignore-unused-allowlist
	$(BIN)/zizmor --offline --quiet .github/workflows
	@if [ -x $(BIN)/actionlint ]; then $(BIN)/actionlint; \
	else echo "skipped: actionlint, whose package could not download its program"; fi

wheel-check: $(VENV)/.wheel-check
	.ci/wheel-check $(BIN)/python

test-pythons: $(VENV)/.packages
	.ci/test-pythons

# All of it, in 15 minutes at most once the stock libzmq is built; then `make bench-report` shows it in README and docs.
bench: $(VENV)/.bench
	$(BIN)/zmqfast bench --against all --json build/bench.json --html build/bench.html
	$(BIN)/pytest bench/bench_calls.py bench/bench_poller.py --benchmark-max-time 0.03 --benchmark-min-rounds 3 \
	--benchmark-warmup off --benchmark-columns median,iqr,ops,rounds --benchmark-sort fullname --benchmark-json build/bench-calls.json
	$(BIN)/python bench/bench_patterns.py --seconds 1

bench-quick: $(VENV)/.bench
	$(BIN)/zmqfast bench --quick --json build/bench-quick.json --html build/bench-quick.html

bench-report: $(VENV)/.bench
	$(BIN)/python bench/report.py build/bench.json

# Instruction counts: fails when one has grown by more than 5 percent, or when none is recorded for this libzmq and Python;
# RECORD=--record writes down what is counted.
bench-check: $(VENV)/.installed
	$(BIN)/python bench/instructions.py $(RECORD)

clean:
	rm -rf build dist $(VENV) *.egg-info zmqfast/*.so

# -- what is installed, in this order --------------------------------------------------------------------------------

$(VENV)/.packages:
	.ci/system-packages $(PYTHON)
	mkdir -p $(VENV)
	touch $@

# 25.1 knows --group.
$(VENV)/.pip: | $(VENV)/.packages
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	touch $@

# Which libzmq was asked for: newer than .installed when that has changed.
$(VENV)/.libzmq: FORCE | $(VENV)/.pip
	@echo "$$ZMQFAST_LIBZMQ $$ZMQFAST_LIBZMQ_SOURCE" | cmp --silent - $@ \
	|| echo "$$ZMQFAST_LIBZMQ $$ZMQFAST_LIBZMQ_SOURCE" > $@
FORCE:

# Editable: after a change to a .py file there is nothing to install.
$(VENV)/.installed: $(BUILD_INPUTS) $(VENV)/.libzmq | $(VENV)/.pip
	@echo "building zmqfast: some seconds for the core, and a minute or two for libzmq, once"
	$(PIP) install --quiet --editable '.[cli]' --group peer
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) install --quiet --group \
	$$($(BIN)/python -c 'import sysconfig; print("free-threaded-test" if sysconfig.get_config_var("Py_GIL_DISABLED") else "test")')
	touch $@

# What is compared with has no wheels for some Pythons: the benchmark then says what it skips.
$(VENV)/.bench: $(VENV)/.test
	-$(PIP) install --quiet --only-binary :all: --group rivals
	touch $@

$(VENV)/.lint: pyproject.toml | $(VENV)/.pip
	$(PIP) install --quiet --group lint
	-$(PIP) install --quiet --group actionlint >$(VENV)/actionlint.log 2>&1
	touch $@

$(VENV)/.wheel-check: pyproject.toml | $(VENV)/.pip
	$(PIP) install --quiet --group wheel-check
	touch $@
