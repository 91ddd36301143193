# Everything runs from .venv and nlu/.venv, both made by `make setup`. Each step is skipped while its inputs are unchanged.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --no-input
NLU_PIP := nlu/.venv/bin/python -m pip --quiet --quiet --no-input
PEERS_PIP := var/peers/.venv/bin/python -m pip --quiet --quiet --no-input

# The first Python that is new enough and can make environments. 3.11 first: it is the one everything is tested with.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

# torch stands in no lock file, for its builds differ by machine. On a machine without a GPU a much smaller build will do:
#   make setup TORCH_INDEX_URL=(the address of PyTorch's index of CPU builds)
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
TORCH_INDEX_URL ?=

# An environment is finished when it holds a stamp with the digest of what it was made from; the stamp is written last.
digest = $(shell cat $(1) | sha256sum | cut -c1-12)
RUNTIME := .venv/.stamp-$(call digest,requirements.lock pyproject.toml)
DEV := .venv/.dev-$(call digest,requirements-dev.lock)
NLU := nlu/.venv/.stamp-$(call digest,nlu/requirements.lock)
NLU_DEV := nlu/.venv/.dev-$(call digest,nlu/requirements-test.lock)
PEERS := var/peers/.venv/.stamp-$(call digest,benchmarks/requirements-peers.txt)

# step NAME COMMAND…: say what begins, do it, say how long it took.
STEP := step() { local name=$$1 began=$$SECONDS; shift; echo "$$name …"; "$$@"; echo "$$name ok ($$((SECONDS - began)) s)"; }

.PHONY: help setup dev run chat check format-check lint types imports policies nlu-check test test-contract test-integration test-browser gate fix coverage \
	benchmark benchmark-desk benchmark-peers knowledge nlu-train adapt adapt-nlu nlu-test evaluate messages wheel image pictures docs migration lock demo

help:
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' Makefile

##@ Set up
setup: $(RUNTIME) $(NLU) ## Prepare everything, start nothing; quick when nothing has changed
	@$(STEP)
	step "waypost setup" $(BIN)/waypost setup
	step "nlu model" nlu/.venv/bin/python nlu/train.py

$(RUNTIME):
	@$(STEP)
	if [ -z "$(PYTHON)" ]; then
		echo "Waypost needs Python 3.11 or newer with venv (Debian and Ubuntu: apt install python3.11 python3.11-venv)." >&2
		exit 1
	fi
	$(PIP) --version >/dev/null 2>&1 || step "environment" $(PYTHON) -m venv --clear .venv
	step "torch" $(PIP) install $(if $(TORCH_INDEX_URL),--index-url "$(TORCH_INDEX_URL)") "$(TORCH)"
	step "libraries" $(PIP) install --no-deps --require-hashes --requirement requirements.lock
	step "waypost" $(PIP) install --no-deps --editable .
	$(PIP) check
	rm -f .venv/.stamp-*
	touch $@

$(DEV): | $(RUNTIME)
	@$(STEP)
	step "development tools" $(PIP) install --no-deps --require-hashes --requirement requirements-dev.lock
	$(PIP) check
	rm -f .venv/.dev-*
	touch $@

$(NLU): | $(RUNTIME)
	@$(STEP)
	if ! { nlu/.venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' && $(NLU_PIP) --version; } >/dev/null 2>&1; then
		python=$$($(BIN)/python nlu/find_python.py)
		step "nlu environment" "$$python" -m venv --clear nlu/.venv
	fi
	step "nlu libraries" $(NLU_PIP) install --no-deps --requirement nlu/requirements.lock
	rm -f nlu/.venv/.stamp-*
	touch $@

$(NLU_DEV): | $(NLU)
	@$(STEP)
	step "nlu development tools" $(NLU_PIP) install --no-deps --requirement nlu/requirements-test.lock
	rm -f nlu/.venv/.dev-*
	touch $@

$(PEERS): | $(RUNTIME)
	@$(STEP)
	$(PEERS_PIP) --version >/dev/null 2>&1 || step "peers' environment" $(PYTHON) -m venv --clear var/peers/.venv
	step "torch" $(PEERS_PIP) install $(if $(TORCH_INDEX_URL),--index-url "$(TORCH_INDEX_URL)") "$(TORCH)"
	step "peers" $(PEERS_PIP) install "$(TORCH)" --requirement benchmarks/requirements-peers.txt
	rm -f var/peers/.venv/.stamp-*
	touch $@

dev: setup $(DEV)

##@ Run
run: setup ## Set up and start everything: NLU server, Telegram, delivery, housekeeping
	@exec $(BIN)/waypost up

chat: setup ## Talk to it in this terminal; no Telegram account needed
	@exec $(BIN)/waypost chat

demo: dev ## All of it in a browser, without Telegram: a person's phone beside the staff group
	@PYTHONPATH=tests exec $(BIN)/python -m emulators.demo

##@ Check
check: format-check lint types imports policies nlu-check test gate ## What CI runs

format-check: dev ## Is the code formatted?
	@$(STEP)
	step "format" $(BIN)/ruff format --check --quiet --output-format concise .

lint: dev ## Ruff, and yamllint on policies, NLU data and texts
	@$(STEP)
	step "ruff" $(BIN)/ruff check --quiet .
	step "yamllint" $(BIN)/yamllint --strict policies nlu/data bot/locales compose.yaml

types: dev ## mypy, strict
	@$(STEP)
	step "types" $(BIN)/mypy $(wildcard bot knowledge policies tests benchmarks)

imports: dev ## Who may import whom
	@$(STEP)
	step "imports" $(BIN)/lint-imports

policies: setup ## Check the policy files and run their examples
	@$(BIN)/waypost policies check
	$(BIN)/waypost policies test

test: dev ## Every test; ARGS="-k name" for some
	@$(BIN)/pytest $(ARGS)

test-contract: dev ## Each port over every implementation
	@$(BIN)/pytest tests/contract $(ARGS)

test-browser: dev ## The console in Chromium (Debian and Ubuntu: apt install chromium)
	@$(BIN)/pytest tests/browser $(ARGS)

test-integration: dev ## Whole paths, crashes, migrations
	@$(BIN)/pytest tests/integration $(ARGS)

fix: dev ## Format, and mend what can be mended
	@$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

coverage: dev ## Tests with the lines they did not reach
	@$(BIN)/pytest --cov=bot --cov=knowledge --cov=policies --cov-report=term-missing:skip-covered $(ARGS)

benchmark-peers: setup $(PEERS) ## Search beside LangChain, txtai, Chroma, Haystack; ARGS="--xquad FOLDER"
	@var/peers/.venv/bin/python -m benchmarks.peers $(ARGS)

benchmark-desk: dev ## How soon 50 open pages beside 200 open cases see a change
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.desk

benchmark: dev ## Time of a turn, and how near passages are
	@$(BIN)/python -m benchmarks $(ARGS)

##@ Data
knowledge: $(RUNTIME) ## Build the passage index anew
	@$(BIN)/waypost knowledge build

nlu-train: setup ## Train the NLU model if its inputs have changed: part of set-up, for its encoder is made there

adapt: $(RUNTIME) ## Teach the index's encoder topics anew: knowledge/index/adapter.npz (over an hour); worth it after many new phrasings
	@$(BIN)/python -m knowledge.index.adapt nlu/data knowledge/index/adapter.npz --library knowledge/library

adapt-nlu: $(RUNTIME) ## Teach NLU's encoder intents anew: knowledge/index/understanding.npz (an hour); worth it after many new utterances
	@$(BIN)/python -m knowledge.index.adapt nlu/data knowledge/index/understanding.npz

nlu-check: $(NLU_DEV) ## The quick tests of nlu/: data, component, contract
	@cd nlu && .venv/bin/python -m pytest -q -m "not slow"

nlu-test: $(NLU_DEV) ## Tests of nlu/ under its own Python
	@cd nlu && .venv/bin/python -m pytest $(ARGS)

CASES ?= evaluation/development.jsonl
evaluate: setup ## Measure outcomes and retrieval on labelled questions; CASES=file
	@$(BIN)/waypost evaluate $(CASES) $(ARGS)

gate: setup ## Measure understanding and safety on the frozen sets; fails when a figure falls (5 minutes)
	@$(BIN)/waypost evaluate evaluation/frozen/??.jsonl --summary --json --html var/evaluation.html --gate evaluation/gate.yaml > var/evaluation.json

messages: $(RUNTIME) ## Missing, unknown and unreviewed interface texts
	@$(BIN)/python docs/make_messages.py

##@ Ship
wheel: dev ## Build the wheel into dist/
	@$(BIN)/python -m build --wheel

image: ## Build the container images
	@docker compose build

pictures: dev ## Take the pictures of the console for the docs anew
	@WAYPOST_TEST_PICTURES=docs/img $(BIN)/pytest -q tests/browser -k "shift_with_the_mouse or phone or arabic or ask or figures"

docs: $(RUNTIME) ## Write .env.example and docs/cli.md
	@$(BIN)/python docs/make_docs.py

migration: $(RUNTIME) ## Write a database migration from the tables; m="add case priority"
	@$(BIN)/python docs/make_migration.py "$(m)"

# Versions stay as they are unless asked otherwise: make lock ARGS=--upgrade
COMPILE = $(BIN)/uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --excludes <(echo torch) $(ARGS)
lock: ## Write requirements.lock and requirements-dev.lock from pyproject.toml
	@test -x $(BIN)/uv || { echo "uv is missing: run \`make dev\` on the last commit first"; exit 1; }
	$(COMPILE) --output-file requirements.lock pyproject.toml --group torch
	$(COMPILE) --output-file requirements-dev.lock --group dev --constraint requirements.lock
