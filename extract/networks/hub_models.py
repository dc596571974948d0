"""The types of models of transformers that are feature networks."""

from typing import Literal, NamedTuple


class Tower(NamedTuple):
    """How vectors are read off a model of transformers."""

    model: str
    """Its class."""
    output: str
    """What of its output is the vector."""
    kind: Literal["appearance", "motion"] = "appearance"
    one_size: bool = True
    """It has as many positions as its picture has patches, and no more."""


TOWERS = {
    "clip": Tower("CLIPVisionModelWithProjection", "image_embeds"),
    "clip_vision_model": Tower("CLIPVisionModelWithProjection", "image_embeds"),
    "siglip": Tower("SiglipVisionModel", "pooler_output"),
    "siglip_vision_model": Tower("SiglipVisionModel", "pooler_output"),
    "dinov2": Tower("Dinov2Model", "pooler_output", one_size=False),
    "dinov2_with_registers": Tower("Dinov2WithRegistersModel", "pooler_output", one_size=False),
    "videomae": Tower("VideoMAEModel", "last_hidden_state", "motion"),
}
"""By `model_type` of `config.json`."""
