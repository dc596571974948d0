"""The text side of the real DAG on real annotation rows of every format, and training from imported token features."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from base.formats.questions import CANDIDATES
from base.formats.token_features import TokenFeatures
from base.formats.vocabulary import read_vocabulary
from tests.places import ROOT

SPLITS = ("train", "val", "test")
FORMATS = ("nextqa", "next-oe", "msvd-qa", "msrvtt-qa", "custom")
QUESTIONS = 24
LONGEST = 37
pytestmark = pytest.mark.workflow

CONFIG = """
name: text
results: {folder}/results
videos: {{v: {{folder: {folder}, missing: zeros}}}}
datasets:
  nextqa: {{format: nextqa, annotations: {folder}/nextqa, videos: v}}
  next-oe: {{format: next-oe, annotations: {folder}/next-oe, videos: v, answers: {{keep: 10, unknown: class}}}}
  msvd-qa: {{format: msvd-qa, annotations: {folder}/msvd-qa, videos: v, answers: msvd-1852}}
  msrvtt-qa: {{format: msrvtt-qa, annotations: {folder}/msrvtt-qa, videos: v, answers: msrvtt-4000}}
  custom: {{format: custom, annotations: {folder}/custom.csv, videos: v}}
  imported: {{format: nextqa, annotations: {folder}/nextqa, videos: v, tokens: "{folder}/bert_ft_{{split}}.h5"}}
features: {{shards: 1, appearance: {{network: efficientnet-lite0, size: 64}}, motion: {{network: resnext3d-tiny}}}}
text: {{encoder: "package:minilm", finetuning: {{epochs: 1, batch: 8, steps: 2}}}}
backbones: {{hga: {{hidden: 16, words: 32, fusion: {{width: 32, chunks: 4, rank: 2}}}}}}
training: {{epochs: 1, batch: 8}}
"""


def write_annotations(shared, folder):
    """The first rows of the real files, in their own layouts; MSRVTT-QA's train is made of val rows it does not use."""
    for name in ("nextqa", "next-oe", "msvd-qa", "msrvtt-qa"):
        (folder / name).mkdir()
    for split in SPLITS:
        rows = pd.read_csv(shared / f"data/nextqa/{split}.csv", dtype=str).head(QUESTIONS)
        rows.to_csv(folder / f"nextqa/{split}.csv", index=False)
        right = [row[f"a{row['answer']}"] for _, row in rows.iterrows()]
        rows.drop(columns=CANDIDATES).assign(answer=right).to_csv(folder / f"next-oe/{split}.csv", index=False)
        entries = json.loads((shared / f"data/msvd-qa/{split}_qa.json").read_text())[:QUESTIONS]
        (folder / f"msvd-qa/{split}_qa.json").write_text(json.dumps(entries))
    (folder / "msvd-qa/youtube_mapping.txt").write_bytes((shared / "data/msvd-qa/youtube_mapping.txt").read_bytes())
    val = pd.read_csv(shared / "data/msrvtt-qa/val.csv", dtype=str)
    test = pd.read_csv(shared / "data/msrvtt-qa/test.csv", dtype=str).head(QUESTIONS)
    for split, rows in (("train", val.tail(QUESTIONS)), ("val", val.head(QUESTIONS)), ("test", test)):
        rows.to_csv(folder / f"msrvtt-qa/{split}.csv", index=False)
    parts = [pd.read_csv(folder / f"next-oe/{split}.csv", dtype=str).assign(split=split) for split in SPLITS]
    table = pd.concat(parts).drop(columns="qid")
    table.to_csv(folder / "custom.csv", index=False)


def snakemake(folder, *targets):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(folder / "config.yaml"), "--"]
    command += [f"{folder}/results/{target}" for target in targets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    write_annotations(shared, folder)
    config = CONFIG.format(folder=folder)
    without_import = "\n".join(line for line in config.splitlines() if not line.startswith("  imported:"))
    (folder / "config.yaml").write_text(without_import)
    tokens = [f"datasets/{name}/text/text_{split}.h5" for name in FORMATS for split in SPLITS]
    snakemake(folder, *tokens, *(f"runs/{name}/question-only/seed0/metrics.json" for name in FORMATS))
    (folder / "config.yaml").write_text(config)
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_token_features_and_the_question_only_run_of_every_format(folder, name):
    dataset = folder / "results/datasets" / name
    for split in SPLITS:
        table = pd.read_csv(dataset / f"annotations/{split}.csv", dtype=str)
        store = TokenFeatures.read(dataset / f"text/text_{split}.h5")
        assert store.qids == table["qid"].tolist() and len(table) == QUESTIONS
        assert store.sequences == (5 if name == "nextqa" else 1)
        assert np.isfinite(store.tokens.astype(np.float32)).all() and store.tokens.std() > 0.01
    assert (dataset / "text/encoder/learning_curve.png").is_file()
    metrics = json.loads((folder / f"results/runs/{name}/question-only/seed0/metrics.json").read_text())
    assert metrics["questions"] == QUESTIONS
    assert sum(part["questions"] for part in metrics["by_type"].values()) == QUESTIONS
    if name == "next-oe":
        assert len(read_vocabulary(dataset / "annotations")) == 11
        log = (folder / f"results/logs/questions/{name}.log").read_text()
        assert "answer coverage" in log and "11 classes" in log


def test_training_from_imported_token_features(folder):
    for split in SPLITS:
        store = TokenFeatures.read(folder / f"results/datasets/nextqa/text/text_{split}.h5")
        padded, lengths = store.batch(np.arange(len(store.qids)))
        dense = np.zeros((len(lengths), LONGEST, padded.shape[2]), np.float32)
        dense[:, : padded.shape[1]] = padded
        with h5py.File(folder / f"bert_ft_{split}.h5", "w") as file:
            file["feat"] = dense.reshape(-1, 5, *dense.shape[1:])
    snakemake(folder, "runs/imported/hga/erm/app+mot/seed0/metrics.json")
    for split in SPLITS:
        ours, theirs = (
            TokenFeatures.read(folder / f"results/datasets/{name}/text/text_{split}.h5")
            for name in ("nextqa", "imported")
        )
        assert ours.qids == theirs.qids
        np.testing.assert_array_equal(ours.offsets, theirs.offsets)
        np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    assert not (folder / "results/datasets/imported/text/encoder").exists()
    metrics = json.loads((folder / "results/runs/imported/hga/erm/app+mot/seed0/metrics.json").read_text())
    assert metrics["questions"] == QUESTIONS and metrics["inputs"]["text_encoder"].startswith("imported")
