"""Compares this code with numbers recorded from the reference implementations.

    python -m tests.parity ../shared/golden/*.npz

Weights go through the importer that users get, inputs and random draws are the recorded ones. For each number the
largest absolute and the largest relative difference are printed; the exit status is 1 where a forward number differs by
more than 1e-5 (of the largest, where that is above 1), or a gradient or updated parameter by more than 1e-4 of the
largest gradient or parameter.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from eigv.backbones.block_fusion import BlockFusion
from eigv.backbones.hga import Hga
from eigv.backbones.mspan import near_windows, overlapping_windows
from eigv.batch import Batch
from eigv.disruptor import shuffle_owners
from eigv.grounding import partition
from eigv.memory_bank import MemoryBank
from eigv.methods import METHODS
from eigv.model import VideoQA
from eigv.objective import contrastive_loss
from eigv.official import assemble_chunks, from_official, load_official, official_card
from eigv.randomness import Draws
from eigv.run_settings import BlockFusion as FusionSettings
from eigv.run_settings import RunSettings
from extract.config import Sampling
from extract.videos.sampling import clip_frames, spread_frames
from tests.legacy_resnext import legacy_network

FORWARD, BACKWARD = 1e-5, 1e-4
DATASETS = {"nextqa": "nextqa", "msvd": "msvd-qa", "msrvtt": "msrvtt-qa"}
Golden = dict[str, Tensor]


@dataclass(frozen=True)
class Row:
    """One compared number, or a note on what is not compared."""

    name: str
    absolute: float = 0.0
    relative: float = 0.0
    fine: bool = True
    note: str = ""


def main(files: list[str]) -> int:
    """Compares every file and prints the table; 1 where anything differs too much."""
    torch.set_num_threads(1)
    failed = 0
    for file in files:
        path = Path(file)
        print(f"\n{path.name}")
        for row in compare(path):
            failed += not row.fine
            if row.note:
                print(f"  {row.name:<34} {row.note}")
            else:
                mark = "" if row.fine else "   <-- too far"
                print(f"  {row.name:<34} absolute {row.absolute:8.1e}   relative {row.relative:8.1e}{mark}")
    print(f"\n{failed} of the numbers above differ too much" if failed else "\nall numbers agree")
    return 1 if failed else 0


def compare(path: Path) -> Iterator[Row]:
    """The comparison of one golden file; its name says what kind it is."""
    for pattern, comparison in KINDS.items():
        if match := re.fullmatch(pattern, path.stem):
            with np.load(path) as file:
                golden = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
            yield from comparison(golden, *match.groups())
            return
    if path.stem == "resnext101_legacy":
        with np.load(path) as file:
            yield from _resnext(
                {k: torch.from_numpy(file[k]) for k in file.files}, path.with_name(f"{path.stem}_keys.json")
            )
        return
    yield Row(path.stem, note="skipped: a kind of file that is not known here")


def _forward(name: str, ours: Tensor, theirs: Tensor) -> Row:
    ours, theirs = ours.detach().double(), theirs.double()
    if ours.shape != theirs.shape:
        return Row(f"{name} {tuple(ours.shape)} {tuple(theirs.shape)}", np.inf, np.inf, fine=False)
    difference, largest = float((ours - theirs).abs().max()), float(theirs.abs().max())
    return Row(name, difference, difference / max(largest, 1e-30), difference <= FORWARD * max(1.0, largest))


def _backward(name: str, ours: Tensor, theirs: Tensor, largest: float) -> Row:
    difference = float((ours.detach().double() - theirs.double()).abs().max())
    return Row(name, difference, difference / largest, difference <= BACKWARD * largest)


def _group(golden: Golden, name: str) -> Golden:
    return {key.removeprefix(f"{name}/"): value for key, value in golden.items() if key.startswith(f"{name}/")}


def _model(golden: Golden, backbone: str, data: str) -> tuple[VideoQA, RunSettings]:
    """The official variant in the sizes of the recorded weights, without dropout, as the files were recorded."""
    state = _group(golden, "param")
    card = official_card(DATASETS[data], backbone, state)
    model = card.build()
    load_official(model, state)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.RNNBase):
            module.dropout = 0.0
    return model, card.settings


def _batch(inputs: Golden, candidates: int) -> Batch:
    count = len(inputs["v"])
    none = torch.zeros(count, dtype=torch.int64)
    return Batch(
        video=inputs["v"],
        tokens=inputs["q"].flatten(0, -3),
        lengths=inputs["q_len"].flatten(),
        answer=inputs.get("ans", none).long(),
        excluded=inputs.get("vid_idx", none - 1).long()[:, None],
        candidates=candidates,
        qids=[str(n) for n in range(count)],
    )


def _evaluation(golden: Golden, backbone: str, data: str) -> Iterator[Row]:
    model, _ = _model(golden, backbone, data)
    model.eval()
    for case in sorted({key.split("/")[0][3:] for key in golden if key.startswith("in_")}):
        inputs, middle = _group(golden, f"in_{case}"), _group(golden, f"mid_{case}")
        batch = _batch(inputs, 5 if data == "nextqa" else 1)
        with torch.no_grad():
            yield _forward(f"{case}: logits", model.answer(batch), golden[f"out_{case}/logits"])
            for name, value in _middle(model, batch).items():
                if name in middle:
                    yield _forward(f"{case}: {name}", value, middle[name])


def _middle(model: VideoQA, batch: Batch) -> Golden:
    """Intermediate tensors under the recorded names."""
    backbone = model.backbone
    clips, texts = backbone.encode_clips(batch.video), backbone.encode_tokens(batch.tokens, batch.lengths)
    text = torch.arange(len(batch.tokens))
    video = text // batch.candidates
    named = {"q_feat": texts.pooled, "q_global": texts.pooled, "v_feat": clips.local}
    if hasattr(clips, "facts"):
        named |= {"outputs_app": clips.facts[:, 0], "outputs_motion": clips.facts[:, 1]}
    if isinstance(backbone, Hga):
        fused = backbone.fuse(clips, texts, video, text)
        nodes = backbone.nodes(torch.cat([texts.local, clips.local[video]], dim=1))
        named |= {"q_local": texts.local, "v_local": clips.local, "v_global": clips.pooled, "fused": fused}
        named |= {"adj": nodes @ nodes.transpose(1, 2)}
        named |= {"global_out": backbone.fuse_inputs(texts.pooled, clips.pooled[video])}
    return named


class RecordedDraws(Draws):
    """The draws of a recorded step, in the order in which a step asks for them."""

    def __init__(self, golden: Golden) -> None:
        super().__init__(0)
        given, recorded = _group(golden, "in"), _group(golden, "rec")
        self.permutations = iter([given["index"], recorded["index_q"]])
        self.ratios = iter([given["lam_1"], given["lam_2"]])
        self.noise = iter([recorded["gumbel0_noise"], recorded["gumbel1_noise"]])

    def permutation(self, n: int) -> Tensor:
        """The partners, then the questions of the negatives."""
        return next(self.permutations).long()

    def beta(self, alpha: float, n: int) -> Tensor:
        """The equivariant ratio, then the invariant one."""
        return next(self.ratios).double().expand(n)

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        """The noise of the first, then of the second grounding."""
        return next(self.noise)


class RecordedBank(MemoryBank):
    """The substitutes of a recorded step: of the positives, then of the negatives."""

    def __init__(self, golden: Golden) -> None:
        super().__init__(golden["in/bank"])
        self.of_positive, self.of_negatives = golden["rec/multinomial_pos"], golden["rec/multinomial_neg"]

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        """Clips (B, 1 + N, K, Dv)."""
        B, K = self.of_positive.shape
        negatives = self.of_negatives.view(-1, B, K).transpose(0, 1)  # recorded number by number
        index = torch.cat([self.of_positive[:, None], negatives], dim=1).long()
        assert index.shape == (B, *shape)
        clips = self.features.shape[1]
        assert not (index.flatten(1)[:, :, None] // clips == excluded[:, None]).any(), "an excluded video was recorded"
        return self.features.flatten(0, 1)[index]


def _training(golden: Golden, backbone: str, data: str) -> Iterator[Row]:
    # In double precision: near 0 the slope of the signed square root multiplies rounding, and the recorded numbers hold
    # enough of that already.
    model, settings = _model(golden, backbone, data)
    model.double().train()
    golden = {key: value.double() if value.is_floating_point() else value for key, value in golden.items()}
    objective = settings.eigv.objective
    if "in/beta" in golden:
        objective = objective.model_copy(update={"beta": float(golden["in/beta"])})
    eigv = settings.eigv.model_copy(update={"objective": objective})
    batch = _batch(_group(golden, "in"), 5 if data == "nextqa" else 1)

    seen: dict[str, list] = {"scores": [], "projected": [], "scenes": []}
    for name, module in (
        ("scores", model.heads.answer),
        ("projected", model.heads.projection),
        ("scenes", model.grounding),
    ):
        module.register_forward_hook(lambda _, __, result, name=name: seen[name].append(result))
    losses = model.training_step(batch, METHODS["eigv"], RecordedDraws(golden), RecordedBank(golden), eigv)

    for number, scene in enumerate(seen["scenes"]):
        logits = torch.stack([scene.attention_causal, scene.attention_environment], dim=1)
        masks = torch.stack([scene.causal, scene.environment], dim=1)
        yield _forward(f"gumbel{number}_logits", logits, golden[f"rec/gumbel{number}_logits"])
        yield _forward(f"gumbel{number}_mask", masks, golden[f"rec/gumbel{number}_mask"])
    (scores,), (projected,) = seen["scores"], seen["projected"]
    yield _forward("out", scores.view(batch.size, -1), golden["out/out"])
    yield _forward("out_anc", projected[:, 0], golden["out/out_anc"])
    yield _forward("out_pos", projected[:, 1], golden["out/out_pos"].view_as(projected[:, 1]))
    yield _forward("out_neg", projected[:, 2:], golden["out/out_neg"])
    # In multiple choice the official code reports the KL divergence: cross-entropy less a constant.
    constant = torch.special.entr(golden["out/target"]).sum(dim=1).mean() if "out/target" in golden else 0.0
    assert losses.contrastive is not None
    yield _forward("xe", losses.answer - constant, golden["out/xe"])
    yield _forward("nce", losses.contrastive, golden["out/nce"])
    yield _forward("loss", losses.total - constant, golden["out/loss"])

    rate, decay = settings.training.learning_rate, settings.training.weight_decay
    optimizer = torch.optim.Adam(model.parameters(), rate, weight_decay=decay)
    losses.total.backward()
    absent = {name: value for name, value in _group(golden, "param").items() if f"grad/{name}" not in golden}
    gradients = from_official(model, {n: torch.zeros_like(v) for n, v in absent.items()} | _group(golden, "grad"))
    largest = max(float(value.abs().max()) for value in gradients.values() if value.is_floating_point())
    for parameter in model.parameters():
        if parameter.grad is None:  # layers that nothing reads: the official code computes them, so they decay
            parameter.grad = torch.zeros_like(parameter)
    worst = [_backward(n, _gradient(p), gradients[n], largest) for n, p in model.named_parameters()]
    yield from _worst("gradient", worst)
    if any(key.startswith("post/") for key in golden):
        optimizer.step()
        after = from_official(model, absent | _group(golden, "param") | _group(golden, "post"))
        rows = [_updated(n, p, after[n], gradients[n]) for n, p in model.named_parameters()]
        yield from _worst("after one Adam step", rows)


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _updated(name: str, parameter: nn.Parameter, after: Tensor, gradient: Tensor) -> Row:
    """The first step of Adam is the gradient's sign: only entries whose gradient is more than rounding can agree.

    What is left out here has been compared as a gradient.
    """
    decided = (_gradient(parameter) - gradient).abs() <= 0.1 * gradient.abs()
    largest = max(1.0, float(after.abs().max()))
    return _backward(name, torch.where(decided, parameter, after), after, largest)


def _worst(what: str, rows: list[Row]) -> Iterator[Row]:
    """All rows that are too far, and the farthest of the others."""
    yield from (Row(f"{what}: {row.name}", row.absolute, row.relative, fine=False) for row in rows if not row.fine)
    row = max(rows, key=lambda row: row.relative)
    yield Row(f"{what}, worst of {len(rows)}", row.absolute, row.relative, row.fine)


def _block_fusion(golden: Golden) -> Iterator[Row]:
    for name in sorted({key.split("/")[0] for key in golden} - {"in"}):
        if f"{name}/param/merge_linears0.0.weight" not in golden:
            yield Row(name, note="skipped: its weights are not stored")
            continue
        state = _group(golden, f"{name}/param")
        width, first = state["linear0.weight"].shape
        out, second = state["linear_out.weight"].shape[0], state["linear1.weight"].shape[1]
        chunks = sum(re.fullmatch(r"merge_linears0\.\d+\.weight", key) is not None for key in state)
        rows, size = state["merge_linears0.0.weight"].shape
        settings = FusionSettings(
            width=width, chunks=chunks, rank=rows // size, normalise="joined" if name == "after" else "each"
        )
        block = BlockFusion(first, second, out, settings)
        block.load_state_dict(_block_state(state, block))
        x0, x1 = (golden[f"in/x{n}"].clone().requires_grad_() for n in (0, 1))
        result = block(x0, x1)
        yield _forward(f"{name}: out", result, golden[f"{name}/out"])
        (result * torch.arange(1, result.shape[1] + 1)).sum().backward()
        theirs = _block_state(_group(golden, f"{name}/grad"), block)
        ours = {key: parameter.grad for key, parameter in block.named_parameters()}
        theirs |= {"x0": golden[f"{name}/grad_x0"], "x1": golden[f"{name}/grad_x1"]}
        ours |= {"x0": x0.grad, "x1": x1.grad}
        largest = max(float(value.abs().max()) for value in theirs.values())
        yield from _worst(f"{name}: gradient", [_backward(key, ours[key], theirs[key], largest) for key in theirs])


def _block_state(state: Golden, block: BlockFusion) -> Golden:
    names = {"map_first": "linear0", "map_second": "linear1", "out": "linear_out"}
    result = {f"{o}.{kind}": state[f"{t}.{kind}"] for o, t in names.items() for kind in ("weight", "bias")}
    chunks, size, rows = block.merge_first.weight.shape
    for ours, theirs in {"merge_first": "merge_linears0", "merge_second": "merge_linears1"}.items():
        for kind in ("weight", "bias"):
            parts = [state[f"{theirs}.{chunk}.{kind}"] for chunk in range(chunks)]
            result[f"{ours}.{kind}"] = assemble_chunks(parts, size, rows // size)
    return result


def _contrast(golden: Golden) -> Iterator[Row]:
    for name, similarity in (("info", "cosine"), ("uber", "dot")):
        inputs = [golden[f"in/{part}"].clone().requires_grad_() for part in ("query", "pos", "neg")]
        loss = contrastive_loss(*inputs, similarity, 0.1)
        yield _forward(f"{name}: loss", loss, golden[f"{name}/loss"])
        loss.backward()
        for tensor, part in zip(inputs, ("gq", "gp", "gn"), strict=True):
            theirs = golden[f"{name}/{part}"].view_as(tensor)
            assert tensor.grad is not None
            yield _backward(f"{name}: {part}", tensor.grad, theirs, max(float(theirs.abs().max()), 1e-30))


def _gumbel(golden: Golden) -> Iterator[Row]:
    logits = golden["in/logits"].clone().requires_grad_()
    scene = partition(logits[:, 0], logits[:, 1], golden["in/noise"], 0.9)
    y = torch.stack([scene.causal, scene.environment], dim=1)
    yield _forward("y", y, golden["out/y"])
    (y * golden["in/w"]).sum().backward()
    assert logits.grad is not None
    yield _backward("gradient", logits.grad, golden["out/grad"], float(golden["out/grad"].abs().max()))


def _layout(golden: Golden) -> Iterator[Row]:
    B, M = golden["sample_of_row"].shape
    owner = torch.arange(B)[:, None].expand(B, M)
    shuffled, _ = shuffle_owners(owner, owner)
    yield _forward("sample_of_row", shuffled, golden["sample_of_row"])


def _adjacency(golden: Golden) -> Iterator[Row]:
    for name, theirs in golden.items():
        scale = int(name[-1])
        K = theirs.shape[0] + scale
        if name.startswith("gcn"):
            yield _forward(name, near_windows(K, scale), theirs)
        else:
            yield _forward(name, overlapping_windows(K, scale, official=True).float(), theirs)


def _clip_indices(golden: Golden) -> Iterator[Row]:
    for name in ("clips8", "clips16"):
        theirs = golden[name].numpy()
        sampling = Sampling(clips=theirs.shape[1], frames=theirs.shape[2], positions="hcrn")
        ours = np.stack([clip_frames(n, sampling) for n in range(1, len(theirs))])
        yield _forward(name, torch.from_numpy(ours), torch.from_numpy(theirs[1:]))
    theirs = golden["mspan16"]
    ours = np.stack([spread_frames(n, theirs.shape[1]) for n in range(1, len(theirs))])
    yield _forward("mspan16", torch.from_numpy(ours), theirs[1:])


def _resnext(golden: Golden, keys: Path) -> Iterator[Row]:
    network = legacy_network(keys)
    mean = torch.tensor([114.7748, 107.7354, 99.4750]).view(3, 1, 1, 1)
    inputs = {
        "x32_feat": golden["in/x32"],
        "u112_feat_raw_pixels": golden["in/u112"].float(),
        "u112_feat_mean_subtracted": golden["in/u112"].float() - mean,
    }
    with torch.no_grad():
        for name, clip in inputs.items():
            theirs = golden[f"out/{name}"]
            difference = float((network(clip) - theirs).abs().max())
            relative = difference / float(theirs.abs().max())
            yield Row(name, difference, relative, relative <= BACKWARD)


def _other_sizes(golden: Golden) -> Iterator[Row]:
    yield Row("all", note="skipped: MSPAN's own model (words from a vocabulary, features wider than the model)")


KINDS: dict[str, Callable[..., Iterator[Row]]] = {
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_eval(?:_.+)?": _evaluation,
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_train(?:_.+)?": _training,
    r"block_fusion(?:_.+)?": _block_fusion,
    r"nce_losses(?:_.+)?": _contrast,
    r"gumbel_st(?:_.+)?": _gumbel,
    r"neg_layout(?:_.+)?": _layout,
    r"mspan_adjacency_scale\d": _adjacency,
    r"mspan_(?:oe|mc)_eval": _other_sizes,
    r"clip_indices(?:_.+)?": _clip_indices,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
