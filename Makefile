# make demo: everything, in a browser.   make test: everything, proved.   make help: the rest.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.openboss-installed
PYTEST := $(BIN)/python -m pytest -q
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO_DATA_DIR ?= var/demo

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-postgres15 check bench soak map clean

help: ## Say what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 24

$(INSTALLED): pyproject.toml scripts/set_up.sh scripts/install.py
	@sh scripts/set_up.sh

setup: $(INSTALLED) ## Make the virtual environment and install everything into it

demo: $(INSTALLED) ## Run the main job from nothing to explained bills in the browser (Ctrl-C stops; DAY=2026-12-02 moves on)
	@OPENBOSS_DATA_DIR=$(DEMO_DATA_DIR) exec $(BIN)/openboss demo $(if $(DAY),--day $(DAY))

test: $(INSTALLED) ## Run all tests (browser tests where a Chromium is found or may be installed)
	@sh scripts/browser.sh
	@sh scripts/peers.sh
	@$(BIN)/openboss warm-up
	@$(PYTEST) -m "not soak" $(PARALLEL)

test-postgres15: $(INSTALLED) ## Run the database tests on Debian's PostgreSQL 15
	@$(BIN)/openboss warm-up
	@bash scripts/on_postgres15.sh $(PYTEST) -m "django_db and not soak and not browser" $(PARALLEL)

check: $(INSTALLED) ## Lint, format, types, import contracts, house rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports
	@$(PYTEST) tests/test_house.py

bench: $(INSTALLED) ## Measure what is claimed about speed
	@$(BIN)/openboss bench

soak: $(INSTALLED) ## Run the long tests whole and write their rows of docs/soak.md
	@OPENBOSS_SOAK=1 $(PYTEST) -m soak

map: $(INSTALLED) ## Write docs/map.md: which test proves which requirement
	@$(BIN)/openboss coverage-map

clean: ## Remove the environment, the caches and the demo's data (nothing else)
	@if [ -x $(BIN)/openboss ] && [ -d $(DEMO_DATA_DIR) ]; then OPENBOSS_DATA_DIR=$(DEMO_DATA_DIR) $(BIN)/openboss demo --forget; fi
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
