"""The rows of tests/eigv/plan/every_key.py for the keys of docs/rationales.md."""

from tests.eigv.plan.key_row import Row

METHODS = ("parts", "faithful", "eigv-faithful")
"""Runs by these methods, beside those of the paper."""
INDICATORS = ["train faithful", "train eigv-faithful"]
"""The second goes on from the first, whose settings are its guide's."""

EXPLAINED = {
    "datasets.g": {"format": "custom", "annotations": "q.csv", "videos": "v", "gold": "gold.json"},
    "explanations": {"post-hoc": {"runs": ["g/hga/eigv/app+mot/seed0"]}},
}
"""A table of explanations, on a data set with gold spans."""

GRID = {"datasets": ["d"], "backbones": ["hga"]}
CURVES = {
    "tables.t": GRID | {"methods": ["erm", "eigv"]},
    "tables.u": GRID | {"methods": ["faithful"]},
    "curves": {"deletion": {"table": "t"}},
}

ROWS = [
    Row("curves.deletion.table", "u", ["curves"], CURVES),
    Row("eigv.grounding.logits", "products", ["grounding runs"]),
    Row("eigv.parts.weight", 0.5, ["train parts", *INDICATORS]),
    Row("eigv.faithful.predictor", "erm", INDICATORS),
    Row("eigv.faithful.epochs", 3, INDICATORS),
    Row("eigv.faithful.learning_rate", 0.001, INDICATORS),
    Row("eigv.faithful.temperature", 0.5, INDICATORS),
    Row("eigv.faithful.completeness", 0.0, INDICATORS),
    Row("eigv.faithful.price", 1.0, INDICATORS),
    Row("eigv.faithful.gated", False, INDICATORS),
    Row("eigv.faithful.budget", 0.2, INDICATORS),
    Row("eigv.faithful.contiguity", 0.0, INDICATORS),
    Row("eigv.faithful.smoothed", True, INDICATORS),
    Row("eigv.faithful.folds", 2, INDICATORS),
    Row("eigv.faithful.labelled", 0.1, INDICATORS),
    Row("eigv.faithful.label_weight", 2.0, INDICATORS),
    Row("explanations.post-hoc.runs", ["g/hga/eigv/app+mot/seed1"], ["explanations"], EXPLAINED),
    Row(
        "explanations.post-hoc.split",
        "test-shifted",
        ["explanations"],
        EXPLAINED
        | {"datasets.g": {"format": "nextqa", "annotations": "nextqa", "videos": "v", "gold": "gold.json"}}
        | {"datasets.g.shifted_test": "test-shifted"},
    ),
]
