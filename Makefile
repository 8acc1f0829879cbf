# What there is: `make help`.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help
help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is %d.%d. Try: make PYTHON=python3.11 ..." % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(READY) ## the environment in .venv

.PHONY: demo
demo: $(READY) ## the whole job on a simulated TikTok, without credentials
	@$(BIN)/tiktok-organic demo

.PHONY: ui
ui: $(READY) ## Dagster's UI: on your accounts, or on the demo while none is connected
	@$(BIN)/tiktok-organic ui

.PHONY: test
test: $(READY) ## every test, on real servers that it starts itself
	@$(BIN)/python -m pytest -m "not browser" -n 2 --dist worksteal -q

.PHONY: lint
lint: $(READY) ## ruff and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright

.PHONY: format
format: $(READY) ## ruff, mending what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
