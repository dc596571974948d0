"""A golden file in the form of the recorded ones, of this code itself in float32: for tests of the tool.

Sizes: B batch, A candidates, K clips, Dv width of the clip features, L tokens, Dt width of the token features.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eigv.backbones import ClipWidths
from eigv.config.official import official
from eigv.config.run import RunSettings
from eigv.method.draws import Draws
from eigv.method.memory_bank import draw_others
from eigv.method.model import VideoQA
from eigv.runs.external.official_checkpoints import official_keys
from eigv.runs.model_files import ModelCard
from tests.parity.models import DATASETS, recorded_step
from tests.parity.rows import Golden, one_step_away

B, A, K, L = 3, 5, 16, 8
CLIPS, TOKENS, VIDEOS = 12, 10, 9
SIZES = {"hidden": 8, "words": 6, "fusion": {"width": 60, "chunks": 5, "rank": 3}}


def step_of_hga(path: Path, seed: int, off: bool = False) -> Path:
    """Records a training step of HGA in multiple choice, whose weights, inputs and draws `seed` decides.

    With `off`, its numbers are those of weights that are a float32 step away from the recorded ones.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = _card().build()
    golden: Golden = dict(_official(model, dict(model.state_dict()), "param"))
    partner, draws = torch.tensor([2, 0, 1]), Draws(seed)
    excluded = torch.stack([torch.arange(B), partner], dim=1)
    lengths = torch.randint(1, L + 1, (B, A), generator=generator)
    tokens = torch.randn(B, A, L, TOKENS, generator=generator)
    golden |= {
        "in/v": torch.randn(B, K, CLIPS, generator=generator).abs(),
        "in/q": tokens * (torch.arange(L) < lengths[..., None])[..., None],
        "in/q_len": lengths,
        "in/vid_idx": torch.arange(B),
        "in/ans": torch.randint(A, (B,), generator=generator),
        "in/lam_1": torch.tensor(0.83),
        "in/lam_2": torch.tensor(0.37),
        "in/index": partner,
        "in/bank": torch.randn(VIDEOS, K, CLIPS, generator=generator).abs(),
        "rec/gumbel0_noise": draws.gumbel((B, 2, K)),
        "rec/gumbel1_noise": draws.gumbel((B, 2, K)),
        "rec/multinomial_pos": draw_others(excluded, VIDEOS, K, (K,), draws),
        "rec/multinomial_neg": draw_others(excluded.repeat(5, 1), VIDEOS, K, (K,), draws),
        "rec/index_q": draws.permutation(5 * B),
    }
    own = torch.nn.functional.one_hot(golden["in/ans"], A)
    golden["out/target"] = torch.cat([0.83 * own, (1 - torch.tensor(0.83)) * own[partner]], dim=1)
    used = golden | (one_step_away(golden, seed=1000) if off else {})
    model, settings, found = recorded_step(used, "hga", "nextqa")
    golden |= {name: value.detach() for name, value in found.items()}
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    golden |= _official(model, gradients, "grad")
    torch.optim.Adam(model.parameters(), settings.training.learning_rate).step()
    golden |= _official(model, dict(model.named_parameters()), "post")
    np.savez(path, **{name: value.detach().numpy() for name, value in golden.items()})
    return path


def _card() -> ModelCard:
    values = official(DATASETS["nextqa"], "hga")
    values["backbones"]["hga"] |= SIZES
    settings = {**values, "backbone": "hga", "method": "eigv", "features": "app+mot", "seed": 0}
    return ModelCard(
        RunSettings.model_validate(settings),
        clip_widths=ClipWidths(CLIPS // 2, CLIPS // 2),
        token_width=TOKENS,
        classes=None,
    )


def _official(model: VideoQA, values: Golden, group: str) -> Iterator[tuple[str, Tensor]]:
    """Tensors in our names and shapes under the official ones, `group/name`: the importer's way back."""
    for key, names in official_keys(model).items():
        if key not in values:
            continue
        value, rank = values[key], SIZES["fusion"]["rank"]
        if len(names) == 1:
            yield f"{group}/{names[0]}", value
            continue
        for name, chunk in zip(names, value, strict=True):  # of a block fusion: (size, rank * size) or (1, rank * size)
            by_rank = chunk.view(len(chunk), rank, -1).permute(1, 2, 0)
            yield f"{group}/{name}", by_rank.reshape(-1, len(chunk)) if len(chunk) > 1 else by_rank.flatten()
