# make demo: a network of five nodes trades a ride and a delivery. make test: every promise that needs no other machine.
.DELETE_ON_ERROR:
.PHONY: demo test lint check bench soak fuzz lock clean help openapi messages

# The newest Python from 3.11 on that is on the PATH; PYTHON=/path/to/python3 chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1  /p' Makefile

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Wayfare needs Python 3.11 or newer and found none on the PATH."; \
		echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or say: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 or newer. Name another: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: its own packages cannot be kept apart."; \
		echo "Install it (Debian, Ubuntu: apt install python3-venv) and say make $(MAKECMDGOALS) again."; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) install --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime ## five nodes trade a ride and a delivery; stays up until Ctrl-C
	@$(BIN)/wayfare demo $(DEMO)

test: $(VENV)/.dev ## the tests, in as many processes as there are processors
	$(BIN)/python -m pytest -q -m "not slow and not interop" -n auto --dist worksteal $(TEST)

lint: $(VENV)/.dev ## formatting, rules, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: ## everything the continuous check runs
	bash .ci/run

bench: $(VENV)/.dev ## ratios of the hot paths, measured in one run
	$(BIN)/python -m benchmarks $(BENCH)

fuzz: $(VENV)/.dev ## look for bytes that break what reads them: make fuzz FUZZ="--seconds 3600"
	$(PIP) install --require-hashes --only-binary :all: -r requirements-fuzz.lock
	$(BIN)/python -m tests.fuzz.run $(FUZZ)

soak: $(VENV)/.dev ## twenty minutes of orders; fails when memory grows
	$(BIN)/python -m benchmarks.soak $(SOAK)

openapi: $(VENV)/.dev ## write docs/openapi from the routes that the nodes serve
	$(BIN)/python -m tests.house.openapi

messages: $(VENV)/.runtime ## bring the catalogues of texts up to what the pages say
	$(BIN)/python -m protocol_specs.web.messages

lock: $(VENV)/.dev ## choose the newest allowed versions again and write the hashes
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres --group build -c requirements.lock --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-postgres.lock
	$(BIN)/uv pip compile pyproject.toml --extra nats --group build -c requirements.lock --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-nats.lock
	$(BIN)/uv pip compile pyproject.toml --extra otel --group build -c requirements.lock --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-otel.lock
	$(BIN)/uv pip compile pyproject.toml --extra postgres --extra otel --extra nats --group dev -c requirements.lock --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-dev.lock
	$(BIN)/uv pip compile --group browser -c requirements-dev.lock --universal --generate-hashes \
		--no-emit-index-url --python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-browser.lock
	$(BIN)/uv pip compile --group audit -c requirements-dev.lock --universal --generate-hashes \
		--no-emit-index-url --python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-audit.lock
	$(BIN)/uv pip compile --group fuzz -c requirements-dev.lock --universal --generate-hashes \
		--no-emit-index-url --python-version 3.11 -q --upgrade --custom-compile-command "make lock" -o requirements-fuzz.lock

clean: ## forget the environment, the caches and the demo's data
	rm -rf $(VENV) data build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
