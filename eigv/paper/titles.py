"""How data sets, backbones, methods and features are called in tables and figures."""

BACKBONES = {"amu": "AMU", "comem": "Co-Mem", "hcrn": "HCRN", "hga": "HGA", "hme": "HME", "mspan": "MSPAN"}
METHODS = {
    "erm": "Plain backbone",
    "mixup": "+ Mixup",
    "intervener": "+ Intervener",
    "disruptor": "+ Disruptor",
    "disrupt-q": "+ Disrupt-Q",
    "disrupt-v": "+ Disrupt-V",
    "eigv": "+ EIGV",
    "igv": "+ IGV",
    "parts": "+ Random parts",
    "faithful": "+ Faithful rationale",
    "faithful-joint": "+ Faithful rationale, one stage",
    "eigv-faithful": "+ EIGV, faithful scenes",
    "eigv-gold": "+ EIGV, gold scenes",
}
FEATURES = {"app+mot": "Appearance and motion", "app": "Appearance only", "mot": "Motion only"}
DATASETS = {"nextqa": "NExT-QA", "msvd-qa": "MSVD-QA", "msrvtt-qa": "MSRVTT-QA"}

_ALL = {"backbone": BACKBONES, "method": METHODS, "features": FEATURES, "dataset": DATASETS}


def title(axis: str, name: str) -> str:
    """What people read for a name of the configuration; names without a title stand as they are."""
    return _ALL[axis].get(name, name)
