# `make` alone lists the targets. Everything installs into .venv and web/vendor, nothing elsewhere,
# but for Chromium and Firefox, which `make test` takes from apt where it runs as root on Debian.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo "  Arguments go through: make test ARGS='-k mask', make demo ARGS='--help'"

demo: $(VENV)/.run vendor ## start a coordinator, native participants and the page
	$(BIN)/petal demo $(ARGS)

test: ready ## run every test, end to end in Chromium and Firefox included
	PETAL_CHROMIUM="$$(.ci/chromium)" PETAL_FIREFOX="$$(.ci/firefox)" $(BIN)/python -m pytest \
		--numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: ready ## measure beside the official client and the machine's own limits
	@PETAL_CHROMIUM="$$(.ci/chromium)" $(BIN)/python -m bench $(ARGS)

types: web/node_modules/.made ## write web/types anew from what the scripts say of themselves
	@.ci/npm run --prefix web types

lint: $(VENV)/.dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

vendor: $(VENV)/.run ## fetch what a tab needs into web/vendor and check it
	@$(BIN)/python web/fetch_vendor.py

fuzz: $(VENV)/.dev ## fuzz all that reads bytes of the network, guided by coverage
	$(BIN)/python -m tests.fuzz $(ARGS)

simulate: $(VENV)/.dev ## simulate rounds with faults and attackers on a virtual clock
	$(BIN)/python -m tests.simulation $(ARGS)

kernel: $(VENV)/.dev ## compile web/kernel/mask.c, which the repository holds compiled
	$(BIN)/python web/kernel/build.py

lock: $(VENV)/.dev ## take newer versions into requirements/
	$(PIP) uv
	rm -f requirements/*.txt
	$(LOCK) --output-file requirements/run.txt
	$(LOCK) --group dev --constraints requirements/run.txt --output-file requirements/dev.txt
LOCK := $(BIN)/uv pip compile pyproject.toml --group build --quiet --no-config --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock'

clean: ## remove .venv, web/vendor and caches
	rm -rf $(VENV) web/vendor web/node_modules build dist .pytest_cache .ruff_cache .hypothesis py/petal/mask/native/keep_below.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What `make test` needs before pytest starts; .ci/run calls it.
ready: $(VENV)/.dev vendor
	@$(MAKE) --no-print-directory web/node_modules/.made || echo "What needs TypeScript\
	 or puppeteer cannot run, because npm cannot fetch it." >&2
	@.ci/chromium > /dev/null
	@.ci/firefox > /dev/null || true

web/node_modules/.made: web/package-lock.json | $(VENV)/.run
	@echo "Installing what checks and drives the scripts into web/node_modules ..."
	@.ci/npm ci --prefix web --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Each stamp is as new as what it was made from, so that a second run starts at once.
$(VENV)/.run: $(VENV)/.made requirements/run.txt pyproject.toml py/petal/mask/native/keep_below.c
	@echo "Installing Petal and what it runs on into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt py/petal/mask/native/keep_below.c
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(BIN)/python py/petal/mask/native/build.py > /dev/null
	@touch $@

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Petal needs Python 3.11 or newer, and none is on the PATH.\
	 Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	 echo "Petal needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual\
	 environments. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

.PHONY: fuzz help demo test bench lint types vendor kernel lock clean ready simulate
