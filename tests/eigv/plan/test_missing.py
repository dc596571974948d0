"""What is missing is said at once, with where to get it and where to put it."""

from pathlib import Path

import pytest

from base.errors import UserError
from eigv.plan.missing import Part, missing, refuse_if_incomplete
from eigv.plan.plan import Plan
from tests.eigv.plan.small import plan

MSVD_QA = ("train_qa.json", "val_qa.json", "test_qa.json", "youtube_mapping.txt")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Paths of configurations are relative to the folder in which Snakemake is called."""
    monkeypatch.chdir(tmp_path)


def put(*paths: str) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def lines(asked: Plan) -> list[str]:
    return [line.strip() for line in missing(asked.config, asked.paths)]


def everything() -> Plan:
    """A plan that lacks one of each kind of file."""
    return plan(
        videos={
            "raw": {"folder": "data/videos", "mapping": "data/map.json"},
            "given": {"features": {"layout": "npy", "path": "data/features"}},
        },
        plugins={"mine": "mine/backbone.py:Mine"},
        checkpoints={"theirs": {"dataset": "one", "backbone": "hga", "file": "weights/theirs.pt"}},
    )


def test_everything_that_is_missing_is_said_at_once():
    found = lines(everything())
    for path in (
        *(f"data/one/{split}.csv" for split in ("train", "val", "test", "test-shifted")),
        *(f"data/two/{name}" for name in MSVD_QA),
        *(f"data/tokens/{split}.h5" for split in ("train", "val", "test")),
        "data/gold.json",
        "data/features/appearance",
        "data/features/motion",
        "mine/backbone.py",
        "weights/theirs.pt",
        "weights/resnet152-394f9c45.pth",
        "weights/resnext-101-kinetics.pth",
    ):
        assert found.count(path) == 1, path
    said = "\n".join(found)
    assert "the folder of the videos of raw: data/videos/<video id>.mp4" in said
    assert "the mapping of video ids to files of raw: data/map.json" in said
    assert "annotations of one (nextqa), from https://github.com/doc-doc/NExT-QA:" in said
    assert "weights of the appearance network resnet152, from https://download.pytorch.org" in said


def test_what_is_not_read_is_not_demanded():
    """An official checkpoint is evaluated on test alone."""
    data = {"format": "nextqa", "annotations": "data", "videos": "given", "tokens": "t/{split}.h5", "splits": ["test"]}
    given = {"features": {"layout": "nextqa", "path": "features", "splits": ["test"]}}
    theirs = {"dataset": "d", "backbone": "hga", "file": "theirs.pt"}
    asked = plan(videos={"given": given}, datasets={"d": data}, tables={}, checkpoints={"theirs": theirs})
    found = [line for line in lines(asked) if not line.endswith(":")]
    assert sorted(found) == ["data/test.csv", "features/app_mot_test.h5", "t/test.h5", "theirs.pt"]


@pytest.mark.parametrize(("features", "network"), [("app", "resnet152"), ("mot", "resnext-101")])
def test_runs_with_one_kind_of_features_ask_for_its_weights_alone(features, network):
    one = {"format": "nextqa", "annotations": "data/one", "videos": "raw"}
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"]}
    asked = {"videos": {"raw": {"folder": "videos"}}, "datasets": {"one": one}}
    said = [
        line for line in lines(plan(**asked, tables={"t": grid | {"features": [features]}})) if line.endswith(".pth")
    ]
    assert len(said) == 1 and network in said[0]
    both = {"t": grid | {"features": ["app", "mot"]}}
    assert len([line for line in lines(plan(**asked, tables=both)) if line.endswith(".pth")]) == 2


def test_annotations_alone_need_no_videos_where_nothing_else_is_shown():
    one = {"one": {"format": "custom", "annotations": "q.csv", "videos": "raw"}}
    put("q.csv")
    asked = {"videos": {"raw": {"folder": "videos"}}, "datasets": one}
    assert plan(**asked, tables={}).data.raw_annotations("one") == ["q.csv"]
    with pytest.raises(UserError, match="the folder of the videos of raw"):
        plan(**asked, tables={}).data.asking("raw")
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"]}
    with pytest.raises(UserError, match="the folder of the videos of raw"):
        plan(**asked, tables={"t": grid}).data.raw_annotations("one")


def test_only_what_is_missing_is_said():
    put(*(f"data/two/{name}" for name in MSVD_QA), "data/one/train.csv", "weights/resnet152-394f9c45.pth")
    found = lines(everything())
    assert "data/one/val.csv" in found and "data/one/train.csv" not in found
    assert "weights/resnext-101-kinetics.pth" in found and "weights/resnet152-394f9c45.pth" not in found


def test_a_plan_with_all_its_files_is_complete():
    asked = plan(datasets={}, tables={}, videos={"raw": {"folder": "data/videos"}})
    put("data/videos/a.mp4", "weights/resnet152-394f9c45.pth", "weights/resnext-101-kinetics.pth")
    assert lines(asked) == []
    refuse_if_incomplete(asked.config, asked.paths, Part([], ["raw"]))


def test_the_message_goes_to_whoever_asks_for_the_first_files():
    asked = everything()
    with pytest.raises(UserError, match=r"^these files are needed and not there:\n  annotations of one"):
        asked.data.raw_annotations("one")
    with pytest.raises(UserError, match="the official checkpoint theirs"):
        asked.runs.checkpoint_file("theirs")


def test_a_data_set_waits_for_no_files_of_another():
    """Who has a part of a configuration's files can run that part; who asks for more hears of all that is missing."""
    asked = plan()
    tokens = [f"data/tokens/{split}.h5" for split in ("train", "val", "test")]
    put(*(f"data/two/{name}" for name in MSVD_QA), *tokens, "data/gold.json")
    put(*(f"data/features/app_mot_{split}.h5" for split in ("train", "test")))
    assert len(asked.data.raw_annotations("two")) == len(MSVD_QA)
    assert asked.data.asking("given")
    for question, name in ((asked.data.raw_annotations, "one"), (asked.data.asking, "raw")):
        with pytest.raises(UserError, match=r"(?s)annotations of one.*weights of the appearance network"):
            question(name)
    Path("data/gold.json").unlink()
    with pytest.raises(UserError, match=r"(?s)annotations of one.*annotations of two.*folder of the videos of raw"):
        asked.data.raw_annotations("two")


@pytest.mark.parametrize("weights", ["random", "mine.pth"])
def test_weights_are_missed_where_they_are_looked_for(weights):
    asked = plan(features={"appearance": {"network": "resnet152", "weights": weights}})
    found = lines(asked)
    assert "weights/resnet152-394f9c45.pth" not in found
    assert ("mine.pth" in found) == (weights == "mine.pth")


def test_weights_that_packages_carry_are_not_looked_for():
    """They may be installed only where the jobs run (--use-conda)."""
    networks = {"appearance": {"network": "efficientnet-lite0"}, "motion": {"network": "resnext3d-tiny"}}
    assert "network" not in " ".join(lines(plan(features=networks)))


def test_no_weights_are_needed_where_no_feature_is_made():
    assert "network" in " ".join(lines(plan()))
    assert "network" not in " ".join(lines(plan(tables={})))  # it is there for its annotations and texts
    put("results/small/videos/raw/video.h5")
    assert "network" not in " ".join(lines(plan()))


def test_an_encoder_is_missed_until_the_texts_have_theirs():
    nowhere = {"text": {"encoder": "./nowhere/bert"}}
    said = " ".join(lines(plan(**nowhere)))
    assert "the text encoder './nowhere/bert':" in said and "there is no config.json in it" in said
    assert "encoder" not in " ".join(lines(plan(**nowhere, tables={})))
    Path("results/small/datasets/one/text/encoder").mkdir(parents=True)
    assert "encoder" not in " ".join(lines(plan(**nowhere)))


def test_a_dry_run_takes_an_encoder_of_the_hub_for_there(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = plan(text={"encoder": "nobody/has-this-encoder"})
    assert "nobody/has-this-encoder" in " ".join(lines(asked))
    assert "nobody/has-this-encoder" not in " ".join(missing(asked.config, asked.paths, ask_hub=False))


def test_vectors_of_frames_are_missed_where_a_backbone_reads_them_and_features_are_made_here():
    table = {"table1": {"datasets": ["one", "two"], "backbones": ["hga", "hcrn"], "methods": ["erm"]}}
    found = lines(plan(tables=table))
    where = found.index("vectors of single frames of the videos of raw, which the backbone hcrn reads:")
    assert found[where + 1] == "set `features.appearance.frames: every`"
    for other in ({"features": {"appearance": {"frames": "every"}}}, {"tables": {}}):
        assert not any("single frames" in line for line in lines(plan(**{"tables": table} | other)))


def test_captions_need_their_encoder_whose_folder_makes_features_anew(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    put("data/captions.json", "mine/config.json")

    def with_encoder(name: str) -> Plan:
        said = {"layout": "captions", "path": "data/captions.json", "captions": {"encoder": name}}
        return plan(videos={"raw": {"folder": "data/videos"}, "given": {"features": said}})

    assert "the text encoder 'nobody/no-such-model':" in lines(with_encoder("nobody/no-such-model"))
    assert "the text encoder 'package:minilm':" not in lines(with_encoder("package:minilm"))
    assert "absent" in "\n".join(lines(with_encoder("./absent")))
    assert with_encoder("./mine").data.imported_features("given") == ["data/captions.json", "mine"]
