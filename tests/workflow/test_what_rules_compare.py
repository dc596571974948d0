"""What each rule compares and reads: without its stage, its `decides` or a raw input, a change would rerun nothing.

A row for every rule, with what has to stand in it; that the parameters are right is in tests/eigv/plan/test_decides.py.
"""

import re
from typing import NamedTuple

import pytest
import yaml

from tests.places import ROOT


class Rule(NamedTuple):
    inputs: str
    """The text of its inputs."""
    params: str
    """The text of its parameters."""


class Row(NamedTuple):
    stage: str
    compares: tuple[str, ...] = ()
    """Questions to the plan whose answers are parameters that Snakemake compares."""
    reads: tuple[str, ...] = ()
    """Files that other people or the user have made, or that another rule has."""


RUN_INPUTS = ("PLAN.data.video", "PATHS.questions()")
SHARDS = ("frames", "appearance", "motion")
EVALUATES = ("decides.evaluate", "runs.environment", "runs.faithfulness", "runs.gold_option")
EVALUATED = (*RUN_INPUTS, "PATHS.text(")
ROWS = {
    "annotations": Row("annotations", ("decides.annotations",), ("PLAN.data.raw_annotations",)),
    "gold": Row("annotations", ("decides.gold",), ("PLAN.data.gold", "PATHS.all_annotations()", "PATHS.questions()")),
    "questions": Row("annotations", ("decides.questions",), ("PATHS.all_annotations()", "PLAN.data.manifest")),
    "import_features": Row(
        "import",
        ("decides.import_features", "data.folder_key"),
        ("PLAN.data.imported_features", "PLAN.data.asking"),
    ),
    "probe": Row("probe", ("decides.probe", "data.folder_key"), ("PLAN.data.asking",)),
    "shards": Row("probe", ("decides.shards",), ("PATHS.manifest()",)),
    "decode": Row("decode", ("decides.decode",), ('PATHS.shard("csv")',)),
    "features": Row("features", ("decides.features",), ('PATHS.shard("frames.h5")', "PLAN.data.own_network")),
    "merge": Row(
        "features",
        ("decides.merge",),
        (
            "PATHS.manifest()",
            *(f'gather.shards(PATHS.shard("{name}.h5"' for name in ("frames", "appearance", "motion")),
        ),
    ),
    **{
        f"merge_{kind}": Row(
            "features", ("decides.merge",), ("PATHS.manifest()", f'gather.shards(PATHS.shard("{kind}.h5"')
        )
        for kind in ("appearance", "motion")
    },
    "finetune": Row("text", ("decides.finetune",), ("PATHS.questions()",)),
    "tokens": Row("text", ("decides.tokens",), ("PATHS.encoder()", "PATHS.questions()")),
    "tokens_of_shifted_test": Row("text", ("decides.tokens",), ("PATHS.encoder()", "PATHS.questions()")),
    "import_tokens": Row("text", ("decides.import_tokens",), ("PLAN.data.imported_tokens", "PATHS.all_annotations()")),
    "question_only": Row("evaluate", (), ("PATHS.encoder()", "PATHS.questions()")),
    "question_only_on_another_split": Row("evaluate", (), ("PATHS.encoder()", "PATHS.questions()")),
    "train": Row(
        "train",
        ("decides.train",),
        (*RUN_INPUTS, 'PATHS.text("train")', 'PATHS.text("val")', "PLAN.runs.own_files"),
    ),
    "evaluate": Row("evaluate", EVALUATES, (*EVALUATED, "RUN.model", "RUN.weights", "PLAN.runs.gold")),
    "evaluate_shifted": Row("evaluate", EVALUATES, (*EVALUATED, "RUN.model", "RUN.weights", "PLAN.runs.gold")),
    "import_checkpoint": Row("train", (), ("PLAN.runs.checkpoint_file",)),
    "evaluate_checkpoint": Row(
        "evaluate",
        ("runs.gold_option",),
        (*EVALUATED, "CHECKPOINT.model", "CHECKPOINT.weights", "PLAN.runs.gold_of_checkpoint"),
    ),
    "table": Row("tables", ("targets.decides_table",), ("PLAN.targets.table_runs",)),
    **{
        f"compare_explanations{which}": Row(
            "explanations",
            ("runs.environment",),
            (*EVALUATED, "RUN.model", "RUN.weights", 'PATHS.text("val")', "PATHS.gold("),
        )
        for which in ("", "_shifted")
    },
    "explanations_table": Row("tables", ("targets.decides_explanations",), ("PLAN.targets.explained",)),
    "sweep": Row("figures", ("targets.decides_sweep",), ("PLAN.targets.sweep_runs",)),
    "curves": Row("figures", ("targets.decides_curves",), ("PLAN.targets.curve_runs",)),
    "learning_curves": Row("figures", ("targets.trained",), ("PLAN.targets.histories",)),
    "rationale": Row("figures", ("targets.decides_picture", "targets.picture_gold"), ("PLAN.targets.picture_inputs",)),
    "explore": Row(
        "explorer",
        ("targets.page_settings", "targets.page_gold", "targets.page_explanations"),
        ("PLAN.targets.page_inputs",),
    ),
    "problems": Row("report", (), ("PATHS.manifest()",)),
    "times": Row("report", (), ("PLAN.targets.artefacts",)),
    "report": Row("report", (), ("PLAN.targets.artefacts",)),
}


def rules() -> dict[str, Rule]:
    """The rules that run a command; `use rule` takes over what it does not give itself."""
    found: dict[str, Rule] = {}
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        blocks = re.split(r"^(?:use )?rule (\w+)(?: as (\w+) with)?:$", file.read_text(), flags=re.MULTILINE)[1:]
        for name, copy, body in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True):
            # What stands in a comment is not there.
            parts = dict(re.findall(r"^    (\w+):\n((?: {8}.*\n)+)", re.sub(r"^ *#.*\n", "", body, flags=re.M), re.M))
            inherited = found[name] if copy else Rule("", "")
            found[copy or name] = Rule(parts.get("input", inherited.inputs), parts.get("params", inherited.params))
    return found


RULES = rules()


def test_every_rule_has_a_row():
    assert set(RULES) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_compares_its_stage(name):
    assert re.findall(r"^ +stage=(.*),$", RULES[name].params, re.M) == [f'STAGES["{ROWS[name].stage}"]']


def test_every_stage_is_compared_by_a_rule():
    stages = yaml.safe_load((ROOT / "workflow/stages.yaml").read_text())
    assert set(stages) == {row.stage for row in ROWS.values()}


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_compares_what_decides_it(name):
    for question in ROWS[name].compares:
        assert re.search(rf"^ +\w+=ask\(PLAN\.{re.escape(question)}\b", RULES[name].params, re.M), question


@pytest.mark.parametrize("name", ROWS)
def test_what_is_told_is_compared_elsewhere(name):
    """Snakemake does not look at what `told` gives."""
    if "told(PLAN." in RULES[name].params:
        assert re.search(r"^ +decides=ask\(", RULES[name].params, re.M)


@pytest.mark.parametrize("name", ["probe", "decode", "features", "finetune", "tokens", "train"])
def test_a_command_that_goes_on_after_a_kill_is_told_its_stage(name):
    """Else it would go on with what another version of it has left."""
    text = "".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    body = re.split(rf"^rule {name}:$", text, flags=re.M)[1].split("\nrule ")[0]
    assert "--stage {params.stage:q}" in body.partition("    shell:")[2]


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_reads_its_files(name):
    for place in ROWS[name].reads:
        assert place in RULES[name].inputs, place
