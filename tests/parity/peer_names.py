"""The published names of weights of other systems, and ours.

A table names, for each weight of ours, those of theirs that it is made of, and how: as it is, turned around, as a row,
or those of both streams together.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tests.parity.rows import Golden

Table = dict[str, tuple[tuple[str, ...], Callable[[Sequence[Tensor]], Tensor]]]


class Names(NamedTuple):
    """Recorded tensors under names of ours, and the recorded names that have none."""

    values: Golden
    unread: list[str]


def _same(parts: Sequence[Tensor]) -> Tensor:
    (one,) = parts
    return one


def _turned(parts: Sequence[Tensor]) -> Tensor:
    (one,) = parts
    return one.T


def _flat(parts: Sequence[Tensor]) -> Tensor:
    (one,) = parts
    return one.flatten()


def _row(parts: Sequence[Tensor]) -> Tensor:
    (one,) = parts
    return one.view(1, -1)


def _both(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(parts))


def _both_turned(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([part.T for part in parts])


def _both_columns(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([part.view(-1, 1) for part in parts])


def _both_flat(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack([part.flatten() for part in parts])


def _linear(ours: str, theirs: str) -> Table:
    return {f"{ours}.{kind}": ((f"{theirs}.{kind}",), _same) for kind in ("weight", "bias")}


def _streams(ours: str, theirs: str) -> Table:
    """A layer of both streams, `theirs` with {} for a or m."""
    both = tuple(theirs.format(stream) for stream in "am")
    return {f"{ours}.{kind}": (tuple(f"{name}.{kind}" for name in both), _both) for kind in ("weight", "bias")}


def _recurrent(ours: str, theirs: str, layer: int | str, suffix: str) -> Table:
    kinds = [f"{what}_{of}" for what in ("weight", "bias") for of in ("ih", "hh")]
    return {f"{ours}.{kind}_l{layer}": ((f"{theirs}.{kind}{suffix}",), _same) for kind in kinds}


def _cell(ours: str, theirs: str) -> Table:
    kinds = [f"{what}_{of}" for what in ("weight", "bias") for of in ("ih", "hh")]
    return {f"{ours}.{kind}": ((f"{theirs}.{kind}",), _same) for kind in kinds}


def _memories() -> Table:
    """Both memories of HME, which both versions call alike."""
    visual, text = "backbone.visual_memory", "backbone.text_memory"
    return {
        **_linear(f"{visual}.read", "mrm_vid.read_prob"),
        **_linear(f"{visual}.gate", "mrm_vid.write_prob"),
        **_linear(f"{visual}.advance", "mrm_vid.read_to_hidden"),
        **_streams(f"{visual}.content", "mrm_vid.hidden_to_content_{}"),
        **_streams(f"{visual}.place", "mrm_vid.write_prob_{}"),
        **_streams(f"{visual}.advance_stream", "mrm_vid.read_to_hidden_{}"),
        f"{text}.of_token.weight": (("mrm_txt.Wxh",), _turned),
        f"{text}.of_token.bias": (("mrm_txt.bh",), _same),
        f"{text}.of_read.weight": (("mrm_txt.Wrh",), _turned),
        f"{text}.of_state.weight": (("mrm_txt.Whh",), _turned),
        **_linear(f"{text}.content", "mrm_txt.hidden_to_content"),
        **_linear(f"{text}.read_place", "mrm_txt.read_prob"),
        **_linear(f"{text}.write_place", "mrm_txt.write_prob"),
        **_linear(f"{text}.read_gate", "mrm_txt.read_gate"),
        **_linear(f"{text}.write_gate", "mrm_txt.write_gate"),
    }


def _reasoning(before: str) -> Table:
    """The rounds of HME, under names that begin with `before` in NExT-QA's code."""
    ours, theirs = "backbone.reasoning", f"{before}mm_att"
    turned = {
        "keys_seen": "Wav",
        "keys_read": "Wat",
        "asks_seen": "Uav",
        "asks_read": "Uat",
        "of_state": "Whh",
        "share_of_state": "Wb",
        "share_seen": "Vbv",
        "share_read": "Vbt",
    }
    rows = {"score_seen": "Vav", "score_read": "Vat", "share": "wb"}
    biases = {"keys_seen": "bav", "keys_read": "bat", "of_state": "bh", "share_seen": "bbv", "share_read": "bbt"}
    return {
        **_cell(f"{ours}.lower", f"{before}lstm_mm_1"),
        **_cell(f"{ours}.upper", f"{before}lstm_mm_2"),
        **_linear(f"{ours}.first", f"{before}hidden_encoder_1"),
        **_linear(f"{ours}.again", f"{before}hidden_encoder_2"),
        **{f"{ours}.{name}.weight": ((f"{theirs}.{other}",), _turned) for name, other in turned.items()},
        **{f"{ours}.{name}.weight": ((f"{theirs}.{other}",), _row) for name, other in rows.items()},
        **{f"{ours}.{name}.bias": ((f"{theirs}.{other}",), _flat) for name, other in biases.items()},
        **_linear(f"{ours}.seen", f"{theirs}.video_sum_encoder"),
        **_linear(f"{ours}.read", f"{theirs}.question_sum_encoder"),
    }


def of_hme(state: Golden) -> Names:
    """NExT-QA's HME."""
    table = {
        **_memories(),
        **_reasoning("mm_module_v1."),
        **_linear("backbone.words", "qns_encoder.embedding"),
        **_streams("backbone.attention.asked", "temp_att_{}.linear_text"),
        **_streams("backbone.attention.seen", "temp_att_{}.linear_visual"),
        "backbone.attention.score": (tuple(f"temp_att_{x}.linear_att.weight" for x in "am"), _both_columns),
        **_linear("backbone.attended", "linear_vid"),
        **_linear("backbone.reasoned", "linear_mem"),
        **_linear("heads.answer", "vq2word_hme"),
    }
    for layer in range(2):
        table |= _recurrent("backbone.appearance", f"vid_encoder.rnn_app_l{layer + 1}", layer, "_l0")
        table |= _recurrent("backbone.motion", f"vid_encoder.rnn_motion_l{layer + 1}", layer, "_l0")
        table |= _recurrent("backbone.text", "qns_encoder.rnn", layer, f"_l{layer}")
    return _named(table, state)


def of_hme_authors(state: Golden) -> Names:
    """The authors' HME. Its attention has one bias, ours two, whose sum counts: the other is 0."""
    both = {name: tuple(f"TpAtt_{x}.{name}" for x in "am") for name in ("Wa", "Ua", "Va", "ba")}
    table = {
        **_memories(),
        **_reasoning(""),
        "backbone.attention.asked.weight": (both["Ua"], _both_turned),
        "backbone.attention.seen.weight": (both["Wa"], _both_turned),
        "backbone.attention.seen.bias": (both["ba"], _both_flat),
        "backbone.attention.score": (both["Va"], _both_columns),
        **_streams("backbone.attended", "linear_decoder_att_{}"),
        **_linear("backbone.reasoned", "linear_decoder_mem"),
        **_linear("heads.answer", "linear_decoder_count_2"),
    }
    for layer in range(2):
        for ours, theirs in {"appearance": "video_{}a", "motion": "video_{}m", "text": "text_{}"}.items():
            table |= _recurrent(f"backbone.{ours}", f"lstm_{theirs.format(layer + 1)}", layer, "")
    named = _named(table, state, "embed.weight")
    return named._replace(values={"model.backbone.attention.asked.bias": torch.zeros_like(_bias(named))} | named.values)


def _bias(named: Names) -> Tensor:
    return named.values["model.backbone.attention.seen.bias"]


def of_amu(state: Golden) -> Names:
    """AMU, whose recurrent layers have their gates in the order i, g, f, o, and 1 beside the bias of f."""
    table: Table = {}
    maps = {
        "backbone.appearance": ("transform_video/appear/W", "transform_video/appear/b"),
        "backbone.motion": ("transform_video/motion/W", "transform_video/motion/b"),
        "backbone.common": ("init/word_embed_W", "init/word_embed_b"),
        "backbone.channel": ("init/channel_W", "init/channel_b"),
        "heads.answer": ("output/W", "output/b"),
    }
    for ours, (weight, bias) in maps.items():
        table |= {f"{ours}.weight": ((weight,), _turned), f"{ours}.bias": ((bias,), _same)}
    for ours, theirs in {"text": "lstm_q", "attention": "amu/lstm_a"}.items():
        kernel, bias = (f"{theirs}/basic_lstm_cell/{kind}" for kind in ("kernel", "bias"))
        table[f"backbone.{ours}.of_input.weight"] = ((kernel,), lambda parts: _gates(parts[0])[:, : _inputs(parts[0])])
        table[f"backbone.{ours}.of_state.weight"] = ((kernel,), lambda parts: _gates(parts[0])[:, _inputs(parts[0]) :])
        table[f"backbone.{ours}.of_input.bias"] = ((bias,), _open)
    return _named(table, state, "embedding/embedding_matrix")


def of_hcrn(state: Golden, scales: Sequence[int]) -> Names:
    """HCRN. Of the layers of a relation, one a size, the last `scales` are read: those of smaller subsets."""
    table = {
        **_linear("backbone.appearance", "visual_input_unit.appearance_feat_proj"),
        **_linear("backbone.motion", "visual_input_unit.clip_level_motion_proj"),
        **_recurrent("backbone.sequence", "visual_input_unit.sequence_encoder", 0, "_l0"),
        **_linear("backbone.of_video", "visual_input_unit.video_level_motion_proj"),
        **_linear("backbone.of_question", "visual_input_unit.question_embedding_proj"),
        **_recurrent("backbone.text", "linguistic_input_unit.encoder", 0, "_l0"),
        **_recurrent("backbone.text", "linguistic_input_unit.encoder", "0_reverse", "_l0_reverse"),
        "backbone.reading.objects.weight": (("feature_aggregation.v_proj.weight",), _same),
        "backbone.reading.question.weight": (("feature_aggregation.q_proj.weight",), _same),
        **_linear("backbone.reading.both", "feature_aggregation.cat"),
        **_linear("backbone.reading.score", "feature_aggregation.attn"),
        **_linear("backbone.question", "output_unit.question_proj"),
        **_linear("heads.answer.1", "output_unit.classifier.1"),
        **_linear("heads.answer.3", "output_unit.classifier.3"),
        **_linear("heads.answer.5", "output_unit.classifier.5"),
    }
    if "output_unit.ans_candidates_proj.weight" in state:
        table |= _linear("backbone.candidate", "output_unit.ans_candidates_proj")
    for kind in ("running_mean", "running_var", "num_batches_tracked"):
        table[f"heads.answer.3.{kind}"] = ((f"output_unit.classifier.3.{kind}",), _same)
    published = {
        "frames_by_motion": "clip_level_motion_cond",
        "frames_by_question": "clip_level_question_cond",
        "clips_by_motion": "video_level_motion_cond",
        "clips_by_question": "video_level_question_cond",
    }
    for (ours, theirs), count in zip(published.items(), scales, strict=True):
        theirs, ours = f"visual_input_unit.{theirs}", f"backbone.{ours}"
        layers = sum(name.startswith(f"{theirs}.k_objects_fusion.") for name in state) // 2
        lists = [kind for kind in ("k_objects_fusion", "gate_k_objects_fusion") if f"{theirs}.{kind}.0.weight" in state]
        names = [f"{theirs}.{kind}.{scale}" for scale in range(layers - count, layers) for kind in lists]
        weights, biases = (tuple(f"{name}.{kind}" for name in names) for kind in ("weight", "bias"))
        table |= {
            f"{ours}.of_mean": (weights, lambda parts, count=count: _of_means(parts, count)),
            f"{ours}.of_condition": (weights, lambda parts: torch.cat([part.chunk(2, dim=1)[1] for part in parts])),
            f"{ours}.bias": (biases, torch.cat),
        }
    return _named(table, state, "linguistic_input_unit.encoder_embed.weight")


def _of_means(parts: Sequence[Tensor], scales: int) -> Tensor:
    """What of maps (D, 2D) reads the mean, scale by scale, that of a gate beside it: (S, D, E)."""
    return torch.cat([part.chunk(2, dim=1)[0] for part in parts]).unflatten(0, (scales, -1)).transpose(1, 2)


def _inputs(kernel: Tensor) -> int:
    """How many rows of a kernel are of the input: the others are of the state, a fourth of its columns."""
    return kernel.shape[0] - kernel.shape[1] // 4


def _gates(x: Tensor) -> Tensor:
    """A kernel (in, 4H) in the order of gates of PyTorch: (4H, in)."""
    i, g, f, o = x.chunk(4, dim=1)
    return torch.cat([i, f, g, o], dim=1).T


def _open(parts: Sequence[Tensor]) -> Tensor:
    """A bias (4H,) in that order, with TensorFlow's 1 for the forget gate."""
    i, g, f, o = parts[0].chunk(4)
    return torch.cat([i, f + 1, g, o])


def _named(table: Table, state: Golden, words: str | None = None) -> Names:
    """`state` under names of ours, those of a `Worded` of tests/parity/peers.py."""
    values = {f"model.{ours}": how([state[name] for name in theirs]) for ours, (theirs, how) in table.items()}
    if words:
        values["words"] = state[words]
    read = {name for theirs, _ in table.values() for name in theirs} | {words}
    return Names(values, [name for name in state if name not in read])
