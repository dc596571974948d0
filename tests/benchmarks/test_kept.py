"""Runs that are kept in docs/runs, the page that is made of them, and the same runs made again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from base.formats.run_folder import RunFolder
from benchmarks.kept import keep, laid_out, lay_out
from benchmarks.study import sets
from benchmarks.study.__main__ import BEGINNING, CONFIG, END, PAGE, of_kept, results
from benchmarks.study.again import beside
from eigv.config.experiment import load, settings_of_run
from eigv.config.run_path import Run
from eigv.paper.results import gather
from tests.benchmarks.made_runs import made
from tests.places import SHARED


def test_a_page_of_kept_runs_is_that_of_the_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load([CONFIG])
    for seed in range(2):
        made(config, Run("real-msvd", "mspan", "erm", "app+mot", seed), np.arange(60) % 3 == seed)
        made(config, Run("real-msvd", "mspan", "erm", "app+mot", seed), np.arange(60) < 6, "test-shuffled")
        made(config, Run("real-msvd", "mspan", "eigv", "app+mot", seed), np.arange(60) < 30)
    assert keep(config, tmp_path / "kept") == 4
    text = results(config, tmp_path / "images", root=None)
    assert of_kept(config, tmp_path / "images", tmp_path / "kept") == text
    # Runs that come later stand beside those that are kept, and take the place of the same.
    made(config, Run("real-nextqa", "mspan", "erm", "app+mot", 0), np.arange(60) < 30)
    shutil.rmtree(config.runs_folder / "real-msvd")
    assert keep(config, tmp_path / "kept") == 1
    both = of_kept(config, tmp_path / "images", tmp_path / "kept")
    assert text.partition("### MSVD-QA\n")[2].partition("##")[0] in both
    assert "### NExT-QA\n" in both


def test_runs_made_again_are_held_against_those_that_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load([CONFIG])
    share = {"erm": (30, 31, 29), "eigv": (30, 31, 29), "parts": (20, 20, 20)}
    for apart in (0, 12):
        for method, right in share.items():
            for seed, number in enumerate(right):
                shift = apart if method != "erm" else 0
                made(config, Run("real-msvd", "mspan", method, "app+mot", seed), np.arange(60) < number + shift)
        if not apart:
            keep(config, tmp_path / "kept")
            shutil.rmtree(config.runs_folder)
    rows = [
        line.split("|") for line in "\n".join(beside(config, tmp_path / "kept")).splitlines() if "real-msvd" in line
    ]
    said = {row[2].strip(): [cell.strip() for cell in row[3:-1]] for row in rows}
    assert said["MSPAN"] == ["50.0 ± 1.7", "50.0 ± 1.7", "+0.0", "yes"]
    assert said["MSPAN + EIGV"] == ["70.0 ± 1.7", "50.0 ± 1.7", "+20.0", "no"]
    assert said["MSPAN + Random parts"][-2:] == ["+20.0", "no"]
    # Runs with other settings are no repetition.
    for seed in range(3):
        folder = RunFolder(config.runs_folder / str(Run("real-msvd", "mspan", "eigv", "app+mot", seed)))
        settings = settings_of_run(config, Run("real-msvd", "mspan", "eigv", "app+mot", seed))
        settings["training"]["epochs"] = 1
        folder.about.write_text(json.dumps({"settings": settings}))
    assert "MSPAN + EIGV" not in "\n".join(beside(config, tmp_path / "kept"))
    before = (tmp_path / "kept" / config.name / "real-msvd.jsonl.xz").read_bytes()
    shutil.rmtree(config.runs_folder / "real-msvd/mspan/erm")
    shutil.rmtree(config.runs_folder / "real-msvd/mspan/parts")
    assert keep(config, tmp_path / "kept") == 0
    assert (tmp_path / "kept" / config.name / "real-msvd.jsonl.xz").read_bytes() == before


@pytest.mark.skipif(not (SHARED / "data/real").is_dir(), reason="needs ../shared/data/real")
def test_the_results_of_the_documentation_are_those_of_the_kept_runs(tmp_path, monkeypatch):
    (tmp_path / "shared").symlink_to(SHARED)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    sets.write(Path("data/study"))
    made_of = of_kept(load([CONFIG]), tmp_path / "images").strip()
    assert PAGE.read_text().partition(BEGINNING)[2].partition(END)[0].strip() == made_of


def test_kept_runs_have_the_settings_of_the_configuration(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    config = load([CONFIG])
    lay_out(config)
    assert any(gather(config, [run]).results for run in config.runs("table1"))
    assert not caplog.messages
    # After a change of the configuration those of before are left out.
    (tmp_path / "over.yaml").write_text("overrides: [{when: {method: erm}, training: {epochs: 25}}]")
    with laid_out(load([CONFIG, tmp_path / "over.yaml"])) as kept:
        left = {run.method for run in kept.runs("table1") if gather(kept, [run]).results}
    assert left == {"eigv"}
    assert "erm/app+mot/seed0 was kept with other settings, and is left out: training.epochs 24, not 25" in caplog.text
