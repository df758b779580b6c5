# Two commands for a newcomer: `make demo` and `make test`. Each sets up .venv by itself, with uv if it is
# there and with venv and pip if it is not.
.DEFAULT_GOAL := help
.PHONY: help demo test check format bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.user: pyproject.toml
ifdef UV
	@test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python --editable .
else
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
endif
	@touch $@

$(VENV)/.dev: pyproject.toml
ifdef UV
	@test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python --editable '.[dev]'
else
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
endif
	@touch $@ $(VENV)/.user

demo: $(VENV)/.user ## the four patterns on the embedded sandbox: no account, no token, no network
	$(BIN)/konnect-agent debug --sandbox --control-plane storefront-production --path /slow --latency '>=1000ms' --duration 60 --yes
	$(BIN)/konnect-agent endpoint /api/users --sandbox
	$(BIN)/konnect-agent consumers --sandbox --control-plane storefront-production --status 401,500,502,503
	$(BIN)/konnect-agent audit --sandbox

check: $(VENV)/.dev ## lint, format, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

test: check ## the whole check: lint, types, import rules, tests and notebooks
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore tests/benchmarks

bench: $(VENV)/.langchain ## the speed figures, as tables, beside other MCP clients
	KONNECT_BENCH_PYTHON_LANGCHAIN=$(CURDIR)/$(VENV)/langchain/bin/python \
	$(BIN)/python -m pytest tests/benchmarks -s --benchmark-disable-gc

# Made for mcp 1, hence an environment of its own. Where it cannot be installed, the tables say so.
$(VENV)/.langchain: $(VENV)/.dev
	$(BIN)/python -m venv $(VENV)/langchain
	-$(VENV)/langchain/bin/python -m pip install --quiet --disable-pip-version-check 'langchain-mcp-adapters>=0.3,<0.4'
	@touch $@

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was made
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
