"""The real DAG on features that someone else extracted: no video is needed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from base.formats.questions import CANDIDATES
from base.formats.video_features import VideoFeatures
from eigv.method.batch import Batch
from eigv.runs.external.official_checkpoints import load_official, official_card
from extract.text.encoder import load_encoder
from tests.eigv.runs.external.test_official_checkpoints import recorded
from tests.extract import annotations_on_disk as annotations
from tests.extract import feature_files as make
from tests.places import ROOT
from tests.workflow.test_messages import open_ended, refused
from tests.workflow.test_paper import jobs, plan

pytestmark = pytest.mark.workflow

CONFIG = """
name: imported
results: {folder}/results
videos:
  v:
    features: {{layout: hcrn, path: {folder}/official, widths: [24, 16], ids: "vid{{}}",
                mapping: {folder}/data/youtube_mapping.txt}}
datasets: {{d: {{format: msvd-qa, annotations: {folder}/data, videos: v}}}}
text: {{encoder: "package:minilm", finetuning: {{epochs: 0}}}}
backbones: {{hga: {{hidden: 16, words: 16, fusion: {{width: 16, chunks: 2, rank: 2}}}}}}
training: {{epochs: 1, batch: 8}}
"""
RUN = "runs/d/hga/eigv/app+mot/seed0"
RELEASED = ROOT / "config/released-features.yaml"
SMALL = """
videos:
  nextqa: {features: {widths: [24, 16]}}
  msvd: {features: {widths: [24, 16]}}
  msrvtt: {features: {widths: [24, 16]}}
text: {encoder: "package:minilm", finetuning: {epochs: 0}}
backbones: {hga: {hidden: 16, words: 16, fusion: {width: 16, chunks: 2, rank: 2}}}
training: {epochs: 1, batch: 8}
"""


def made(*arguments: str) -> str:
    """Runs Snakemake to its end, and returns what it says."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stderr


def test_training_starts_from_official_files(tmp_path):
    open_ended(tmp_path / "data", 30)
    shutil.rmtree(tmp_path / "data/videos")
    names = [str(number) for number in range(1, 31)]
    features = make.made_up(names)
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path))
    target = [f"{tmp_path}/results/{RUN}/metrics.json", "--configfile", str(tmp_path / "config.yaml")]
    said = refused(*target)
    assert "the features of v (hcrn)" in said and "_motion_feat.h5" in said
    make.write_hcrn(tmp_path / "official", features, names)
    assert "\nd/hga/eigv/app+mot/seed0: epoch 1 of 1, " in made(*target)
    store = VideoFeatures.read(tmp_path / "results/videos/v/video.h5")
    row = store.ids.index("clip7")
    np.testing.assert_array_equal(store.features["motion"][row], features["motion"]["7"].astype(np.float16))
    predictions = pd.read_csv(tmp_path / "results" / RUN / "predictions.csv")
    assert len(predictions) == 10 and predictions["causal_spans"].isna().all()


def released(folder: Path) -> None:
    """Small files as they are released of three data sets, 4 questions a split, where they are looked for."""
    numbers = [str(number) for number in range(1, 13)]
    splits = {split: numbers[part::3] for part, split in enumerate(("train", "val", "test"))}
    features = make.made_up(numbers)
    for name in ("nextqa/qas_bert", "msvd-qa", "msrvtt-qa"):
        (folder / "data" / name).mkdir(parents=True)
    make.write_nextqa(folder / "data/nextqa/vid_feat", features, splits)
    for name in ("msvd-qa", "msrvtt-qa"):
        annotations.msvd(folder / "data" / name, {s: [("cat", int(n)) for n in of] for s, of in splits.items()})
        make.write_hcrn(folder / "data" / name / "vid_feat", features, numbers)
    (folder / "data/msrvtt-qa/youtube_mapping.txt").unlink()
    tokenizer, _ = load_encoder("package:minilm")
    lengths = [len(tokenizer("what", name)["input_ids"]) for name in CANDIDATES]
    for split, names in splits.items():
        annotations.nextqa(folder / "data/nextqa", split, names)
        tokens = np.zeros((len(names), 5, 37, 8), np.float32)
        for candidate, length in enumerate(lengths):
            tokens[:, candidate, :length] = 1
        with h5py.File(folder / f"data/nextqa/qas_bert/bert_ft_{split}.h5", "w") as file:
            file["feat"] = tokens


def test_released_features_alone_become_the_tables(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    configs, there = [str(RELEASED), str(tmp_path / "small.yaml")], ["--directory", str(tmp_path)]
    said = refused(*there, "--configfile", *configs)
    for file in ("nextqa/vid_feat/app_mot_test.h5", "qas_bert/bert_ft_val.h5", "msvd-qa/vid_feat/*_motion_feat.h5"):
        assert file in said
    assert not re.search(r"weights|\.mp4|map_vid_vidorID", said)

    released(tmp_path)
    found = jobs(plan(configs, *there))
    assert (found["train"], found["evaluate"], found["table"], found["import_features"]) == (162, 162, 3, 3)
    assert (found["import_tokens"], found["finetune"], found["question_only"]) == (3, 2, 2)
    assert not found.keys() & {"decode", "features", "rationale", "explore"}
    runs = [f"results/released-features/runs/{name}/hga/erm/app+mot/seed0" for name in ("nextqa", "msvd-qa")]
    made(*there, "--configfile", *configs, "--", *(f"{run}/metrics.json" for run in runs))
    assert all(len(pd.read_csv(tmp_path / run / "predictions.csv")) == 4 for run in runs)


def official_release(shared: Path, folder: Path) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Files as those of NExT-QA's release, of 30 real questions a split; video, tokens, lengths, answers of test."""
    rng = np.random.default_rng(0)
    tokenizer, _ = load_encoder("package:minilm")
    (folder / "vid_feat").mkdir(parents=True)
    for split in ("train", "val", "test"):
        table = pd.read_csv(shared / f"data/nextqa/{split}.csv").iloc[::7].head(30)
        table.to_csv(folder / f"{split}.csv", index=False)
        texts = [(row["question"], str(row[name])) for _, row in table.iterrows() for name in CANDIDATES]
        lengths = np.array([len(tokenizer(*text)["input_ids"]) for text in texts]).reshape(-1, 5)
        tokens = rng.standard_normal((30, 5, 37, 768), np.float32).astype(np.float16)
        tokens[np.arange(37) >= lengths[..., None]] = 0
        videos = table["video"].unique()
        clips = rng.standard_normal((len(videos), 16, 96), np.float32).astype(np.float16)
        with h5py.File(folder / f"bert_ft_{split}.h5", "w") as file:
            file["feat"] = tokens.astype(np.float32)
        with h5py.File(folder / f"vid_feat/app_mot_{split}.h5", "w") as file:
            file["ids"], file["feat"] = videos.astype(np.int64), clips.astype(np.float32)
    row = pd.Index(videos).get_indexer(table["video"])
    arrays = (clips[row].astype(np.float32), tokens.astype(np.float32), lengths, table["answer"].to_numpy())
    return tuple(torch.from_numpy(array) for array in arrays)


def test_an_official_checkpoint_is_evaluated_by_one_command(shared, tmp_path):
    config = yaml.safe_load((ROOT / "config/official-checkpoint.yaml").read_text())
    config["results"] = f"{tmp_path}/results"
    config["videos"]["nextqa"]["features"] |= {"path": f"{tmp_path}/data/vid_feat", "widths": [48, 48]}
    config["datasets"]["nextqa"] |= {
        "annotations": f"{tmp_path}/data",
        "tokens": f"{tmp_path}/data/bert_ft_{{split}}.h5",
    }
    config["checkpoints"]["published-hga"]["file"] = f"{tmp_path}/official.pt"
    config["text"] = {"encoder": "package:minilm"}  # whose tokenizer made these texts
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = ["published-hga", "--configfile", str(tmp_path / "config.yaml")]
    said = refused(*command)
    assert f"{tmp_path}/official.pt" in said and "app_mot_test.h5" in said and "bert_ft_test.h5" in said
    assert not re.search(r"(train|val)\.(csv|h5)", said)

    video, tokens, lengths, answers = official_release(shared, tmp_path / "data")
    for file in (tmp_path / "data").rglob("*"):
        if "test" not in file.name and file.is_file():
            file.unlink()  # what is not evaluated is not read
    state = recorded(shared, "eigv_hga_nextqa_eval")
    torch.save(state, tmp_path / "official.pt")
    made("all", "--dry-run", *command[1:])  # `{split}` in the configuration is no wildcard of the report
    made(*command)
    folder = tmp_path / "results/checkpoints/nextqa/published-hga"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["questions"] == 30 and metrics["inputs"]["imported"]["file"] == "official.pt"

    model = official_card("nextqa", "hga", state).build()
    load_official(model, state)
    batch = Batch(video, tokens.flatten(0, 1), lengths.flatten(), answers, torch.full((30, 1), -1), 5, [""] * 30)
    expected = model.eval().answer(batch).softmax(dim=1)
    predictions = pd.read_csv(folder / "predictions.csv")
    found = predictions[[f"score_{name}" for name in CANDIDATES]].to_numpy()
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=6e-5)
    assert metrics["accuracy"] == pytest.approx(100 * float((expected.argmax(dim=1) == answers).float().mean()))
    assert predictions["clip_probability"].str.split().map(len).eq(16).all()
