"""Tiny models of the hub with random weights, saved as their folders are."""

import json
from pathlib import Path

import torch
import transformers

SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
WORDS = {"vocab_size": 30, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
VIEW = {"image_size": 32, "patch_size": 16}
RANDOM_GREYS = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}


def saved(folder: Path, kind: str) -> torch.nn.Module:
    """Saves a model of a kind with its image processor; returns it whole, ready to be compared with."""
    torch.manual_seed(7)
    model = MODELS[kind]().eval()
    for name, value in model.named_parameters():  # as drawn, most of it does next to nothing
        torch.nn.init.normal_(value, 1.0 if "norm" in name and "weight" in name else 0.0, 0.2)
    model.save_pretrained(folder)
    processor(kind).save_pretrained(folder)
    return model


def processor(kind: str):
    """What makes the pictures of a model, from Pillow as ours."""
    name, settings = PROCESSORS[kind]
    return getattr(transformers, name)(**settings | RANDOM_GREYS)


def _two_towers(name: str) -> torch.nn.Module:
    vision = SIZES | VIEW | ({"projection_dim": 24} if name == "CLIP" else {})
    sizes = {"projection_dim": 24} if name == "CLIP" else {}
    config = getattr(transformers, f"{name}Config")(text_config=SIZES | WORDS | sizes, vision_config=vision, **sizes)
    return getattr(transformers, f"{name}Model")(config)


def _video(**more) -> transformers.VideoMAEConfig:
    return transformers.VideoMAEConfig(**SIZES | VIEW | {"num_frames": 4, "tubelet_size": 2} | more)


MODELS = {
    "clip": lambda: _two_towers("CLIP"),
    "siglip": lambda: _two_towers("Siglip"),
    "dinov2": lambda: transformers.Dinov2Model(
        transformers.Dinov2Config(**SIZES | {"image_size": 48, "patch_size": 16, "mlp_ratio": 2})
    ),
    "videomae": lambda: transformers.VideoMAEForPreTraining(
        _video(
            decoder_num_hidden_layers=1,
            decoder_num_attention_heads=2,
            decoder_hidden_size=16,
            decoder_intermediate_size=16,
        )
    ),
    "videomae-classifier": lambda: transformers.VideoMAEForVideoClassification(_video(num_labels=5)),
}
PROCESSORS = {
    "clip": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}),
    "siglip": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
    "dinov2": ("BitImageProcessorPil", {"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}}),
    "videomae": (
        "VideoMAEImageProcessorPil",
        {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    ),
}
PROCESSORS["videomae-classifier"] = PROCESSORS["videomae"]


def vectors(model: torch.nn.Module, kind: str, pixels: torch.Tensor) -> torch.Tensor:
    """What the model itself makes of what its processor has made: the vectors that its features are."""
    if kind in ("clip", "siglip"):
        found = model.get_image_features(pixel_values=pixels)
        return getattr(found, "pooler_output", found)
    if kind == "dinov2":
        return model(pixel_values=pixels).pooler_output
    states = model.videomae(pixel_values=pixels).last_hidden_state
    return states.mean(1) if kind == "videomae" else model.fc_norm(states.mean(1))


def timm_folder(folder: Path, **said) -> None:
    """What the hub has of a network of timm, but for its weights."""
    view = {"input_size": [3, 64, 64], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center"}
    view |= {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "classifier": "fc", "license": "apache-2.0"}
    folder.mkdir(parents=True)
    config = {"architecture": "resnet10t", "num_classes": 7, "pretrained_cfg": view | said}
    (folder / "config.json").write_text(json.dumps(config))
