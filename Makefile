# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Pictures for the demo; empty: the photographs that come with visus.
PICTURES ?=
# Real data sets for the benchmarks (see benchmarks/README.md).
export VISUS_DATA ?=

.PHONY: setup demo test test-long test-all check bench docs licenses dist pictures shots clean

setup: $(VENV)/.all

# What search needs: no deep learning.
$(VENV)/.light: pyproject.toml hatch_build.py $(shell find src -name "*.[ch]")
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "visus needs Python 3.11 or newer; say: make $(MAKECMDGOALS) PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -e .
	touch $@

# All of it, with what the tests need.
$(VENV)/.all: $(VENV)/.light
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -e '.[dev]'
	touch $@

demo: $(VENV)/.light
	$(BIN)/visus demo $(if $(PICTURES),--pictures "$(PICTURES)")

test: setup
	$(BIN)/python -m pytest -n auto --durations=10

test-long: setup
	$(BIN)/python -m pytest -m long

test-all: setup
	$(BIN)/python -m pytest -n auto -m ""

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/python -m docs.docstrings

bench: setup
	$(BIN)/python benchmarks/weights.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/install.py
	$(BIN)/python benchmarks/choices.py
	$(BIN)/python benchmarks/duplicates.py
	$(BIN)/python benchmarks/index.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python -m benchmarks.vectors
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python benchmarks/edges.py
	$(BIN)/python benchmarks/texture.py
	$(BIN)/python benchmarks/classify.py
	$(BIN)/python benchmarks/segment.py
	$(BIN)/python benchmarks/detect.py
	$(BIN)/python benchmarks/lessons.py
	$(BIN)/python benchmarks/explain.py
	$(BIN)/python -m benchmarks.predict
	$(BIN)/python -m benchmarks.serve
	$(BIN)/python benchmarks/scale.py

licenses: setup
	$(BIN)/python -m docs.make_licenses

# The wheel, and what comes with it as a bill of materials (CycloneDX), from an environment that holds nothing else.
dist: setup
	rm -rf build/sbom && $(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv --without-pip build/sbom && $(BIN)/pip --python build/sbom/bin/python install --quiet "$$(ls -t dist/visus-*.whl | head -1)"
	$(BIN)/cyclonedx-py environment build/sbom/bin/python --output-reproducible --of JSON -o dist/visus.cdx.json

pictures: setup
	$(BIN)/python -m docs.make_pictures

# Pictures of the web page in every state, at three widths, light and dark, in both languages: build/shots.
shots: setup
	mkdir -p build/shots && VISUS_SHOTS=build/shots $(BIN)/python -m pytest -m "" -k "state" tests/browser

docs: setup
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) docs/_build build dist
