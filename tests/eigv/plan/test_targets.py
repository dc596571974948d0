"""What tables, figures and pages need."""

import json

import pytest

from base.errors import UserError
from eigv.plan.targets import PAPER
from tests.eigv.plan.small import plan

OUT = "results/small"
RUN = "one/hga/eigv/app+mot/seed0"
RAW = {"raw": {"folder": "data/raw/videos"}}
ONE = {"one": {"format": "nextqa", "annotations": "data/one", "videos": "raw"}}


def shown(**over):
    """A configuration of one data set that shows something of each kind."""
    grid = {"datasets": ["one"], "backbones": ["hga"]}
    parts = {
        "tables": {"table1": grid | {"methods": ["erm", "eigv"]}},
        "sweeps": {"figure5a": grid | {"key": "eigv.intervener.alpha", "values": [1.0, 2.0]}},
        "rationales": {"figure6": {"run": RUN}},
        "explorers": {"first": {"runs": [RUN, "one/hga/erm/app+mot/seed0"]}, "second": {"runs": [RUN]}},
        "checkpoints": {"theirs": {"dataset": "one", "backbone": "hga", "file": "theirs.pt"}},
    }
    return plan(**{"videos": RAW, "datasets": ONE} | parts | over)


def test_a_table_needs_the_metrics_of_its_runs_on_every_test_split():
    files = plan().targets.table_runs("table1")
    of_one = [f"{OUT}/runs/one/hga/{method}/app+mot/seed0" for method in ("erm", "eigv")]
    of_two = [f"{OUT}/runs/two/hga/{method}/app+mot/seed0/metrics.json" for method in ("erm", "eigv")]
    assert sorted(files) == sorted(
        [f"{folder}/{name}" for folder in of_one for name in ("metrics.json", "test-shifted/metrics.json")] + of_two
    )


def test_a_table_may_leave_the_second_test_split_out():
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"], "shifted": False}
    assert plan(tables={"t": grid}).targets.table_runs("t") == [f"{OUT}/runs/one/hga/erm/app+mot/seed0/metrics.json"]


def test_a_table_may_show_the_run_without_videos_where_there_is_an_encoder():
    grid = {"datasets": ["one", "two"], "backbones": ["hga"], "methods": ["erm"], "question_only": True}
    files = plan(tables={"t": grid}).targets.table_runs("t")
    assert [file for file in files if "question-only" in file] == [
        f"{OUT}/runs/one/question-only/seed4/metrics.json"  # the tokens of the other data set are imported
    ]


def test_the_files_of_each_kind_of_target():
    files = shown().targets.files
    answers = [f"{OUT}/runs/one/hga/{method}/app+mot/seed0/predictions.csv" for method in ("eigv", "erm")]
    assert files("table1")[0] == f"{OUT}/tables/table1.md" and len(files("table1")) == 3
    assert files("figure5a") == [
        f"{OUT}/figures/figure5a.png",
        f"{OUT}/runs/{RUN}/metrics.json",  # 1.0 is the configuration's own value
        f"{OUT}/runs/one/hga/eigv/app+mot/eigv.intervener.alpha=2.0/seed0/metrics.json",
    ]
    assert files("figure6") == [f"{OUT}/figures/figure6.png", answers[0]]
    assert files("first") == [f"{OUT}/explorer/first.html", *answers]
    assert files("explorer") == [*files("first"), *files("second")]
    assert files("theirs") == [f"{OUT}/checkpoints/one/theirs/metrics.json"]


def test_a_page_that_is_called_explorer_does_not_hide_the_others():
    page = {"runs": [RUN]}
    files = shown(explorers={"explorer": page, "second": page}).targets.files("explorer")
    assert {f"{OUT}/explorer/explorer.html", f"{OUT}/explorer/second.html"} <= set(files)


def test_runs_need_the_splits_that_they_are_trained_chosen_and_evaluated_on():
    one = ONE["one"] | {"splits": ["test"]}
    with pytest.raises(UserError, match="'one', whose `splits` lack train, val, which runs need"):
        shown(datasets={"one": one}, checkpoints={})
    tableless = {"tables": {}, "sweeps": {}, "rationales": {}, "explorers": {}}
    with pytest.raises(UserError, match=r"`checkpoints.theirs.dataset` needs train, val among"):
        shown(datasets={"one": one}, **tableless)  # whose encoder is fine-tuned
    assert shown(datasets={"one": one | {"tokens": "t/{split}.h5"}}, **tableless).config.datasets["one"].splits


def test_every_name_of_the_paper_is_a_target_if_only_to_say_what_there_is_instead():
    targets = plan().targets
    assert set(PAPER) <= set(targets.names) and targets.names.count("table1") == 1
    with pytest.raises(UserError, match="'small' has no table2; it has table1"):
        targets.files("table2")
    with pytest.raises(UserError, match="'small' has no explorer"):
        targets.files("explorer")


def test_the_artefacts_are_all_targets_the_learning_curves_and_the_pages_about_videos():
    targets = shown().targets
    files = targets.artefacts()
    assert len(files) == len(set(files))
    assert set(files) == {
        *(file for name in ("table1", "figure5a", "figure6", "explorer", "theirs") for file in targets.files(name)),
        f"{OUT}/figures/learning-curves-one.png",
        *(f"{OUT}/runs/one/hga/{method}/app+mot/seed0/history.csv" for method in ("erm", "eigv")),
        f"{OUT}/report/problems-raw.html",
    }


def test_what_pictures_and_pages_are_made_from():
    inputs = shown().targets.page_inputs("first")
    assert inputs["manifest"] == [f"{OUT}/videos/raw/manifest.csv"] and inputs["video"] == [
        f"{OUT}/videos/raw/video.h5"
    ]
    assert inputs["questions"] == [f"{OUT}/datasets/one/annotations"] and len(inputs["predictions"]) == 2
    assert shown().targets.picture_inputs("figure6")["predictions"] == [f"{OUT}/runs/{RUN}/predictions.csv"]


def test_learning_curves_are_drawn_once_for_runs_of_several_tables():
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"]}
    tables = {"a": grid, "b": grid, "c": grid | {"datasets": ["two"]}}
    assert plan(tables=tables).targets.histories("one") == [f"{OUT}/runs/one/hga/erm/app+mot/seed0/history.csv"]


def test_a_command_reads_nothing_of_what_else_is_shown():
    targets = shown().targets
    for text, part, name in (
        (targets.table_config("table1"), "tables", "table1"),
        (targets.sweep_config("figure5a"), "sweeps", "figure5a"),
    ):
        values = json.loads(text)
        assert list(values[part]) == [name]
        others = {"tables", "sweeps", "rationales", "explorers", "checkpoints"} - {part}
        assert not others & values.keys() and values["name"] == "small"
    assert json.loads(targets.page_settings("second"))["runs"] == [RUN]


@pytest.mark.parametrize("ask", ["table_runs", "sweep_runs", "picture_inputs", "page_inputs", "picture_settings"])
def test_what_is_not_configured_is_refused(ask):
    with pytest.raises(UserError, match=r"the configuration has no .* 'other'; it has "):
        getattr(shown().targets, ask)("other")


GOLD = {"one": ONE["one"] | {"gold": "data/gold.json", "shifted_test": "test-shifted"}}
SEEDS = [f"one/hga/eigv/app+mot/seed{seed}" for seed in (0, 1)]


def test_a_table_of_explanations_is_a_target_with_what_is_explained_of_each_run():
    explanations = {"post-hoc": {"runs": SEEDS}, "shifted": {"runs": SEEDS[:1], "split": "test-shifted"}}
    targets = shown(datasets=GOLD, explanations=explanations, checkpoints={}).targets
    files = [f"{OUT}/tables/post-hoc.md", *(f"{OUT}/runs/{run}/explanations.csv" for run in SEEDS)]
    assert targets.files("post-hoc") == files and set(files) < set(targets.artefacts())
    assert targets.explained("shifted") == [f"{OUT}/runs/{SEEDS[0]}/test-shifted/explanations.csv"]
    assert list(json.loads(targets.explanations_config("shifted"))["explanations"]) == ["shifted"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"runs": [SEEDS[0], "one/mspan/eigv/app+mot/seed1"]}, "differ in more than their seed"),
        ({"runs": SEEDS[:1] * 2}, "names a run twice"),
        ({"runs": ["two/hga/eigv/app+mot/seed0"]}, "'two', which is not in `datasets`"),
        ({"runs": ["one/hga/erm/app+mot/seed0"]}, "erm trains no indicator; these do: intervener"),
        ({"runs": ["one/hga/egv/app+mot/seed0"]}, "method 'egv'"),
        ({"runs": ["one/hag/eigv/app+mot/seed0"]}, "'hag'"),
        ({"runs": SEEDS, "split": "val"}, "tested on test and test-shifted, not on 'val'"),
    ],
)
def test_what_cannot_be_a_table_of_explanations(table, said):
    with pytest.raises(UserError, match=f"explanations.post-hoc.*{said}"):
        shown(datasets=GOLD, explanations={"post-hoc": table}, checkpoints={})


def test_a_page_shows_the_post_hoc_explanations_that_are_made_of_its_runs_on_test():
    targets = shown(datasets=GOLD, explanations={"post-hoc": {"runs": SEEDS}}, checkpoints={}).targets
    explained = f"{OUT}/runs/{RUN}/explanations.csv"
    assert RUN in SEEDS and targets.page_inputs("first")["explanations"] == [explained]
    assert targets.page_explanations("first") == ["--explanations", explained]
    shifted = {"one": GOLD["one"] | {"shifted_test": "test-shifted"}}
    table = {"runs": SEEDS, "split": "test-shifted"}
    targets = shown(datasets=shifted, explanations={"post-hoc": table}, checkpoints={}).targets
    assert targets.page_explanations("first") == []


def test_explanations_are_measured_against_gold_spans_alone():
    with pytest.raises(UserError, match=r"explanations.post-hoc.*`datasets.one` needs `gold`"):
        shown(explanations={"post-hoc": {"runs": SEEDS}}, checkpoints={})


def test_curves_are_of_those_runs_of_a_table_that_have_a_rationale():
    targets = shown(curves={"deletion": {"table": "table1"}}).targets
    metrics = f"{OUT}/runs/{RUN}/metrics.json"
    assert targets.files("deletion") == [f"{OUT}/figures/deletion.png", metrics]  # plain runs have none
    assert f"{OUT}/figures/deletion.png" in targets.artefacts()
    told = json.loads(targets.curves_config("deletion"))
    assert list(told["tables"]) == ["table1"] and list(told["curves"]) == ["deletion"]
    with pytest.raises(UserError, match=r"`curves.deletion.table` names 'table9'"):
        shown(curves={"deletion": {"table": "table9"}})
