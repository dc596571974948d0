"""A run's folder: where the files lie, and that the results of an evaluation can be read back."""

import hashlib
import time
from pathlib import Path

import numpy as np

from base.formats.predictions import Predictions
from base.formats.run_folder import RunFolder


def test_names_are_those_that_the_workflow_and_its_users_know(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    files = (folder.model, folder.weights, folder.history, folder.metrics, folder.predictions, folder.about)
    names = ["model.json", "model.safetensors", "history.csv", "metrics.json", "predictions.csv", "run.json"]
    assert [path.relative_to(tmp_path).as_posix() for path in files] == names


def test_results_on_test_lie_in_the_folder_others_in_one_of_the_split_s_name(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.of_split("test") == folder
    assert folder.of_split("test-shifted").metrics == tmp_path / "test-shifted/metrics.json"


def test_results_are_read_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.read_metrics() is None and folder.read_about() == {}
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights")
    made = Predictions(["q"], ["v"], ["t"], [1], [1], np.array([True]), scores=np.array([[0.25, 0.75]]))
    folder.write_results(made, {"accuracy": 100.0}, {"seed": 1}, [weights], time.time() - 5, trained_by_commit="abc")
    assert folder.read_metrics() == {"accuracy": 100.0}
    assert Predictions.read(folder.predictions).prediction == [1]
    about = folder.read_about()
    assert (about["settings"], about["trained_by_commit"]) == ({"seed": 1}, "abc")
    assert about["inputs"] == {str(weights): hashlib.sha256(b"weights").hexdigest()}
    assert 5 <= about["seconds"] < 60 and {"commit", "versions", "finished"} <= set(about)
