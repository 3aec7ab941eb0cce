PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test check docs bench bench-stream gauntlet faults format reference tables clean debian-packages

help: ## Lists these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

install: .venv/installed ## Makes .venv with the command .venv/bin/distreamer

demo: .venv/installed-audio ## Runs a studio, a link to cut and a transmitter here, with a page to watch and hear it
	$(BIN)/distreamer demo $(ARGS)

test: .venv/installed-dev debian-packages ## Runs all tests, real servers, players and a browser included
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

check: .venv/installed-dev ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/installed-dev ## Builds the documentation site, build/site/index.html, and checks its links
	$(BIN)/python -m scripts.concept_pictures
	$(BIN)/python -m properdocs build --quiet --strict --config-file mkdocs.yml
	$(BIN)/python -m scripts.site_links build/site

bench: .venv/installed-dev ## Compares ShoutcastServer with Icecast here (50 minutes; ARGS=--quick: 4)
	$(BIN)/python -m benchmarks.listeners $(ARGS)

bench-stream: .venv/installed-dev ## Measures what a stream costs PC A and PC B here
	$(BIN)/python -m benchmarks.stream_cost $(ARGS)

gauntlet: .venv/installed-dev ## Runs DiStreamer and its peers over all bad links (root, hours; ARGS=--help), and writes docs/gauntlet.md
	@scripts/debian-packages rist-tools
	$(BIN)/python -m benchmarks.gauntlet $(ARGS)

faults: .venv/installed-dev ## Provokes every event for real (10 minutes; root fills a disk too), and writes docs/faults.md
	$(BIN)/python -m benchmarks.faults $(ARGS)

format: .venv/installed-dev ## Formats the code and mends what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: .venv/installed ## Writes the pages in docs/reference and examples/sample.conf anew
	$(BIN)/distreamer config reference --write docs/reference
	$(BIN)/distreamer config sample > examples/sample.conf

tables: .venv/installed-dev debian-packages ## Writes docs/compatibility.md anew, of the tests that prove its cells
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m proves --write-tables $(ARGS)

clean: ## Removes what the other targets made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

debian-packages:
	@scripts/debian-packages

.venv/bin/python:
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-audio: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[audio]'
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[audio,dev,docs]'
	@touch $@
