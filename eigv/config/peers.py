"""The numbers and switches of other systems of Table 1 as published, data set by data set (docs/systems.md).

Sources: HME, NExT-QA's code for multiple choice and the authors' for open-ended questions; AMU and HCRN, their authors'
code.
"""

from typing import Any

from eigv.config.methods import METHODS

_NO_DECAY = {"decay_at": 1000}  # more epochs than are trained
_HME = {"official_shared_map": True}
_OPEN_HME = {"hidden": 512, "words": 300, "attention": 512, "clip_slots": 20, "text_slots": 20, "text_dropout": 0.0}
_AMU = {"official_padding": True}

_HCRN: dict[str, Any] = {
    "backbones": {"hcrn": {"official_random_subsets": True}},
    "training": {"epochs": 25, "batch": 32, "learning_rate": 1e-4, "clip_norm": 12.0, **_NO_DECAY},
}

PEERS: dict[tuple[str, str], dict[str, Any]] = {
    ("nextqa", "hme"): {
        "backbones": {"hme": _HME},
        "eigv": {"objective": {"answer": "hinge"}},
        "training": {"epochs": 49, "batch": 64, "learning_rate": 5e-5, "decay_at": 6, "decay_factor": 0.5},
    },
    ("msvd-qa", "hme"): {
        "backbones": {"hme": _OPEN_HME | {"reading": "twice"}},
        "training": {"epochs": 30, "batch": 32, "learning_rate": 1e-3, **_NO_DECAY},
    },
    ("msvd-qa", "hcrn"): _HCRN,
    ("msrvtt-qa", "hcrn"): _HCRN,
    ("msvd-qa", "amu"): {
        "backbones": {"amu": _AMU},
        "eigv": {"objective": {"answer": "log-loss"}},
        "training": {
            "epochs": 30,
            "batch": 32,
            "learning_rate": 1e-3,
            "weight_decay": 1e-6,
            "stop_after": 10,
            **_NO_DECAY,
        },
    },
    ("msrvtt-qa", "amu"): {
        "backbones": {"amu": _AMU},
        "eigv": {"objective": {"answer": "log-loss"}},
        "training": {
            "epochs": 30,
            "batch": 64,
            "learning_rate": 1e-3,
            "weight_decay": 1e-7,
            "stop_after": 10,
            **_NO_DECAY,
        },
    },
}
"""Data set and backbone of the published models; how many epochs HME's authors trained is not known."""


def peer(dataset: str, backbone: str, method: str) -> dict[str, Any]:
    """Settings of a run as published. A method that mixes samples keeps the cross-entropy of Eq. 19."""
    values = PEERS[dataset, backbone]
    return values if METHODS[method].mix == "none" else {name: said for name, said in values.items() if name != "eigv"}
