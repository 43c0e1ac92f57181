PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench docs clean

demo: .venv/installed  ## index, cohort, detection and assessment on a phantom collection, in under three minutes
	$(BIN)/hilum demo demo

test: .venv/tested system-packages  ## install what the tests need, and run them all
	$(BIN)/python -m pytest

check: .venv/tested system-packages  ## style, types, layers, then the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

bench: .venv/benched system-packages  ## every benchmark, each against its peer
	for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

docs: .venv/documented  ## the documentation site, in site/
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv demo site

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

.venv/installed: pyproject.toml hatch_build.py src/hilum/acquire/_md5.c | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --group test --group docs
	$(BIN)/hilum viewer install
	$(BIN)/python tests/serve/browser/axe.py
	touch $@

.venv/benched: .venv/installed
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

.venv/documented: .venv/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

.PHONY: system-packages
system-packages:  ## what tests run beside hilum: a browser, dciodvfy and dcm2niix, PostgreSQL, Caddy, and Orthanc as another archive
	@{ command -v chromium && command -v caddy && command -v dciodvfy && command -v dcm2niix && command -v Orthanc && command -v curl && \
	   ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || { \
	  SUDO=$$(command -v sudo || true); $$SUDO apt-get update -qq && \
	  $$SUDO apt-get install -y -qq --no-install-recommends \
	    chromium dicom3tools dcm2niix postgresql orthanc orthanc-dicomweb caddy curl; }
