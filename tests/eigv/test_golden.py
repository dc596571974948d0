"""The backbones with official weights against recorded numbers of the official implementation, at small sizes."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.backbones import Backbone, Clips, ClipWidths, Tokens, build
from eigv.backbones.hga import Hga
from eigv.backbones.mspan import near_windows, overlapping_windows
from eigv.config import Backbones
from eigv.model import VideoQA
from eigv.official import from_official, load_official, official_model
from eigv.presets import VARIANTS, official
from extract.errors import UserError

SMALL = {
    "hga": {"hidden": 32, "words": 24, "fusion": {"width": 60, "chunks": 5, "rank": 3}, "dropout": 0.0},
    "comem": {"hidden": 16, "words": 24, "dropout": 0.0, "text_dropout": 0.0},
    "mspan": {"hidden": 16, "dropout": 0.0, "attention_dropout": 0.0},
}
OFFICIAL_NAMES = {"hga": "HGA", "comem": "Co-Mem", "mspan": "MSPAN"}
Golden = dict[str, Tensor]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads, much so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _read(shared: Path, name: str) -> Golden:
    with np.load(shared / f"golden/{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def _group(golden: Golden, name: str) -> Golden:
    return {key.removeprefix(f"{name}/"): value for key, value in golden.items() if key.startswith(f"{name}/")}


def _model(backbone: str, data: str, golden: Golden) -> VideoQA:
    """Our model at the size of the recorded ones, with their weights."""
    settings = official("nextqa" if data == "nextqa" else "msvd-qa", backbone)["backbones"][backbone] | SMALL[backbone]
    built = build(backbone, Backbones.model_validate({backbone: settings}), ClipWidths(48, 48), token_width=768)
    model = VideoQA(built, None if data == "nextqa" else 12, scaled=True)
    load_official(model, _group(golden, "param"))
    return model


def _texts(backbone: Backbone, inputs: Golden) -> Tokens:
    return backbone.encode_tokens(inputs["q"].flatten(0, -3), inputs["q_len"].flatten())


def _assert_near(ours: Tensor, theirs: Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(ours, theirs, atol=atol, rtol=1e-5)


@pytest.mark.parametrize("case", ["a", "b"])
@pytest.mark.parametrize(
    ("backbone", "data"), [("comem", "nextqa"), ("mspan", "nextqa"), ("hga", "nextqa"), ("hga", "msvd")]
)
def test_official_weights_answer_as_the_official_code(shared: Path, backbone: str, data: str, case: str) -> None:
    golden = _read(shared, f"eigv_{backbone}_{data}_eval")
    model = _model(backbone, data, golden).eval()
    inputs, middle, logits = _group(golden, f"in_{case}"), _group(golden, f"mid_{case}"), golden[f"out_{case}/logits"]
    with torch.no_grad():
        clips, texts = model.backbone.encode_clips(inputs["v"]), _texts(model.backbone, inputs)
        T, B = texts.pooled.shape[0], clips.local.shape[0]
        video, text = torch.arange(B).repeat_interleave(T // B), torch.arange(T)
        fused = model.backbone.fuse(clips, texts, video, text)
        _assert_near(model.heads.scores(fused).view_as(logits), logits)

        ours: Golden = {"q_feat": texts.pooled, "q_global": texts.pooled, "fused": fused, "v_feat": clips.local}
        if backbone == "comem":
            ours |= {"outputs_app": clips.facts[:, 0], "outputs_motion": clips.facts[:, 1]}
        if isinstance(model.backbone, Hga):
            ours |= {"q_local": texts.local, "v_local": clips.local, "v_global": clips.pooled}
            nodes = torch.cat([texts.local, clips.local[video]], dim=1)
            edges = model.backbone.nodes(nodes)
            ours["adj"] = edges @ edges.transpose(1, 2)
            ours["global_out"] = model.backbone.fuse_inputs(texts.pooled, clips.pooled[video])
    for name in middle.keys() & ours.keys():
        # edges are sums of products that grow with the width: relative to the largest
        _assert_near(ours[name], middle[name], atol=1e-5 * max(1.0, middle[name].abs().max().item()))
    assert data == "msvd" or len(middle.keys() & ours.keys()) >= 2


def _official_step(model: VideoQA, golden: Golden) -> dict[str, Tensor]:
    """One training step as the official code composes it, from our modules, with the recorded draws.

    It differs from ours in what the negatives of an anchor are (those of other samples), in multiple choice in what is
    answered (both samples' own candidates), and in the length of a mixed text (the anchor's).
    """
    given, drawn = _group(golden, "in"), _group(golden, "rec")
    v, partner, answer = given["v"], given["index"], given["ans"]
    causal_ratio, environment_ratio = given["lam_1"].float(), given["lam_2"].float()
    B, N, own = len(v), 5, torch.arange(len(v))
    bank = given["bank"].flatten(0, 1)
    backbone, heads = model.backbone, model.heads
    multiple_choice = given["q"].dim() == 4

    texts = _texts(backbone, given)
    question = texts.select(own * 5 + answer) if multiple_choice else texts
    first = model.grounding(backbone.encode_clips(v).local, question.pooled, drawn["gumbel0_noise"], 0.9)
    causal, environment = first.causal[..., None], first.environment[..., None]
    mixed = (causal_ratio * causal + environment_ratio * environment) * v
    mixed = mixed + ((1 - causal_ratio) * causal + (1 - environment_ratio) * environment)[partner] * v[partner]
    clips = backbone.encode_clips(mixed)
    mixed_question = question.mix(question.select(partner), causal_ratio.expand(B))
    if hasattr(question, "mask"):
        mixed_question = dataclasses.replace(mixed_question, mask=question.mask)

    if multiple_choice:
        candidates = torch.stack([own, partner], dim=1)[..., None] * 5 + torch.arange(5)  # (B, 2, 5)
        out = heads.scores(backbone.fuse(clips, texts, own.repeat_interleave(10), candidates.flatten())).view(B, 10)
        target = torch.zeros(B, 10)
        target[own, answer] += causal_ratio
        target[own, 5 + answer[partner]] += 1 - causal_ratio
        xe = F.kl_div(out.log_softmax(dim=1), target, reduction="batchmean")
        anchor = backbone.fuse(clips, mixed_question, own, own)
        heads.scores(anchor)  # the official code reads both heads in every pass: batch statistics see all of them
    else:
        anchor = backbone.fuse(clips, mixed_question, own, own)
        out = heads.scores(anchor)
        xe = causal_ratio * F.cross_entropy(out, answer) + (1 - causal_ratio) * F.cross_entropy(out, answer[partner])

    second = model.grounding(clips.local, mixed_question.pooled, drawn["gumbel1_noise"], 0.9)
    causal, environment = second.causal[..., None], second.environment[..., None]
    repeated = own.repeat(N)  # row n * B + i

    def projected(of: Clips, clip_index: Tensor, token_index: Tensor) -> Tensor:
        represented = backbone.fuse(of, mixed_question, clip_index, token_index)
        heads.scores(represented)
        return heads.project(represented)

    substitutes = bank[drawn["multinomial_pos"]]
    positive = projected(backbone.encode_clips(mixed * causal + substitutes * environment), own, own)
    substitutes = bank[drawn["multinomial_neg"]]
    disrupted = (mixed * environment)[repeated] + substitutes * causal[repeated]
    by_video = projected(backbone.encode_clips(disrupted), torch.arange(N * B), repeated)
    by_question = projected(clips, repeated, repeated[drawn["index_q"]])
    negative = torch.cat([by_video, by_question]).view(B, 2 * N, -1)
    anchored = heads.project(anchor)
    unit = [F.normalize(x, dim=-1) for x in (anchored, positive, negative)]
    similar = torch.cat([(unit[0] * unit[1]).sum(1, keepdim=True), (unit[0][:, None] * unit[2]).sum(2)], dim=1) / 0.1
    nce = F.cross_entropy(similar, torch.zeros(B, dtype=torch.int64))
    loss = xe + (given["beta"].float() if "beta" in given else 0.0125) * nce
    result = {"out": out, "out_anc": anchored, "out_pos": positive, "out_neg": negative}
    for n, scene in enumerate((first, second)):
        result[f"gumbel{n}_logits"] = torch.stack([scene.attention_causal, scene.attention_environment], dim=1)
        result[f"gumbel{n}_mask"] = torch.stack([scene.causal, scene.environment], dim=1)
    return result | {"xe": xe, "nce": nce, "loss": loss}


_SHIFTS = ("causal.clips.bias", "environment.clips.bias", "weigh.bias", "score.2.bias")
CANCELLED = {"nextqa": (*_SHIFTS, "heads.answer.bias", "answer.2.bias", "answer.4.bias"), "msvd": _SHIFTS}
"""Biases that shift all that a softmax compares: no gradient, only rounding."""


@pytest.mark.parametrize(
    ("backbone", "data"), [("comem", "nextqa"), ("mspan", "nextqa"), ("hga", "nextqa"), ("mspan", "msvd")]
)
def test_an_official_training_step_has_the_official_gradients(shared: Path, backbone: str, data: str) -> None:
    golden = _read(shared, f"eigv_{backbone}_{data}_train")
    model = _model(backbone, data, golden).train()
    ours = _official_step(model, golden)
    recorded = _group(golden, "out") | _group(golden, "rec")
    for name, value in ours.items():
        _assert_near(value, recorded[name].to(value.dtype))

    ours["loss"].backward()
    state = dict(model.state_dict())
    official = {f"classifier.2.{name}": torch.zeros_like(value) for name, value in _buffers(model).items()}
    official |= _group(golden, "grad")
    theirs = from_official(model, official)
    scale = max(value.abs().max() for value in theirs.values())
    for name, parameter in model.named_parameters():
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        if name.endswith(CANCELLED[data]):
            assert max(gradient.abs().max(), theirs[name].abs().max()) < 1e-5 * scale, name
        else:
            # by norm, each against its own: some are a millionth of others, and the signed root amplifies rounding
            assert (gradient - theirs[name]).norm() <= 2e-3 * theirs[name].norm(), name
    for name, value in _group(golden, "postbuf").items():
        _assert_near(state[name.replace("classifier", "heads.answer")], value)


def _buffers(model: VideoQA) -> dict[str, Tensor]:
    return {name.rsplit(".", 1)[1]: value for name, value in model.named_buffers()}


def test_the_graphs_of_mspan_are_the_official_ones(shared: Path) -> None:
    golden = _read(shared, "mspan_adjacency_scale2")
    _assert_near(near_windows(16, 0), golden["gcn_adj0"])
    _assert_near(near_windows(16, 1), golden["gcn_adj1"])
    assert torch.equal(overlapping_windows(16, 0, official=True).float(), golden["gat_adj0"])


@pytest.mark.parametrize(("data", "backbone"), list(VARIANTS))
def test_every_official_model_is_imported_whole(shared: Path, data: str, backbone: str) -> None:
    name = f"keys_eigv_{data.removesuffix('-qa')}_{OFFICIAL_NAMES[backbone]}.json"
    shapes = json.loads((shared / "golden" / name).read_text())
    with torch.device("meta"):
        model = official_model(data, backbone)
        state = {key: torch.empty(shape) for key, shape in shapes}
    imported = from_official(model, state)
    assert {key: value.shape for key, value in imported.items()} == {k: v.shape for k, v in model.state_dict().items()}
    numbers = sum(value.numel() for key, value in state.items())
    assert sum(value.numel() for value in model.state_dict().values()) == numbers


def test_what_does_not_fit_is_named(shared: Path) -> None:
    golden = _read(shared, "eigv_comem_nextqa_eval")
    model, state = _model("comem", "nextqa", golden), _group(golden, "param")
    short = {key: value for key, value in state.items() if key != "vq2word.bias"} | {"vq3word.bias": torch.zeros(1)}
    with pytest.raises(UserError, match=r"has no vq2word.bias\n.*vq3word.bias is of no use"):
        load_official(model, short)
    with pytest.raises(UserError, match=r"decoder.weight \(64, 1\) does not make heads.answer.weight \(1, 64\)"):
        load_official(model, state | {"decoder.weight": state["decoder.weight"].T})
    with pytest.raises(UserError, match=r"epm_app.z1.weight .* does not make backbone.memory.score.weight"):
        load_official(model, state | {"epm_mot.z1.weight": torch.zeros(5, 5)})


def test_unread_layers_of_mspan_may_be_left_out(shared: Path) -> None:
    golden = _read(shared, "eigv_mspan_nextqa_eval")
    settings = official("nextqa", "mspan")["backbones"]["mspan"] | SMALL["mspan"] | {"official_text_layers": False}
    built = build("mspan", Backbones.model_validate({"mspan": settings}), ClipWidths(48, 48), token_width=768)
    model = VideoQA(built, scaled=True)
    load_official(model, _group(golden, "param"))
    texts = _texts(model.backbone.eval(), _group(golden, "in_a"))
    _assert_near(texts.pooled, golden["mid_a/q_feat"])
