"""What a configuration shows: tables, sweeps, rationale pictures, pages to browse, each with the runs that it needs."""

import itertools
from pathlib import Path
from typing import Literal

from pydantic import Field

from base.settings import Settings
from eigv.config.metrics import MetricName
from eigv.config.names import Axis, BackboneName, FeatureChoice, MethodName, Value
from eigv.config.run_path import SHAPE, Run, point


class Grid(Settings):
    """Runs: every combination of what is listed."""

    datasets: tuple[str, ...] = Field(description="Data sets, in the order of the columns.")
    backbones: tuple[BackboneName, ...] = Field(description="Backbones, in the order in which they are shown.")
    methods: tuple[MethodName, ...] = Field(
        description="Methods for each backbone, in the order in which they are shown."
    )
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="One run a seed; mean and deviation are shown.")
    at: dict[str, Value] = Field(
        {},
        description="Settings of these runs alone, by dotted keys: `{training.epochs: 5}`; part of their paths.",
    )


class Table(Grid):
    """A table of numbers on test, accuracies at first."""

    features: tuple[FeatureChoice, ...] = Field(("app+mot",), description="Feature settings.")
    columns: tuple[Axis, ...] = Field(
        ("dataset",), min_length=1, description="What is told apart by columns; the rest makes the rows."
    )
    shifted: bool = Field(True, description="Show the second test split of the data sets that have one.")
    metrics: tuple[MetricName, ...] = Field(
        ("accuracy",),
        min_length=1,
        description="Numbers that stand side by side in each column: accuracy, iop, recall, iou, auc, share, acc-qa, "
        "acc-gqa, sufficiency, comprehensiveness, insertion, deletion, other-question, over-noise, over-seeds; in "
        "seconds <rule>.iop, .recall, .iou; by NExT-GQA <rule>.mIoP and so on (docs/rationales.md).",
    )
    bounds: bool = Field(
        False,
        description="Below what has a rationale, show a random selection of the same size; and all and the gold clips.",
    )
    question_only: bool = Field(False, description="Show the baseline that sees no video: the fine-tuned text encoder.")

    def runs(self) -> list[Run]:
        """Every run, in the table's order."""
        axes = (self.datasets, self.backbones, self.methods, self.features, self.seeds)
        return [Run(*values, point(self.at)) for values in itertools.product(*axes)]


class Sweep(Grid):
    """Accuracy against the value of one key (Figure 5)."""

    methods: tuple[MethodName, ...] = Field(("eigv",), description="One line a method.")
    features: FeatureChoice = Field("app+mot", description="Feature setting.")
    key: str = Field(description="Any dotted key of `backbones`, `eigv`, `training` or `inference`.")
    values: tuple[Value, ...] = Field(min_length=1, description="Its values. Each is a run of its own.")
    logarithmic: bool = Field(False, description="Whether the axis of the values is logarithmic.")
    panels: Literal["backbone", "dataset"] = Field("backbone", description="What gets a panel of its own.")

    def runs(self) -> list[tuple[Value, Run]]:
        """Every value with each of its runs."""
        axes = (self.datasets, self.backbones, self.methods, self.values, self.seeds)
        return [
            (value, Run(d, b, m, self.features, seed, point(self.at | {self.key: value})))
            for d, b, m, value, seed in itertools.product(*axes)
        ]


class Rationales(Settings):
    """The rationale picture: some test questions with the clips that the answer rests on (Figure 6)."""

    run: str = Field(description=f"The run whose answers are shown: {SHAPE}.")
    questions: int = Field(6, ge=1, description="How many questions, two a video where a video has two.")
    choose: Literal["spread", "best", "worst", "random"] = Field(
        "spread",
        description="Videos spread evenly over the test split, those answered right or wrong with the most "
        "confidence, or drawn at random.",
    )
    seed: int = Field(0, description="Seed of a random choice.")
    qids: tuple[str, ...] = Field((), description="These questions, by their ids, instead of a choice.")


class Explorer(Settings):
    """A page to browse the predictions of some runs on the same questions."""

    runs: tuple[str, ...] = Field(
        min_length=1, max_length=4, description="The runs, of one data set; the first is on top."
    )
    questions: int = Field(10_000, ge=1, description="At most this many questions, spread evenly over the videos.")


class Curves(Settings):
    """Insertion and deletion curves of the rationales of a table's runs, and precision against recall of gold."""

    table: str = Field(description="The table, by its name; its runs are drawn as evaluated on test.")


class Explanations(Settings):
    """A table of what the indicator of runs selects, beside what post-hoc explainers of the same models would."""

    runs: tuple[str, ...] = Field(
        min_length=1, description=f"The runs, of a data set with `gold`, which differ in their seed alone: {SHAPE}."
    )
    split: str = Field("test", description="The split: test, or the data set's `shifted_test`.")


class Checkpoint(Settings):
    """A checkpoint of the official code, which is imported and evaluated as it is."""

    dataset: str = Field(description="The data set that it is evaluated on, of the layout that it was trained for.")
    backbone: Literal["comem", "hga", "mspan"] = Field(description="Its backbone.")
    file: Path = Field(description="The state_dict that the official code has saved.")
