"""The table of intrinsic against post-hoc explanations, from files of two seeds computed by hand."""

import math

import pandas as pd
import pytest

from base.errors import UserError
from base.formats.explanations import INDICATOR, OWN, SAME_SIZE, TUNED
from base.settings import parse
from eigv.config.experiment import Config
from eigv.paper.tables.explanations import compared, write_explanations
from tests.eigv.plan.small import SMALL

ROWS = [(INDICATOR, OWN), ("occlusion", SAME_SIZE), ("occlusion", TUNED), ("all clips", OWN), ("gold", OWN)]
RUNS = [f"two/hga/eigv/app+mot/seed{seed}" for seed in (0, 1)]


def explained(iou, videos=2):
    """The file of one seed, two questions a video; `iou` by row, of the two questions of every video."""
    asked = [(f"v{video}_{n}", f"v{video}", n) for video in range(videos) for n in range(2)]
    return pd.DataFrame(
        {
            "qid": qid, "video_id": video, "type": "what", "explainer": explainer, "selection": selection,
            "share": 0.5, "iop": 1.0, "recall": 0.5, "iou": iou[r][n],
            "auc": math.nan if explainer in ("all clips", "gold") else 0.75, "right": n == 0,
        }
        for r, (explainer, selection) in enumerate(ROWS)
        for qid, video, n in asked
    )  # fmt: skip


FIRST = [(0.8, 0.4), (0.6, 0.4), (0.5, 0.3), (0.3, 0.3), (1.0, 1.0)]
SECOND = [(0.6, 0.2), (0.4, 0.2), (0.5, 0.3), (0.3, 0.3), (1.0, 1.0)]


def test_means_are_over_questions_and_seeds_and_differences_over_the_same():
    found = compared([explained(FIRST), explained(SECOND)]).set_index(["explainer", "selection", "metric"])
    own, same = found.loc[(INDICATOR, OWN, "iou")], found.loc[("occlusion", SAME_SIZE, "iou")]
    assert own["mean"] == pytest.approx(50) and math.isnan(own["difference"])
    assert own["deviation"] == pytest.approx(100 * abs(0.6 - 0.4) / math.sqrt(2))
    assert same["mean"] == pytest.approx(40) and same["difference"] == pytest.approx(-10)
    # Every video has the same, so every resample gives the mean.
    assert (same["low"], same["high"]) == pytest.approx((40, 40))
    assert (same["difference_low"], same["difference_high"]) == pytest.approx((-10, -10))
    assert not same["significant"]  # two videos are too few
    assert found.loc[(INDICATOR, OWN, "right"), "mean"] == 50
    assert math.isnan(found.loc[("gold", OWN, "auc"), "mean"])
    assert (same["questions"], same["videos"]) == (4, 2)


def test_the_order_of_the_questions_does_not_matter():
    mixed = explained(SECOND).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        compared([explained(FIRST), explained(SECOND)], 200), compared([explained(FIRST), mixed], 200)
    )


def test_an_interval_is_over_videos():
    table = explained(FIRST, videos=40)
    worse = (table["explainer"] == "occlusion") & (table["selection"] == SAME_SIZE)
    table.loc[worse & table["video_id"].str.contains("[13579]$"), "iou"] = 0.0
    row = compared([table]).set_index(["explainer", "selection", "metric"]).loc[("occlusion", SAME_SIZE, "iou")]
    assert row["low"] < row["mean"] < row["high"] and row["mean"] == pytest.approx(25)
    # Half of the 40 videos have 50 and half 0: a standard error of 25 / sqrt(40), about 4.
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * 25 / math.sqrt(40), rel=0.1)
    assert row["significant"] and row["difference_high"] < 0


def config(tmp_path):
    values = SMALL | {"results": str(tmp_path), "explanations": {"post-hoc": {"runs": RUNS}}}
    return parse(Config, values, "small")


def write(tmp_path, *tables):
    for run, table in zip(RUNS, tables, strict=True):
        (tmp_path / "runs" / run).mkdir(parents=True, exist_ok=True)
        table.to_csv(tmp_path / "runs" / run / "explanations.csv", index=False)


def test_the_files_of_a_table(tmp_path):
    write(tmp_path, explained(FIRST, 30), explained(SECOND, 30))
    write_explanations(config(tmp_path), "post-hoc", tmp_path / "tables")
    numbers = pd.read_csv(tmp_path / "tables/post-hoc.csv")
    assert len(numbers) == len(ROWS) * 6 and set(numbers["seeds"]) == {"0 1"} and set(numbers["split"]) == {"test"}
    text = (tmp_path / "tables/post-hoc.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "**Its own selection**", "Indicator",
        "**As many clips as the indicator selects**", "Occlusion",
        "**Every clip above a threshold, tuned on gold spans of val**", "Occlusion",
        "**Bounds**", "All clips", "Gold",
    ]  # fmt: skip
    assert "40.0 [40.0, 40.0] | -10.0 [-10.0, -10.0]*" in text and "60 questions on 30 videos and 2 seeds" in text
    for ending in ("tex", "html"):
        assert "-10.0 [-10.0, -10.0]" in (tmp_path / f"tables/post-hoc.{ending}").read_text()


def test_what_is_missing_or_of_other_questions_is_said(tmp_path):
    with pytest.raises(UserError, match="has no explanations 'other'; it has post-hoc"):
        write_explanations(config(tmp_path), "other", tmp_path)
    with pytest.raises(UserError, match=r"seed0/explanations.csv does not exist"):
        write_explanations(config(tmp_path), "post-hoc", tmp_path)
    write(tmp_path, explained(FIRST), explained(SECOND, videos=3))
    with pytest.raises(UserError, match="differ in their qid"):
        write_explanations(config(tmp_path), "post-hoc", tmp_path)
    broken = explained(SECOND).astype({"iou": object})
    broken.loc[3, "iou"] = "much"
    write(tmp_path, explained(FIRST), broken)
    with pytest.raises(UserError, match="iou of question 'v1_1' is 'much', no number"):
        write_explanations(config(tmp_path), "post-hoc", tmp_path)
