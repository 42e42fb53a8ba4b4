# make demo    a fresh clone: environment, what scoring needs, weights, then scores an example with RATIO
# make quick   linters, types, layers, and the tests that need neither a model nor a network
# make test    everything: the same, the whole test suite, and the documentation's site
# make docs    the site alone, into site/
#
# Each installs what it needs into .venv, once; uv does it where it is there (quicker), or else pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# More processes than there are cores: tests that ask servers and processes wait a good part of their time. In the order
# of tests/conftest.py.
CORES    := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PARALLEL := --dist loadscope --no-loadscope-reorder
# Three workers and hundreds of processes load the same modules: compiled once, also where the environment says otherwise.
export PYTHONDONTWRITEBYTECODE :=
UV     := $(shell command -v uv 2>/dev/null)

# What uv cannot install (an index that only pip's configuration names, say), pip can.
define INSTALL
@{ test -n "$(UV)" && "$(UV)" pip install --quiet --python $(BIN)/python --editable '.[$(1)]'; } || \
  $(BIN)/python -m pip install --quiet --editable '.[$(1)]'
@touch $@
endef

.PHONY: demo quick test docs lint light unit install install-dev clean
.DELETE_ON_ERROR:

install: $(VENV)/installed-demo
install-dev: $(VENV)/installed-dev

# Its own environment: works also where the system Python is externally managed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "argqual needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.11"; \
	    test -z "$(UV)" || echo "or, with uv: uv venv --seed --python 3.12 $(VENV), and make $(MAKECMDGOALS) again"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "Cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=24.1'

$(VENV)/installed-demo: pyproject.toml | $(BIN)/python
	@echo "Installing argqual and what scoring needs: 244 MB to download, about a minute ..."
	$(call INSTALL,local)

$(VENV)/installed-docs: pyproject.toml | $(BIN)/python
	@echo "Installing argqual and what its site is built with: 235 MB to download, about a minute ..."
	$(call INSTALL,docs)

# torch by pip alone, which finds the build for processors where one is configured; uv would bring CUDA's libraries.
$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing argqual with all extras and the tools: 590 MB to download (3 GB with CUDA), 5 to 10 minutes ..."
	@$(BIN)/python -m pip install --quiet torch==2.13.0
	$(call INSTALL,dev)
	@touch $(VENV)/installed-demo $(VENV)/installed-docs

demo: $(VENV)/installed-demo
	@echo "The embedded model's weights are 1.1 GB more, the first time: 2 minutes at 10 MB/s."
	$(BIN)/argqual models pull local --yes
	$(BIN)/argqual score examples/school-uniforms.txt --issue "Should school uniforms be compulsory?" --format text

# The linters and the site are made beside the tests, which wait for servers while these work.
quick: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory --jobs lint light

test: $(VENV)/installed-dev
	@$(MAKE) --no-print-directory --jobs unit lint docs

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

light: $(VENV)/installed-dev
	$(BIN)/pytest -n $$(( $(CORES) + 1 )) $(PARALLEL) -m "not model and not slow"

unit: $(VENV)/installed-dev
	$(BIN)/argqual models pull smollm2-135m --yes
	$(BIN)/argqual models pull all-minilm-l6-v2 --yes
	$(BIN)/pytest -n $$(( $(CORES) + 2 )) $(PARALLEL)

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) dist site
