# What people and the CI call. Needs make and python >= 3.11 with venv; everything else comes from the locks.
# PYTHON=/path/to/python3.12 make env   chooses another python.

PYTHON ?= $(shell command -v python3 || command -v python)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What comes as source is built with the setuptools of our lock, not with one that pip would fetch for itself.
LOCKED := $(PIP) install --require-hashes --no-build-isolation --use-pep517
CODE := mail policy store net role mta imap admin lab monitoring tests bench
NAME ?= *
ARGS ?=
SECONDS ?= 60
# More than the cores: most tests wait for processes.
WORKERS ?= 4

.PHONY: env run test check fmt faults imap bench fuzz wheel deploy-env test-deploy test-power dashboards

env: $(VENV)/.made

run: env
	$(BIN)/mailloft up --sample

test: $(VENV)/.made-dev
	tests/peers/install.sh
	@# Byte code here and now, or each of the many processes to come compiles for itself.
	$(BIN)/python -m compileall -q $(CODE)
	@# 5: none of this half was asked for.
	$(BIN)/python -m pytest --numprocesses $(WORKERS) -m "not alone" $(ARGS) || [ $$? = 5 ]
	$(BIN)/python -m pytest -m alone $(ARGS) || [ $$? = 5 ]

check: $(VENV)/.made-dev
	$(BIN)/ruff format --check --quiet $(CODE)
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.made-dev
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

# Outages as long as they are promised to be survived (30 s, a minute); `make test` has them in short.
faults: $(VENV)/.made-dev
	tests/peers/install.sh
	MAILLOFT_WHOLE_OUTAGES=1 $(BIN)/python -m pytest tests/wire/test_sender_faults.py tests/wire/test_sender_nodes.py $(ARGS)

# IMAP as long and on as many engines as is promised; `make test` has it in short.
imap: $(VENV)/.made-dev
	tests/peers/install.sh
	MAILLOFT_BOTH_ENGINES=1 MAILLOFT_STRESS_SECONDS=60 $(BIN)/python -m pytest tests/wire/test_imap_*.py $(ARGS)

# monitoring/dashboards and docs/metrics.md, from monitoring/panels.py and the code.
dashboards: $(VENV)/.made-dev
	$(BIN)/python -m monitoring.made

# Each fuzzer for so long; what breaks is told with its input.
fuzz: $(VENV)/.made-dev
	PYTHONPATH=tests $(BIN)/python -m fuzz $(SECONDS) $(ARGS)

bench: $(VENV)/.made-dev
	tests/peers/install.sh
	@set -e; for file in bench/$(NAME).py; do echo "== $$file"; PYTHONPATH=tests $(BIN)/python $$file $(ARGS); done

# A changed lock makes the environment anew, so nothing stays behind that no lock names.
$(VENV)/.made-locked: requirements.lock requirements-build.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'mailloft needs python >= 3.11; name one: make env PYTHON=/path/to/python3.11' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(LOCKED) -r requirements-build.lock
	$(LOCKED) -r requirements.lock
	@touch $@

# What browsers get: built from npm packages that package-lock.json holds by hash. node comes with the lock below where
# the machine has none.
STATIC := admin/static/panel.js
$(STATIC): $(wildcard admin/frontend/*.js admin/frontend/*.svg admin/frontend/*.css admin/frontend/*.json) | $(VENV)/.made-locked
	command -v npm >/dev/null || $(LOCKED) -r requirements-node.lock
	admin/frontend/build.sh "$(CURDIR)/$(VENV)"
	@touch $@

# The editable install; setuptools is of the lock, so nothing is fetched for it.
$(VENV)/.made: $(VENV)/.made-locked pyproject.toml $(STATIC)
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.made-dev: $(VENV)/.made requirements-dev.lock
	$(LOCKED) -r requirements-dev.lock
	@touch $@

# A machine of its own, the playbook over ssh, then from outside; FORM=short is what CI runs. Debian, as root.
FORM ?= whole
test-deploy: $(VENV)/.made-dev $(VENV)-deploy/.made
	tests/peers/install.sh
	MAILLOFT_DEPLOY=$(FORM) MAILLOFT_REQUIRE_PEERS=1 $(BIN)/python -m pytest -p no:cacheprovider tests/deploy $(ARGS)
	cd ansible && PATH="$(CURDIR)/$(VENV)-deploy/bin:$$PATH" LC_ALL=C.UTF-8 ansible-lint --offline -q

# The power of an emulated machine is cut while mail comes in; part of the whole form above. A quarter of an hour.
test-power: $(VENV)/.made-dev
	tests/peers/install.sh
	MAILLOFT_DEPLOY=whole MAILLOFT_REQUIRE_PEERS=1 $(BIN)/python -m pytest -s -p no:cacheprovider tests/deploy/test_power_cut.py $(ARGS)

# Ansible, by its lock (docs/install.md).
deploy-env: $(VENV)-deploy/.made

$(VENV)-deploy/.made: requirements-deploy.lock
	"$(PYTHON)" -m venv --clear $(VENV)-deploy
	$(VENV)-deploy/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-deploy.lock
	@touch $@

# What ansible/ installs on a machine. Of an earlier build nothing is taken: it may have files that are gone since.
WHEELS ?= dist
wheel: $(VENV)/.made-locked $(STATIC)
	rm -rf build
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(WHEELS) .
