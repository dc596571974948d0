"""make study: its sets, the search of its settings and its page, on files made by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml

from base.formats.explanations import INDICATOR, NUMBERS, OWN, SAME_SIZE
from base.formats.predictions import Predictions, Rationale
from base.formats.run_folder import RunFolder
from benchmarks.study import search, sets
from benchmarks.study.__main__ import CONFIG, PAGE, results
from benchmarks.study.explained import Times, beyond_chance, rows
from benchmarks.study.systems import gain, plain_of, systems
from eigv.config.experiment import load, settings_of_run
from eigv.config.official import official
from eigv.config.run import EigvSettings
from eigv.config.run_path import Run
from eigv.paper.comparison.compare import Row
from tests.benchmarks.made_runs import made
from tests.places import ROOT, SHARED

TABLE = pd.DataFrame(
    [
        (f"q{n}", f"v{n // 2}", "CW" if n % 2 else "TN", "train" if n < 600 else "val" if n < 620 else "test")
        for n in range(660)
    ],
    columns=["qid", "video", "type", "split"],
)


def test_a_share_of_the_train_questions_lies_in_a_larger_one_and_other_splits_stay():
    third, tenth = (sets.questions(TABLE, sets.Part("", share)) for share in (1 / 3, 1 / 10))
    of = [set(table.loc[table["split"] == "train", "qid"]) for table in (third, tenth)]
    assert of[1] < of[0]
    assert 150 < len(of[0]) < 250
    assert 40 < len(of[1]) < 80
    for split in ("val", "test"):
        assert (tenth["split"] == split).sum() == (TABLE["split"] == split).sum()


def test_types_are_those_of_train_and_val_and_test_has_all():
    found = sets.questions(TABLE, sets.Part("", types=("CW",)))
    assert set(found.loc[found["split"].isin(["train", "val"]), "type"]) == {"CW"}
    assert (found["split"] == "test").sum() == 40


def test_the_small_form_has_questions_of_each_split_about_many_videos():
    found = sets.questions(TABLE, sets.Part(""), small=True)
    assert found["split"].value_counts().to_dict() == {"train": 60, "test": 40, "test-shuffled": 40, "val": 20}
    assert found.loc[found["split"] == "train", "video"].nunique() > 40


def test_no_shuffled_question_keeps_its_video_and_the_videos_are_those_of_test():
    test = TABLE[TABLE["split"] == "test"]
    found = sets.shuffled(test)
    assert not (found["video"].to_numpy() == test["video"].to_numpy()).any()
    assert set(found["video"]) == set(test["video"])
    assert found["qid"].tolist() == [f"shuffled-{qid}" for qid in test["qid"]]
    # Questions about one video are about one other.
    assert pd.crosstab(test["video"].to_numpy(), found["video"].to_numpy()).gt(0).sum(axis=1).eq(1).all()


@pytest.mark.skipif(not (SHARED / "data/real").is_dir(), reason="needs ../shared/data/real")
def test_half_of_the_types_is_as_much_as_half_of_the_questions():
    table = pd.read_csv(SHARED / "data/real/nextqa/questions_official.csv", dtype=str)
    sizes = [
        (sets.questions(table, sets.SETS[name])["split"] == "train").sum() for name in ("nextqa-causal", "nextqa-half")
    ]
    assert 0.9 < sizes[0] / sizes[1] < 1.1


def histories(config, dataset, method, accuracies):
    for run, accuracy in zip(search.runs_of(dataset, method), accuracies, strict=True):
        file = RunFolder(config.runs_folder / str(run)).history
        file.parent.mkdir(parents=True)
        file.write_text(f"epoch,val_accuracy\n1,{accuracy}\n2,{accuracy - 5}\n")


def test_the_best_point_on_val_is_written_for_a_data_set_and_its_parts_once_all_have_been_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load([ROOT / CONFIG])
    histories(config, "real-msvd", "erm", [30.0, 33.0, 31.0, 33.0])
    assert list(search.chosen(config)) == []
    histories(config, "real-msvd", "eigv", [30.0, 31.0, 34.5, 33.0])
    text = "\n".join(search.chosen(config))
    assert "# real-msvd, erm: 33.0 on val, of 30.0, 33.0, 31.0, 33.0" in text
    before, rest = (ROOT / CONFIG).read_text().split(search.BEGINNING)
    values = yaml.safe_load(before + rest.split(search.END)[1])
    values["overrides"] += yaml.safe_load(text)
    (tmp_path / "study.json").write_text(json.dumps(values))
    chosen = load([tmp_path / "study.json"])

    def of(dataset, method, backbone="mspan"):
        found = settings_of_run(chosen, Run(dataset, backbone, method, "app+mot", 0))
        return (
            found["training"]["learning_rate"],
            found["backbones"][backbone]["dropout"],
            found["eigv"]["objective"]["beta"],
        )

    assert of("real-msvd", "erm", "hga")[:2] == of("real-msvd-tenth", "faithful")[:2] == (3e-4, 0.4)
    assert of("real-msvd", "disruptor", "comem") == of("real-msvd-third", "eigv") == (1e-3, 0.2, 0.01)
    assert of("real-msvd-official", "eigv")[2] == 1.0
    assert of("real-nextqa", "eigv") == (3e-4, 0.2, 0.01)  # not searched
    # What was chosen before stays where it is not searched again.
    kept = "  # real-nextqa, erm: 40.0 on val\n  # real-msvd, erm: 1.0 on val"
    again = "\n".join(search.chosen(config, before=kept))
    assert again == kept.splitlines()[0] + "\n" + text


def test_what_was_tried_is_read_from_the_configuration(tmp_path):
    said = "  # real-msvd, erm: 33.0 on val, of 30.0, 33.0, 31.0, 33.0\n  - {when: {dataset: [real-msvd]}}\n"
    text = f"# real-nextqa, erm: 1.0 on val, of 1.0\n{search.BEGINNING}\n\n{said}\n{search.END}\n"
    (tmp_path / "study.yaml").write_text(text)
    assert search.tried(tmp_path / "study.yaml") == {("real-msvd", "erm"): [30.0, 33.0, 31.0, 33.0]}
    for (_, method), accuracies in search.tried(CONFIG).items():
        assert len(accuracies) == len(search.SEARCHED[method])


def test_both_methods_have_as_many_points_on_a_seed_that_no_table_has():
    config = load([ROOT / CONFIG])
    assert len({len(points) for points in search.SEARCHED.values()}) == 1
    shown = {run.seed for name in (*config.tables, *config.sweeps) for run in config.runs(name)}
    assert search.SEED not in shown


def test_another_set_is_asked_with_the_settings_of_the_others(tmp_path):
    """By the file that docs/results.md shows, over the configuration as it is before its search."""
    page = (ROOT / PAGE).read_text().partition("## Another set")[2]
    (tmp_path / "fourth.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    before, rest = (ROOT / CONFIG).read_text().split(search.BEGINNING)
    (tmp_path / "study.yaml").write_text(before + rest.split(search.END)[1])
    config = load([tmp_path / "study.yaml", tmp_path / "fourth.yaml"])
    runs = config.runs("fourth")
    assert len(runs) == 30 and {run.dataset for run in runs} == {"real-fourth"}
    for run in runs:
        assert settings_of_run(config, run) == settings_of_run(config, run._replace(dataset="real-msvd"))


def test_the_page_has_what_was_run_with_its_difference_to_plain_training_and_names_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load([ROOT / CONFIG])
    plain = np.arange(60) % 3 == 0  # 20 of 60
    for seed in range(5):
        made(config, Run("real-msvd", "mspan", "erm", "app+mot", seed), plain)
        made(config, Run("real-msvd", "mspan", "erm", "app+mot", seed), np.arange(60) < 6, "test-shuffled")
        made(config, Run("real-msvd", "mspan", "eigv", "app+mot", seed), plain | (np.arange(60) < 30))
    for seed in range(3):
        made(config, Run("real-msvd-official", "mspan", "eigv", "app+mot", seed), ~plain)
    for seed in range(2):
        made(config, Run("real-msvd", "hga", "erm", "app+mot", seed), np.zeros(60, dtype=bool))
    for seed in range(4):
        made(config, Run("real-nextqa-causal", "mspan", "erm", "app+mot", seed), np.arange(60) % 2 == 0)
    text = results(config, tmp_path / "images", tmp_path / "none")
    lines = {}
    for line in text.partition("### MSVD-QA\n")[2].partition("###")[0].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        lines |= {cells[0]: cells[1:]} if cells else {}
    assert lines["MSPAN"][0] == "5"
    assert lines["MSPAN"][1].startswith("33.3 ± 0.0 [")
    assert lines["MSPAN"][-1] == "10.0 ± 0.0"
    assert lines["MSPAN + EIGV"][2].startswith("+33.3 [")
    assert lines["MSPAN + EIGV"][2].endswith(r"]\*")
    assert lines["MSPAN + EIGV, official settings"][2].startswith("+33.3 [")
    assert [cell.split(" ±")[0] for cell in lines["MSPAN"][4:]] == ["7.0", "10.0"]  # the best epoch, of another video
    beside = text.partition("### MSVD-QA, plain systems beside MSPAN\n")[2].partition("###")[0]
    (hga,) = [line for line in beside.splitlines() if line.startswith("|") and "-33.3 [" in line]
    assert hga.split("|")[1].strip() == "HGA" and beside.count("\n|") == 3
    (of_types,) = [line for line in text.splitlines() if "why and how" in line and "MSPAN" in line]
    assert [cell.strip() for cell in of_types.split("|")[3:6]] == ["4", "100.0 ± 0.0", "0.0 ± 0.0"]
    assert "- `make study-table1`: 12 of 60 runs are there" in text
    assert "- `make study-post-hoc`: 0 of 5 runs are there" in text
    assert "nan" not in text
    assert "## Does its rationale" not in text  # of which no run is there


def test_a_difference_on_a_single_video_has_no_interval():
    row = Row("CW", "all", 1, 1, 100, 0, 0, 0, 100.0, math.nan, math.nan, False, 1, 0, 1.0)
    assert gain(row) == {"difference": "+100.0", "p": "1.000"}


def test_post_hoc_rationales_are_scored_as_the_benchmark_does_beside_the_indicator(tmp_path):
    starts = np.arange(4) * 10.0
    times = {f"v{n}": Times(starts, starts + 5.0) for n in range(30)}
    asked = {"qid": [f"q{n}" for n in range(30)], "video_id": [f"v{n}" for n in range(30)], "type": "CW"}
    pd.DataFrame(asked | {"correct": [1, 0, 1] * 10}).to_csv(tmp_path / "predictions.csv", index=False)
    own = pd.DataFrame(
        asked | {"explainer": INDICATOR, "selection": OWN, "clips": "0 1 3"} | dict.fromkeys(NUMBERS, 0.5)
    )
    other = own.assign(explainer="occlusion", selection=SAME_SIZE, clips="")
    pd.concat([own, other]).to_csv(tmp_path / "explanations.csv", index=False)
    # The longest run is seconds 0 to 15; gold are 0 to 10.
    first, second = rows([RunFolder(tmp_path)], times, {f"q{n}": [(0.0, 10.0)] for n in range(30)})
    assert (first["explainer"], first["mIoP"], first["mIoU"]) == (INDICATOR, *["66.7 [66.7, 66.7]"] * 2)
    assert first["IoP@0.5"] == "100.0 [100.0, 100.0]"
    assert first["Acc@GQA"].startswith("66.7 [")
    assert "mIoU, difference" not in first
    assert (second["mIoP"], second["IoU@0.3"]) == ("0.0 [0.0, 0.0]",) * 2
    assert second["mIoU, difference"] == r"-66.7 [-66.7, -66.7]\*"


def test_a_rationale_is_held_against_random_clips_as_many(tmp_path):
    starts = np.arange(4) * 10.0
    times = {f"v{n}": Times(starts, starts + 10.0) for n in range(30)}
    names = [f"q{n}" for n in range(31)]  # the last has no gold
    videos = [f"v{n % 30}" for n in range(31)]
    said = [Rationale((1,), ((10.0, 20.0),), (0.1, 0.9, 0.1, 0.1))] * 31
    right = np.arange(31) % 2 == 0
    predicted = Predictions(names, videos, ["CW"] * 31, [0] * 31, [0] * 31, right, np.full((31, 5), 0.2), None, said)
    predicted.write(tmp_path / "predictions.csv")
    row = beyond_chance([RunFolder(tmp_path)], times, {name: [(10.0, 20.0)] for name in names[:30]})
    assert (row["mIoP"], row["mIoU"]) == ("100.0 [100.0, 100.0]",) * 2
    assert row["Acc@GQA"].startswith("50.0 [")
    # One clip of four by chance.
    assert row["mIoP beyond random"].startswith("+7")
    assert row["mIoP beyond random"].endswith(r"\*")


def test_plain_training_is_that_of_the_same_backbone_on_the_same_questions_with_its_videos():
    found = systems(load([ROOT / CONFIG]), "table1", "official", "blind")
    of = {(one.first.dataset, one.first.backbone, one.first.method): one for one in found}
    plain = of["real-msvd", "mspan", "erm"]
    for system in (
        ("real-msvd", "mspan", "eigv"),
        ("real-msvd-official", "mspan", "eigv"),
        ("real-msvd-blind", "mspan", "erm"),
    ):
        assert plain_of(of[system], found) is plain
    assert plain_of(plain, found) is None


def test_eigv_has_the_paper_s_settings_or_the_official_ones_for_the_form_of_answers():
    config = load([ROOT / CONFIG])

    def of(dataset):
        return settings_of_run(config, Run(dataset, "mspan", "eigv", "app+mot", 0))["eigv"]

    assert config.eigv == EigvSettings.model_validate({"disruptor": {"negatives": 1}, "objective": {"beta": 0.01}})
    paper = settings_of_run(
        config.model_copy(update={"overrides": ()}), Run("real-msvd", "mspan", "eigv", "app+mot", 0)
    )["eigv"]
    for dataset, kind in (("real-nextqa", "nextqa"), ("real-msvd", "msvd-qa")):
        for group in ("grounding", "intervener", "disruptor"):
            assert of(dataset)[group] == paper[group]
        for group, said in official(kind, "mspan")["eigv"].items():
            for key, value in said.items():
                if key not in ("official_sum_mask", "negatives"):  # rounding decides it; one for five
                    assert of(f"{dataset}-official")[group][key] == value, f"{group}.{key}"


def test_every_run_of_the_study_has_settings_and_small_sets_have_five_seeds():
    config = load([ROOT / CONFIG])
    for table in config.tables:
        for run in config.runs(table):
            assert settings_of_run(config, run)["training"]["epochs"] <= 24
    of = {name: table.seeds for name, table in config.tables.items()}
    assert {of[name] for name in ("table1", "table2", "grounding", "fewer", "types")} == {(0, 1, 2, 3, 4)}
    assert {of[name] for name in ("table1-msrvtt", "systems-msrvtt")} == {(0, 1, 2)}
