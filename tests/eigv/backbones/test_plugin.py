"""A backbone in one file of the user's own: the very one that docs/method.md shows."""

import json
import re
from pathlib import Path

import pytest

from base.errors import UserError
from eigv.config.experiment import Config, load, section
from eigv.config.methods import METHODS
from eigv.config.run import RunSettings
from eigv.config.run_path import Run
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.places import ROOT

EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs/method.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Path:
    """The file; one for all tests, since a name can be registered once."""
    assert EXAMPLE
    file = tmp_path_factory.mktemp("plugin") / "late_fusion.py"
    file.write_text(EXAMPLE[1])
    return file


def configuration(folder: Path, plugin: Path, settings: str = "{width: 24}") -> Config:
    (folder / "config.yaml").write_text(f"""
name: plugin
videos: {{v: {{folder: v}}}}
datasets: {{d: {{format: nextqa, annotations: a, videos: v}}}}
plugins: {{late-fusion: {{file: {plugin}, settings: {settings}}}}}
eigv: {{disruptor: {{negatives: 2}}}}
training: {{epochs: 2, batch: 16, learning_rate: 0.01}}
tables: {{table1: {{datasets: [d], backbones: [hga, late-fusion], methods: [erm, eigv]}}}}
""")
    return load([folder / "config.yaml"])


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
@pytest.mark.parametrize("method", list(METHODS))
def test_the_example_trains_and_answers_under_every_method(tmp_path, plugin, method, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice)
    values = section(configuration(tmp_path, plugin), Run("d", "late-fusion", method, "app+mot", 0))
    settings = RunSettings.model_validate(values)
    train(settings, **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
    metrics = evaluate(
        tmp_path / "run/model.json", "test", **data, answer_from="video", out=tmp_path / "run", device="cpu"
    )
    assert 0 <= metrics["accuracy"] <= 100
    assert json.loads((tmp_path / "run/model.json").read_text())["settings"]["plugin"]["settings"] == {"width": 24}


def test_a_misspelt_setting_of_a_plugin_is_refused(tmp_path, plugin):
    data = synthetic.write(tmp_path, multiple_choice=True)
    values = section(configuration(tmp_path, plugin, "{widht: 24}"), Run("d", "late-fusion", "erm", "app", 0))
    with pytest.raises(UserError, match="did you mean `width`"):
        train(RunSettings.model_validate(values), **data, out=tmp_path, state=tmp_path / "state", device="cpu")


def test_a_backbone_that_no_plugin_registers_is_refused(tmp_path, plugin):
    configuration(tmp_path, plugin)
    (tmp_path / "config.yaml").write_text((tmp_path / "config.yaml").read_text().replace("hga, late", "hga, lade"))
    with pytest.raises(UserError, match="did you mean 'late-fusion'"):
        load([tmp_path / "config.yaml"])


def test_a_plugin_that_is_not_there_is_named(tmp_path, plugin):
    data = synthetic.write(tmp_path, multiple_choice=True)
    config = configuration(tmp_path, plugin)
    values = section(config, Run("d", "late-fusion", "erm", "app", 0))
    values["plugin"]["file"] = str(tmp_path / "gone.py")
    with pytest.raises(UserError, match=r"gone.py does not exist"):
        train(RunSettings.model_validate(values), **data, out=tmp_path, state=tmp_path / "state", device="cpu")
