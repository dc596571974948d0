"""Single parts: fusion, losses, Gumbel-Softmax, layouts, clip positions, the motion network."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from eigv.backbones.mspan import near_windows, overlapping_windows
from eigv.backbones.parts.block_fusion import BlockFusion
from eigv.config.run import BlockFusionSettings
from eigv.method.disruptor import shuffle_owners
from eigv.method.grounding import partition
from eigv.method.objective import contrastive_loss
from eigv.runs.external.official_checkpoints import assemble_chunks
from extract.config import SamplingSettings
from extract.videos.sampling import clip_frames, spread_frames
from tests.drawn_weights import draw, legacy_network
from tests.parity.rows import BACKWARD, Compared, Golden, Row, backward, exactly, forward, group


def block_fusion(golden: Golden) -> Iterator[Compared]:
    """Cases `<name>/...` with shared inputs."""
    names = sorted({key.split("/")[0] for key in golden if key.endswith("/param/linear0.weight")})
    for name in names:
        block = _block(group(golden, f"{name}/param"), normalise="joined" if name == "after" else "each")
        yield from _block_case(f"{name}: ", block, golden, group(golden, name))


def drawn_block_fusion(golden: Golden, width: str, chunks: str, rank: str) -> Iterator[Compared]:
    """The file of a large case: its weights are not stored, but drawn from their names."""
    x0, x1, out = (next(value for key, value in golden.items() if key.split("/")[-1] == n) for n in ("x0", "x1", "out"))
    W, C, R = int(width), int(chunks), int(rank)
    sizes = [min(-(-W // C), W - start) for start in range(0, W, -(-W // C))]
    shapes = {"linear0": (W, x0.shape[1]), "linear1": (W, x1.shape[1]), "linear_out": (out.shape[1], W)}
    for side in (0, 1):
        shapes |= {f"merge_linears{side}.{number}": (R * size, size) for number, size in enumerate(sizes)}
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"] = torch.from_numpy(draw(f"block.{name}.weight", "linear", shape)).to(x0.dtype)
        state[f"{name}.bias"] = torch.from_numpy(draw(f"block.{name}.bias", "bias", shape[:1])).to(x0.dtype)
    case = {key.removeprefix("out/"): value for key, value in golden.items()} | {"out": out}
    yield from _block_case("", _block(state), {"in/x0": x0, "in/x1": x1}, case)


def _block(state: Golden, normalise: Literal["each", "joined"] = "each") -> BlockFusion:
    width, first = state["linear0.weight"].shape
    out, second = state["linear_out.weight"].shape[0], state["linear1.weight"].shape[1]
    chunks = sum(re.fullmatch(r"merge_linears0\.\d+\.weight", key) is not None for key in state)
    rows, size = state["merge_linears0.0.weight"].shape
    settings = BlockFusionSettings(width=width, chunks=chunks, rank=rows // size, normalise=normalise)
    block = BlockFusion(first, second, out, settings).to(state["linear0.weight"].dtype)
    block.load_state_dict(_block_state(state, block))
    return block


def _block_case(prefix: str, block: BlockFusion, inputs: Golden, case: Golden) -> Iterator[Compared]:
    x0, x1 = (inputs[f"in/x{n}"].clone().requires_grad_() for n in (0, 1))
    result = block(x0, x1)
    yield forward(f"{prefix}out", result, case["out"])
    (result * torch.arange(1, result.shape[1] + 1)).sum().backward()
    ours = {key: parameter.grad for key, parameter in block.named_parameters()} | {"x0": x0.grad, "x1": x1.grad}
    theirs = {f"x{n}": case[f"grad_x{n}"] for n in (0, 1) if f"grad_x{n}" in case}
    if "grad/linear0.weight" in case:
        theirs |= _block_state(group(case, "grad"), block)
    if theirs:
        largest = max(float(value.abs().max()) for value in theirs.values())
        for key, value in theirs.items():
            yield backward(key, ours[key], value, largest, group=f"{prefix}gradient")


def _block_state(state: Golden, block: BlockFusion) -> Golden:
    names = {"map_first": "linear0", "map_second": "linear1", "out": "linear_out"}
    result = {f"{o}.{kind}": state[f"{t}.{kind}"] for o, t in names.items() for kind in ("weight", "bias")}
    chunks, size, rows = block.merge_first.weight.shape
    for ours, theirs in {"merge_first": "merge_linears0", "merge_second": "merge_linears1"}.items():
        for kind in ("weight", "bias"):
            parts = [state[f"{theirs}.{chunk}.{kind}"] for chunk in range(chunks)]
            result[f"{ours}.{kind}"] = assemble_chunks(parts, size, rows // size)
    return result


def contrast(golden: Golden) -> Iterator[Compared]:
    for name, similarity in (("info", "cosine"), ("uber", "dot")):
        inputs = [golden[f"in/{part}"].clone().requires_grad_() for part in ("query", "pos", "neg")]
        loss = contrastive_loss(*inputs, similarity, 0.1)
        yield forward(f"{name}: loss", loss, golden[f"{name}/loss"])
        loss.backward()
        for tensor, part in zip(inputs, ("gq", "gp", "gn"), strict=True):
            theirs = golden[f"{name}/{part}"].view_as(tensor)
            assert tensor.grad is not None
            yield backward(f"{name}: {part}", tensor.grad, theirs, max(float(theirs.abs().max()), 1e-30))


def gumbel(golden: Golden) -> Iterator[Compared]:
    logits = golden["in/logits"].clone().requires_grad_()
    scene = partition(logits[:, 0], logits[:, 1], golden["in/noise"], 0.9)
    y = torch.stack([scene.causal, scene.environment], dim=1)
    yield forward("y", y, golden["out/y"])
    (y * golden["in/w"]).sum().backward()
    assert logits.grad is not None
    yield backward("gradient", logits.grad, golden["out/grad"], float(golden["out/grad"].abs().max()))


def layout(golden: Golden) -> Iterator[Compared]:
    B, M = golden["sample_of_row"].shape
    owner = torch.arange(B)[:, None].expand(B, M)
    shuffled, _ = shuffle_owners(owner, owner)
    yield forward("sample_of_row", shuffled, golden["sample_of_row"])


def adjacency(golden: Golden) -> Iterator[Compared]:
    for name, theirs in golden.items():
        scale = int(name.removeprefix("gcn_adj").removeprefix("gat_adj"))
        K = theirs.shape[0] + scale
        if name.startswith("gcn"):
            yield forward(name, near_windows(K, scale), theirs)
        else:
            yield forward(name, overlapping_windows(K, scale, official=True).float(), theirs)


def clip_indices(golden: Golden) -> Iterator[Compared]:
    for name in ("clips8", "clips16"):
        theirs = golden[name].numpy()
        sampling = SamplingSettings(clips=theirs.shape[1], frames=theirs.shape[2], positions="hcrn")
        ours = np.stack([clip_frames(n, sampling) for n in range(1, len(theirs))])
        yield forward(name, torch.from_numpy(ours), torch.from_numpy(theirs[1:]))
    theirs = golden["mspan16"]
    ours = np.stack([spread_frames(n, theirs.shape[1]) for n in range(1, len(theirs))])
    yield forward("mspan16", torch.from_numpy(ours), theirs[1:])


def resnext(golden: Golden, keys: Path) -> Iterator[Compared]:
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
            largest = float(theirs.abs().max())
            yield exactly(name, network(clip), theirs, largest, BACKWARD * largest)


def own_mspan(golden: Golden) -> Iterator[Compared | Row]:
    """MSPAN as published. EIGV's, and so ours, has clips as wide as the model, and token features instead of words."""
    yield from adjacency(group(golden, "const"))
    yield Row("the model", note="skipped: its clips are wider than the model, its words come from a vocabulary")
