"""The official implementation's checkpoints: its nine models as settings, and how to load them.

The official repository trained each of three backbones on each of three data sets. `official_card` describes the model
that a state_dict belongs to, with the switches on that its weights were trained under, and `load_official` fills it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from base.errors import UserError
from base.reading import sha256
from base.settings import parse
from eigv.backbones import ClipWidths
from eigv.config.official import official
from eigv.config.peers import PEERS
from eigv.config.run import RunSettings
from eigv.method.model import VideoQA
from eigv.runs.external.official_names import is_dead, official_names
from eigv.runs.model_files import ModelCard, save


def official_keys(model: VideoQA) -> dict[str, tuple[str, ...]]:
    """For each entry of the model's state, the names of the official ones that it is made of."""
    backbone = type(model.backbone).__name__.lower()
    return {key: tuple(official_names(backbone, key, tensor)) for key, tensor in model.state_dict().items()}


def from_official(model: VideoQA, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An official `state` under our names and in our shapes; `UserError` that lists all that does not fit.

    Neither side may have an entry more than the other, but for official ones that nothing reads. The official grounding
    divides its scores by the square root of their width: the model must be built with `grounding.scaled`.
    """
    keys, wanted = official_keys(model), model.state_dict()
    used = {name for names in keys.values() for name in names}
    problems = [f"it has no {name}" for name in sorted(used - set(state))]
    problems += [f"{name} is of no use here" for name in sorted(set(state) - used) if not is_dead(name)]
    if problems:
        raise UserError(_refusal(model, problems))

    result = {}
    for key, names in keys.items():
        parts = [state[name] for name in names]
        try:
            result[key] = _assemble(key, parts, wanted)
        except (RuntimeError, ValueError):
            shapes = ", ".join(f"{name} {tuple(part.shape)}" for name, part in zip(names, parts, strict=True))
            problems.append(f"{shapes} does not make {key} {tuple(wanted[key].shape)}")
    if problems:
        raise UserError(_refusal(model, problems))
    return result


def load_official(model: VideoQA, state: Mapping[str, Tensor]) -> None:
    """Fills `model` with an official state_dict; `UserError` that lists all that does not fit."""
    model.load_state_dict(from_official(model, state), strict=True)


def _refusal(model: VideoQA, problems: list[str]) -> str:
    shown = problems[:12] + ([f"and {len(problems) - 12} more"] if len(problems) > 12 else [])
    return f"this is no official checkpoint of {type(model.backbone).__name__} in these sizes:\n  " + "\n  ".join(shown)


def _assemble(key: str, parts: list[Tensor], wanted: dict[str, Tensor]) -> Tensor:
    """The tensor `key` from its official parts; `ValueError` or `RuntimeError` where shapes do not fit."""
    shape = wanted[key].shape
    if re.search(r"\.merge_(first|second)\.", key):
        size = wanted[re.sub(r"\w+$", "weight", key)].shape[1]
        return assemble_chunks(parts, size, shape[-1] // size).view(shape)
    if len(parts) > 1:  # streams, and maps of one input in a stream
        if sum(part.shape[0] for part in parts) != shape[0] * shape[1]:
            raise ValueError
        return torch.cat(parts).view(shape)
    (part,) = parts
    if part.shape != shape:
        raise ValueError
    return part


def assemble_chunks(parts: list[Tensor], size: int, rank: int) -> Tensor:
    """The weights (C, size, rank * size) or biases (C, 1, rank * size) of a `ChunkLinear` from one a chunk."""
    return torch.stack([_chunk(part, size, rank) for part in parts])


def _chunk(part: Tensor, size: int, rank: int) -> Tensor:
    """One chunk's weight (rank * s, s) or bias (rank * s,), s <= size, as (size, rank * size) or (1, rank * size)."""
    less = size - part.shape[0] // rank  # the last chunk may be smaller; zeros fill it up
    by_rank = part.view(rank, size - less, *part.shape[1:])
    if part.dim() == 1:
        return F.pad(by_rank, (0, less)).view(1, rank * size)
    return F.pad(by_rank, (0, less, 0, less)).permute(2, 0, 1).reshape(size, rank * size)


def sizes(backbone: str, state: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    """What an official `state` says of its sizes: settings of the backbone, all clip features and token features.

    Raises `UserError` where it is no checkpoint of that backbone.
    """
    try:
        return _SIZES[backbone](state)
    except KeyError as error:
        raise UserError(f"this is no official checkpoint of {backbone}: it has no {error}") from None
    except (IndexError, ValueError, ZeroDivisionError) as error:
        raise UserError(f"this is no official checkpoint of {backbone}: a tensor has another shape ({error})") from None


def _sizes_of_hga(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    hidden, clip_width = state["vid_encoder.vid2hid.0.weight"].shape
    words, token_width = state["qns_encoder.embedding.0.weight"].shape
    rank_and_size, size = state["fusion.merge_linears0.0.weight"].shape
    fusion = {
        "width": state["fusion.linear0.weight"].shape[0],
        "chunks": sum(re.fullmatch(r"fusion\.merge_linears0\.\d+\.weight", name) is not None for name in state),
        "rank": rank_and_size // size,
    }
    layers = sum(
        re.fullmatch(r"gcn\.layers\.\d+\.weight\.weight|gcn\.layers\.\d+\.weight", name) is not None for name in state
    )
    return {"hidden": hidden, "words": words, "fusion": fusion, "graph_layers": layers}, clip_width, token_width


def _sizes_of_comem(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    appearance = state["vid_encoder.rnn_app_l1.weight_ih_l0"].shape[1]
    motion = state["vid_encoder.rnn_motion_l1.weight_ih_l0"].shape[1]
    words, token_width = state["qns_encoder.embedding.0.weight"].shape
    hidden = state["vid_encoder.rnn_app_l1.weight_hh_l0"].shape[1]
    layers = sum(re.fullmatch(r"qns_encoder\.rnn\.weight_ih_l\d+", name) is not None for name in state)
    found = {"hidden": hidden, "words": words, "text_layers": layers}
    return found | {"projection": state["project_head.1.weight"].shape[0]}, appearance + motion, token_width


def _sizes_of_mspan(state: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    token_width = state["linguistic.encoder.weight_ih_l0"].shape[1]
    hidden = state["linguistic.encoder.weight_hh_l0"].shape[1]
    rounds = {name.split(".")[2] for name in state if name.startswith("ssp_offer.GCN_Module.")}
    layers = {name.split(".")[4] for name in state if name.startswith("ssp_offer.GCN_Module.0.gcn.")}
    found = {"hidden": hidden, "rounds": len(rounds), "graph_layers": len(layers)}
    return found, state["fc_cat.weight"].shape[1], token_width


_SIZES = {"hga": _sizes_of_hga, "comem": _sizes_of_comem, "mspan": _sizes_of_mspan}


def official_card(dataset: str, backbone: str, state: Mapping[str, Tensor]) -> ModelCard:
    """The description of the official model that `state` belongs to.

    Sizes are read off the weights; appearance and motion features are taken to be equally wide.
    """
    values = official(dataset, backbone)
    found, clip_width, token_width = sizes(backbone, state)
    values["backbones"][backbone] |= found
    values |= {"backbone": backbone, "method": "eigv", "features": "app+mot", "seed": 999}
    return ModelCard(
        parse(RunSettings, values, f"the official {backbone} for {dataset}"),
        clip_widths=ClipWidths(clip_width - clip_width // 2, clip_width // 2),
        token_width=token_width,
        classes=None if dataset == "nextqa" else _classes(state),
    )


def import_checkpoint(path: Path, dataset: str, backbone: str, out: Path) -> ModelCard:
    """Turns an official checkpoint into `model.safetensors` and `model.json` in `out`, as a trained run has them.

    `UserError` for anything but a state_dict of that backbone: a file that holds more than tensors is not opened.
    """
    if (dataset, backbone) in PEERS:
        raise UserError(f"checkpoints of {backbone} as published cannot be imported; there are: {', '.join(_SIZES)}")
    official(dataset, backbone)  # refused before a large file is read
    state = _read_state(path)
    imported = {"file": path.name, "sha256": sha256(path), "variant": f"{dataset} {backbone}"}
    card = replace(official_card(dataset, backbone, state), inputs={"imported": imported})
    save(out, card, from_official(card.build(), state))
    return card


def _classes(state: Mapping[str, Tensor]) -> int:
    last = "decoder.weight" if "decoder.weight" in state else "classifier.4.weight"
    if last not in state:
        raise UserError("this is no official checkpoint of EIGV: it has neither decoder nor classifier")
    return state[last].shape[0]


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"the checkpoint {path} does not exist")
    try:
        # Only tensors: a pickle could run code.
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # whatever a file that is no such pickle makes of the reader
        raise UserError(f"{path} is not a file of tensors alone, and is not opened: {str(error)[:200]}") from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise UserError(f"{path} does not hold a state_dict: names with their tensors")
    # Models that were wrapped for several GPUs have a prefix.
    return {name.removeprefix("module."): value for name, value in state.items()}
