# make demo   a fresh clone: environment, install, weights, then scores an example with RATIO
# make test   a fresh clone: environment, install, the whole test suite with linters and types

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint unit install clean
.DELETE_ON_ERROR:

install: $(VENV)/installed

# Its own environment: works also where the system Python is externally managed.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "argqual needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing argqual and what it needs (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=24.1'
	@$(BIN)/python -m pip install --quiet torch==2.13.0
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/argqual models pull local --yes
	$(BIN)/argqual score examples/school-uniforms.txt --issue "Should school uniforms be compulsory?" --format text

test: install lint unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: install
	$(BIN)/argqual models pull smollm2-135m --yes
	$(BIN)/argqual models pull all-minilm-l6-v2 --yes
	$(BIN)/pytest

clean:
	rm -rf $(VENV) dist
