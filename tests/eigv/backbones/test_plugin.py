"""A backbone in one file of the user's own: the very one that docs/method.md shows."""

import json
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from base.errors import UserError
from base.reading import sha256
from eigv.config.experiment import Config, load, settings_of_run
from eigv.config.methods import METHODS
from eigv.config.run import RunSettings
from eigv.config.run_path import Run
from eigv.runs.evaluation import evaluate
from eigv.runs.several import How, Order, train_all
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.examples import python_in


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Path:
    """The file of docs/method.md."""
    return python_in("method.md", "## Adding a backbone", tmp_path_factory.mktemp("plugin") / "late_fusion.py")


def configuration(folder: Path, plugin: Path, settings: str = "{width: 24}") -> Config:
    (folder / "config.yaml").write_text(f"""
name: plugin
videos: {{v: {{folder: v}}}}
datasets: {{d: {{format: nextqa, annotations: a, videos: v}}}}
plugins: {{late-fusion: {{code: '{plugin}:LateFusion', settings: {settings}}}}}
eigv: {{disruptor: {{negatives: 2}}}}
training: {{epochs: 2, batch: 16, learning_rate: 0.01}}
tables: {{table1: {{datasets: [d], backbones: [hga, late-fusion], methods: [erm, eigv]}}}}
""")
    return load([folder / "config.yaml"])


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
@pytest.mark.parametrize("method", [name for name, how in METHODS.items() if not how.branches])
def test_the_example_trains_and_answers_under_every_method(tmp_path, plugin, method, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice)
    values = settings_of_run(configuration(tmp_path, plugin), Run("d", "late-fusion", method, "app+mot", 0))
    settings = RunSettings.model_validate(values)
    before = before_of(settings, data, tmp_path)
    order = Order(settings=settings.model_dump(mode="json"), out=tmp_path / "run", state=tmp_path / "s", before=before)
    train_all([order], How(**data, device="cpu"))
    metrics = evaluate(
        tmp_path / "run/model.json", "test", **data, answer_from="video", out=tmp_path / "run", device="cpu"
    )
    assert 0 <= metrics["accuracy"] <= 100
    assert json.loads((tmp_path / "run/model.json").read_text())["settings"]["plugin"]["settings"] == {"width": 24}
    assert json.loads((tmp_path / "run/run.json").read_text())["inputs"][str(plugin)] == sha256(plugin)


def test_a_method_of_parts_refuses_a_backbone_that_reads_whole_videos_alone(tmp_path, plugin):
    data = synthetic.write(tmp_path, multiple_choice=True)
    values = settings_of_run(configuration(tmp_path, plugin), Run("d", "late-fusion", "igv", "app+mot", 0))
    with pytest.raises(UserError, match=r"late-fusion cannot leave out clips of a video .* take another backbone"):
        train(RunSettings.model_validate(values), **data, out=tmp_path, state=tmp_path / "state", device="cpu")


def reading(folder: Path, plugin: Path, streams: str) -> Path:
    """The example, which declares the streams that it reads."""
    path = folder / "reading.py"
    settings = "    settings_type = LateFusionSettings\n"
    path.write_text(plugin.read_text().replace(settings, f"{settings}    streams = {streams}\n"))
    return path


@pytest.mark.parametrize(
    ("streams", "features", "wide"),
    [
        ('("appearance",)', "app", 8),
        ('("appearance",)', "app+mot", 8),
        ('("motion",)', "mot", 4),
        ('("motion", "appearance")', "app", 8),
        ('("frames",)', "app", 32),
        ('["frames", "motion"]', "app+mot", 36),
    ],
)
def test_a_backbone_reads_the_streams_that_it_declares(tmp_path, plugin, streams, features, wide):
    data = synthetic.write(tmp_path, multiple_choice=True, frames_too=True)
    config = configuration(tmp_path, reading(tmp_path, plugin, streams))
    values = settings_of_run(config, Run("d", "late-fusion", "erm", features, 0))
    settings = RunSettings.model_validate(values)
    train(settings, **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
    assert load_file(tmp_path / "run/model.safetensors")["backbone.clips.weight"].shape == (24, wide)


@pytest.mark.parametrize(
    ("streams", "features", "message"),
    [
        ('("appearance",)', "mot", "reads appearance: it runs on `app[+]mot` and `app`, not on `mot`"),
        ('("frames", "motion")', "app", "reads frames and motion: it runs on `app[+]mot`, not on `app`"),
        ('("frames",)', "app", "holds no vectors of single frames.* `frames: 4` beside the layout"),
        (
            '("appearances",)',
            "app",
            r"`streams` of .*LateFusion is \('appearances',\); name one or more of appearance, motion",
        ),
        ('("clips",)', "app", r"`streams` of .* is \('clips',\)"),
        ('"frames"', "app", r"`streams` of .* is 'frames'; .*for example streams = \("),
        ("()", "app", r"`streams` of .* is \(\)"),
        ('("motion", "motion")', "mot", r"`streams` of .* is \('motion', 'motion'\); .* each once"),
    ],
)
def test_streams_that_cannot_be_read_are_named(tmp_path, plugin, streams, features, message):
    data = synthetic.write(tmp_path, multiple_choice=True)
    config = configuration(tmp_path, reading(tmp_path, plugin, streams))
    values = settings_of_run(config, Run("d", "late-fusion", "erm", features, 0))
    with pytest.raises(UserError, match=message):
        train(RunSettings.model_validate(values), **data, out=tmp_path, state=tmp_path / "state", device="cpu")


def before_of(settings, data, folder):
    """What a run of that method goes on from: the runs before it are made, the gold spans are of the whole video."""
    needs = {"faithful": "parts", "eigv-faithful": "faithful"}.get(settings.method)
    if settings.method == "eigv-gold":
        qids = pd.read_csv(data["questions"] / "train.csv")["qid"]
        (folder / "gold.json").write_text(json.dumps({qid: [[0, 100]] for qid in qids}))
        return folder / "gold.json"
    if needs is None:
        return None
    earlier = settings.model_copy(update={"method": needs})
    before = before_of(earlier, data, folder)
    order = Order(
        settings=earlier.model_dump(mode="json"), out=folder / needs, state=folder / f"s{needs}", before=before
    )
    train_all([order], How(**data, device="cpu"))
    return folder / needs / "model.json"


def test_a_misspelt_setting_of_a_plugin_is_refused(tmp_path, plugin):
    data = synthetic.write(tmp_path, multiple_choice=True)
    values = settings_of_run(configuration(tmp_path, plugin, "{widht: 24}"), Run("d", "late-fusion", "erm", "app", 0))
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
    values = settings_of_run(config, Run("d", "late-fusion", "erm", "app", 0))
    values["plugin"]["code"] = f"{tmp_path}/gone.py:LateFusion"
    with pytest.raises(UserError, match=r"gone.py does not exist"):
        train(RunSettings.model_validate(values), **data, out=tmp_path, state=tmp_path / "state", device="cpu")


def refusal(folder: Path, code: str, expected: str) -> None:
    data = synthetic.write(folder, multiple_choice=True)
    (folder / "other.py").write_text(f"import torch\nclass Other(torch.nn.Module): pass\n{code}\n")
    values = settings_of_run(configuration(folder, folder / "other.py"), Run("d", "late-fusion", "erm", "app", 0))
    with pytest.raises(UserError, match=expected):
        train(RunSettings.model_validate(values), **data, out=folder, state=folder / "state", device="cpu")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LateFusion = Other", "plugins.late-fusion: .*other.py:LateFusion is no subclass of eigv.backbones.Backbone"),
        ("LateFusion = 3", "of the type int, expected builtins:type"),
        ("LateFusio = Other", "other.py has no 'LateFusion'; did you mean 'LateFusio'"),
        ("1 / 0", r"other.py, line 3, fails: ZeroDivisionError: division by zero"),
        ("import gone_for_good", r"other.py, line 3, fails: ModuleNotFoundError: No module named 'gone_for_good'"),
        ("def broken(:", r"other.py fails: SyntaxError: .*line 3"),
    ],
)
def test_what_is_no_backbone_is_refused_with_its_line(tmp_path, code, expected):
    refusal(tmp_path, code, expected)


def test_a_class_alone_is_enough_where_it_needs_no_settings(tmp_path, plugin):
    config = configuration(tmp_path, plugin)
    text = (tmp_path / "config.yaml").read_text()
    start, end = text.index("{late-fusion"), text.index("\neigv")
    (tmp_path / "config.yaml").write_text(text[:start] + f"{{late-fusion: '{plugin}:LateFusion'}}" + text[end:])
    short = load([tmp_path / "config.yaml"]).plugins["late-fusion"]
    assert (short.code, short.settings) == (config.plugins["late-fusion"].code, {})


def test_a_file_without_its_class_says_what_to_write(tmp_path, plugin):
    configuration(tmp_path, plugin)
    text = (tmp_path / "config.yaml").read_text().replace("code:", "file:").replace(":LateFusion", "")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"write `code: .*late_fusion\.py:NAME_OF_THE_CLASS`"):
        load([tmp_path / "config.yaml"])


def test_a_backbone_of_ones_own_has_a_name_of_its_own(tmp_path, plugin):
    configuration(tmp_path, plugin)
    text = (tmp_path / "config.yaml").read_text().replace("{late-fusion: {", "{hga: {").replace(", late-fusion]", "]")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"`plugins\.hga`: a backbone of that name is built in"):
        load([tmp_path / "config.yaml"])
