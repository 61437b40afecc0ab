# `make demo` and `make test` set up what they need: a virtual environment with the pinned versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint install clean

demo: install
	$(BIN)/python cli.py demo --out demo

test: lint $(VENV)/browser-test
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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
define install
UV_NATIVE_TLS=1 UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '$(1)' \
		|| $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '$(1)'
endef

clean:
	rm -rf $(VENV) demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
