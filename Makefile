# Two commands for a newcomer: `make demo` and `make test`. Both set everything up by themselves.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The real coding agents, for the tests that drive them (0.6 GB, once).
CODING_AGENTS = @anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0

# Tests run beside one another. Many of them drive real programs and wait for these; one that fails on so
# busy a machine is asked again alone, and only what fails there too has failed.
BESIDE = -n auto --maxprocesses=4 --dist worksteal
ALONE = --last-failed --last-failed-no-failures none

.PHONY: help demo test check fix docs clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

demo: .venv/demo.stamp  ## a real study of tinylm by the tuner, at most 8 minutes
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jumar demo tinylm

test: .venv/dev.stamp .venv/npm.stamp  ## the everyday suite
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest $(BESIDE) || PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest $(ALONE)

check: .venv/dev.stamp  ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/dev.stamp  ## mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m docs.site.reference

docs: .venv/docs.stamp  ## the documentation as a site that opens from disk, in build/site
	$(BIN)/python -m docs.site

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Jumar needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/demo.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/python -m pip install -q -e '.[chart,tinylm]'
	@touch $@

.venv/docs.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/python -m pip install -q -e '.[docs]'
	@touch $@

.venv/dev.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/python -m pip install -q -e '.[dev,tinylm]'
	@touch $@

# Without npm or a registry the tests that need them skip, and the next `make test` tries again.
.venv/npm.stamp: .venv/pip.stamp
	@if ! command -v npm >/dev/null; then echo "no npm: tests with real coding agents will skip"; \
	elif timeout 300 npm install --prefix .venv/npm --no-save --no-audit --no-fund --loglevel=error \
	  --fetch-retries=1 $(CODING_AGENTS) </dev/null; then touch $@; \
	else echo "npm could not install $(CODING_AGENTS): tests with real coding agents will skip"; fi
