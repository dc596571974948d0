"""The numbers and switches of the official code, data set by data set and backbone by backbone.

Source: the authors' repository with its nine variants (commit 3609d65). The paper's are the defaults of
`eigv/config/run/`. What each switch does stands in docs/method.md.
"""

from typing import Any

from base.errors import UserError
from eigv.config.peers import PEERS, peer

# Epochs, batch, learning rate, weight decay; lambda_0 and lambda_1 ~ Beta(a, a); beta; Gumbel temperature.
_NUMBERS: dict[tuple[str, str], tuple[int, int, float, float, float, float, float, float]] = {
    ("nextqa", "hga"): (35, 128, 5e-5, 0.0, 0.1, 1.0, 0.0125, 0.9),
    ("nextqa", "comem"): (35, 128, 5e-5, 0.0, 0.1, 1.0, 0.0125, 0.9),
    ("nextqa", "mspan"): (35, 128, 5e-5, 0.0, 1.0, 1.0, 0.0125, 0.9),
    ("msvd-qa", "hga"): (100, 256, 1e-4, 0.0, 1.0, 1.0, 1.0, 1.0),
    ("msvd-qa", "comem"): (100, 256, 1e-4, 0.0, 1.0, 1.0, 1.0, 1.0),
    ("msvd-qa", "mspan"): (45, 128, 1e-4, 5e-6, 1.0, 1.0, 1.0, 0.9),
    ("msrvtt-qa", "hga"): (70, 256, 1e-4, 0.0, 2.0, 2.0, 1.0, 1.0),
    ("msrvtt-qa", "comem"): (100, 256, 1e-4, 0.0, 1.0, 1.0, 10.0, 1.0),
    ("msrvtt-qa", "mspan"): (40, 128, 1e-4, 5e-6, 1.0, 1.0, 1.0, 0.9),
}

VARIANTS = tuple(_NUMBERS)
"""Data set and backbone of the nine official models."""

# The code of IGV (github.com/yl3800/IGV): epochs, dropout, Gumbel temperature, and what teaches the indicator.
_IGV: dict[tuple[str, str], tuple[int, float, float, str]] = {
    ("msvd-qa", "hga"): (60, 0.5, 1.0, "scenes"),  # commit 0aa5257
    ("msrvtt-qa", "hga"): (40, 0.56, 0.9, "none"),  # commit 2bc4fc7
}

_HGA = {"hidden": 512, "video_representation": "recurrent", "official_softmax_over_padding": True}
_OPEN_HGA = {"words": 512, "dropout": 0.5}
_COMEM = {"video_representation": "recurrent", "official_detached_start": True}
_OPEN_COMEM = {"hidden": 512, "words": 512, "text_layers": 2, "projection": 1024, "dropout": 0.5, "text_dropout": 0.5}


def _backbone(dataset: str, backbone: str) -> dict[str, Any]:
    multiple_choice = dataset == "nextqa"
    match backbone:
        case "hga":
            return _HGA | ({} if multiple_choice else _OPEN_HGA)
        case "comem":
            return _COMEM | ({} if multiple_choice else _OPEN_COMEM)
        case _:
            switches = ("official_soft_mask", "official_batch_statistics", "official_adjacency")
            return dict.fromkeys(switches, True) | ({} if multiple_choice else {"activation": "relu"})


def official(dataset: str, backbone: str, method: str = "eigv") -> dict[str, Any]:
    """Settings of a run as in the official code, by the layout of the data set: what it says of its four groups.

    The method igv has a code of its own; a backbone that neither has is as in the code that published it. `UserError`
    for a combination that none of them has.
    """
    if method == "igv":
        return _official_igv(dataset, backbone)
    if (dataset, backbone) in PEERS:
        return peer(dataset, backbone, method)
    if (dataset, backbone) not in VARIANTS:
        known = ", ".join(" ".join(names) for names in (*VARIANTS, *PEERS))
        raise UserError(f"there is no official model of {backbone} for {dataset}; there are: {known}")
    epochs, batch, rate, decay, alpha, alpha_environment, beta, temperature = _NUMBERS[dataset, backbone]
    encodes_mixed_tokens = backbone == "hga" and dataset != "nextqa"
    compares_products = backbone == "hga" and dataset == "msvd-qa"
    return {
        "backbones": {backbone: _backbone(dataset, backbone)},
        "eigv": {
            "grounding": {"temperature": temperature, "query": "answer", "scaled": True, "official_sum_mask": True},
            "intervener": {
                "alpha": alpha,
                "alpha_environment": alpha_environment,
                "ratios": "batch",
                "candidates": "both",
                "question": "tokens" if encodes_mixed_tokens else "encoded",
                "length": "own",
            },
            "disruptor": {
                "negatives": 5,
                "questions": "permuted",
                "random_question": "mixed",
                "owners": "shuffled",
            },
            "objective": {
                "beta": beta,
                "similarity": "dot" if compares_products else "cosine",
                "temperature": 0.1,
                "projection_head": True,
            },
        },
        "training": {
            "epochs": epochs,
            "batch": batch,
            "learning_rate": rate,
            "weight_decay": decay,
            "decay_at": 6,  # `patience=5` of PyTorch's ReduceLROnPlateau
            "decay_factor": 0.5,
        },
    }


def _official_igv(dataset: str, backbone: str) -> dict[str, Any]:
    """Those of IGV's authors, whose code is of HGA alone and knows no NExT-QA."""
    if (dataset, backbone) not in _IGV:
        known = ", ".join(" ".join(names) for names in _IGV)
        raise UserError(f"there is no official IGV of {backbone} for {dataset}; there are: {known}")
    epochs, dropout, temperature, gradient = _IGV[dataset, backbone]
    grounding = {"temperature": temperature, "scaled": True, "official_sum_mask": True, "never_empty": False}
    return {
        "backbones": {backbone: _HGA | {"words": 512, "dropout": dropout, "cell": "gru"}},
        "eigv": {"grounding": grounding, "igv": {"gradient": gradient}},
        "inference": {"noise_draws": 5},  # the code's accuracy is that of one draw
        "training": {
            "epochs": epochs,
            "batch": 256,
            "learning_rate": 1e-4,
            "weight_decay": 0.0,
            "decay_at": 6,
            "decay_factor": 0.5,
        },
    }
