# make test       checks everything: lint, then all tests
# make test-fast  runs the tests that need no browser, no Milvus and no training
# make lint       runs ruff and mypy
# make demo       trains, indexes, evaluates, searches and serves a small catalogue
#                 (make demo DEMO=--no-serve stops before the server)
#
# Each target first sets up .venv in this folder, demo without the tools of tests. This needs python3,
# 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed-dev

# One worker per processor; a file's tests stay together because they share fixtures.
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-fast lint browser clean

demo: $(VENV)/.installed-demo
	$(BIN)/dualhash demo --out build/demo $(DEMO)

test: $(SETUP) browser lint
	$(PYTEST)

test-fast: $(SETUP)
	$(PYTEST) -m "not (browser or milvus or training or slow)"

# Installs Chromium, in which the tests of the page run.
browser:
	sh tools/setup-browser

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed-%: pyproject.toml tools/setup-venv
	sh tools/setup-venv $(PYTHON) $(VENV) $*
	touch $@

# Removes only what these targets create; build/ may also hold your own models.
clean:
	rm -rf $(VENV) build/demo
