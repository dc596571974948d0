"""Encoders of transformers and timm as feature networks, one vector an input.

CLIP: the projected image embedding, which its text tower is compared with. SigLIP and DINOv2: their pooled state.
VideoMAE: the mean over all tokens, with the norm that a fine-tuned one has behind it.
"""

from pathlib import Path
from typing import Any

import transformers
from torch import Tensor, nn
from transformers.utils import logging

from base.errors import UserError
from extract.networks.hub_models import Tower
from extract.networks.local import read_state

State = dict[str, Tensor]


class Vectors(nn.Module):
    """A model of transformers up to the vector of its input."""

    def __init__(self, model: nn.Module, tower: Tower) -> None:
        super().__init__()
        self.model = model
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        """Frames (N, 3, S, S) or clips (N, 3, T, S, S), normalised, to features (N, D)."""
        if self.tower.kind == "motion":
            pixels = pixels.transpose(1, 2)  # (N, T, 3, S, S)
        found = self.model(pixel_values=pixels)
        values: Tensor = found["logits" if "logits" in found else self.tower.output]
        return values.mean(dim=1) if values.ndim == 3 else values


def build(tower: Tower, folder: Path) -> nn.Module:
    """The network with random weights, as `config.json` in `folder` describes it."""
    cls, config = _model(tower, folder)
    return Vectors(cls(config), tower)


def state(tower: Tower, folder: Path, path: Path) -> State:
    """The weights of a file under the names of `build`; `KeyError` that names those which the file lacks.

    transformers itself translates names of older files. Weights of other parts (a text tower, a classifier) are left.
    """
    cls, config = _model(tower, folder)
    model, found = cls.from_pretrained(None, config=config, state_dict=read_state(path), output_loading_info=True)
    wrong = sorted(found["missing_keys"]) + [str(key) for key in found["mismatched_keys"]]
    if wrong:
        raise KeyError(f"no tensors of the right shape for {', '.join(wrong[:5])}")
    return Vectors(model.float(), tower).state_dict()


def _model(tower: Tower, folder: Path) -> tuple[Any, Any]:
    """The class of a model and its configuration."""
    logging.set_verbosity_error()  # it reports every weight that we leave
    logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(str(folder.resolve()), local_files_only=True)
    name, classifies = tower.model, "VideoMAEForVideoClassification"
    if classifies in (config.architectures or []):
        config.num_labels = 0  # no classifier: what it would see comes out
        name = classifies
    return getattr(transformers, name), getattr(config, "vision_config", config)


def build_timm(network: str, config: dict[str, Any]) -> nn.Module:
    """The network of timm that `config` describes, without its classifier, with random weights."""
    try:
        import timm
    except ImportError:
        raise UserError(f"{network} needs timm, which is not installed: pip install '.[timm]'") from None
    try:
        made: nn.Module = timm.create_model(
            config["architecture"], pretrained=False, num_classes=0, **config.get("model_args", {})
        )
    except (RuntimeError, TypeError) as error:
        raise UserError(f"{network}: timm {timm.__version__} cannot build it: {error}") from None
    return made


def timm_state(config: dict[str, Any], path: Path) -> State:
    """The weights of a file but for those of the classifier."""
    classifier = config["pretrained_cfg"].get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    left = tuple(f"{head}." for head in heads)
    return {name: value for name, value in read_state(path).items() if not (left and name.startswith(left))}
