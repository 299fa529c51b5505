# `make demo` and `make test` need Python 3.11 to 3.13 and make, nothing else; all they install goes into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test lab check quick lint types unit docs notebooks bench lock clean

# The newest Python of the supported ones; `make demo PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 && echo $$p && break; done)

BIN := .venv/bin

help: ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/lab.installed ## run the whole lab once, without a notebook: out/report.html
	@$(BIN)/lab demo

test: .venv/dev.installed ## all tests, as CI runs them
	@sh tests/browser/install_chromium.sh
	@$(BIN)/python -m pytest

lab: .venv/lab.installed ## open the workshop in JupyterLab
	@$(BIN)/lab notebook

check: .venv/dev.installed lint types test ## lint, types and tests

quick: .venv/dev.installed lint types unit ## what a change needs first: lint, types, unit tests, in a minute

unit: .venv/dev.installed
	@$(BIN)/python -m pytest tests/unit -q -n 2

docs: .venv/dev.installed ## write what the documentation repeats of the code
	@$(BIN)/python -m tests.documentation

lint: .venv/dev.installed
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

types: .venv/dev.installed
	@$(BIN)/mypy

notebooks: .venv/dev.installed ## execute the notebooks anew, outputs and charts included
	@$(BIN)/python -m tests.notebooks.execute

bench: .venv/dev.installed ## the benchmarks, with their tables
	@$(BIN)/python -m bench

lock: .venv/dev.installed ## resolve the dependencies anew
	@sh requirements/lock.sh $(CURDIR)/$(BIN)/uv

clean: ## remove the environment and every result; stops nothing: `lab down` does
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache

.venv/bin/uv: requirements/bootstrap.txt
	@sh requirements/install.sh bootstrap "$(PYTHON)"

.venv/lab.installed: .venv/bin/uv requirements/lab.txt pyproject.toml
	@sh requirements/install.sh lab

.venv/dev.installed: .venv/lab.installed requirements/dev.txt
	@sh requirements/install.sh dev
