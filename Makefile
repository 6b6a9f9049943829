# Two commands: `make demo` runs the main job, `make test` passes every check. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint faults bench setup setup-dev lock clean

demo: setup ## Set up, start everything, import a trade fair's list, enroll it, send the first emails; Ctrl-C ends it
	$(BIN)/cadenza demo $(DEMO)

test: setup-dev lint ## Linters, types, layers and the whole test suite
	$(BIN)/pytest $(PYTEST)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: setup-dev ## The fault matrix, MAILS=2000 a row; ROWS="kill_9 or restored" chooses
	FAULTS_MAILS=$(or $(MAILS),2000) $(BIN)/pytest tests/faults $(if $(ROWS),-k "$(ROWS)")

bench: setup-dev ## The benchmarks; each prints ratios against a baseline of the same run
	$(BIN)/python -m benchmarks $(BENCH)

setup: $(VENV)/.requirements
setup-dev: $(VENV)/.requirements-dev

# The fast installer where there is one, pip otherwise; the lock carries the hashes.
INSTALL = if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python $(1); \
          else $(BIN)/python -m pip install -q --disable-pip-version-check $(1); fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Cadenza needs Python 3.11 or newer: $$($(PYTHON) --version) found. Name another one: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.requirements: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked requirements into $(VENV) …"
	@$(call INSTALL,--require-hashes -r requirements.lock)
	@$(call INSTALL,--no-deps --no-build-isolation -e .)
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked requirements for development into $(VENV) …"
	@$(call INSTALL,--require-hashes -r requirements-dev.lock)
	@$(call INSTALL,--no-deps --no-build-isolation -e .)
	@touch $@ $(VENV)/.requirements

lock: ## Resolve the requirements anew (needs uv)
	uv pip compile pyproject.toml --group build -q --generate-hashes --universal --python-version 3.11 --no-header -o requirements.lock --upgrade
	uv pip compile pyproject.toml --group dev -q --generate-hashes --universal --python-version 3.11 --no-header -o requirements-dev.lock --upgrade

clean:
	rm -rf $(VENV) .cadenza build *.egg-info
