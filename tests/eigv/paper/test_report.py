"""The small pages of the report, and learning curves."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from base.errors import UserError
from eigv.config.run_path import Run
from eigv.paper.figures.learning_curves import draw
from eigv.paper.pages.report import problems, times
from tests.eigv.picture import overlapping

HEADER = "video_id,status,reason,path,sha256,codec,width,height,rotation,fps,frames,duration,backend,backend_reason\n"


def manifest(tmp_path, *rows: str):
    (tmp_path / "videos").mkdir(exist_ok=True)
    path = tmp_path / "videos/manifest.csv"
    path.write_text(HEADER + "".join(f"{row},x.mp4,,h264,1,1,0,25.0,9,1.0,decord,\n" for row in rows))
    return path


def test_videos_with_problems_are_listed_with_their_reason(tmp_path):
    page = problems(manifest(tmp_path, "good,ok,", "gone,missing,no such file", "bad<b>,failed,moov atom not found"))
    assert "2 of 3" in page and "moov atom not found" in page and "no such file" in page
    assert "bad&lt;b&gt;" in page and "bad<b>" not in page and "good" not in page


def test_clean_videos_are_said_to_be(tmp_path):
    assert "Every video is there" in problems(manifest(tmp_path, "good,ok,"))


def test_times_are_summed_by_stage(tmp_path):
    for n, seconds in enumerate((60, 4000)):
        path = tmp_path / f"train/d/b/seed{n}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\tcpu_time\n{seconds}\t{1024 * (n + 1)}\t-\n")
    page = times([tmp_path])
    for text in ("<td>train</td><td>2</td>", "1 h 07 min", "1 h 06 min", "2.0 GiB"):
        assert text in page
    with pytest.raises(UserError, match="no benchmark file"):
        times([tmp_path / "none"])


def test_learning_curves_can_be_read(tmp_path):
    runs = [
        Run("nextqa", backbone, method, features, seed, point)
        for backbone, features, point in (
            ("hga", "app+mot", ""),
            ("mspan", "app", "training.epochs=3,training.questions=400"),
            ("comem", "mot", ""),
            ("hga", "app", ""),
        )
        for method in ("erm", "mixup", "eigv")
        for seed in (0, 1)
    ]
    for run in runs:
        folder = tmp_path / str(run)
        folder.mkdir(parents=True)
        pd.DataFrame({"epoch": range(1, 81), "val_accuracy": [20 + e**0.5 + run.seed for e in range(80)]}).to_csv(
            folder / "history.csv", index=False
        )
    figure = draw(tmp_path, runs, "NExT-QA")
    assert overlapping(figure) == []
    assert sum(panel.get_visible() for panel in figure.axes) == 4
    assert len(figure.axes[0].lines) == 3 and len(figure.axes[0].collections) == 3  # a line and a band a method
    plt.close(figure)
    with pytest.raises(UserError, match="written by training"):
        draw(tmp_path, [Run("nextqa", "hga", "eigv", "mot", 9)], "NExT-QA")
