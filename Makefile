# Needs only Python 3 and Node, and root or sudo on Debian for what else is missing.
# Settings: VENV=.venv, PYTHON=python3, PORT=8010 (demo), PYTEST_WORKERS=2.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8010
PYTEST_WORKERS ?= 2

# No process, no server, and nothing that takes long.
FAST = not (process or master or browser or database or cloud or slow or upstream or benchmark or soak or sensitivity or long_way)

.PHONY: help test unit mutants bench lint format docs screenshots gallery catalogue clouds faults versions build demo clean

help:
	@echo "make test    everything: lint, types, page, docs, tests with real masters, databases, browser"
	@echo "make unit    the tests that start no process"
	@echo "make mutants   rules changed one at a time: which changes does no test see? MODULE=core/ladder for a part"
	@echo "make bench   the benchmarks: what things cost, with the numbers; best on a quiet machine"
	@echo "make lint    ruff, mypy and the page's linters; make format mends what a machine can"
	@echo "make docs    docs/_build"
	@echo "make screenshots    docs/screenshots, from the demonstration"
	@echo "make gallery    docs/gallery, every view and state at three widths"
	@echo "make catalogue   docs/catalogue-table.md, from the tests of the catalogue"
	@echo "make clouds   docs/clouds-table.md, from the tests of the clouds"
	@echo "make faults   docs/faults-table.md and docs/carried-table.md: each fault on each engine, each way to ask another master"
	@echo "make versions   the built wheel with each older Buildbot that is supported"
	@echo "make build   the page: frontend/ into buildbot_lifecycle/static"
	@echo "make demo    a master with workers of all sorts at http://127.0.0.1:$(PORT)/"

test:
	VENV="$(abspath $(VENV))" $(PYTHON) tests/harness/everything.py

# One environment for all; the stamp is younger than what it was made from.
$(VENV)/.made: setup.py pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -e ".[test,docs]"
	touch $@

$(VENV)/.made-for-mutants: $(VENV)/.made
	$(VENV)/bin/python -m pip install -q -e ".[mutants]"
	touch $@

$(VENV)/.made-for-demo: setup.py
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -e ".[demo]"
	touch $@

frontend/node_modules/.package-lock.json: frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund

unit: $(VENV)/.made
	LIFECYCLE_PROPERTY_SHARE=0.25 $(VENV)/bin/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal -m "$(FAST)"

# What is left alive is listed; docs/architecture says which may live. MODULE=core/ladder is one module,
# MODULE=core a room, and without it both are done. The changed copy is in mutants/; `mutmut show NAME` shows a change.
MODULE ?= *
mutants: $(VENV)/.made-for-mutants
	$(VENV)/bin/python -m mutmut run "buildbot_lifecycle.$(subst /,.,$(MODULE)).*"
	$(VENV)/bin/python -m mutmut results

versions: $(VENV)/.made
	$(VENV)/bin/python -m pytest -m "long_way or not long_way" -k older tests/test_packaging.py

# One after another, in one process: they measure.
bench: $(VENV)/.made
	$(VENV)/bin/python -m pytest -m benchmark -s tests/benchmarks

lint: $(VENV)/.made frontend/node_modules/.package-lock.json
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy
	cd frontend && npm run lint && npm run typecheck

format: $(VENV)/.made
	$(VENV)/bin/python -m ruff check --fix .
	$(VENV)/bin/python -m ruff format .

docs: $(VENV)/.made
	$(VENV)/bin/python -m sphinx -W --keep-going -n -b html docs docs/_build

screenshots: $(VENV)/.made
	$(VENV)/bin/python -m tests.browser.screenshots
	$(VENV)/bin/python -m tests.browser.census_pictures docs/screenshots

gallery: $(VENV)/.made
	$(VENV)/bin/python -m tests.browser.gallery

build: frontend/node_modules/.package-lock.json
	cd frontend && npm run build

catalogue: $(VENV)/.made
	$(VENV)/bin/python -m tests.master.catalogue docs/catalogue-table.md -n 2

# With CLOUDS="-k Docker" a part; the other cells stay as they are.
clouds: $(VENV)/.made
	$(VENV)/bin/python -m tests.clouds.table docs/clouds-table.md $(CLOUDS)

# With FAULTS="-k kill" a part; the other rows stay as they are.
faults: $(VENV)/.made
	$(VENV)/bin/python -m tests.master.faults docs/faults-table.md $(FAULTS)

demo: $(VENV)/.made-for-demo
	@exec $(VENV)/bin/python -m buildbot_lifecycle.demo --port $(PORT)

clean:
	rm -rf mutants $(VENV) build dist *.egg-info docs/_build frontend/node_modules test-artifacts
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
