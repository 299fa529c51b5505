# `make demo` and `make test` need Python 3.11 to 3.14 and make, nothing else; all they install goes into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test lab check quick lint types unit docs notebooks site bench soak lock wheels clean install install-dev install-site

# Empty: the newest Python that the lab runs on. `make demo PYTHON=/path/to/python` chooses another.
PYTHON ?=
# A folder that `make wheels` has filled: `make demo WHEELS=folder` installs from it, without a network.
WHEELS ?=

# What a user's shell sets for another Python would lead this one astray.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONEXECUTABLE PYTHONWARNINGS

BIN := .venv/bin
# Unit tests need nothing of each other, nor of nbval, which takes three seconds to import.
TWO_AT_A_TIME := -p no:nbval -n 2
# All others wait more than they work. A long file that comes last would be waited for by one process alone.
LONGEST_FIRST := tests/notebooks tests/containers tests/browser notebooks tests/emulator tests/aws

help: ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: install ## run the whole lab once, without a notebook: out/report.html
	@$(BIN)/lab demo

test: install-site ## all tests, as CI runs them
	@sh tests/browser/install_chromium.sh
	@$(BIN)/python -m pytest tests/unit $(TWO_AT_A_TIME) --hypothesis-profile same
	@$(BIN)/python -m pytest $(LONGEST_FIRST) -n 2 --no-loadscope-reorder

lab: install ## open the workshop in JupyterLab
	@$(BIN)/lab notebook

check: install-dev lint types test ## lint, types and tests

quick: install-dev lint types unit ## what a change needs first: lint, types, unit tests, in a minute

unit: install-dev
	@$(BIN)/python -m pytest tests/unit -q $(TWO_AT_A_TIME) --hypothesis-profile quick -m "not slow"

docs: install-dev ## write what the documentation repeats of the code
	@$(BIN)/python -m tests.documentation

lint: install-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/codespell
	@$(BIN)/lint-imports

types: install-dev
	@$(BIN)/mypy

notebooks: install-dev ## execute the notebooks anew, outputs and charts included
	@$(BIN)/python -m tests.notebooks.execute

site: install-site ## the course as a book and slides, to be read without a network: out/site/index.html
	@$(BIN)/python -m docs.site.build
	@echo "Next: open out/site/index.html in a browser."

bench: install-dev ## the benchmarks, with their tables
	@$(BIN)/python -m bench

soak: install-dev ## ten thousand messages, also while things fail: is each accounted for? some 15 minutes
	@$(BIN)/python -m tests.soak

lock: install-dev ## resolve the dependencies anew
	@sh requirements/lock.sh $(CURDIR)/$(BIN)/uv

# PLATFORM and PYTHON name other machines: several, or all. TESTS=yes: also for `make test`.
wheels: ## fill the folder wheels/ for machines without a network: PLATFORM=macos-arm64 PYTHON=3.13
	@sh requirements/install.sh lab
	@$(BIN)/python requirements/wheels.py "$(or $(WHEELS),wheels)" --platform "$(PLATFORM)" --python "$(PYTHON)" --tests "$(TESTS)"

clean: ## remove the environment and every result; stops nothing: `lab down` does
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache

install: # looks each time whether .venv is there, whole and of this folder
	@sh requirements/install.sh lab "$(PYTHON)" "$(WHEELS)"

install-dev:
	@sh requirements/install.sh dev "$(PYTHON)" "$(WHEELS)"

install-site: install-dev
	@sh requirements/install.sh site "$(PYTHON)" "$(WHEELS)"
