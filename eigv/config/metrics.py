"""What a table can show of a run: numbers of its `metrics.json`, by name. docs/rationales.md defines them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from base.errors import did_you_mean
from eigv.config.names import RULES

Row = Literal["selected", "random", "all", "gold"]
"""What the run has selected, and what bounds it."""
SEVEN = ("Acc@GQA", "mIoP", "IoP@0.3", "IoP@0.5", "mIoU", "IoU@0.3", "IoU@0.5")
"""NExT-GQA's set."""
OVER_SEEDS = "over-seeds"
"""A number of all seeds together, which is in no file."""


@dataclass(frozen=True)
class Metric:
    """A number in percent."""

    title: str
    places: Mapping[Row, str]
    """By row the keys of `metrics.json` that lead to it, with slashes between."""

    def of(self, metrics: Mapping[str, Any], row: Row = "selected") -> float | None:
        """The number of a run; None where it has none."""
        if row not in self.places:
            return None
        found: Any = metrics
        for key in self.places[row].split("/"):
            found = found.get(key) if isinstance(found, Mapping) else None
        return None if found is None else float(found)


def _against_gold(title: str, place: str) -> Metric:
    rows: tuple[Row, ...] = ("selected", "random", "all", "gold")
    return Metric(title, {row: f"rationale/gold/{place.format(row=row)}" for row in rows})


def _without_gold(title: str, place: str, random: str) -> Metric:
    return Metric(title, {"selected": f"rationale/{place}", "random": f"rationale/{random}"})


_OF_CLIPS = {"iop": "IoP", "recall": "Recall", "iou": "IoU", "auc": "AUC", "share": "Selected", "acc-gqa": "Acc@GQA"}
METRICS: dict[str, Metric] = {
    "accuracy": Metric("Accuracy", {"selected": "accuracy"}),
    **{name: _against_gold(heading, f"clips/{{row}}/{name.replace('-', '_')}") for name, heading in _OF_CLIPS.items()},
    "acc-qa": Metric("Acc@QA", {"selected": "rationale/gold/accuracy"}),
    **{
        f"{rule}.{name}": _against_gold(f"{_OF_CLIPS[name]} in seconds ({rule})", f"seconds/{rule}/{{row}}/{name}")
        for rule in RULES
        for name in ("iop", "recall", "iou")
    },
    **{
        f"{rule}.{name}": _against_gold(f"{name} ({rule})", f"nextgqa/{rule}/{{row}}/{name}")
        for rule in RULES
        for name in SEVEN
    },
    **{
        name: _without_gold(name.capitalize(), f"faithfulness/{name}", f"faithfulness/random/{name}")
        for name in ("sufficiency", "comprehensiveness")
    },
    **{
        name: _without_gold(f"{name.capitalize()} area", f"faithfulness/{name}/area", "faithfulness/by_chance/area")
        for name in ("insertion", "deletion")
    },
    "other-question": _without_gold(
        "Like another question's", "faithfulness/another_question/iou", "faithfulness/another_question/by_chance"
    ),
    "over-noise": _without_gold("Same over noise", "over_noise/iou", "over_noise/by_chance"),
    OVER_SEEDS: Metric("Same over seeds", {}),
}


def _is_metric(name: str) -> str:
    if name not in METRICS:
        near = did_you_mean(name, METRICS)
        raise ValueError(f"there is no metric {name!r}" + (f"; {near}" if near else "; docs/rationales.md lists them"))
    return name


MetricName = Annotated[str, AfterValidator(_is_metric)]
"""A number that a table can show."""
