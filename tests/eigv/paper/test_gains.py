"""Gains in tables: of which seeds, with which interval, marked in every form, and what is said where there is none."""

import numpy as np
import pandas as pd
import pytest

from eigv.config.experiment import Config, load
from eigv.paper.comparison.compare import compare_runs
from eigv.paper.tables.write import write_table
from tests.eigv import made_up_runs
from tests.places import ROOT

HGA = "runs/nextqa/hga"
VIDEOS = [f"v{n // 4}" for n in range(400)]


@pytest.fixture
def paper(tmp_path) -> Config:
    """Table 1 with HGA on NExT-QA alone: EIGV 12 points ahead, other cells not run."""
    config = load([ROOT / "config/config.yaml"]).model_copy(update={"results": tmp_path})
    for method, share in (("erm", 0.45), ("eigv", 0.57)):
        for seed in range(3):
            answered(config, method, seed, share)
    return config


def drawn(method: str, seed: int, share: float, videos=VIDEOS) -> np.ndarray:
    return np.random.default_rng([seed, len(method)]).random(len(videos)) < share


def answered(config: Config, method: str, seed: int, share: float, videos=VIDEOS) -> None:
    right = drawn(method, seed, share, videos)
    made_up_runs.answer(config.results / f"{HGA}/{method}/app+mot/seed{seed}", right, videos, seed=seed)


def tables(config: Config) -> dict[str, str]:
    write_table(config, "table1", config.results)
    return {form: (config.results / f"table1.{form}").read_text() for form in ("md", "tex", "html")}


def eigv(config: Config) -> pd.Series:
    write_table(config, "table1", config.results)
    rows = pd.read_csv(config.results / "table1.csv", dtype={"significant": str})
    return rows.set_index(["dataset", "backbone", "method"]).loc[("nextqa", "hga", "eigv")]


def test_the_interval_is_that_of_compare_runs_and_the_gain_is_marked_in_every_form(paper):
    row = eigv(paper)
    found = compare_runs(str(paper.results / HGA / "eigv/app+mot"), str(paper.results / HGA / "erm/app+mot")).rows[0]
    assert (row["gain"], row["gain_low"], row["gain_high"]) == pytest.approx(
        (found.difference, found.low, found.high), abs=1e-4
    )
    assert row["significant"] == "True"
    made = tables(paper)
    shown = f"({found.difference:+.1f})"
    assert f"{shown}* |" in made["md"] and f"{shown}$^{{*}}$ &" in made["tex"] and f"{shown}*</td>" in made["html"]
    for text in made.values():
        assert "interval of the gain excludes 0: of 10000 resamples of the videos" in text


def test_a_gain_that_may_be_chance_and_one_on_few_videos_are_not_marked(paper):
    for seed in range(3):
        answered(paper, "eigv", seed, 0.46)
    assert eigv(paper)["significant"] == "False" and ")*" not in tables(paper)["md"]
    for seed in range(3):
        answered(paper, "eigv", seed, 0.9, VIDEOS[:76])
        answered(paper, "erm", seed, 0.1, VIDEOS[:76])
    row = eigv(paper)
    assert row["gain_low"] > 50 and row["significant"] == "False" and ")*" not in tables(paper)["md"]


def test_a_loss_is_marked_too(paper):
    for seed in range(3):
        answered(paper, "eigv", seed, 0.3)
    row = eigv(paper)
    assert row["gain_high"] < 0 and row["significant"] == "True"


def test_of_a_partly_run_table_the_gain_is_that_of_the_seeds_which_both_have(paper):
    (paper.results / HGA / "erm/app+mot/seed1/metrics.json").unlink()
    row = eigv(paper)
    gain = np.mean([100 * (drawn("eigv", seed, 0.57).mean() - drawn("erm", seed, 0.45).mean()) for seed in (0, 2)])
    assert row["gain"] == pytest.approx(gain) and row["gain_low"] < gain < row["gain_high"]
    assert "the gain is of the seeds that the plain backbone has too: 0, 2" in row["notes"]
    for seed in (0, 2):
        (paper.results / HGA / f"eigv/app+mot/seed{seed}/metrics.json").unlink()
    row = eigv(paper)
    assert row["status"] == "partly run" and not pd.isna(row["gain"]) and pd.isna(row["significant"])
    assert "Without an interval: 1 of the gains, no seed has been run of both." in tables(paper)["md"]


def test_why_a_gain_has_no_interval_is_said(paper):
    answered(paper, "eigv", 1, 0.5, VIDEOS[:-8])
    assert pd.isna(eigv(paper)["gain_low"])
    assert "Without an interval: 1 of the gains, the questions differ." in tables(paper)["md"]
    (paper.results / HGA / "eigv/app+mot/seed0/predictions.csv").unlink()
    for text in tables(paper).values():
        assert "Without an interval: 1 of the gains, predictions.csv is missing." in text
        assert "resamples" not in text
