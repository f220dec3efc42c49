# Two commands matter: `make demo` and `make test`. Both build what they need in .venv, once.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
UV := .bootstrap/bin/uv
# Bytecode is made once, here: a command must not compile its libraries each time it starts.
UV_RUN := VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --compile-bytecode

.PHONY: help demo setup setup-dev browser postgres spark clients test test-slow test-new check static format lint types imports rules tests lock screenshot clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST)

demo: setup ## a year of bounces from the sandbox, pulled, judged and shown
	@trap : INT; $(BIN)/bouncelens demo || test $$? -eq 130  # ended by Ctrl-C: no failure

setup: .venv/.run ## the environment to run bouncelens

setup-dev: .venv/.dev ## the same, and what its tests need

.bootstrap/.uv: requirements/uv.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "bouncelens needs Python 3.11 or newer; none was found. Install it, or say: make PYTHON=/path/to/python3" >&2; exit 2; fi
	@$(PYTHON) -m venv .bootstrap || { \
		echo "Python could not make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 2; }
	@.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.run: .bootstrap/.uv requirements/run.txt requirements/build.txt pyproject.toml
	@test -x $(BIN)/python || $(UV) venv --quiet --python .bootstrap/bin/python .venv
	@$(UV_RUN) --require-hashes -r requirements/run.txt
	@$(UV_RUN) --require-hashes -r requirements/build.txt
	@$(UV_RUN) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	@$(UV_RUN) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.spark: .venv/.dev requirements/spark.txt
	@$(UV_RUN) --require-hashes -r requirements/spark.txt
	@touch $@

spark: .venv/.spark ## PySpark and Java, for the tests of the second engine
	@sh tests/install_java.sh

browser: ## Chromium and its driver, for the tests of the pages
	@sh tests/install_browser.sh

postgres: ## PostgreSQL's programs, for the tests of the ledger
	@sh tests/install_postgres.sh

test: setup-dev browser postgres spark ## everything CI runs
	@$(MAKE) --no-print-directory -j2 clients static
	@$(MAKE) --no-print-directory tests

clients: setup-dev ## other people's Marketing Cloud clients, for the tests of the sandbox; and dbt
	@sh tests/sandbox/clients/install.sh
	@sh tests/install_dbt.sh

check: static tests ## the same, without the set-up

static: format lint types imports rules ## what needs no test to run

format:
	@$(BIN)/ruff format --check src tests bench docs

lint:
	@$(BIN)/ruff check src tests bench docs

types:
	@$(BIN)/mypy

imports:
	@$(BIN)/lint-imports

rules:
	@$(BIN)/bouncelens rules test

tests:
	@$(BIN)/pytest -n 2 --dist loadfile

test-slow: setup-dev spark ## what takes minutes: a million replies looked up and judged alone
	@$(BIN)/pytest -m slow --timeout=3600

test-new: setup-dev postgres spark ## the property tests over cases that no run tried before
	@$(BIN)/pytest -n 2 -m 'hypothesis and not slow' --hypothesis-profile=new

lock: .bootstrap/.uv ## pin every requirement again, with hashes and without addresses
	@sh requirements/lock.sh $(UV)

screenshot: setup-dev browser ## the picture in the README, made by the project itself
	@$(BIN)/python docs/screenshot.py

clean: ## remove what was built here
	@rm -rf .venv .bootstrap .clients build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
