"""Parameter names of the official implementation, and those of ours that they make up."""

import re
from collections.abc import Iterator

from torch import Tensor

# Our name to the official ones that it is made of, both up to `.weight`, `.bias` and the like. `#` is a number, the
# same on both sides. Several: they are stacked in this order. `*` runs over the chunks of a block fusion.
_SHARED = {
    "grounding.causal.clips": ["fg_att.linear_k"],
    "grounding.causal.question": ["fg_att.linear_q"],
    "grounding.environment.clips": ["bg_att.linear_k"],
    "grounding.environment.question": ["bg_att.linear_q"],
    "heads.projection.1": ["project_head.1"],
}
_NAMES = {
    "hga": _SHARED
    | {
        "heads.answer": ["decoder"],
        "backbone.clips.embed": ["vid_encoder.vid2hid.0"],
        "backbone.clips.recurrent": ["vid_encoder.rnn"],
        "backbone.tokens.embed": ["qns_encoder.embedding.0"],
        "backbone.tokens.recurrent": ["qns_encoder.rnn"],
        "backbone.nodes.first": ["adj_learner.edge_layer_1"],
        "backbone.nodes.second": ["adj_learner.edge_layer_2"],
        "backbone.layers.#": ["gcn.layers.#.weight"],
        "backbone.pool.score.#": ["atten_pool.#"],
    }
    | {
        f"backbone.{ours}.{part}": [f"{official}.{name}"]
        for ours, official in {"fuse_inputs": "global_fusion", "fuse_graph": "fusion"}.items()
        for part, name in {
            "map_first": "linear0",
            "map_second": "linear1",
            "merge_first": "merge_linears0.*",
            "merge_second": "merge_linears1.*",
            "out": "linear_out",
        }.items()
    },
    "comem": _SHARED
    | {
        "heads.answer": ["decoder"],
        "backbone.appearance.lower": ["vid_encoder.rnn_app_l1"],
        "backbone.appearance.upper": ["vid_encoder.rnn_app_l2"],
        "backbone.motion.lower": ["vid_encoder.rnn_motion_l1"],
        "backbone.motion.upper": ["vid_encoder.rnn_motion_l2"],
        "backbone.embed": ["qns_encoder.embedding.0"],
        "backbone.recurrent": ["qns_encoder.rnn"],
        "backbone.memory.score": ["epm_app.z1", "epm_mot.z1"],
        "backbone.memory.weigh": ["epm_app.z2", "epm_mot.z2"],
        "backbone.memory.inputs": [f"epm_{s}.AGRU.AGRUCell.{w}" for s in ("app", "mot") for w in ("Wr", "W")],
        "backbone.memory.states": [f"epm_{s}.AGRU.AGRUCell.{w}" for s in ("app", "mot") for w in ("Ur", "U")],
        "backbone.memory.update": ["epm_app.next_mem", "epm_mot.next_mem"],
        "backbone.co_memory": ["linear_ma", "linear_mb"],
        "backbone.out": ["vq2word"],
    },
    "mspan": _SHARED
    | {
        "heads.answer.#": ["classifier.#"],
        "backbone.clips": ["fc_cat"],
        "backbone.recurrent": ["linguistic.encoder"],
        "backbone.rounds.#.within.layers.#": ["ssp_offer.GCN_Module.#.gcn.#"],
        "backbone.attention.seen": ["ssp_offer.attention.fc_visual"],
        "backbone.attention.asked": ["ssp_offer.attention.fc_question"],
        "backbone.weigh": ["ssp_offer.attention.fc_Joint"],
        "backbone.answer": ["que_visual"],
        "backbone.answer.seen": ["que_visual.fc_visual"],
        "backbone.answer.asked": ["que_visual.fc_question"],
    }
    | {
        f"backbone.rounds.#.{way}.{part}": [f"ssp_offer.GAT_{way}.#.{name}"]
        for way in ("down", "up")
        for part, name in {
            "keys.seen": "fusion_1.fc_visual",
            "keys.asked": "fusion_1.fc_question",
            "values.seen": "fusion_2.fc_visual",
            "values.asked": "fusion_2.fc_question",
            "queries": "W3",
            "merge": "W6",
        }.items()
    },
}

# What follows the names above, where it differs: weight normalisation was rewritten in PyTorch 2.0, the official graph
# convolution holds a Linear and a bias of its own.
_ENDINGS = [
    ("backbone.nodes", "parametrizations.weight.original0", "weight_g"),
    ("backbone.nodes", "parametrizations.weight.original1", "weight_v"),
    ("backbone.rounds.#.within", "weight", "weight.weight"),
]

# MSPAN builds three recurrent layers over tokens and reads the first.
_DEAD = r"linguistic\.encoder\.\w+_l[12](_reverse)?"


def official_names(backbone: str, key: str, tensor: Tensor) -> Iterator[str]:
    """The official parameters that the entry `key` of a model's state is made of; `tensor` says how many chunks."""
    prefix, match = max(
        ((prefix, match) for prefix in _NAMES[backbone] if (match := re.match(_pattern(prefix), key))),
        key=lambda found: found[1].end(),
    )
    ending = key[match.end() :]
    for where, ours, theirs in _ENDINGS:
        if re.match(_pattern(where), key) and ours in ending:
            ending = ending.replace(ours, theirs)
            break
    for name in _NAMES[backbone][prefix]:
        for number in match.groups():
            name = name.replace("#", number, 1)
        for chunk in range(tensor.shape[0]) if "*" in name else [0]:
            yield name.replace("*", str(chunk)) + ending


def is_dead(name: str) -> bool:
    """Whether an official parameter is one that nothing reads, so that nothing is lost without it."""
    return re.fullmatch(_DEAD, name) is not None


def _pattern(prefix: str) -> str:
    return re.escape(prefix).replace(r"\#", r"(\d+)") + r"(?=\.)"
