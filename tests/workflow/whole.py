"""A workflow of every rule that makes its features itself, as small as it gets, in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from extract.demo.dataset import generate
from extract.demo.settings import DemoSettings
from tests.places import ROOT


def settings(dataset: str = "d", collection: str = "v", results: str = "results") -> dict[str, Any]:
    """The configuration, with these names."""
    run = f"{dataset}/hga/eigv/app+mot/seed0"
    grid: dict[str, Any] = {"datasets": [dataset], "backbones": ["hga"]}
    return {
        "name": "whole",
        "results": results,
        "videos": {collection: {"folder": "videos"}},
        "datasets": {dataset: {"format": "custom", "annotations": "questions.csv", "videos": collection}},
        "features": {
            "shards": 2,
            "appearance": {"network": "efficientnet-lite0-extrema", "size": 112},
            "motion": {"network": "resnext3d-tiny"},
        },
        "text": {"encoder": "package:minilm", "finetuning": {"epochs": 1, "steps": 1, "batch": 4}},
        "backbones": {
            "hga": {"hidden": 8, "words": 8, "graph_layers": 1, "fusion": {"width": 8, "chunks": 2, "rank": 1}}
        },
        "training": {"epochs": 1, "batch": 4},
        "tables": {"table1": grid | {"methods": ["erm", "eigv"], "question_only": True}},
        "sweeps": {"figure5a": grid | {"key": "eigv.intervener.alpha", "values": [1.0, 2.0]}},
        "rationales": {"figure6": {"run": run, "questions": 1}},
        "explorers": {"explorer": {"runs": [run]}},
    }


def prepare(folder: Path, config: dict[str, Any]) -> None:
    """Writes six rendered videos, a question about each, and the configuration."""
    generate(folder / "rendered", DemoSettings(train=4, val=1, test=1, test_shifted=1))
    rendered = sorted((folder / "rendered/videos").iterdir())[:6]
    (folder / "videos").mkdir()
    rows = []
    for number, video in enumerate(rendered):
        shutil.move(video, folder / f"videos/clip {number}{video.suffix}")
        split = "train" if number < 4 else ("val", "test")[number - 4]
        rows.append((f"clip {number}", "what is shown", ("a cat", "a dog")[number % 2], split))
    shutil.rmtree(folder / "rendered")
    pd.DataFrame(rows, columns=["video", "question", "answer", "split"]).to_csv(folder / "questions.csv", index=False)
    write(folder, config)


def write(folder: Path, config: dict[str, Any]) -> None:
    """Writes the configuration."""
    (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


def snakemake(folder: Path, *arguments: str) -> str:
    """Runs Snakemake in the folder, expects it to succeed, and returns what it says."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [*command, *arguments], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout + done.stderr
