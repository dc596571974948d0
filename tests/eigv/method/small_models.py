"""A small model of each backbone and a small batch of each form of answers."""

import pytest
import torch

from eigv.backbones import BACKBONES, ClipWidths, build
from eigv.config.methods import METHODS
from eigv.config.run import (
    AmuSettings,
    BackbonesSettings,
    BlockFusionSettings,
    ComemSettings,
    DisruptorSettings,
    EigvSettings,
    HcrnSettings,
    HgaSettings,
    HmeSettings,
    MspanSettings,
)
from eigv.method.batch import Batch
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA

SETTINGS = EigvSettings(disruptor=DisruptorSettings(negatives=2))
MIXED = EigvSettings(disruptor=DisruptorSettings(negatives=2, random_question="mixed"))
BANK = MemoryBank(torch.randn(9, 5, 10, generator=torch.Generator().manual_seed(5)))
FORMS = ["multiple-choice", "open-ended"]
every_form = pytest.mark.parametrize("form", FORMS)
SIZES = BackbonesSettings(
    amu=AmuSettings(hidden=8, words=12),
    comem=ComemSettings(hidden=4, words=12),
    hcrn=HcrnSettings(hidden=8, words=12, subsets=2),
    hga=HgaSettings(hidden=8, words=12, fusion=BlockFusionSettings(width=20, chunks=4, rank=3)),
    hme=HmeSettings(hidden=16, words=12, attention=5, clip_slots=3, text_slots=6),
    mspan=MspanSettings(hidden=4),
)
STREAMS = {"hcrn": ClipWidths(0, 2, frames=(4, 2), clips=5)}
"""Of backbones that read other streams than appearance and motion; all are 10 wide."""
every_backbone = pytest.mark.parametrize("backbone", sorted(BACKBONES))
every_method = pytest.mark.parametrize("name", list(METHODS))


def widths_of(backbone: str) -> ClipWidths:
    """Streams that a backbone reads, 10 wide, of videos of 5 clips."""
    return STREAMS.get(backbone, ClipWidths(6, 4))


def small_model(form: str, dropout: float = 0.0, backbone: str = "hga", method: str = "eigv") -> VideoQA:
    guide = small_model(form, backbone=backbone) if METHODS[method].scenes == "guide" else None
    torch.manual_seed(0)
    built = build(backbone, SIZES, widths_of(backbone), token_width=6)
    for module in built.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return VideoQA(built, None if form == "multiple-choice" else 4, guide=guide)


def small_batch(form: str, size: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(7)
    A = 3 if form == "multiple-choice" else 1
    return Batch(
        video=BANK.features[:size].clone(),
        tokens=torch.randn(size * A, 6, 6, generator=generator),
        lengths=torch.randint(1, 7, (size * A,), generator=generator),
        answer=torch.randint(3, (size,), generator=generator),
        excluded=torch.arange(size)[:, None],
        candidates=A,
        qids=[str(i) for i in range(size)],
        gold=torch.rand(size, 5, generator=generator) < 0.5,
    )
