"""Answers to many questions, in the order that costs least.

Each video is encoded once for all questions about it, and texts of like length are read together. In evaluation the
other rows of a batch change no row's result, so the order decides nothing but the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from base.tensors import moved
from eigv.backbones.contract import Clips
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.model import AnswerFrom, VideoQA
from eigv.method.step import Prediction
from eigv.runs import precision
from eigv.runs.data import Split
from eigv.runs.device.placement import ahead

WINDOW = 8
"""Batches whose questions are ordered by length, and whose videos are held encoded at once: this bounds the memory."""


@dataclass(frozen=True)
class Answering:
    """How a model answers: in batches of `size` questions on `device`, in `numbers`."""

    model: VideoQA
    size: int
    device: str
    numbers: precision.Numbers = "float32"
    answer_from: AnswerFrom = "video"
    both: bool = False
    """Also from what `answer_from` is not."""

    def of(self, split: Split, questions: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Prediction]]:
        """The predictions for the questions of a split with these numbers, a batch at a time.

        With each comes which questions it is of: all batches together hold each number once, in another order. Put
        the model into `eval()` first.
        """
        for chosen, batch, clips in self._batches(split, questions):
            with precision.calculating(self.numbers, self.device):
                prediction = self.model.predict(batch, self.answer_from, clips, self.both)
            yield chosen, prediction

    def accuracies_under_noise(self, split: Split, times: int, draws: Draws) -> NDArray[np.float64]:
        """The accuracies (`times`,), in percent, of answers from causal scenes that are drawn with Gumbel noise.

        Each question has its noise, whatever batch it is in.
        """
        candidates = split.tokens.sequences if self.model.grounds_candidates(self.model.classes is None) else 1
        noise = draws.gumbel((times, len(split), candidates, 2, split.videos.features.shape[1]))
        right = np.zeros(times, np.int64)
        for chosen, batch, clips in self._batches(split, np.arange(len(split))):
            with precision.calculating(self.numbers, self.device):
                drawn = noise[:, torch.from_numpy(chosen)].to(self.device)
                answers = self.model.answers_under_noise(batch, clips, drawn).argmax(dim=2).cpu().numpy()
            right += (answers == split.answers[chosen]).sum(axis=1)
        return 100 * right / len(split)

    def _batches(self, split: Split, questions: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Batch, Clips]]:
        """Which questions a batch is of, the batch, and its videos, encoded."""
        by_video = questions[np.argsort(split.video_row[questions], kind="stable")]
        for start in range(0, len(by_video), WINDOW * self.size):
            window = by_video[start : start + WINDOW * self.size]
            videos, of = np.unique(split.video_row[window], return_inverse=True)
            encoded = self._encode(split, videos)
            by_length = np.argsort(split.longest[window], kind="stable")
            parts = (by_length[at : at + self.size] for at in range(0, len(window), self.size))
            made = ((part, split.batch(window[part], share_videos=True).to(self.device)) for part in parts)
            for chosen, batch in ahead(made, self.device):
                clips = encoded.select(torch.from_numpy(np.unique(of[chosen])).to(self.device))
                yield window[chosen], batch, clips

    @torch.no_grad()
    def _encode(self, split: Split, videos: NDArray[np.int64]) -> Clips:
        parts = (videos[start : start + self.size] for start in range(0, len(videos), self.size))
        sent = ahead((moved(split.videos.of(part), self.device) for part in parts), self.device)
        with precision.calculating(self.numbers, self.device):
            return Clips.cat([self.model.backbone.encode_clips(video) for video in sent])
