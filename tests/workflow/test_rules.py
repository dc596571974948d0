"""What every rule must have that asks for a GPU: a command that claims one, and a partition that has some."""

import inspect
import re
from typing import NamedTuple

import pytest
import yaml

import eigv.cli
import extract.cli
from eigv.runs import several
from eigv.runs.ahead import evaluations
from tests.places import ROOT

WORKFLOW = ROOT / "workflow"
APPS = {"eigv": eigv.cli.app, "extract": extract.cli.app}


class Rule(NamedTuple):
    gpu: bool
    """Whether it is counted by `--resources gpu=N`."""
    package: str
    command: str


def rules() -> dict[str, Rule]:
    """The rules that call a command of ours, by their names; `use rule` takes over what it does not change."""
    found: dict[str, Rule] = {}
    for file in sorted((WORKFLOW / "rules").glob("*.smk")):
        blocks = re.split(r"^(?:use )?rule (\w+)(?: as (\w+) with)?:$", file.read_text(), flags=re.MULTILINE)[1:]
        for name, copy, body in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True):
            gpu = re.search(r"^        gpu=(\d)", body, re.MULTILINE)
            call = re.search(r"python -m (\w+)\.cli ([\w-]+)", body)
            if copy:
                assert not gpu and not call
                found[copy] = found[name]
            elif call:
                found[name] = Rule(gpu is not None and gpu[1] != "0", *call.groups())
    return found


RULES = rules()


def claims_a_device(package: str, command: str) -> bool:
    apps = [APPS[package], *(group.typer_instance for group in APPS[package].registered_groups)]
    (callback,) = (
        entry.callback
        for app in apps
        for entry in app.registered_commands
        if command in (entry.name, entry.callback.__name__)
    )
    source = inspect.getsource(callback)
    if "several.train" in source:  # the trainings of a process share their claim
        source += inspect.getsource(several)
    if "evaluations.evaluate" in source:
        source += inspect.getsource(evaluations)
    return "working_device(" in source


def test_the_rules_are_found():
    named = set(re.findall(r"^rule (\w+):", "".join(p.read_text() for p in WORKFLOW.glob("rules/*.smk")), re.MULTILINE))
    assert named - RULES.keys() == {"report"}  # which calls Snakemake
    assert {"features", "finetune", "train", "evaluate_shifted"} <= {name for name, rule in RULES.items() if rule.gpu}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_asks_for_a_gpu_where_its_command_claims_one(name):
    """Without a claim two jobs would meet on one GPU; a claim that is not counted would wait while it holds a place."""
    gpu, package, command = RULES[name]
    assert gpu == claims_a_device(package, command)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.gpu])
def test_slurm_sends_a_rule_that_asks_for_a_gpu_where_some_are(name):
    resources = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text().replace("?if", "if"))
    assert resources["set-resources"][name].startswith("?gpu(")
