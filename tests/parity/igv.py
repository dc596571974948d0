"""IGV: its three answers, its losses, and a training step, with the recorded noise and clips of other videos.

Sizes: B batch, K clips, Dv width of the clip features.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from eigv.backbones import ClipWidths
from eigv.config.methods import METHODS
from eigv.config.official import official
from eigv.config.run import RunSettings
from eigv.method import igv
from eigv.method.draws import Draws
from eigv.method.grounding import Scene
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from eigv.runs.external.official_checkpoints import load_official, sizes
from eigv.runs.model_files import ModelCard
from tests.parity.models import DATASETS, batch_of, learned
from tests.parity.rows import Compared, Golden, Row, forward, group

WEIGHTS = ((1.0, 1.0), (0.5, 2.0))
"""Of both divergences in the recorded losses; which, the recorded sum says."""


class Recorded(Draws):
    """The Gumbel noise of a recorded case."""

    def __init__(self, noise: Tensor) -> None:
        super().__init__(0)
        self.noise = noise

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        """(B, 2, K)."""
        assert self.noise.shape == shape
        return self.noise


class RecordedBank(MemoryBank):
    """The clips of other videos of a recorded case."""

    def __init__(self, features: Tensor, index: Tensor) -> None:
        super().__init__(features)
        self.index = index

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        """(B, K, Dv)."""
        assert self.index.shape == (len(excluded), *shape)
        return self.features.flatten(0, 1)[self.index.long()]


def compared(golden: Golden, data: str) -> Iterator[Compared | Row]:
    """Every case of a file: evaluation with noise, as published, and a training step up to the updated parameters."""
    golden = {name.replace("/indicator.", "/"): value for name, value in golden.items()}
    for case in sorted({key.split("/")[0][3:] for key in golden if key.startswith("in_")}):
        yield from _case(golden, case, data)


def _case(golden: Golden, case: str, data: str) -> Iterator[Compared | Row]:
    inputs, recorded, out = (group(golden, f"{part}_{case}") for part in ("in", "rec", "out"))
    model, settings = _model(golden, data)
    learns = "loss" in out
    model.train(learns)
    batch = batch_of(inputs, candidates=1)
    draws, bank = Recorded(recorded["gumbel_noise"]), RecordedBank(golden["in/bank"], recorded["multinomial"])
    seen: list[Scene] = []

    def as_recorded(_: nn.Module, __: tuple[Tensor, ...], scene: Scene) -> Scene:
        seen.append(scene)
        causal = recorded["gumbel_mask"][:, 0] + (scene.causal - scene.causal.detach())
        return replace(scene, causal=causal, environment=1 - causal)

    model.grounding.register_forward_hook(as_recorded)
    found = igv.branches(model, batch, draws, bank, settings.eigv)
    (scene,) = seen
    chances = torch.stack([scene.attention_causal, scene.attention_environment], dim=1)
    named = {"out_f": found.causal, "out_m": found.mixed, "out_b": found.environment}
    yield forward(f"{case}: gumbel_logits", chances, recorded["gumbel_logits"])
    decided = recorded["gumbel_soft"].argmax(dim=1) == recorded["gumbel_mask"].argmax(dim=1)
    if decided.all():  # else the file says what is causal, whatever the indicator finds
        soft = ((chances + draws.noise) / settings.eigv.grounding.temperature).softmax(dim=1)
        yield forward(f"{case}: gumbel_soft", soft, recorded["gumbel_soft"])
        yield forward(f"{case}: gumbel_mask", scene.causal, recorded["gumbel_mask"][:, 0])
    for name, value in named.items():
        yield forward(f"{case}: {name}", value, out[name])
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    middle = group(golden, f"mid_{case}")
    for name, value in (("q_local", texts.local), ("q_global", texts.pooled)):
        if name in middle:
            yield forward(f"{case}: {name}", value, middle[name])
    if learns:
        yield from _step(model, golden, case, settings, (draws, bank))


def _step(
    model: VideoQA, golden: Golden, case: str, settings: RunSettings, drawn: tuple[Draws, MemoryBank]
) -> Iterator[Compared | Row]:
    inputs, out = group(golden, f"in_{case}"), group(golden, f"out_{case}")

    def off(weights: tuple[float, float]) -> float:
        return abs(float(out["ce"] + weights[0] * out["kl"] + weights[1] * out["klb"] - out["loss"]))

    invariance, environment = min(WEIGHTS, key=off)
    how = settings.eigv.igv.model_copy(update={"invariance": invariance, "environment": environment})
    eigv = settings.eigv.model_copy(update={"igv": how})
    losses = model.training_step(batch_of(inputs, candidates=1), METHODS["igv"], *drawn, eigv)
    parts = {"ce": losses.answer, "kl": losses.others["invariance_loss"], "klb": losses.others["environment_loss"]}
    for name, value in (parts | {"loss": losses.total}).items():
        yield forward(f"{case}: {name}", value, out[name])
    losses.total.backward()
    yield from learned(model, golden, settings.training)


def _model(golden: Golden, data: str) -> tuple[VideoQA, RunSettings]:
    """The official variant in the sizes of the recorded weights, without dropout, as the files were recorded."""
    state = group(golden, "param")
    values = official(DATASETS[data], "hga", "igv")
    found, clip_width, token_width = sizes("hga", state)
    values["backbones"]["hga"] |= found | {"dropout": 0.0}
    values["eigv"]["grounding"]["official_sum_mask"] = False  # the mask that the code means: a clip of zeros
    values |= {"backbone": "hga", "method": "igv", "features": "app+mot", "seed": 999}
    settings = RunSettings.model_validate(values)
    classes = len(state["decoder.weight"])
    card = ModelCard(settings, ClipWidths(clip_width - clip_width // 2, clip_width // 2), token_width, classes)
    model = card.build().to(golden["in/bank"].dtype)
    load_official(model, state)
    return model, settings
