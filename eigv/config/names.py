"""The names that tell runs apart, and settings' values as they stand in paths."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from eigv.config.run_path import spelled

BackboneName = Annotated[str, Field(pattern=r"^[\w-]+$")]
"""A backbone: built in, or one of `plugins`."""
FeatureChoice = Literal["app+mot", "app", "mot"]
"""The clip features that a run sees."""
PARTS: dict[str, tuple[str, ...]] = {"app+mot": ("appearance", "motion"), "app": ("appearance",), "mot": ("motion",)}
"""Which features of `video.h5` each choice is."""
READS_FRAMES = ("hcrn",)
"""Backbones that read the vectors of single frames in the place of one a clip."""
MethodName = Literal[
    "erm", "mixup", "intervener", "disrupt-q", "disrupt-v", "disruptor", "eigv", "igv",
    "parts", "faithful", "faithful-joint", "eigv-faithful", "eigv-gold",
]  # fmt: skip
"""The methods of the paper, the one before it, and those of docs/rationales.md (methods.py)."""
Exclude = Literal["own-videos", "question-relevant"]
"""Which training videos give a sample no clips of the memory bank."""
AnswerLoss = Literal["cross-entropy", "hinge", "summed-hinge", "log-loss"]
"""What is learnt from answers (eigv/method/objective.py)."""
TargetName = Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")]
"""A table, a figure or a page."""
Rule = Literal["clips", "runs", "parts", "longest-run", "hull"]
"""How selected clips become spans in seconds (eigv/rationales/spans.py)."""
RULES: tuple[Rule, ...] = get_args(Rule)
Axis = Literal["dataset", "backbone", "features", "method"]
"""In what runs of a table differ, other than their seeds."""


def _spells_a_path(value: bool | int | float | str) -> bool | int | float | str:
    text = spelled(value)
    if not text or set(text) & set("/,\\\n{}"):
        raise ValueError(f"{value!r} cannot be part of a path: no slash, comma, brace or line break")
    return value


Value = Annotated[bool | int | float | str, AfterValidator(_spells_a_path)]
"""A setting's value that can be part of a run's path."""
