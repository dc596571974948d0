"""Plans of small configurations, with made and imported features and texts, and a data set with two test splits."""

from typing import Any

from base.settings import parse
from eigv.config.experiment import Config
from eigv.plan.plan import Plan

SMALL: dict[str, Any] = {
    "name": "small",
    "results": "results/small",
    "videos": {
        "raw": {"folder": "data/raw/videos"},
        "given": {"features": {"layout": "nextqa", "path": "data/features", "splits": ["train", "test"]}},
    },
    "datasets": {
        "one": {"format": "nextqa", "annotations": "data/one", "videos": "raw", "shifted_test": "test-shifted"},
        "two": {
            "format": "msvd-qa",
            "annotations": "data/two",
            "videos": "given",
            "tokens": "data/tokens/{split}.h5",
            "gold": "data/gold.json",
        },
    },
    "text": {"encoder": "package:minilm", "finetuning": {"seed": 4}},
    "tables": {"table1": {"datasets": ["one", "two"], "backbones": ["hga"], "methods": ["erm", "eigv"]}},
}


def plan(**over: Any) -> Plan:
    """The plan of the small configuration, with other values for some of its keys."""
    return Plan(parse(Config, SMALL | over, "small"))
