"""From a model of ours to a peer: sizes, and weights under their official names."""

import re
from collections.abc import Mapping

from torch import Tensor

from benchmarks.peer.comem import ComemPeer
from benchmarks.peer.hga import HgaPeer
from benchmarks.peer.mspan import MspanPeer
from benchmarks.peer.step import Peer
from eigv.backbones.parts.block_fusion import BlockFusion
from eigv.method.model import VideoQA
from eigv.runs.external.official_checkpoints import official_keys
from eigv.runs.external.official_names import is_dead
from eigv.runs.model_files import ModelCard

PEERS = {"hga": HgaPeer, "comem": ComemPeer, "mspan": MspanPeer}


def build_peer(card: ModelCard, model: VideoQA) -> Peer:
    """The peer of `model`, which `card` describes, with the same weights. Layers that nothing reads keep their own."""
    settings = card.settings
    backbone = settings.backbone
    peer = PEERS[backbone](getattr(settings.backbones, backbone), card.clip_widths[:2], card.token_width)
    peer.finish(card.classes, settings.eigv)
    found = peer.load_state_dict(official_state(model, model.state_dict()), strict=False)
    missing = [name for name in found.missing_keys if not is_dead(name)]
    if missing or found.unexpected_keys:
        raise ValueError(f"the peer of {backbone} misses {missing} and has no {found.unexpected_keys}")
    return peer


def official_state(model: VideoQA, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`values`, tensors by our names (weights, gradients), under the official names and in the official shapes."""
    state: dict[str, Tensor] = {}
    for key, names in official_keys(model).items():
        if key in values:
            state |= zip(names, _parts(model, key, values[key], len(names)), strict=True)
    return state


def _parts(model: VideoQA, key: str, tensor: Tensor, count: int) -> list[Tensor]:
    """The official tensors that `tensor` is made of: one a chunk, one a stream and map, or itself."""
    if re.search(r"\.merge_(first|second)\.", key):
        fusion = model.get_submodule(key.rsplit(".", 2)[0])
        assert isinstance(fusion, BlockFusion)
        size = -(-fusion.width // count)
        sizes = [size] * (count - 1) + [fusion.width - size * (count - 1)]
        parts = [part.view(len(part), -1, size)[:, :, :own].flatten(1) for part, own in zip(tensor, sizes, strict=True)]
        if key.endswith("bias"):
            return [part[0] for part in parts]
        return [part[:own].T for part, own in zip(parts, sizes, strict=True)]
    return [tensor] if count == 1 else list(tensor.flatten(0, 1).chunk(count))
