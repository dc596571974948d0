"""A backbone that takes a second over every training step for as long as the file EIGV_TEST_PATIENT is there.

A job can then be ended in the middle of a training on any machine; the numbers stay those of a quick run.
"""

import os
import time
from pathlib import Path

from torch import Tensor, nn

from base.settings import Settings
from eigv.backbones import Backbone, Clips, ClipWidths, Tokens


class Patient(Backbone):
    def __init__(self, settings: Settings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        self.width = 16
        self.clips = nn.Linear(clip_widths.total, self.width)
        self.tokens = nn.Linear(token_width, self.width)
        self.waiting = Path(os.environ.get("EIGV_TEST_PATIENT", "nowhere"))

    def encode_clips(self, video: Tensor) -> Clips:
        return Clips(local=self.clips(video).relu())

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        return Tokens(pooled=self.tokens(tokens[:, 0]))

    def fuse(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        if self.training and self.waiting.exists():
            time.sleep(1)
        return clips.local.mean(dim=1)[clip_index] * tokens.pooled[token_index]
