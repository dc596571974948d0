"""The wiring between the rules and the plan of the configuration (eigv/plan), which decides all that they have to know.

Rules call the console scripts as modules, which also works in the environments of --use-conda, where the packages are
not installed: jobs are told where they lie.
"""

import inspect
import json
import os
import sys
from functools import partial
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import ExecMode

ROOT = Path(str(workflow.current_basedir)).parents[1]
sys.path.insert(0, str(ROOT))
# Jobs run in the environment of this Snakemake, activated or not; that of --use-conda still comes first.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

from base.jobs import run_lock  # noqa: E402
from base import settings as strict  # noqa: E402
from base.errors import UserError  # noqa: E402
from base.jobs.gpu import installed_gpus  # noqa: E402
from eigv.config.experiment import Config  # noqa: E402
from eigv.config.run_path import CONSTRAINTS, PATH  # noqa: E402
from eigv.plan.arguments import flags  # noqa: E402
from eigv.plan.entries import one_of  # noqa: E402
from eigv.plan.plan import Plan  # noqa: E402
from eigv.plan.threads import decoding_threads, network_threads  # noqa: E402

# A Snakemake that was killed leaves its lock behind. The next one removes it, unless jobs are sent to a cluster, where those
# of the dead one may be at work. One that runs a single job of another's takes no part, nor does one with --nolock.
if workflow.exec_mode == ExecMode.DEFAULT and "--nolock" not in sys.argv:
    at_work = run_lock.enter(Path(".snakemake"), cleared=workflow.resource_settings.nodes is None)
    if at_work and workflow.output_settings.dryrun:
        at_work.close()


def ask(question, **patterns):
    """A question to the plan as an input or a parameter. Its arguments are the wildcards of the same names, or what the
    wildcards make of `patterns`."""

    def answer(wildcards):
        given = dict(wildcards.items())
        given |= {name: pattern.format(**given) for name, pattern in patterns.items()}
        try:
            return question(**{name: given[name] for name in inspect.signature(question).parameters if name in given})
        except UserError as error:
            raise WorkflowError(str(error))

    return answer


def told(question, **patterns):
    """As `ask`, for what a command is told and what by itself reruns nothing: Snakemake does not compare a parameter that
    asks for threads. What reruns a rule is its parameter `decides` (eigv/plan/decides.py)."""
    answer = ask(question, **patterns)
    return lambda wildcards, threads: answer(wildcards)


def waiting_jobs(resources, *rules):
    """How many jobs of some rules a job may do ahead, in its process, and the wildcards of those that this Snakemake, or
    this group of jobs, still has to do. Each has a job of its own, which finds its files made."""
    submits = workflow.exec_mode == ExecMode.DEFAULT and workflow.resource_settings.nodes is not None
    most = 0 if submits else max(0, resources.runs_per_job - 1)
    return most, [job.wildcards_dict for job in workflow.dag.needrun_jobs() if most and job.rule.name in rules]


# Evaluations that share a process find more models where all trainings that can run go first.
SHARED = "runs_per_job" in workflow.resource_settings.overwrite_resources.get("evaluate", {})


def runs_ahead(wildcards, resources):
    """What a training may train ahead. Not compared, for it asks for resources."""
    most, waiting = waiting_jobs(resources, "train")
    return PLAN.runs.ahead(PATH.format(**wildcards), [PATH.format(**other) for other in waiting], most)


def evaluations_ahead(wildcards, resources):
    """What an evaluation may evaluate ahead: not compared either."""
    most, waiting = waiting_jobs(resources, "evaluate", "evaluate_shifted")
    others = [(PATH.format(**other), other.get("split", "test")) for other in waiting]
    own = PATH.format(**wildcards), wildcards.get("split", "test")
    return PLAN.runs.evaluations_ahead(*own, others, most)


try:
    CONFIG = strict.parse(Config, config, "the configuration")
except UserError as error:
    raise WorkflowError(str(error))
# A dry run touches no network.
PLAN = Plan(CONFIG, ask_hub=not workflow.output_settings.dryrun)
PATHS = PLAN.paths
RESULTS, OUT = PATHS.results, PATHS.outcomes
"""RESULTS has features, annotations and texts, which several configurations can share; OUT has runs, tables, figures."""
STAGES = yaml.safe_load((ROOT / "workflow" / "stages.yaml").read_text())
"""The version of each stage's behaviour: raising a number reruns the stage, editing code does not."""

# Every shell command begins with this. Jobs find our packages in whatever folder they run: Snakemake takes PYTHONPATH
# away from the environments of --use-conda. `|| show_end {log}` adds the last lines of a failed command's log to what
# Snakemake prints; `--announce /dev/fd/3 3>&2` adds a line after each epoch. A cluster sends SIGTERM to all processes of a
# job: without the trap the shell would end at once, and the job with it, before a training had saved its state. The device
# is no parameter: it reruns nothing.
shell.prefix(
    "set -euo pipefail; trap : TERM; export PYTHONPATH={ROOT:q}${{PYTHONPATH:+:$PYTHONPATH}}"
    f" EIGV_DEVICE={CONFIG.device} EIGV_DETERMINISTIC={int(CONFIG.deterministic)};"
    ' show_end() {{ local status=$?; echo "The end of $1:" >&2; tail -n 30 "$1" >&2; exit $status; }}; '
)

GPUS = 0 if CONFIG.device == "cpu" else installed_gpus()
# A job that waits for a GPU would hold its cores. `--resources gpu=N` says otherwise; a cluster counts its own.
if workflow.resource_settings.nodes is None and "gpu" not in workflow.global_resources and GPUS:
    workflow.register_resource("gpu", GPUS)
