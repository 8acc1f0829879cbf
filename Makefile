# What there is: `make help`.
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT := 3000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_DEVELOP := $(VENV)/.ready-to-develop
BENCH := tiktok_organic_dagster_tests/bench
PEERS := .venv-peers/.ready .venv-peers-airbyte/.ready
unexport PYTHONDONTWRITEBYTECODE # tests start hundreds of processes, which would compile the package each time

.PHONY: help
help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Install Python 3.11 or later, or name yours: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is %d.%d. Name another one: make PYTHON=python3.12 ..." % v[:2])'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) could not make the environment $(VENV). On Debian and Ubuntu, install its module venv (apt install python3-venv), then try again." >&2; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(READY_TO_DEVELOP): $(READY)
	@echo "Adding what tests and checks need ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv-peers/.ready: $(BENCH)/peers.txt
.venv-peers-airbyte/.ready: $(BENCH)/peers_airbyte.txt
$(PEERS): | $(READY)
	@test -x $(@D)/bin/pip || $(PYTHON) -c 'import sys; v = sys.version_info; v < (3, 13) or sys.exit("PyAirbyte needs Python 3.12 or earlier, this is %d.%d. Name another one: make PYTHON=python3.12 ..." % v[:2])'
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D)
	@echo "Setting up $(@D) ..."
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: setup
setup: $(READY_TO_DEVELOP) ## the environment in .venv, with what tests and checks need

.PHONY: demo
demo: $(READY) ## the whole job on a simulated TikTok, without credentials
	@$(BIN)/tiktok-organic demo

.PHONY: ui
ui: $(READY) ## Dagster's UI: on your accounts, or on the demo while none is connected
	@$(BIN)/tiktok-organic ui --port $(PORT)

.PHONY: test
test: $(READY_TO_DEVELOP) ## every test, on real servers that it starts itself
	@$(BIN)/python -m pytest -m "not browser and not readme and not celery and not soak and not year" -n 3 --dist loadfile --no-loadscope-reorder -q

.PHONY: test-readme
test-readme: $(READY_TO_DEVELOP) ## the README and CONTRIBUTING walked from top to bottom, in fresh clones
	@$(BIN)/python -m pytest -m readme -q

.PHONY: test-celery
test-celery: $(READY_TO_DEVELOP) ## 200 accounts on PostgreSQL, Redis and two Celery workers; needs an installed redis-server
	@$(BIN)/python -m pytest -m celery -q tiktok_organic_dagster_tests/celery

.PHONY: soak
soak: SEED := $(shell date +%s)
soak: $(READY_TO_DEVELOP) ## kills at every point, full disks, lost databases, 20 days of random faults, and properties with many examples
	@SOAK_SEED=$(SEED) $(BIN)/python -m pytest -m soak -q -s tiktok_organic_dagster_tests/soak
	@$(MAKE) --no-print-directory properties SEED=$(SEED)

.PHONY: properties
properties: SEED := $(shell date +%s)
properties: $(READY_TO_DEVELOP) ## the properties with many examples, others each time; SEED=n takes those of an earlier time
	@echo "Properties by seed $(SEED). The same again: make properties SEED=$(SEED)"
	@$(BIN)/python -m pytest --hypothesis-profile soak --hypothesis-seed $(SEED) --timeout 3600 -q tiktok_organic_dagster_tests/properties

.PHONY: coverage
coverage: $(READY_TO_DEVELOP) ## which lines and branches of what reads and stores no test reaches; at least 95 % are
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -m "not soak" -q $(addprefix tiktok_organic_dagster_tests/,unit integration faults)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

.PHONY: mutants
mutants: $(READY_TO_DEVELOP) ## small faults put into the rules of days and pages, one at a time: which of them no test notices
	@rm -rf mutants
	@$(BIN)/mutmut run
	@$(BIN)/mutmut results

.PHONY: bench
bench: $(READY_TO_DEVELOP) $(PEERS) ## this loader beside others, memory, growth and quota, into docs/performance.md; SECTIONS="loads ..." for some
	@$(BIN)/python -m $(subst /,.,$(BENCH)) $(SECTIONS)

.PHONY: month
month: $(READY_TO_DEVELOP) ## a month of the loader's life, hour by hour by a moved clock
	@$(BIN)/python -m pytest -m year -q tiktok_organic_dagster_tests/year/test_month.py

.PHONY: year
year: $(READY_TO_DEVELOP) ## a year of it
	@$(BIN)/python -m pytest -m year -q tiktok_organic_dagster_tests/year/test_year.py

.PHONY: test-browser
test-browser: $(READY_TO_DEVELOP) ## the tests that drive Dagster's UI and the consent page in an installed Chromium
	@$(BIN)/python -m tiktok_organic_dagster_tests.browser.chromium
	@$(BIN)/python -m pytest -m browser -q tiktok_organic_dagster_tests/browser

.PHONY: screenshots
screenshots: $(READY_TO_DEVELOP) ## the pictures of the README, made anew by the tests in the browser
	@SCREENSHOTS=docs/images $(MAKE) --no-print-directory test-browser

.PHONY: lint
lint: $(READY_TO_DEVELOP) ## ruff and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright

.PHONY: format
format: $(READY_TO_DEVELOP) ## ruff, mending what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: docs
docs: $(READY_TO_DEVELOP) ## docs/tables.md, made from the catalogue
	@$(BIN)/python -m tiktok_organic_dagster.tables.dictionary
