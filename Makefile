PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench docs clean

demo: $(VENV)/installed  ## index, cohort, detection and assessment on a phantom collection, in under three minutes
	$(BIN)/hilum demo demo

test: $(VENV)/tested system-packages  ## install what the tests need, and run them all
	$(BIN)/python -m pytest

check: $(VENV)/tested system-packages  ## style, types, layers, then the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

bench: $(VENV)/benched system-packages  ## every benchmark, each against its peer
	for file in bench/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

docs: $(VENV)/documented  ## the documentation site, in site/
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/installed: pyproject.toml hatch_build.py src/hilum/acquire/_md5.c | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group test --group docs
	$(BIN)/hilum viewer install
	$(BIN)/python tests/serve/browser/axe.py
	touch $@

$(VENV)/benched: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

$(VENV)/documented: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

.PHONY: system-packages
system-packages:  ## what tests run beside hilum: a browser, dciodvfy and dcm2niix, PostgreSQL, Caddy, and Orthanc as another archive
	@{ command -v chromium && command -v caddy && command -v dciodvfy && command -v dcm2niix && command -v Orthanc && command -v curl && \
	   ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 || { \
	  SUDO=$$(command -v sudo || true); $$SUDO apt-get update -qq && \
	  $$SUDO apt-get install -y -qq --no-install-recommends \
	    chromium dicom3tools dcm2niix postgresql orthanc orthanc-dicomweb caddy curl; }
