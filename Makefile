# Targets; `make help` lists them. Each one installs what it needs.

PYTHON := .venv/bin/python
SETUP := .venv/.installed node_modules/.installed

.PHONY: help demo up test check docs clients screenshots bench accuracy soak sbom lock clean setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## the whole system on this machine: two calls, compared sample by sample
	@$(PYTHON) -m local demo

up: setup ## run the whole system: Azurite, ACS emulator, streamer, Functions host
	@$(PYTHON) -m local up

# Where PYTHONDONTWRITEBYTECODE is set (in many containers), each of the hundreds of processes that
# the tests start would compile every module again.
test: setup ## every test
	@PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest -q -n 4 --dist loadfile --max-worker-restart 0

docs: setup ## write the generated tables of settings and routes into docs/
	@$(PYTHON) -m local.docs

clients: setup ## generate the clients again after a change of the OpenAPI document
	@$(PYTHON) -m clients.generate

screenshots: setup ## take the screenshots of the console in docs/ (needs Chromium)
	@SCREENSHOTS_DIR=docs/screenshots $(PYTHON) -m pytest -q tests/e2e/console -k screenshots

bench: setup ## measure CPU per frame, streams per core, cold start, analysis (ten minutes)
	@$(PYTHON) -m benchmarks

accuracy: setup ## measure who spoke and what was said, on ../shared/speech and made sounds (five minutes)
	@$(PYTHON) -m benchmarks.accuracy

soak: setup ## an hour of calls while streamers are killed and storage is away; every frame is found or reported lost
	@SOAK_CALL_SECONDS=3600 FAULT_AWAY_SECONDS=60 $(PYTHON) -m pytest -q \
		tests/streamer/test_long_call.py tests/streamer/test_faults.py
	@$(PYTHON) -m benchmarks.soak $(SOAK)

check: setup ## ruff, mypy (strict), Bicep linter, hadolint and pip-audit
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy .
	@$(PYTHON) -m infra.bicep
	@.venv/bin/hadolint streamer/Dockerfile
	@$(PYTHON) -m local.audit

sbom: setup ## software bills of materials (CycloneDX) of the deployed programs, in sbom/
	@$(PYTHON) -m local.sbom

lock: setup ## pin all requirements to their newest versions
	@for name in requirements streamer/requirements requirements-dev; do \
		.venv/bin/uv pip compile -q --upgrade --generate-hashes --python-version 3.13 --no-header \
			--no-annotate --no-emit-index-url --no-emit-find-links $$name.in -o $$name.txt; done

clean: ## remove what was installed and cached
	@rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis

setup: ## install what the other targets need (they do it themselves)
	@$(MAKE) --silent --no-print-directory -j2 $(SETUP)

.venv/.installed: requirements-dev.txt
	@command -v python3.13 >/dev/null && python3.13 --version >/dev/null 2>&1 || \
		{ echo "Python 3.13 is needed: https://www.python.org/downloads/ (or pyenv install 3.13)"; exit 1; }
	@echo "Installing Python packages ..."
	@python3.13 -m venv .venv
	@$(PYTHON) -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

node_modules/.installed: package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 with npm is needed: https://nodejs.org"; exit 1; }
	@echo "Installing Node.js packages ..."
	@npm ci --no-audit --no-fund --silent
	@touch $@
