"""VideoQA with EIGV: one training step for every method, answers and rationales (section 4).

Sizes: B batch, K clips, E width of mapped clip features, T texts, D width, R width of an answer representation,
A answers, P pairs, N negatives of a kind.
"""

from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from base.tensors import full, no_autocast
from eigv.backbones.contract import Backbone, Clips, Tokens
from eigv.config.choices import Environment
from eigv.config.methods import Method
from eigv.config.run import EigvSettings, GroundingSettings
from eigv.method import igv
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.grounding import PAPER, GroundingIndicator, Scene
from eigv.method.heads import Heads
from eigv.method.memory_bank import MemoryBank
from eigv.method.step import Losses, Prediction
from eigv.method.training_step import TrainingStep

AnswerFrom = Literal["video", "causal-scene"]


class Asked(NamedTuple):
    """What scenes are asked for: n is B, or T where every candidate has its own."""

    query: Tensor  # (n, D)
    video: Tensor  # (n,), the row of `Batch.video`
    of_texts: Tensor  # (T,), which of the n scenes a text is about


class VideoQA(nn.Module):
    """A backbone with its heads and the grounding indicator. Which method trains it is said step by step."""

    def __init__(
        self,
        backbone: Backbone[Any, Any],
        classes: int | None = None,
        grounding: GroundingSettings = PAPER,
        projection: bool = False,
        guide: "VideoQA | None" = None,
        environment: Environment = "zeroed",
        smooths: bool = False,
    ) -> None:
        """Open-ended: `classes` answers; multiple choice: None. `projection`: with a head before Eq. 18.

        `environment` is what becomes of the other clips where causal scenes are answered (`inference.environment`).
        `guide` is a trained model whose indicator says the scenes, in place of one that learns with this model.
        `smooths`: the indicator smooths the scenes that it chooses without noise.
        """
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.heads = Heads(backbone, classes, projection)
        self.grounding = GroundingIndicator(backbone.width, grounding, smooths)
        self.query = grounding.query
        self.environment: Environment = environment
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
        """The losses of `batch` under `method`. Only one that takes clips of other videos looks into `bank`."""
        if method.branches:
            return igv.losses(self, batch, draws, bank, settings)
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
        texts = batch.encoded_by(self.backbone)
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

    @torch.no_grad()
    def answers_under_noise(self, batch: Batch, clips: Clips, noise: Tensor) -> Tensor:
        """The logits (R, B, A) from R draws of causal scenes, with Gumbel noise (R, B, A', 2, K), as in training.

        A' is A where each candidate is answered on a scene of its own (`grounds_candidates`), else 1.
        """
        texts = self.backbone.encode_tokens(batch.tokens, batch.lengths)
        return torch.stack([self._answers(batch, clips, texts, "causal-scene", noise=x.flatten(0, 1)) for x in noise])

    def grounds_candidates(self, multiple_choice: bool) -> bool:
        """Whether each candidate is answered on a scene of its own."""
        return multiple_choice and self.query == "answer"

    def _answers(
        self,
        batch: Batch,
        clips: Clips,
        texts: Tokens,
        from_: AnswerFrom,
        given: Scene | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """The logits (B, A) from the videos, whose `clips` are encoded, or from their causal scenes: `given` ones, or
        drawn with `noise` (n, 2, K)."""
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
        seen = batch.video_of[text // batch.candidates]
        if from_ == "causal-scene":
            asking, video, seen = self.asked(texts, batch, of_candidates=given is None)
            scenes = given or self.grounding(clips.local[video], asking, noise)  # B of them, or T
            causal, _ = scenes.split(self.backbone.map_clips(batch.video)[video])
            clips = self.encode_part(causal, scenes.causal)
        return self._scored(clips, texts, seen, text).view(batch.size, -1)

    def encode_part(self, shown: Tensor, chosen: Tensor) -> Clips:
        """Encodes clips (n, K, E), of which those that are `chosen` (n, K) are seen and the others are 0.

        Under `environment: dropped` these are left out, unless nothing is chosen.
        """
        if self.environment == "zeroed":
            return self.backbone.encode_mapped(shown)
        keep = chosen > 0
        return self.backbone.encode_kept(shown, keep | ~keep.any(dim=1, keepdim=True))

    def read(self, video: Tensor, texts: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """What is answered from `video` (n, K, Dv), encoded anew, to encoded texts: logits of the pairs (P, C)."""
        return self._scored(self.backbone.encode_clips(video), texts, clip_index, token_index)

    def read_part(
        self, video: Tensor, chosen: Tensor, texts: Tokens, clip_index: Tensor, token_index: Tensor
    ) -> Tensor:
        """The same of the clips `chosen` (n, K) alone, as answers from causal scenes are; the others are zeros."""
        return self._scored(self.encode_part(self.backbone.map_clips(video), chosen), texts, clip_index, token_index)

    def _scored(self, clips: Clips, texts: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        answers = self.backbone.fuse(clips, texts, clip_index, token_index)
        with no_autocast(answers):
            return self.heads.scores(full(answers))

    def answer(self, batch: Batch, from_: AnswerFrom = "video") -> Tensor:
        """The logits (B, A) of `predict`."""
        return self.predict(batch, from_).logits

    def rationale(self, batch: Batch, from_: AnswerFrom = "video") -> Scene:
        """The scene of `predict`: B rows."""
        return self.predict(batch, from_).scene

    def asked(self, texts: Tokens, batch: Batch, of_candidates: bool = True) -> Asked:
        """What is asked for scenes in `batch`; `of_candidates`: of each candidate, where the indicator asks so."""
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)
        video, seen = batch.video_of, text // batch.candidates
        if of_candidates and self._asks_with_answers(batch):
            return Asked(texts.pooled, video[seen], text)
        return Asked(self.query_of(texts, batch, batch.answer), video, seen)

    def _asks_with_answers(self, batch: Batch) -> bool:
        return self.grounds_candidates(batch.multiple_choice)

    def query_of(self, texts: Tokens, batch: Batch, answer: Tensor) -> Tensor:
        """What the indicator asks with, (B, D), of the encoded texts of `batch`; `answer` (B,) are candidates."""
        if not batch.multiple_choice or self._asks_with_answers(batch):
            return texts.pooled[batch.text_of(answer)]
        return texts.pooled.view(batch.size, batch.candidates, -1).mean(dim=1)  # none of the candidates stands out
