# Everything from a bare machine with Python 3.11: each target sets up .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
TABLE ?= motionformer/table4
SCALE ?= tiny
ARGS ?=
ROUNDING_TESTS := tests/models/mixers/test_orthoformer.py tests/runner/inference/test_evaluate.py

.PHONY: help setup tools reproduce test check slow slurm-test index bench docs gpu clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: .venv/installed  ## Make the virtual environment from requirements.txt

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

tools: .venv/tools  ## Add what tests and checks need from requirements-dev.txt

.venv/tools: .venv/installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

reproduce: setup  ## Train, test and report a table: make reproduce TABLE=motionformer/table4 [SCALE=paper]
	@$(BIN)/reproduce run '$(TABLE)' --scale $(SCALE); code=$$?; \
	$(BIN)/reproduce report '$(TABLE)' --scale $(SCALE) && exit $$code

test: tools  ## Run the test suite on all cores, one torch thread per process
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

index: setup  ## Write the index of the tables, which `reproduce list` and completion show
	$(BIN)/python -m reproduce.write_index

docs: tools  ## Build the pages and reports as a site with a search, in site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

bench: setup  ## Time ours against the published formulation, paired in one run (ARGS="selection --json FILE")
	$(BIN)/python -m benchmarks $(ARGS)

gpu:  ## Test and measure what needs a GPU, with the Python and torch at hand, in steps of at most ten minutes
	@python3 -c 'import torch' 2>/dev/null || { echo "python3 has no torch: activate an environment that has it"; exit 3; }
	PYTHONPATH=. python3 -m benchmarks.gpu $(ARGS)

slow: tools  ## Run the tests that take minutes, and those of ties and rounding also with AVX2 alone
	$(BIN)/python -m pytest -m slow $(ARGS)
	$(BIN)/python -m pytest $(ROUNDING_TESTS)
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 $(BIN)/python -m pytest $(ROUNDING_TESTS)

slurm-test: tools  ## Install Debian's packages of SLURM and run the tests on a cluster of two nodes; as root
	apt-get install --quiet --yes --no-install-recommends slurmctld slurmd slurm-client munge iproute2
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm tests/slurm $(ARGS)

check: tools  ## Lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error

clean:  ## Remove the virtual environment; runs stay
	rm -rf .venv
