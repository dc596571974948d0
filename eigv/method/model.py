"""VideoQA with EIGV: one training step for every method, answers and rationales (section 4).

Sizes: B batch, K clips, E width of mapped clip features, T texts, D width, R width of an answer representation,
A answers, P pairs, N negatives of a kind.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from base.tensors import full, moved, no_autocast
from eigv.backbones.contract import Backbone, Clips, Tokens
from eigv.config.methods import Method
from eigv.config.run import EigvSettings, GroundingSettings, ObjectiveSettings
from eigv.method.batch import Batch
from eigv.method.disruptor import (
    negative_videos,
    other_questions,
    permuted_questions,
    positive_video,
    shuffle_owners,
)
from eigv.method.draws import Draws
from eigv.method.grounding import PAPER, GroundingIndicator, Scene
from eigv.method.heads import Heads
from eigv.method.intervener import Intervention, draw_intervention, mix_scenes, mix_videos
from eigv.method.memory_bank import MemoryBank
from eigv.method.objective import answer_loss, answers_of_both, contrastive_loss, mixed_answers
from eigv.method.step import Losses, Prediction, Study, Twins

AnswerFrom = Literal["video", "causal-scene"]


class VideoQA(nn.Module):
    """A backbone with its heads and the grounding indicator. Which method trains it is said step by step."""

    def __init__(
        self,
        backbone: Backbone[Any, Any],
        classes: int | None = None,
        grounding: GroundingSettings = PAPER,
        projection: bool = False,
    ) -> None:
        """Open-ended: `classes` answers; multiple choice: None. `projection`: with a head before Eq. 18."""
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.heads = Heads(backbone, classes, projection)
        self.grounding = GroundingIndicator(backbone.width, grounding)
        self.query = grounding.query

    def training_step(
        self, batch: Batch, method: Method, draws: Draws, bank: MemoryBank | None, settings: EigvSettings
    ) -> Losses:
        """The losses of `batch` under `method`. Only a method that disrupts videos looks into `bank`."""
        study = self._intervene(batch, method, draws, settings)
        twins = self._disrupt(batch, study, method, bank, draws, settings) if method.contrasts else None
        of_answers, of_twins = self._represent(batch, study, twins)
        with no_autocast(of_answers):
            return self._learn_from(of_answers, of_twins, batch, study, twins, settings.objective)

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
        logits = self._answers(batch, clips, texts, from_)
        other = self._answers(batch, clips, texts, "causal-scene" if from_ == "video" else "video") if both else None
        query, local = self._query(texts, batch, logits.argmax(dim=1)), clips.local[batch.video_of]  # (B, D), (B, K, D)
        scene, elsewhere = (self.grounding(local, asking) for asking in (query, query.roll(-1, dims=0)))
        return Prediction(logits, scene, elsewhere, other)

    def _answers(self, batch: Batch, clips: Clips, texts: Tokens, from_: AnswerFrom) -> Tensor:
        """The logits (B, A) from the videos, whose `clips` are encoded, or from their causal scenes."""
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
        video, seen = batch.video_of, text // batch.candidates  # (B,) rows of videos; (T,), whose video a text is about
        if from_ == "video":
            answers = self.backbone.fuse(clips, texts, video[seen], text)
        else:
            asking = self._query(texts, batch, batch.answer)  # (B, D)
            if self._asks_with_answers(batch):
                asking, video, seen = texts.pooled, video[seen], text
            scenes = self.grounding(clips.local[video], asking)  # B of them, or T
            causal, _ = scenes.split(self.backbone.map_clips(batch.video)[video])
            own = torch.arange(len(video), device=text.device)
            answers = self.backbone.fuse(self.backbone.encode_mapped(causal), texts, own[seen], text)
        with no_autocast(answers):
            return self.heads.scores(full(answers)).view(batch.size, -1)

    def answer(self, batch: Batch, from_: AnswerFrom = "video") -> Tensor:
        """The logits (B, A) of `predict`."""
        return self.predict(batch, from_).logits

    def rationale(self, batch: Batch, from_: AnswerFrom = "video") -> Scene:
        """The scene of `predict`: B rows."""
        return self.predict(batch, from_).scene

    def _intervene(self, batch: Batch, method: Method, draws: Draws, settings: EigvSettings) -> Study:
        how, A = settings.intervener, batch.candidates
        texts = self.backbone.encode_tokens(batch.tokens, batch.lengths)
        question = texts.select(batch.text_of(batch.answer)) if batch.multiple_choice else texts
        query = self._query(texts, batch, batch.answer)
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
        asked = (text // A, text)
        mapped = self.backbone.map_clips(batch.video)  # (B, K, E)
        if method.mix == "none":
            clips = self.backbone.encode_mapped(mapped)
            return Study(mapped, clips, texts, asked, batch.answer, question, question, query, None, None)

        intervention = draw_intervention(batch.size, how, draws)
        scene = None
        if method.mix == "scenes":
            scene = self._ground(self.backbone.encode_mapped(mapped), query, draws, settings)
            video = mix_scenes(mapped, scene, intervention)
        else:
            video = mix_videos(mapped, intervention)
        clips = self.backbone.encode_mapped(video)

        ratio, partner = intervention.equivariant, moved(intervention.partner, video.device)
        keep_length = how.length == "own"
        if how.question == "tokens" and not batch.multiple_choice:
            mixed_question = self._encode_mixed(batch, intervention, keep_length)
        else:
            mixed_question = question.mix(question.select(partner), ratio, keep_length)
        if not batch.multiple_choice:
            assert self.classes is not None
            target = mixed_answers(batch.answer, partner, ratio, self.classes)
            q, query = mixed_question, mixed_question.pooled
            return Study(video, clips, q, asked, target, q, question, query, intervention, scene)

        query = ratio[:, None].to(query.dtype) * query + (1 - ratio[:, None].to(query.dtype)) * query[partner]
        theirs = (partner[:, None] * A + torch.arange(A, device=partner.device)).flatten()  # (T,)
        if how.candidates == "both":
            both = torch.cat([text.view(-1, A), theirs.view(-1, A)], dim=1).flatten()  # (B * 2A,)
            asked = (torch.arange(batch.size, device=text.device).repeat_interleave(2 * A), both)
            target = answers_of_both(batch.answer, partner, ratio, A)
        else:  # candidate j with the partner's candidate j
            texts = texts.mix(texts.select(theirs), ratio.repeat_interleave(A), keep_length)
            target = mixed_answers(batch.answer, partner, ratio, A)
        return Study(video, clips, texts, asked, target, mixed_question, question, query, intervention, scene)

    def _encode_mixed(self, batch: Batch, mix: Intervention, keep_length: bool) -> Tokens:
        """The questions, mixed as token features and encoded."""
        tokens = mix_videos(batch.tokens, mix)
        lengths = batch.lengths if keep_length else torch.maximum(batch.lengths, batch.lengths[mix.partner])
        return self.backbone.encode_tokens(tokens, lengths)

    def _disrupt(
        self, batch: Batch, study: Study, method: Method, bank: MemoryBank | None, draws: Draws, settings: EigvSettings
    ) -> Twins:
        B, N = batch.size, settings.disruptor.negatives
        device = batch.video.device
        own = torch.arange(B, device=device)
        every = own[:, None].expand(B, N)
        none = own.new_empty(B, 0)
        # Without disrupted videos, the positive is the anchor again, under dropout of its own.
        positive, clips, scene = own, study.clips.select(own[:0]), None
        beyond, videos, questions = study.unmixed.select(own[:0]), [none], [none]

        if method.disrupt_video:
            if bank is None:
                raise ValueError("a method that disrupts videos needs a memory bank")
            scene = self._ground(study.clips, study.query, draws, settings)
            excluded = [batch.excluded]
            if study.intervention is not None:
                excluded.append(batch.excluded[study.intervention.partner])
            K = study.video.shape[1]
            drawn = bank.draw(torch.cat(excluded, dim=1), (1 + N, K), draws).to(batch.video)
            substitutes = self.backbone.map_clips(drawn)  # (B, 1 + N, K, E)
            made = [
                positive_video(study.video, scene, substitutes[:, 0]),
                negative_videos(study.video, scene, substitutes[:, 1:]).flatten(0, 1),  # (B * N, K, E), sample-major
            ]
            clips = self.backbone.encode_mapped(torch.cat(made))
            positive = B + own
            videos.append(2 * B + torch.arange(B * N, device=own.device).view(B, N))
            questions.append(every)
        if method.disrupt_question:
            how, mixed = settings.disruptor, study.intervention
            unmixed = mixed is not None and how.random_question == "sample"
            if how.questions == "permuted":
                others = permuted_questions(B, N, draws)  # (B, N)
            else:
                anchors = torch.arange(B)  # on the host, as the partners
                mine = torch.stack([anchors, mixed.partner], dim=1) if mixed and unmixed else anchors[:, None]
                others = other_questions(mine, N, draws)  # (B, N), or (B, 0)
            others = moved(others, device)
            if unmixed:
                beyond, others = study.unmixed, B + others
            videos.append(every[:, : others.shape[1]])
            questions.append(others)

        negatives = torch.cat(videos, dim=1), torch.cat(questions, dim=1)
        if settings.disruptor.owners == "shuffled":
            negatives = shuffle_owners(*negatives)
        return Twins(clips, beyond, (positive, own), negatives, scene)

    def _represent(self, batch: Batch, study: Study, twins: Twins | None) -> tuple[Tensor, Tensor | None]:
        """Answer representations of the pairs to answer (B * A, R), and of anchor, positive, negatives (B, 2 + M, R).

        All pairs are fused in one call, so that they share what depends on one video or one text alone.
        """
        video, text = study.asked
        if twins is None:
            return full(self.backbone.fuse(study.clips, study.texts, video, text)), None

        B, T, pairs = batch.size, batch.tokens.shape[0], len(text)
        own = torch.arange(B, device=text.device)
        texts, first_question = [study.texts], 0
        if batch.multiple_choice:  # q* mixes the two right candidates, which no answer pair need do
            texts, first_question = [study.texts, study.question], T
        positive_clips, positive_questions = twins.positive
        negative_clips, negative_questions = twins.negatives
        anchored = [own] if batch.multiple_choice else []  # open-ended: the answer's pair is the anchor
        of_videos = [video, *anchored, positive_clips, negative_clips.flatten()]
        of_questions = [*anchored, positive_questions, negative_questions.flatten()]

        represented = self.backbone.fuse(
            Clips.cat([study.clips, twins.clips]),
            Tokens.cat([*texts, twins.beyond]),
            torch.cat(of_videos),
            torch.cat([text, *(first_question + rows for rows in of_questions)]),
        )
        of_answers, rest = full(represented).tensor_split([pairs])
        if not batch.multiple_choice:
            rest = torch.cat([of_answers, rest])
        pair, negatives = rest[: 2 * B].view(2, B, -1).transpose(0, 1), rest[2 * B :]  # anchor and positive
        return of_answers, torch.cat([pair, negatives.view(*negative_clips.shape, rest.shape[1])], dim=1)

    @torch.no_grad()
    def _pass_answer_head(self, of_twins: Tensor, twins: Twins, multiple_choice: bool) -> None:
        """Contrasted representations (B, 2 + M, R) through the answer head, kind by kind, for its statistics alone."""
        anchor, positive, negatives = of_twins[:, 0], of_twins[:, 1], of_twins[:, 2:].flatten(0, 1)
        asking = twins.negatives[0].flatten() < 2 * len(anchor)  # (B * M,): v* with other questions, no rows of v-
        disrupted = max(len(twins.clips.local) - len(anchor), 0)  # so many of the others, after v+
        kinds = [positive, *negatives[asking.argsort(stable=True)].tensor_split([disrupted])]
        for kind in [anchor, *kinds] if multiple_choice else kinds:  # open-ended: the anchors are the answers' pairs
            if len(kind):
                self.heads.scores(kind)

    def _learn_from(
        self,
        of_answers: Tensor,
        of_twins: Tensor | None,
        batch: Batch,
        study: Study,
        twins: Twins | None,
        contrast: ObjectiveSettings,
    ) -> Losses:
        """The losses of what `_represent` gives."""
        logits = self.heads.scores(of_answers).view(batch.size, -1)  # (B, A)
        answer = answer_loss(logits, study.target)
        contrastive, total = None, answer
        if of_twins is not None:
            projected = self.heads.project(of_twins)  # (B, 2 + M, width of the projection)
            contrastive = contrastive_loss(
                projected[:, 0], projected[:, 1], projected[:, 2:], contrast.similarity, contrast.temperature
            )
            total = answer + contrast.beta * contrastive
            if twins and self.backbone.contrast_reaches_answer_head:
                self._pass_answer_head(of_twins, twins, batch.multiple_choice)
        return Losses(
            total=total,
            answer=answer.detach(),
            contrastive=None if contrastive is None else contrastive.detach(),
            scene=twins.scene if twins and twins.scene else study.scene,
            accuracy=_accuracy(logits, study.target),
        )

    def _asks_with_answers(self, batch: Batch) -> bool:
        return batch.multiple_choice and self.query == "answer"

    def _query(self, texts: Tokens, batch: Batch, answer: Tensor) -> Tensor:
        """What the indicator asks with, (B, D), of the encoded texts of `batch`; `answer` (B,) are candidates."""
        if not batch.multiple_choice or self._asks_with_answers(batch):
            return texts.pooled[batch.text_of(answer)]
        return texts.pooled.view(batch.size, batch.candidates, -1).mean(dim=1)  # none of the candidates stands out

    def _ground(self, clips: Clips, query: Tensor, draws: Draws, settings: EigvSettings) -> Scene:
        noise = draws.gumbel((clips.local.shape[0], 2, clips.local.shape[1]))
        return self.grounding(clips.local, query, noise, settings.grounding.temperature)


def _accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """How much the predicted answers weigh in the target: (B, A) distributions, or (B,) the right answers."""
    predicted = logits.detach().argmax(dim=1)
    if target.dim() == 1:
        return (predicted == target).float().mean()
    return target.gather(1, predicted[:, None]).mean()
