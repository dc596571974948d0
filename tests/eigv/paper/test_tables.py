"""Tables: means and gains beside the published values, and everything that a reader must be told."""

import re
from io import StringIO

import pandas as pd
import pytest

from eigv.config.experiment import Config, load, settings_of_run
from eigv.config.run_path import Run
from eigv.paper.published import cited, note, published, value
from eigv.paper.results import Key, question_only
from eigv.paper.tables.write import write_table
from eigv.runs.learning.monitors import in_words
from tests.eigv import made_up_runs
from tests.places import ROOT


@pytest.fixture
def paper(tmp_path) -> Config:
    return load([ROOT / "config/config.yaml"]).model_copy(update={"results": tmp_path})


def fill(config: Config, name: str, accuracy=lambda run: 40.0 + run.seed, **about) -> None:
    for run in config.runs(name):
        made_up_runs.write(config, run, accuracy(run), **about)


def made(config: Config, name: str, form: str) -> str:
    write_table(config, name, config.results)
    return (config.results / f"{name}.{form}").read_text()


def cell(config: Config, name: str, **where) -> pd.Series:
    write_table(config, name, config.results)
    table = pd.read_csv(config.results / f"{name}.csv")
    for column, wanted in where.items():
        table = table[table[column] == wanted]
    assert len(table) == 1
    return table.iloc[0]


HGA = {"dataset": "nextqa", "backbone": "hga", "split": "test"}


def test_mean_deviation_gain_and_difference(paper):
    fill(paper, "table1", lambda run: {"erm": 50.0, "eigv": 52.0}[run.method] + run.seed)
    eigv = cell(paper, "table1", **HGA, method="eigv")
    assert (eigv["accuracy"], eigv["deviation"], eigv["gain"]) == (53.0, 1.0, 2.0)
    assert (eigv["published"], eigv["published_gain"]) == (53.7, pytest.approx(3.7))
    assert eigv["difference"] == pytest.approx(-0.7)
    assert eigv["status"] == "run" and len(eigv["runs"].split()) == 3
    assert "53.0 ± 1.0 (+2.0) | 53.7 (+3.7) | -0.7" in made(paper, "table1", "md")


def test_what_has_not_been_run_says_so(paper):
    text = made(paper, "table1", "md")
    assert text.count("not run") == 18 + 3  # models and data sets; the question-only row
    assert "21 of 21 cells have not been run" in text
    assert cell(paper, "table1", **HGA, method="eigv")["status"] == "not run"


def test_missing_seeds_are_said(paper):
    fill(paper, "table1")
    (paper.results / "runs/nextqa/hga/eigv/app+mot/seed1/metrics.json").unlink()
    assert "2 of 3 seeds have been run: 0, 2" in cell(paper, "table1", **HGA, method="eigv")["notes"]


def test_cited_rows_are_marked(paper):
    text = made(paper, "table1", "md")
    for row in published()["cited"]:
        assert f"| {row['model']} (cited: {row['paper']})" in text
    assert "cited" not in made(paper, "table2", "md")


def test_where_the_literature_differs_from_a_published_value_is_said(paper):
    text = made(paper, "table1", "md")
    for remark in ("other tables give AMU 32.5 on MSRVTT-QA", "other tables give Co-Mem 31.7 on MSVD-QA"):
        assert text.count(remark) == 1
    rows = pd.read_csv(StringIO(made(paper, "table1", "csv")))
    igv = Key("msvd-qa", "hga", "app+mot", "igv")
    assert (value("table1", igv), note(igv)) == (40.8, "IGV's repository gives 41.42 on MSVD-QA")
    assert not note(igv._replace(backbone="mspan"))
    amu = rows[(rows["method"] == "AMU") & (rows["dataset"] == "msrvtt-qa")]
    assert amu["notes"].item() == "Xu et al., 2017; other tables give AMU 32.5 on MSRVTT-QA"


@pytest.mark.parametrize(
    ("about", "note"),
    [
        ({"commit": "2" * 40}, "code: 2222222222; elsewhere 1111111111"),
        (
            {"inputs": {"appearance": {"network": "resnet152", "weights": "other.pth"}}},
            "appearance: resnet152 (other.pth)",
        ),
        ({"inputs": {"motion": {"network": "r3d", "weights": "random (seed 0)"}}}, "random weights: not a result"),
        ({"inputs": {"text_encoder": "roberta"}}, "text encoder: roberta; elsewhere bert"),
    ],
)
def test_a_table_does_not_mix_silently(paper, about, note):
    fill(paper, "table1")
    made_up_runs.write(paper, Run("nextqa", "hga", "eigv", "app+mot", 1), 41.0, **about)
    assert note in cell(paper, "table1", **HGA, method="eigv")["notes"]
    assert pd.isna(cell(paper, "table1", **HGA, method="erm")["notes"])
    for form in ("md", "html", "tex"):
        assert note.split(";")[0].split("(")[0] in made(paper, "table1", form)


def test_names_are_text_in_the_page_and_no_markup(paper):
    fill(paper, "table1")
    made_up_runs.write(paper, Run("nextqa", "hga", "eigv", "app+mot", 1), 41.0, inputs={"text_encoder": "<b>&bert"})
    page = made(paper, "table1", "html")
    assert "text encoder: &lt;b&gt;&amp;bert; elsewhere bert" in page and "<b>" not in page


def test_one_footnote_for_the_same_warning_of_many_runs(paper):
    for n, run in enumerate(paper.runs("table1")):
        inputs = {"text_encoder": "bert"}
        made_up_runs.write(paper, run, 40.0, inputs=inputs, warning=in_words({"causal_share": 1.0 - n / 1e4}))
    notes = set(pd.read_csv(StringIO(made(paper, "table1", "csv")))["notes"].dropna())
    assert "the grounding indicator has collapsed: nearly every clip is called causal" in notes
    warning = in_words({"causal_share": 0.5, "causal_agreement": 0.51})
    made_up_runs.write(paper, Run("nextqa", "hga", "eigv", "app+mot", 1), 40.0, warning=warning)
    markdown = made(paper, "table1", "md")
    assert "the selection is close to a coin toss while the model trains" in markdown
    assert "method.md" not in markdown  # the remark in brackets is no footnote of its own


def test_runs_of_other_settings_are_said(paper):
    fill(paper, "table1")
    run = Run("nextqa", "hga", "eigv", "app+mot", 1)
    settings = settings_of_run(paper, run)
    made_up_runs.write(paper, run, 41.0, settings=settings | {"training": settings["training"] | {"epochs": 3}})
    notes = cell(paper, "table1", **HGA, method="eigv")["notes"]
    assert "made with other settings than this configuration's: training.epochs 3, not 80" in notes


def test_a_setting_that_a_result_does_not_name_was_as_by_default(paper):
    fill(paper, "table1")
    run = Run("nextqa", "hga", "eigv", "app+mot", 1)
    settings = settings_of_run(paper, run)
    del settings["inference"]["noise_draws"], settings["training"]["precision"]
    made_up_runs.write(paper, run, 41.0, settings=settings)
    assert pd.isna(cell(paper, "table1", **HGA, method="eigv")["notes"])


def test_a_method_that_is_trained_otherwise_than_its_plain_backbone_is_said(paper):
    over = {"when": {"method": "eigv", "dataset": "nextqa", "backbone": "hga"}, "training": {"epochs": 9}}
    values = paper.model_dump(exclude_unset=True) | {"overrides": (over,)}
    config = Config.model_validate(values)
    fill(config, "table1")
    notes = cell(config, "table1", **HGA, method="eigv")["notes"]
    assert notes == "training.epochs 9, not 80 in the plain backbone's training"


def test_the_question_only_row(paper):
    fill(paper, "table1")
    run = Run("nextqa", "question-only", "erm", "-", 0)
    made_up_runs.write(paper, run, 43.0, settings={"encoder": "bert"})
    text = made(paper, "table1", "md")
    assert re.search(r"\| Question only \|.*\| 43.0 \| 43.8 \[\d\] \| -0.8 \|", text)
    assert "val split with bert-base" in text


def test_the_question_only_row_is_of_the_configuration_s_encoder(paper):
    tuned = paper.text.model_dump(mode="json")
    for seed, (accuracy, change) in enumerate([(40.0, {}), (44.0, {}), (90.0, {"encoder": "another"})]):
        text = tuned | change | {"finetuning": tuned["finetuning"] | {"seed": seed}}
        run = Run("nextqa", "question-only", "erm", "-", seed)
        made_up_runs.write(paper, run, accuracy, settings={"text": text})
    cell = question_only(paper, "nextqa")
    assert [result.metrics["accuracy"] for result in cell.results] == [40.0, 44.0]


@pytest.mark.parametrize("name", ["table1", "table2", "table3"])
def test_rows_and_columns_are_the_paper_s(paper, name):
    text = made(paper, name, "md")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "Model" not in line]
    assert len(rows) == {"table1": 9 + 1 + 6, "table2": 7, "table3": 2 + 4}[name]
    assert ("MSVD-QA MSPAN ours" in text) == (name != "table1")


@pytest.mark.parametrize("name", ["table1", "table2", "table3"])
def test_latex_rows_have_as_many_places_as_columns(paper, name):
    fill(paper, name)
    text = made(paper, name, "tex")
    columns = len(re.search(r"\\begin\{tabular\}\{(l c*|lc+)\}", text)[1])
    body = text.split(r"\midrule", 1)[1].split(r"\bottomrule")[0]
    for row in filter(lambda line: "&" in line, body.splitlines()):
        assert row.count("&") == columns - 1
    assert r"\toprule" in text and r"\caption" in text and "±" not in text


def test_published_values_are_the_paper_s(shared):
    text = (shared / "paper.txt").read_text()
    for row in cited(("msvd-qa", "msrvtt-qa", "nextqa")):
        numbers = " ".join(str(row["values"].get(name, "-")) for name in ("msvd-qa", "msrvtt-qa", "nextqa"))
        assert re.search(rf"^{row['model']} \[\d+\] {numbers}$", text, re.M), row
    for backbone, title in (("comem", "Co-Mem"), ("hga", "HGA"), ("mspan", "MSPAN")):
        for_all = [
            [value("table1", Key(d, backbone, "app+mot", m)) for d in ("msvd-qa", "msrvtt-qa", "nextqa")]
            for m in ("erm", "eigv")
        ]
        assert re.search(rf"^{title} \[\d+\] {' '.join(map(str, for_all[0]))}$", text, re.M)
        gains = " ".join(rf"\d*{e} \+{e - p:.1f}" for p, e in zip(*for_all, strict=True))
        assert re.search(rf"^\d*\+ EIGV {gains}$", text, re.M)
    order = [("msvd-qa", "mspan"), ("msvd-qa", "hga"), ("nextqa", "mspan"), ("nextqa", "hga")]
    labels = {"mixup": r"\+Mixup \[53\]", "intervener": r"\+ Intervener", "disruptor": r"\+ Disruptor"}
    labels |= {"disrupt-q": r"\+ Disrupt-Q", "disrupt-v": r"\+ Disrupt-V", "eigv": "EIGV"}
    for method, label in labels.items():
        values = " ".join(str(value("table2", Key(*place, "app+mot", method))) for place in order)
        # The text of the PDF has digits for the indent of a few rows.
        assert re.search(rf"^(\d+ )?{label} {values}$", text, re.M), (method, values)
    for features in ("app", "mot"):
        for method, label in (("erm", "SoTA Backbone"), ("eigv", r"\+ EIGV")):
            values = " ".join(str(value("table3", Key(*place, features, method))) for place in order)
            assert re.search(rf"{label} {values}$", text, re.M), (features, method, values)
