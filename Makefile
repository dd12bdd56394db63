# `make demo` trains, indexes, evaluates, searches and serves a small catalogue, `make demo
# DEMO=--no-serve` ends without serving; `make test` checks everything.
# Both set up .venv in this folder first, on a machine that has python3 (3.11 or newer).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed

.PHONY: demo test lint browser clean

demo: $(SETUP)
	$(BIN)/dualhash demo --out build/demo $(DEMO)

test: $(SETUP) browser lint
	$(BIN)/python -m pytest

# The page is tested in a real one.
browser:
	sh tools/setup-browser

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(SETUP): pyproject.toml tools/setup-venv
	sh tools/setup-venv $(PYTHON) $(VENV)
	touch $@

# Only what these commands make: build/ may hold models of one's own.
clean:
	rm -rf $(VENV) build/demo
