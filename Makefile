# Export Admin. `make` alone lists what can be made. Linux or macOS, Python 3.11 or newer, nothing else to begin with.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIND ?= 127.0.0.1:8000
ARGS ?=

VENV := .venv
BENCH_VENV := .venv-bench
PLATFORMS_VENV := .venv-platforms
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
EXPORTADMIN := $(VENV)/bin/exportadmin
DONE := $(VENV)/.done
BENCH_DONE := $(BENCH_VENV)/.done
PLATFORMS_DONE := $(PLATFORMS_VENV)/.done
# Labelbox's SDK of three releases, which cannot stand in one environment
LABELBOX_VENV := .venv-labelbox
LABELBOX_DONE := $(LABELBOX_VENV)/.done
LABELBOX_RELEASES := 7 5 3
LABELBOX_SOURCES := $(LABELBOX_RELEASES:%=$(LABELBOX_DONE)/%-source)

# The Python that stands on the machine is the one that is used; uv fetches none.
export UV_PYTHON_DOWNLOADS := never
# Fewer words from the installers; what goes wrong is still said.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# $(call install,PYTHON,WHAT): uv, and plain pip where uv cannot (it does not read pip's settings, so an installation
# that reaches its packages through those needs pip). Both check every hash of the lock file.
install = $(UV) pip install --quiet --python $(1) $(2) \
	|| { echo "uv could not install ($(2)); plain pip tries" >&2; $(1) -m pip install --quiet $(2); }

.PHONY: help install install-dev run test test-fast test-sqlite test-postgres test-platforms demo-s3 cases lint format bench bench-s3 bench-label-studio bench-sync soak screenshots lock clean \
	machine-packages

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 18

install: $(DONE)/base ## what an installation needs, into .venv
	@echo 'Installed: $(EXPORTADMIN)'

install-dev: $(DONE)/dev ## what tests and linters need on top
	@echo 'Installed: $(EXPORTADMIN), tests and linters'

run: $(DONE)/base ## database, demo project, web and worker on BIND=127.0.0.1:8000, until Ctrl-C
	@$(EXPORTADMIN) migrate --verbosity 0
	@$(EXPORTADMIN) load_demo
	@if [ -x $(VENV)/bin/weed ]; then echo 'A local S3 bucket with a ready connection, to try: `make demo-s3` in another terminal'; fi
	@exec $(EXPORTADMIN) up --bind $(BIND)

demo-s3: $(DONE)/dev ## a local S3 store (SeaweedFS) with a bucket and a ready connection, until Ctrl-C
	@$(EXPORTADMIN) migrate --verbosity 0
	@$(EXPORTADMIN) load_demo --no-exports
	@exec $(PY) scripts/demo_s3.py

test: $(DONE)/dev machine-packages ## linters, the suite on SQLite, and on PostgreSQL what can differ there (ARGS=… goes to pytest)
	@$(PY) scripts/suite.py lint sqlite postgres -- $(ARGS)

test-fast: $(DONE)/dev ## the suite without browsers and long tests, on SQLite: what to run while working
	@$(PY) -m pytest -q -n 3 --dist worksteal -m 'not chromium and not slow' $(ARGS)

test-sqlite: $(DONE)/dev machine-packages ## the suite on SQLite only
	@$(PY) scripts/suite.py sqlite -- $(ARGS)

test-platforms: $(DONE)/dev $(PLATFORMS_DONE)/servers $(LABELBOX_SOURCES) $(BENCH_DONE)/peers machine-packages ## real servers at length: Label Studio, several machines on PostgreSQL and SeaweedFS (ARGS=…)
	@$(PY) scripts/suite.py platforms -- $(ARGS)

test-postgres: $(DONE)/dev machine-packages ## the suite on a private PostgreSQL only, browsers and all
	@WHOLE=1 $(PY) scripts/suite.py postgres -- $(ARGS)

cases: $(DONE)/dev $(BENCH_DONE)/peers ## files that people tripped over, in every format, judged by others' readers
	@$(PY) -m pytest -q -n 2 -p tests.support.cases_table tests/whole/test_cases.py $(ARGS)

lint: $(DONE)/dev ## ruff, djLint and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(VENV)/bin/mypy .

format: $(DONE)/dev ## put imports and layout right
	@$(VENV)/bin/ruff check --fix-only .
	@$(VENV)/bin/ruff format .

bench: $(DONE)/dev $(BENCH_DONE)/peers ## speed, side by side with the peers (ARGS=… goes to the benchmark)
	@$(PY) -m bench --peers $(BENCH_VENV)/bin/python $(ARGS)

bench-s3: $(DONE)/dev ## a 2 GB export to S3, side by side with boto3's own upload of the finished file (ARGS=--mb=…)
	@$(PY) -m bench.s3 $(ARGS)

bench-label-studio: $(DONE)/dev $(PLATFORMS_DONE)/servers ## snapshots, COCO and CSV beside Label Studio's own server, through its SDK (ARGS=--rows=…)
	@$(PY) -m bench.label_studio $(ARGS)

bench-sync: $(DONE)/dev ## a sync of 100,000 rows from the Labellerr server of the tests, and the next one after 1 % changed
	@$(PY) -m bench.sync $(ARGS)

soak: $(DONE)/dev machine-packages ## the long kill -9 runs, of which `make test` has a sample
	@$(PY) -m tests.soak $(ARGS)

screenshots: $(DONE)/dev machine-packages ## every page as a PNG in screenshots/
	@$(PY) scripts/screenshots.py $(ARGS)

lock: $(DONE)/tools ## compile requirements/*.in again (UPGRADE=1: with newer versions)
	@for part in uv base dev bench platforms $(LABELBOX_RELEASES:%=labelbox-%); do \
	  $(UV) pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    requirements/$$part.in --output-file requirements/$$part.txt; \
	done

clean: ## everything that can be made again; never var/, which holds an installation's data
	rm -rf $(VENV) $(BENCH_VENV) $(PLATFORMS_VENV) $(LABELBOX_VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# --- what is done once, and again when its lock file changed ---------------------------------------------------------

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/tools: requirements/uv.txt $(DONE)/venv
	@$(PY) -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

# Our own package is built by the setuptools that is already there (--no-build-isolation): nothing is fetched for it.
$(DONE)/base: requirements/base.txt pyproject.toml $(DONE)/tools
	@$(call install,$(PY),--require-hashes -r requirements/base.txt)
	@$(call install,$(PY),--no-deps --no-build-isolation -e .)
	@touch $@

$(DONE)/dev: requirements/dev.txt $(DONE)/base
	@$(call install,$(PY),--require-hashes -r requirements/dev.txt)
	@touch $@

$(BENCH_DONE)/peers: requirements/bench.txt $(DONE)/tools
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(call install,$(BENCH_VENV)/bin/python,--require-hashes -r requirements/bench.txt)
	@echo '*' >$(BENCH_VENV)/.gitignore
	@mkdir -p $(BENCH_DONE) && touch $@

$(PLATFORMS_DONE)/servers: requirements/platforms.txt $(DONE)/tools
	@test -x $(PLATFORMS_VENV)/bin/python || $(PYTHON) -m venv $(PLATFORMS_VENV)
	@$(call install,$(PLATFORMS_VENV)/bin/python,--require-hashes -r requirements/platforms.txt)
	@echo '*' >$(PLATFORMS_VENV)/.gitignore
	@mkdir -p $(PLATFORMS_DONE) && touch $@

$(LABELBOX_DONE)/%: requirements/labelbox-%.txt $(DONE)/tools
	@test -x $(LABELBOX_VENV)/$*/bin/python || $(PYTHON) -m venv $(LABELBOX_VENV)/$*
	@$(call install,$(LABELBOX_VENV)/$*/bin/python,--require-hashes -r requirements/labelbox-$*.txt)
	@echo '*' >$(LABELBOX_VENV)/.gitignore
	@mkdir -p $(LABELBOX_DONE) && touch $@

# Labelbox's own tests are in its source distributions alone; that of the release above, by the hashes of its lock file.
$(LABELBOX_SOURCES): $(LABELBOX_DONE)/%-source: $(LABELBOX_DONE)/%
	@rm -rf $(LABELBOX_VENV)/$*-source
	@if sed -n '/^labelbox==/,/[^\\]$$/p' requirements/labelbox-$*.txt | $(LABELBOX_VENV)/$*/bin/python -m pip download --quiet \
	  --require-hashes --no-deps --no-binary labelbox --no-build-isolation --dest $(LABELBOX_VENV)/$*-source -r /dev/stdin; \
	then touch $@; else echo "Labelbox's own tests of release $* could not be fetched, and do not run" >&2; fi

# Chromium, PostgreSQL's server programs and LibreOffice: the tests need them, the product does not.
machine-packages:
	@scripts/machine_packages.sh
