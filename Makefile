# Every target sets itself up: the first one makes .venv from requirements.lock (needs Python 3.11).
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
CORES ?= all
# Tests and demo never ask a model hub.
export HF_HUB_OFFLINE := 1
# The theme of the documentation advertises its successor at every build.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help demo msvd-clips methods rationales study study-keep study-search question-only test test-unit test-workflow mutants bench-extract bench-text bench-train bench-precision bench-many kills flops lint format hooks docs docs-serve schema rulegraph wheel lock clean

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

demo: .venv/ready  ## The whole pipeline on a rendered data set: features, training, table, rationale pictures
	@$(BIN)/eigv-extract demo-data --out data/demo $(DEMO_VIDEOS)
	@workflow/run.sh config/demo.yaml $(CORES) $(SHARED)

# Few videos and many questions about each: questions cost little.
DEMO_VIDEOS = --train 140 --val 24 --test 40 --test-shifted 40 --settings '{"scenes": [2, 3], "questions": 8}'
# Runs of a data set share a process, which starts once; two threads of small products cost more than two jobs.
SHARED = --set-resources train:runs_per_job=20 evaluate:runs_per_job=20 evaluate_shifted:runs_per_job=20 \
    --set-threads finetune=1 tokens=1 tokens_of_shifted_test=1

msvd-clips: .venv/ready  ## The same on 11 real MSVD clips (needs ../shared)
	@workflow/run.sh config/msvd-clips.yaml $(CORES)

methods: .venv/ready  ## Every method on every backbone and form of answers, on easy videos; section Methods of docs/benchmarks.md
	@$(BIN)/eigv-extract demo-data --out data/methods --train 300 --val 40 --test 60 --test-shifted 1 \
	    --settings '{"scenes": [1, 2], "empty_scenes": [0, 0], "questions": 8}'
	@workflow/run.sh config/methods.yaml $(CORES)
	@$(BIN)/python -m benchmarks.methods

rationales: export PATH := $(CURDIR)/$(BIN):$(PATH)
rationales: .venv/ready  ## Whose rationales are true, on six rendered sets; results of docs/rationales.md (hours; SIZE=small: does it run)
	$(RATIONALES_$(or $(SIZE),full))

define RATIONALES_full
@python -m benchmarks.rationales.sets data/rationales
@workflow/run.sh config/rationales.yaml $(CORES) $(IN_ONE_PROCESS)
@python -m benchmarks.rationales
endef

define RATIONALES_small
@python -m benchmarks.rationales.sets build/rationales/data/rationales --small
@snakemake --cores $(CORES) --directory build/rationales --configfile config/rationales.yaml $(SMALL) $(IN_ONE_PROCESS)
@python -m benchmarks.rationales --folder build/rationales --over $(SMALL) --page build/rationales/results.md
endef

SMALL = tests/workflow/small-rationales.yaml
# Runs of a data set share a process, which starts once.
IN_ONE_PROCESS = --set-resources train:runs_per_job=20 evaluate:runs_per_job=20 evaluate_shifted:runs_per_job=20

study: export PATH := $(CURDIR)/$(BIN):$(PATH)
study: .venv/ready  ## The paper's claims on real questions (docs/results.md) anew, into results/study/results.md (needs ../shared; hours; SIZE=small: does it run)
	$(STUDY_$(or $(SIZE),full))

define STUDY_full
@python -m benchmarks.study.sets data/study
@snakemake --cores $(CORES) --configfile config/study.yaml $(IN_ONE_PROCESS)
@python -m benchmarks.study
endef

define STUDY_small
@python -m benchmarks.study.sets build/study/data/study --small
@ln -sfn ../../shared build/shared
@snakemake --cores $(CORES) --directory build/study --configfile config/study.yaml $(SMALL_STUDY) $(IN_ONE_PROCESS) -- results
@python -m benchmarks.study --folder build/study --over $(SMALL_STUDY) --page build/study/results.md
endef

SMALL_STUDY = tests/workflow/small-study.yaml

# A part of it by the name of a table, a figure or an explanation of config/study.yaml, and the page of what is there.
study-%: export PATH := $(CURDIR)/$(BIN):$(PATH)
study-%: .venv/ready
	@python -m benchmarks.study.sets data/study
	@snakemake --cores $(CORES) --configfile config/study.yaml $(IN_ONE_PROCESS) -- $*
	@python -m benchmarks.study

study-keep: .venv/ready  ## Keep the runs of make study in docs/runs, and write docs/results.md of all that are kept
	@$(BIN)/python -m benchmarks.study --keep

study-search: export PATH := $(CURDIR)/$(BIN):$(PATH)
study-search: .venv/ready  ## The settings of make study, chosen on val alone; written into config/study.yaml
	@python -m benchmarks.study.sets data/study
	@python -m benchmarks.study.search --cores $(CORES)

test: test-unit test-workflow  ## All tests

test-unit: .venv/ready  ## The quick tests
	$(BIN)/pytest -m "not workflow and not slow" -n 2 tests

# Three at a time on two cores: the tests with a SLURM wait more than they work.
test-workflow: .venv/ready  ## The slow tests, and those that run the real workflow
	$(BIN)/pytest -m "workflow or slow" -n 3 --dist loadfile --durations 15 tests

kills: .venv/ready  ## Trainings killed at 20 random moments each, alone and several in a process: the same bytes as undisturbed
	$(BIN)/python -m tests.kills

mutants: .venv/ready  ## Small bugs put in one at a time, and which of them no quick test notices; OF="eigv.method.draws*" for some
	OMP_NUM_THREADS=1 nice -n 15 $(BIN)/mutmut run --max-children $(CHILDREN) $(if $(OF),"$(OF)")
	@$(BIN)/mutmut results

# At once, for `make mutants`.
CHILDREN ?= 2

question-only: export PATH := $(CURDIR)/$(BIN):$(PATH)
question-only: .venv/ready  ## What real questions give away without a video; section Question only of docs/benchmarks.md (needs ../shared)
	@snakemake --cores $(CORES) --configfile config/question-only.yaml -- $(call BLIND,nextqa)
	@snakemake --cores $(CORES) --configfile config/question-only.yaml \
	    --config 'text={finetuning: {questions: 31000, epochs: 3, learning_rate: 3.0e-4}}' -- $(call BLIND,msvd-qa)
	@python -m benchmarks.question_only

BLIND = $(addprefix results/question-only/runs/$(1)/question-only/seed0/,metrics.json val/metrics.json)

bench-extract: .venv/ready  ## What extraction costs; writes the section Extraction of docs/benchmarks.md
	$(BIN)/python -m benchmarks.extraction

bench-text: .venv/ready  ## What the text side costs; writes the section Text of docs/benchmarks.md (needs ../shared)
	$(BIN)/python -m benchmarks.text

bench-train: .venv/ready  ## What training costs beside the official way; writes the section Training of docs/benchmarks.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.training

bench-precision: export PATH := $(CURDIR)/$(BIN):$(PATH)
bench-precision: .venv/ready  ## Accuracy in bf16 beside float32; section Precision of docs/benchmarks.md (real questions need ../shared)
	@test ! -d ../shared/data/real || snakemake --cores $(CORES) --configfile config/precision.yaml -- $(REAL)
	OMP_NUM_THREADS=1 python -m benchmarks.precision

REAL = $(foreach set,nextqa msvd,results/precision/datasets/$(set)/text/text_test.h5 results/precision/videos/$(set)/video.h5)

bench-many: .venv/ready  ## Twenty small runs in twenty processes and in one; writes the section Many small runs of docs/benchmarks.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.many_runs

flops: .venv/ready  ## The arithmetic of the paper's trainings; writes the section Cost of training of docs/benchmarks.md
	$(BIN)/python -m benchmarks.flops

lint: .venv/ready  ## Formatting, style, spelling, types, workflow, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint --configfile config/demo.yaml
	@$(MAKE) --no-print-directory docs

format: .venv/ready  ## Put code and workflow into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile workflow

hooks: .venv/ready  ## Let git check formatting, style, spelling and types before each commit
	$(BIN)/pre-commit install

docs: .venv/ready  ## The documentation as a site, in build/site
	$(BIN)/mkdocs build --quiet --strict

docs-serve: .venv/ready  ## Show the documentation on http://127.0.0.1:8000 while you write it
	$(BIN)/mkdocs serve

wheel: .venv/ready  ## The packages as a wheel, in build/dist
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/dist .

schema: .venv/ready  ## Write the JSON schemas of the configuration, and the table of keys in config/README.md
	$(BIN)/eigv schema --readme config/README.md > workflow/schemas/config.schema.json
	$(BIN)/python workflow/schemas/overlay.py

rulegraph: .venv/ready  ## Draw the graph of the rules for the README (needs Graphviz)
	$(BIN)/snakemake --cores 1 --rulegraph --configfile config/demo.yaml 2> /dev/null | tred \
	    | sed -E 's/color="?[0-9. ]+"?/color="#57606a"/; s/color=grey/color="#afb8c1"/; s/penwidth=2/penwidth=1.2/g' \
	    | dot -Grankdir=LR -Gnodesep=0.15 -Granksep=0.35 -Gbgcolor=white -Tsvg > docs/images/rulegraph.svg

lock: .venv/ready  ## Pin the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links \
	    --extra demo --extra timm --extra serve --extra cluster --extra test --extra dev --output-file requirements.lock pyproject.toml

clean:  ## Remove the demo's results (not its videos)
	rm -rf results/demo

.venv/ready: requirements.lock pyproject.toml
	@workflow/setup.sh "$(PYTHON)"
	@touch $@
