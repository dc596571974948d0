"""The configuration: strict, layered, and the same in the files, the types and the schema."""

import json
import re
import typing
from pathlib import Path

import jsonschema
import pytest
import yaml

from base.errors import UserError
from eigv.backbones import BACKBONES
from eigv.config.docs import keys, with_keys
from eigv.config.experiment import Config, load, settings_of_run
from eigv.config.methods import METHODS
from eigv.config.names import MethodName
from eigv.config.run import BackbonesSettings
from eigv.config.run_path import Run
from tests.places import ROOT

FILES = sorted((ROOT / "config").glob("*.yaml"))
SCHEMA = ROOT / "workflow/schemas/config.schema.json"
NEXTQA_HGA = Run("nextqa", "hga", "eigv", "app+mot", 0)


def test_the_schema_is_not_stale():
    assert json.loads(SCHEMA.read_text()) == Config.model_json_schema(), "run: make schema"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_configuration_is_valid(file):
    load([file])
    jsonschema.validate(yaml.safe_load(file.read_text()), json.loads(SCHEMA.read_text()))


def test_the_paper_is_the_default():
    paper = load([ROOT / "config/config.yaml"])
    assert (paper.training.epochs, paper.training.learning_rate, paper.training.decay_at) == (80, 5e-5, 5)
    assert (paper.eigv.objective.beta, paper.eigv.disruptor.negatives) == (0.75, 5)
    assert set(paper.tables["table1"].datasets) == {"nextqa", "msvd-qa", "msrvtt-qa"}
    assert set(paper.tables["table1"].backbones) == {"comem", "hga", "mspan"}


def test_an_unknown_key_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "over.yaml").write_text("training: {epoch: 3}")
    with pytest.raises(UserError, match=r"`training.epoch`; did you mean `epochs`"):
        load([ROOT / "config/demo.yaml", tmp_path / "over.yaml"])


def test_a_later_file_goes_over_an_earlier_one(tmp_path):
    (tmp_path / "over.yaml").write_text("training: {epochs: 3}")
    config = load([ROOT / "config/demo.yaml", tmp_path / "over.yaml"])
    assert config.training.epochs == 3 and config.training.batch == 32


def over(tmp_path: Path, text: str) -> Config:
    (tmp_path / "over.yaml").write_text(text)
    return load([ROOT / "config/demo.yaml", tmp_path / "over.yaml"])


def test_an_override_is_for_the_runs_that_it_names(tmp_path):
    config = over(
        tmp_path,
        """
training: {epochs: 3}
overrides:
  - {when: {dataset: demo-mc}, training: {epochs: 5, batch: 8}}
  - {when: {dataset: demo-mc, method: eigv}, training: {epochs: 7}, eigv: {disruptor: {negatives: 4}}}
""",
    )
    settings = {m: settings_of_run(config, Run("demo-mc", "hga", m, "app+mot", 0)) for m in ("erm", "eigv")}
    assert settings_of_run(config, Run("demo-oe", "hga", "eigv", "app+mot", 0))["training"]["epochs"] == 3
    assert (settings["erm"]["training"]["epochs"], settings["erm"]["training"]["batch"]) == (5, 8)
    assert (settings["eigv"]["training"]["epochs"], settings["eigv"]["training"]["batch"]) == (7, 8)
    assert settings["eigv"]["eigv"]["disruptor"]["negatives"] == 4
    assert settings["eigv"]["eigv"]["objective"]["beta"] == 0.1  # what no override says stays


def test_an_override_may_be_for_several(tmp_path):
    config = over(
        tmp_path,
        "{training: {epochs: 3}, overrides: [{when: {dataset: [demo-mc, demo-oe], method: [erm, mixup]}, "
        "training: {epochs: 5}}]}",
    )

    def epochs(dataset, method):
        return settings_of_run(config, Run(dataset, "hga", method, "app+mot", 0))["training"]["epochs"]

    assert [epochs("demo-mc", "erm"), epochs("demo-oe", "mixup"), epochs("demo-oe", "eigv")] == [5, 5, 3]
    with pytest.raises(UserError, match="eivg"):
        over(tmp_path, "overrides: [{when: {method: [erm, eivg]}, training: {epochs: 5}}]")


def test_an_override_for_a_data_set_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="demo-nc"):
        over(tmp_path, "overrides: [{when: {dataset: demo-nc}, training: {epochs: 5}}]")


def test_the_official_preset_lies_under_what_the_configuration_says(tmp_path):
    (tmp_path / "a.yaml").write_text("""
name: a
preset: official
videos: {v: {folder: v}}
datasets: {d: {format: msvd-qa, annotations: a, videos: v}, n: {format: nextqa, annotations: a, videos: v}}
training: {batch: 4}
""")
    config = load([tmp_path / "a.yaml"])
    msvd, nextqa = (settings_of_run(config, Run(name, "hga", "eigv", "app+mot", 0)) for name in ("d", "n"))
    assert (msvd["training"]["epochs"], nextqa["training"]["epochs"]) == (100, 35)
    assert msvd["training"]["batch"] == nextqa["training"]["batch"] == 4
    assert (msvd["eigv"]["objective"]["similarity"], nextqa["eigv"]["objective"]["similarity"]) == ("dot", "cosine")
    assert (msvd["eigv"]["objective"]["beta"], nextqa["eigv"]["objective"]["beta"]) == (1, 0.0125)
    assert nextqa["eigv"]["intervener"]["candidates"] == "both"


def test_a_data_set_without_its_collection_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "{name: a, videos: {}, datasets: {x: {format: nextqa, annotations: here, videos: gone}}}"
    )
    with pytest.raises(UserError, match="gone"):
        load([tmp_path / "a.yaml"])


def test_what_plain_training_does_not_read_does_not_change_its_settings():
    config = load([ROOT / "config/demo.yaml"])
    objective = config.eigv.objective.model_copy(update={"beta": 9.0})
    other = config.model_copy(update={"eigv": config.eigv.model_copy(update={"objective": objective})})
    plain = Run("demo-mc", "hga", "erm", "app+mot", 0)
    assert settings_of_run(config, plain) == settings_of_run(other, plain)


def test_another_backbone_s_sizes_do_not_change_a_run_s_settings():
    config = load([ROOT / "config/demo.yaml"])
    backbones = config.backbones.model_copy(update={"comem": config.backbones.comem.model_copy(update={"hidden": 3})})
    other = config.model_copy(update={"backbones": backbones})
    hga, comem = (Run("demo-mc", name, "eigv", "app+mot", 0) for name in ("hga", "comem"))
    assert settings_of_run(config, hga) == settings_of_run(other, hga)
    assert settings_of_run(config, comem) != settings_of_run(other, comem)


def test_a_backbone_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="mspam"):
        settings_of_run(load([ROOT / "config/demo.yaml"]), Run("demo-mc", "mspam", "eigv", "app+mot", 0))
    assert set(typing.get_args(MethodName)) == set(METHODS)
    assert set(BackbonesSettings.model_fields) == set(BACKBONES)


def test_the_table_of_keys_is_not_stale():
    readme = (ROOT / "config/README.md").read_text()
    assert with_keys(readme) == readme, "run: make schema"


def test_every_key_is_described_once():
    lines = [line for line in keys().splitlines() if line.startswith("| `")]
    names = [line.split("|")[1] for line in lines]
    assert len(names) == len(set(names)) > 90
    assert all(re.split(r"(?<!\\)\|", line)[4].strip() for line in lines)
    assert "| `features.appearance.network` | text | `resnet152` |" in keys()
    assert "| `videos.<name>.features.path` | path | required |" in keys() and "<class" not in keys()


@pytest.mark.parametrize("overlay", sorted((ROOT / "config/overlays").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_overlay_goes_over_the_paper_and_shares_its_features_unless_it_needs_others(overlay):
    paper, config = load([ROOT / "config/config.yaml"]), load([ROOT / "config/config.yaml", overlay])
    features, shares = paper.features, overlay.stem != "table1"  # whose HCRN reads vectors of all frames
    if not shares:
        appearance = features.appearance.model_copy(update={"frames": "every"})
        features = features.model_copy(update={"appearance": appearance})
    assert (config.results == paper.results) == shares and config.outcomes != paper.outcomes
    assert (config.features, config.text, config.datasets) == (features, paper.text, paper.datasets)


def test_an_overlay_reaches_the_runs():
    official, quick = (
        settings_of_run(load([ROOT / "config/config.yaml", ROOT / f"config/overlays/{name}.yaml"]), NEXTQA_HGA)
        for name in ("official", "quick")
    )
    assert (official["training"]["epochs"], official["eigv"]["objective"]["similarity"]) == (35, "cosine")
    assert (quick["training"]["epochs"], quick["eigv"]["objective"]["similarity"]) == (10, "dot")


def test_one_name_for_two_things_is_refused(tmp_path):
    with pytest.raises(UserError, match="'table2' names more than one"):
        over(tmp_path, "rationales: {table2: {run: demo-mc/hga/eigv/app+mot/seed0}}")


def test_a_page_compares_runs_of_one_data_set(tmp_path):
    with pytest.raises(UserError, match="of one data set"):
        over(tmp_path, "explorers: {e: {runs: [demo-mc/hga/eigv/app+mot/seed0, demo-oe/hga/erm/app+mot/seed0]}}")


def test_a_loss_of_one_right_answer_is_refused_to_methods_that_mix_and_kept_by_the_others():
    said = {"eigv": {"objective": {"answer": "hinge", "beta": 0.3}}}
    config = load([ROOT / "config/config.yaml", json.dumps(said)])
    plain = settings_of_run(config, NEXTQA_HGA._replace(method="erm"))["eigv"]["objective"]
    assert (plain["answer"], plain["beta"]) == ("hinge", 0.75)  # of the contrast it reads nothing
    with pytest.raises(UserError, match=r"answer: hinge` needs one right answer, and the method eigv mixes samples"):
        settings_of_run(config, NEXTQA_HGA)


def test_other_systems_are_official_as_they_were_published():
    config = load([ROOT / "config/config.yaml", json.dumps({"preset": "official"})])
    plain = settings_of_run(config, Run("nextqa", "hme", "erm", "app+mot", 0))
    assert plain["eigv"]["objective"]["answer"] == "hinge" and plain["backbones"]["hme"]["official_shared_map"]
    mixed = settings_of_run(config, Run("nextqa", "hme", "eigv", "app+mot", 0))
    assert mixed["eigv"]["objective"]["answer"] == "cross-entropy" and mixed["training"]["batch"] == 64
    assert settings_of_run(config, Run("msvd-qa", "hme", "erm", "app+mot", 0))["backbones"]["hme"]["reading"] == "twice"
    hcrn = settings_of_run(config, Run("msrvtt-qa", "hcrn", "eigv", "app+mot", 0))
    assert hcrn["backbones"]["hcrn"]["official_random_subsets"] and hcrn["training"]["clip_norm"] == 12
    with pytest.raises(UserError, match="no official model of amu for nextqa"):
        settings_of_run(config, Run("nextqa", "amu", "erm", "app+mot", 0))
