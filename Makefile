# The verbs of this project. `make demo` and `make test` need nothing but python3 >= 3.11.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: audit help setup demo wer bench bench-path bench-search test lint types check fix lock clean

help:
	@echo "make demo    set everything up and show a phone call becoming text"
	@echo "make test    set everything up and pass the tests"
	@echo "make wer     measure word error rates (needs ../shared for the real calls)"
	@echo "make bench   measure how many calls a core holds"
	@echo "make bench-path    measure media message to recogniser and final to screen (AGAINST=another/checkout compares)"
	@echo "make bench-search  measure search in a record of 100,000 calls (takes an hour and 8 GB of disk to make)"
	@echo "make check   lint, types and tests"
	@echo "make fix     format the code"

setup: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml scripts/setup
	@PYTHON=$(PYTHON) scripts/setup

demo: setup
	@scripts/reader
	@$(BIN)/callscribe demo

test: setup
	@scripts/test

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: setup
	$(BIN)/mypy

check: lint types test

fix: setup
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Word error rates of the built-in model and a peer; writes docs/accuracy.md. Takes a while; continues where it stopped.
wer: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.second_reading

# How many calls a core holds, with its peers in the same run; writes docs/capacity.md. About an hour and a half (with
# FORM=--quick a quarter of an hour); continues where it stopped.
bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	$(BIN)/python -m benchmarks.capacity $(FORM)

# The two ends of the path: media message to recogniser, final to screen. AGAINST names another checkout to compare with.
bench-path: setup
	$(BIN)/python -m benchmarks.path $(if $(AGAINST),--against $(AGAINST))

# Times of searches in a large made-up record, which stays in benchmarks/.search; continues where it stopped.
bench-search: setup
	$(BIN)/python -m benchmarks.search

# The lock file holds exact versions and hashes for every supported Python and platform.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --group build --group dev pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --constraint requirements.lock benchmarks/requirements.in -o benchmarks/requirements.lock

audit: setup
	$(BIN)/python scripts/audit

clean:
	rm -rf .venv
