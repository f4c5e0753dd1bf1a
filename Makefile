# The whole developer interface: demo, test, check, bench, model, docs.
.PHONY: demo test check bench model docs clean
export OMP_WAIT_POLICY = PASSIVE
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml

demo: .venv/core.done           ## see the whole main job on a virtual stream
	$(BIN)/hanzaki demo demo

test: .venv/dev.done            ## every test
	$(BIN)/python -m pytest -n auto

check: .venv/dev.done           ## style, types, and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/dev.done           ## speed and memory beside peers and limits
	$(BIN)/python -m benchmarks

model: .venv/dev.done           ## make and weigh the model that ships: an hour on two cores, needs ../shared
	$(BIN)/python -m benchmarks.shipping bench/shipping

docs: .venv/dev.done            ## write the reference and the pictures from the code, and the site: site/index.html
	$(BIN)/python docs/reference/make.py
	$(BIN)/python docs/images/make.py
	rm -rf site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env --quiet --doctree-dir .sphinx_cache docs site

clean:                          ## remove what the other words made
	rm -rf .venv demo bench site .sphinx_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/core.done: .venv/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/dev.done: .venv/core.done
	$(BIN)/python -m pip install --quiet --editable '.[dev,learn]'
	@# an oracle of the tests, which would bring opencv-python, in the way of the headless one
	$(BIN)/python -m pip install --quiet --no-deps 'grad-cam>=1.5,<1.6' 'ttach>=0.0.3'
	touch $@
