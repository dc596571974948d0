"""A row for every key of the configuration: another value for it, and the stages that it reruns.

Rows are read by tests/eigv/plan/test_decides.py. A key that is new needs one: what it decides, and nothing else.
"""

from typing import Any

from tests.eigv.plan import extraction_keys, rationale_keys
from tests.eigv.plan.extraction_keys import NEXTQA
from tests.eigv.plan.key_row import Row

NAMED = {"videos", "datasets", "networks", "presets", "plugins"}
NAMED |= {"tables", "sweeps", "rationales", "explorers", "explanations", "curves", "checkpoints"}
"""Groups whose keys are names of the user's own."""

CONTAINERS = {
    "videos.<name>.features",  # by its parts
    "features.networks.<name>.kind",  # a network of the other kind is another network
    # The rows of `overrides` have one for each condition.
    "overrides[].when.dataset",
    "overrides[].when.backbone",
    "overrides[].when.method",
    "overrides[].when.features",
}
"""Keys without a row of their own."""

GROUPS = {
    "runs": ("hga runs", "train amu", "train comem", "train hcrn", "train hme", "train mspan", "train own"),
    "plain runs": ("train plain", "train parts", "train faithful", "train own"),
    "hga runs": ("train plain", "train hga", "train igv", "train parts", "train faithful", "train eigv-faithful"),
    "paper runs": ("train hga", "train amu", "train comem", "train hcrn", "train hme", "train mspan"),
    "eigv runs": ("paper runs", "train eigv-faithful"),
    "asking runs": ("eigv runs", "train faithful"),
    "grounding runs": ("asking runs", "train igv"),
    "measured as EIGV": tuple(
        f"evaluate {name}" for name in ("hga", "amu", "comem", "hcrn", "hme", "mspan", "faithful", "eigv-faithful")
    ),
    "measured": ("measured as EIGV", "evaluate igv"),
    "evaluations": ("measured as EIGV", "evaluate plain", "evaluate own", "evaluate parts"),
}

BASE: dict[str, Any] = {
    "name": "every-key",
    "videos": {"v": {"folder": "videos"}, "given": {"features": {"layout": "npy", "path": "features"}}},
    "datasets": {
        "d": {"format": "custom", "annotations": "q.csv", "videos": "v"},
        "i": {"format": "custom", "annotations": "q.csv", "videos": "given", "tokens": "tokens/{split}.h5"},
    },
    "features": {
        "networks": {
            "own": {
                "kind": "appearance",
                "builder": "network.py:build",
                "size": 32,
                "mean": [0, 0, 0],
                "std": [1, 1, 1],
                "file": "own.pth",
                "source": "me",
            }
        },
        "appearance": {"network": "own"},
    },
    "plugins": {"mine": {"code": "backbone.py:Mine"}},
    "tables": {"table1": {"datasets": ["d"], "backbones": ["hga"], "methods": ["erm", "eigv"]}},
    "sweeps": {
        "figure5a": {"datasets": ["d"], "backbones": ["hga"], "key": "eigv.intervener.alpha", "values": [1.0, 2.0]}
    },
    "rationales": {"figure6": {"run": "d/hga/eigv/app+mot/seed0"}},
    "explorers": {"explorer": {"runs": ["d/hga/eigv/app+mot/seed0"]}},
    "checkpoints": {},
}

MIXED = [
    {"when": {"method": name}, "eigv": {"objective": {"answer": "cross-entropy"}}} for name in ("eigv", "eigv-faithful")
]
"""Methods that mix samples, which learn from no other loss."""
CHECKPOINT = {"plugins": {}, "checkpoints": {"theirs": {"dataset": "d", "backbone": "hga", "file": "x.pt"}}}

OFFICIAL_RUNS = [
    *(
        "sweep",
        "train comem",
        "train hcrn",
        "train hme",
        "train mspan",
        "hga runs",
        "train amu",
        "evaluate amu",
        "evaluate hcrn",
        "evaluate igv",
    ),
]
"""AMU, HCRN and IGV have no published form of multiple choice: their runs are not there then."""

ROWS = [
    *extraction_keys.ROWS,
    *rationale_keys.ROWS,
    Row("device", "cpu", []),
    Row("deterministic", True, []),
    Row("backbones.amu.hidden", 8, ["train amu"]),
    Row("backbones.amu.words", 8, ["train amu"]),
    Row("backbones.amu.official_padding", True, ["train amu"]),
    Row("backbones.comem.hidden", 8, ["train comem"]),
    Row("backbones.comem.words", 8, ["train comem"]),
    Row("backbones.comem.text_layers", 2, ["train comem"]),
    Row("backbones.comem.episodes", 2, ["train comem"]),
    Row("backbones.comem.projection", 8, ["train comem"]),
    Row("backbones.comem.video_representation", "recurrent", ["train comem"]),
    Row("backbones.comem.dropout", 0.1, ["train comem"]),
    Row("backbones.comem.text_dropout", 0.1, ["train comem"]),
    Row("backbones.comem.official_detached_start", True, ["train comem"]),
    Row("backbones.comem.network", "published", ["train comem"]),
    Row("backbones.hcrn.hidden", 8, ["train hcrn"]),
    Row("backbones.hcrn.words", 8, ["train hcrn"]),
    Row("backbones.hcrn.texts", "apart", ["train hcrn"]),
    Row("backbones.hcrn.subsets", 2, ["train hcrn"]),
    Row("backbones.hcrn.dropout", 0.1, ["train hcrn"]),
    Row("backbones.hcrn.text_dropout", 0.1, ["train hcrn"]),
    Row("backbones.hcrn.official_random_subsets", True, ["train hcrn"]),
    Row("backbones.hga.hidden", 8, ["hga runs"]),
    Row("backbones.hga.words", 8, ["hga runs"]),
    Row("backbones.hga.video_representation", "recurrent", ["hga runs"]),
    Row("backbones.hga.cell", "gru", ["hga runs"]),
    Row("backbones.hga.graph_layers", 1, ["hga runs"]),
    Row("backbones.hga.fusion.width", 40, ["hga runs"]),
    Row("backbones.hga.fusion.chunks", 4, ["hga runs"]),
    Row("backbones.hga.fusion.rank", 2, ["hga runs"]),
    Row("backbones.hga.fusion.normalise", "joined", ["hga runs"]),
    Row("backbones.hga.dropout", 0.1, ["hga runs"]),
    Row("backbones.hga.official_softmax_over_padding", True, ["hga runs"]),
    Row("backbones.hga.co_attention", True, ["hga runs"]),
    Row("backbones.hga.official_frozen_maps", True, ["hga runs"]),
    Row("backbones.hme.hidden", 8, ["train hme"]),
    Row("backbones.hme.words", 8, ["train hme"]),
    Row("backbones.hme.attention", 8, ["train hme"]),
    Row("backbones.hme.clip_slots", 8, ["train hme"]),
    Row("backbones.hme.text_slots", 8, ["train hme"]),
    Row("backbones.hme.rounds", 2, ["train hme"]),
    Row("backbones.hme.dropout", 0.1, ["train hme"]),
    Row("backbones.hme.text_dropout", 0.1, ["train hme"]),
    Row("backbones.hme.reading", "twice", ["train hme"]),
    Row("backbones.hme.official_shared_map", True, ["train hme"]),
    Row("backbones.mspan.hidden", 8, ["train mspan"]),
    Row("backbones.mspan.scales", 3, ["train mspan"]),
    Row("backbones.mspan.rounds", 1, ["train mspan"]),
    Row("backbones.mspan.graph_layers", 1, ["train mspan"]),
    Row("backbones.mspan.activation", "relu", ["train mspan"]),
    Row("backbones.mspan.dropout", 0.1, ["train mspan"]),
    Row("backbones.mspan.attention_dropout", 0.1, ["train mspan"]),
    Row("backbones.mspan.official_soft_mask", True, ["train mspan"]),
    Row("backbones.mspan.official_batch_statistics", True, ["train mspan"]),
    Row("backbones.mspan.official_adjacency", True, ["train mspan"]),
    Row("eigv.grounding.temperature", 0.5, ["grounding runs"]),
    Row("eigv.grounding.query", "answer", ["asking runs"]),  # as igv does where nothing is said
    Row("eigv.grounding.query", "question", ["train igv"]),
    Row("eigv.grounding.scaled", True, ["grounding runs"]),
    Row("eigv.grounding.official_sum_mask", True, ["grounding runs"]),
    Row("eigv.grounding.never_empty", True, ["asking runs"]),
    Row("eigv.grounding.never_empty", False, ["train igv"]),
    Row("eigv.igv.invariance", 0.5, ["train igv"]),
    Row("eigv.igv.environment", 0.5, ["train igv"]),
    Row("eigv.igv.exclude", "question-relevant", ["train igv"]),
    Row("eigv.igv.gradient", "scenes", ["train igv"]),
    Row("eigv.intervener.alpha", 0.2, ["sweep", "eigv runs"]),
    Row("eigv.intervener.alpha_environment", 0.2, ["eigv runs"]),
    Row("eigv.intervener.ratios", "batch", ["eigv runs"]),
    Row("eigv.intervener.candidates", "both", ["eigv runs"]),
    Row("eigv.intervener.question", "tokens", ["eigv runs"]),
    Row("eigv.intervener.length", "own", ["eigv runs"]),
    Row("eigv.disruptor.negatives", 2, ["eigv runs"]),
    Row("eigv.disruptor.exclude", "question-relevant", ["eigv runs"]),
    Row("eigv.disruptor.questions", "permuted", ["eigv runs"]),
    Row("eigv.disruptor.random_question", "mixed", ["eigv runs"]),
    Row("eigv.disruptor.owners", "shuffled", ["eigv runs"]),
    Row("eigv.objective.answer", "hinge", ["plain runs", "train igv"], {"overrides": MIXED}),
    Row("eigv.objective.beta", 0.1, ["eigv runs"]),
    Row("eigv.objective.similarity", "cosine", ["eigv runs"]),
    Row("eigv.objective.temperature", 0.2, ["eigv runs"]),
    Row("eigv.objective.projection_head", True, ["eigv runs"]),
    Row("training.epochs", 2, ["runs"]),
    Row("training.questions", 9, ["runs"]),
    Row("training.checked_questions", 9, ["runs"]),
    Row("training.batch", 9, ["runs"]),
    Row("training.learning_rate", 0.001, ["runs"]),
    Row("training.weight_decay", 0.1, ["runs"]),
    Row("training.decay_at", 3, ["runs"]),
    Row("training.accumulate", 2, ["runs"]),
    Row("training.optimiser", "adamw", ["runs"]),
    Row("training.warmup_steps", 10, ["runs"]),
    Row("training.clip_norm", 1.0, ["runs"]),
    Row("training.stop_after", 4, ["runs"]),
    Row("training.logger", ["tensorboard"], []),
    Row("training.data_on", "host", []),
    Row("training.decay_factor", 0.1, ["runs"]),
    Row("training.precision", "auto", ["runs"]),
    Row("training.compile", True, ["runs"]),
    Row("inference.answer_from", "causal-scene", ["evaluations"]),
    Row("inference.answer_from", "video", ["evaluate igv"]),
    Row("inference.environment", "dropped", ["evaluations"]),
    Row("inference.environment", "zeroed", ["evaluate igv"]),
    Row("inference.faithfulness", 9, ["evaluations", "evaluate igv"]),
    Row("inference.noise_draws", 3, ["evaluations", "evaluate igv"]),
    Row("preset", "official", OFFICIAL_RUNS, NEXTQA | {"plugins": {}}),
    Row("plugins.mine.code", "backbone.py:Other", ["train own"]),
    Row("plugins.mine.settings", {"a": 1}, ["train own"]),
    Row("overrides", [{"when": {"dataset": "d"}, "training": {"epochs": 7}}], ["runs"]),
    Row("overrides", [{"when": {"backbone": "comem"}, "training": {"epochs": 7}}], ["train comem"]),
    Row("overrides", [{"when": {"method": "erm"}, "training": {"epochs": 7}}], ["train plain", "train own"]),
    Row("overrides", [{"when": {"features": "app"}, "training": {"epochs": 7}}], []),
    Row("tables.table1.datasets", ["i"], ["table"]),
    Row("tables.table1.metrics", ["accuracy", "iou"], ["table"]),
    Row("tables.table1.bounds", True, ["table"]),
    Row("tables.table1.backbones", ["comem"], ["table"]),
    Row("tables.table1.methods", ["erm"], ["table"]),
    Row("tables.table1.seeds", [1], ["table"]),
    Row("tables.table1.at", {"training.epochs": 2}, ["table"]),
    Row("tables.table1.features", ["app"], ["table"]),
    Row("tables.table1.columns", ["backbone"], ["table"]),
    Row("tables.table1.shifted", False, ["table"]),
    Row("tables.table1.question_only", True, ["table"]),
    Row("sweeps.figure5a.datasets", ["i"], ["sweep"]),
    Row("sweeps.figure5a.backbones", ["comem"], ["sweep"]),
    Row("sweeps.figure5a.methods", ["erm", "eigv"], ["sweep"]),
    Row("sweeps.figure5a.seeds", [1], ["sweep"]),
    Row("sweeps.figure5a.at", {"training.epochs": 2}, ["sweep"]),
    Row("sweeps.figure5a.features", "app", ["sweep"]),
    Row("sweeps.figure5a.key", "eigv.objective.beta", ["sweep"]),
    Row("sweeps.figure5a.values", [3.0], ["sweep"]),
    Row("sweeps.figure5a.logarithmic", True, ["sweep"]),
    Row("sweeps.figure5a.panels", "dataset", ["sweep"]),
    Row("rationales.figure6.run", "d/comem/eigv/app+mot/seed0", ["picture"]),
    Row("rationales.figure6.questions", 2, ["picture"]),
    Row("rationales.figure6.choose", "worst", ["picture"]),
    Row("rationales.figure6.seed", 3, ["picture"], {"rationales.figure6.choose": "random"}),
    Row("rationales.figure6.qids", ["a"], ["picture"]),
    Row("explorers.explorer.runs", ["d/comem/eigv/app+mot/seed0"], ["page"]),
    Row("explorers.explorer.questions", 3, ["page"]),
    Row(
        "checkpoints.theirs.dataset",
        "n",
        [],
        NEXTQA | CHECKPOINT | {"datasets.n": {"format": "nextqa", "annotations": "nextqa", "videos": "given"}},
    ),
    Row("checkpoints.theirs.backbone", "comem", [], NEXTQA | CHECKPOINT),
    Row("checkpoints.theirs.file", "y.pt", [], NEXTQA | CHECKPOINT),
]
