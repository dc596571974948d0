"""VideoQA with EIGV: one training step for every method, answers and rationales (section 4).

Sizes: B batch, K clips, E width of mapped clip features, T texts, D width, R width of an answer representation,
A answers, P pairs, N negatives of a kind.
"""

from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from base.tensors import full, no_autocast
from eigv.backbones.contract import Backbone, Clips, Tokens
from eigv.config.methods import Method
from eigv.config.run import EigvSettings, GroundingSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.grounding import PAPER, GroundingIndicator, Scene
from eigv.method.heads import Heads
from eigv.method.memory_bank import MemoryBank
from eigv.method.step import Losses, Prediction
from eigv.method.training_step import TrainingStep

AnswerFrom = Literal["video", "causal-scene"]


class VideoQA(nn.Module):
    """A backbone with its heads and the grounding indicator. Which method trains it is said step by step."""

    def __init__(
        self,
        backbone: Backbone[Any, Any],
        classes: int | None = None,
        grounding: GroundingSettings = PAPER,
        projection: bool = False,
        guide: "VideoQA | None" = None,
    ) -> None:
        """Open-ended: `classes` answers; multiple choice: None. `projection`: with a head before Eq. 18.

        `guide` is a trained model whose indicator says the scenes, in place of one that learns with this model.
        """
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.heads = Heads(backbone, classes, projection)
        self.grounding = GroundingIndicator(backbone.width, grounding)
        self.query = grounding.query
        self.guide = None if guide is None else guide.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As of every module; a guide has learnt already and stays in evaluation mode."""
        super().train(mode)
        if self.guide is not None:
            self.guide.eval()
        return self

    def training_step(
        self, batch: Batch, method: Method, draws: Draws, bank: MemoryBank | None, settings: EigvSettings
    ) -> Losses:
        """The losses of `batch` under `method`. Only a method that disrupts videos looks into `bank`."""
        return TrainingStep(self, batch, method, draws, bank, settings).losses()

    @torch.no_grad()
    def predict(
        self, batch: Batch, from_: AnswerFrom = "video", clips: Clips | None = None, both: bool = False
    ) -> Prediction:
        """Answers and their rationales. Call `eval()` first; nothing is drawn, so the result is the same every time.

        `from_="causal-scene"` reads an answer from the causal scene alone; `both` adds the answers from what `from_` is
        not. The rationale is the scene that the question grounds. Where the indicator asks with question and answer,
        every candidate is scored on the scene that its own text grounds, and the rationale is that of the predicted
        answer. `clips` is `batch.video`, encoded, where that has been done before.
        """
        clips = self.backbone.encode_clips(batch.video) if clips is None else clips
        texts = self.backbone.encode_tokens(batch.tokens, batch.lengths)
        guided = None if self.guide is None else self.guide.predict(batch)
        given = None if guided is None else guided.scene
        logits = self._answers(batch, clips, texts, from_, given)
        instead: AnswerFrom = "causal-scene" if from_ == "video" else "video"
        other = self._answers(batch, clips, texts, instead, given) if both else None
        if guided is not None:
            return Prediction(logits, guided.scene, guided.elsewhere, other)
        query = self.query_of(texts, batch, logits.argmax(dim=1))  # (B, D)
        local = clips.local[batch.video_of]  # (B, K, D)
        scene, elsewhere = (self.grounding(local, asking) for asking in (query, query.roll(-1, dims=0)))
        return Prediction(logits, scene, elsewhere, other)

    def _answers(
        self, batch: Batch, clips: Clips, texts: Tokens, from_: AnswerFrom, given: Scene | None = None
    ) -> Tensor:
        """The logits (B, A) from the videos, whose `clips` are encoded, or from their causal scenes: `given` ones."""
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
        video, seen = batch.video_of, text // batch.candidates  # (B,) rows of videos; (T,), whose video a text is about
        if from_ == "video":
            answers = self.backbone.fuse(clips, texts, video[seen], text)
        else:
            asking = self.query_of(texts, batch, batch.answer)  # (B, D)
            if given is None and self._asks_with_answers(batch):
                asking, video, seen = texts.pooled, video[seen], text
            scenes = given or self.grounding(clips.local[video], asking)  # B of them, or T
            causal, _ = scenes.split(self.backbone.map_clips(batch.video)[video])
            own = torch.arange(len(video), device=text.device)
            answers = self.backbone.fuse(self.backbone.encode_mapped(causal), texts, own[seen], text)
        with no_autocast(answers):
            return self.heads.scores(full(answers)).view(batch.size, -1)

    def read(self, video: Tensor, texts: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """What is answered from `video` (n, K, Dv), encoded anew, to encoded texts: logits of the pairs (P, C)."""
        answers = self.backbone.fuse(self.backbone.encode_clips(video), texts, clip_index, token_index)
        with no_autocast(answers):
            return self.heads.scores(full(answers))

    def answer(self, batch: Batch, from_: AnswerFrom = "video") -> Tensor:
        """The logits (B, A) of `predict`."""
        return self.predict(batch, from_).logits

    def rationale(self, batch: Batch, from_: AnswerFrom = "video") -> Scene:
        """The scene of `predict`: B rows."""
        return self.predict(batch, from_).scene

    def _asks_with_answers(self, batch: Batch) -> bool:
        return batch.multiple_choice and self.query == "answer"

    def query_of(self, texts: Tokens, batch: Batch, answer: Tensor) -> Tensor:
        """What the indicator asks with, (B, D), of the encoded texts of `batch`; `answer` (B,) are candidates."""
        if not batch.multiple_choice or self._asks_with_answers(batch):
            return texts.pooled[batch.text_of(answer)]
        return texts.pooled.view(batch.size, batch.candidates, -1).mean(dim=1)  # none of the candidates stands out
