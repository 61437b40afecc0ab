# Every target sets up what it needs: a virtual environment with the pinned versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Packages whose tests need neither TensorFlow nor the network nor a browser; tests/project/test_check.py sees to it.
QUICK := $(wildcard tests/utils tests/config tests/data tests/audio tests/store)

.PHONY: demo check test lint docs dist lowest install clean

demo: install
	$(BIN)/python cli.py demo --out demo

# The daily habit, under a minute.
check: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --hypothesis-profile=quick -m 'not slow' $(QUICK)

# Everything.
test: lint $(VENV)/browser-test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site in build/docs; a warning is an error.
docs: install
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . build/docs

# Wheel and source archive in dist/.
dist: install
	$(BIN)/uv build --quiet --clear --out-dir dist .

# The least versions that pyproject.toml allows, in an environment of their own, through the demo.
lowest: install
	mkdir -p build
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --output-file build/lowest.txt pyproject.toml
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/lowest
	$(BIN)/uv pip install --quiet --python build/lowest/bin/python --requirement build/lowest.txt
	build/lowest/bin/python cli.py demo --out build/lowest-demo --epochs 1

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(call install,.[dev])
	touch $@

# The page of `serve` in a real browser; without a chromium on the machine its tests are skipped.
$(VENV)/browser-test: $(VENV)/installed
	$(call install,.[browser-test])
	touch $@

# uv installs in parallel, in a fraction of pip's time; where it cannot reach a registry as pip is set up to, pip does it.
# Bytecode is compiled as pip does it: without, and where Python may write none, TensorFlow takes three times as long to load.
define install
UV_NATIVE_TLS=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '$(1)' \
		|| $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '$(1)'
endef

clean:
	rm -rf $(VENV) demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
