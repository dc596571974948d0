"""One training step, for every method: what is mixed, what is contrasted, and the losses of it (section 4).

Sizes: B batch, K clips, E width of mapped clip features, T texts, D width, R width of an answer representation,
A answers, P pairs, N negatives of a kind.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from base.tensors import full, moved, no_autocast
from eigv.backbones.contract import Clips, Tokens
from eigv.config.methods import Method
from eigv.config.run import EigvSettings
from eigv.method.batch import Batch
from eigv.method.disruptor import (
    negative_videos,
    other_questions,
    permuted_questions,
    positive_video,
    shuffle_owners,
)
from eigv.method.draws import Draws
from eigv.method.faithful import given_scene, random_parts, select
from eigv.method.grounding import Scene
from eigv.method.intervener import Intervention, draw_intervention, mix_scenes, mix_videos, mixed_scene
from eigv.method.memory_bank import MemoryBank
from eigv.method.objective import accuracy, answer_loss, answers_of_both, contrastive_loss, mixed_answers
from eigv.method.step import Losses, Study, Twins

if TYPE_CHECKING:
    from eigv.method.model import VideoQA


class TrainingStep:
    """A batch, a method and what it needs: the parts of the step are shared by all methods that have them."""

    def __init__(
        self,
        model: "VideoQA",
        batch: Batch,
        method: Method,
        draws: Draws,
        bank: MemoryBank | None,
        settings: EigvSettings,
    ) -> None:
        """Only a method that disrupts videos looks into `bank`."""
        self.model, self.batch, self.method = model, batch, method
        self.draws, self.bank, self.settings = draws, bank, settings

    def losses(self) -> Losses:
        """Of the model as it is; what is random comes from `draws`."""
        study = self._intervene()
        twins = self._disrupt(study) if self.method.contrasts else None
        of_answers, of_twins = self._represent(study, twins)
        with no_autocast(of_answers):
            losses = self._learn_from(of_answers, of_twins, study, twins)
        if self.method.random_parts:
            losses = self._learn_from_parts(losses, study)
        if self.method.selects == "jointly":
            chosen = select(self.model, self.batch, self.settings.faithful, self.draws)
            losses = replace(losses, total=losses.total + chosen.loss, scene=chosen.scene)
        return losses

    def _intervene(self) -> Study:
        batch, method, draws, settings = self.batch, self.method, self.draws, self.settings
        how, A = settings.intervener, batch.candidates
        texts = batch.encoded_by(self.model.backbone)
        question = texts.select(batch.text_of(batch.answer)) if batch.multiple_choice else texts
        query = self.model.query_of(texts, batch, batch.answer)
        text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
        asked = (text // A, text)
        mapped = self.model.backbone.map_clips(batch.video)  # (B, K, E)
        if method.mix == "none":
            clips = self.model.backbone.encode_mapped(mapped)
            return Study(mapped, clips, texts, asked, batch.answer, question, question, query, None, None)

        intervention = draw_intervention(batch.size, how, draws)
        scene = None
        if method.mix == "scenes":
            scene = given_scene(self.model.guide, batch, method)
            if scene is None:
                scene = self._ground(self.model.backbone.encode_mapped(mapped), query)
            video = mix_scenes(mapped, scene, intervention)
        else:
            video = mix_videos(mapped, intervention)
        clips = self.model.backbone.encode_mapped(video)

        ratio, partner = intervention.equivariant, moved(intervention.partner, video.device)
        keep_length = how.length == "own"
        if how.question == "tokens" and not batch.multiple_choice:
            mixed_question = self._encode_mixed(intervention, keep_length)
        else:
            mixed_question = question.mix(question.select(partner), ratio, keep_length)
        if not batch.multiple_choice:
            assert self.model.classes is not None
            target = mixed_answers(batch.answer, partner, ratio, self.model.classes)
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

    def _encode_mixed(self, mix: Intervention, keep_length: bool) -> Tokens:
        """The questions, mixed as token features and encoded."""
        tokens, own = mix_videos(self.batch.tokens, mix), self.batch.lengths
        lengths = own if keep_length else torch.maximum(own, own[mix.partner])
        return self.model.backbone.encode_tokens(tokens, lengths)

    def _disrupt(self, study: Study) -> Twins:
        batch, method, bank, draws, settings = self.batch, self.method, self.bank, self.draws, self.settings
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
            if method.scenes == "indicator":
                scene = self._ground(study.clips, study.query)
            else:
                assert study.scene is not None and study.intervention is not None
                scene = mixed_scene(study.scene, study.intervention)
            excluded = [batch.excluded]
            if study.intervention is not None:
                excluded.append(batch.excluded[study.intervention.partner])
            K = study.video.shape[1]
            drawn = bank.draw(torch.cat(excluded, dim=1), (1 + N, K), draws).to(batch.video)
            substitutes = self.model.backbone.map_clips(drawn)  # (B, 1 + N, K, E)
            made = [
                positive_video(study.video, scene, substitutes[:, 0]),
                negative_videos(study.video, scene, substitutes[:, 1:]).flatten(0, 1),  # (B * N, K, E), sample-major
            ]
            clips = self.model.backbone.encode_mapped(torch.cat(made))
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

    def _represent(self, study: Study, twins: Twins | None) -> tuple[Tensor, Tensor | None]:
        """Answer representations of the pairs to answer (B * A, R), and of anchor, positive, negatives (B, 2 + M, R).

        All pairs are fused in one call, so that they share what depends on one video or one text alone.
        """
        batch = self.batch
        video, text = study.asked
        if twins is None:
            return full(self.model.backbone.fuse(study.clips, study.texts, video, text)), None

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

        represented = self.model.backbone.fuse(
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

    def _learn_from(self, of_answers: Tensor, of_twins: Tensor | None, study: Study, twins: Twins | None) -> Losses:
        """The losses of what `_represent` gives."""
        batch, contrast = self.batch, self.settings.objective
        logits = self.model.heads.scores(of_answers).view(batch.size, -1)  # (B, A)
        answer = answer_loss(logits, study.target, contrast.answer)
        contrastive, total = None, answer
        if of_twins is not None:
            projected = self.model.heads.project(of_twins)  # (B, 2 + M, width of the projection)
            contrastive = contrastive_loss(
                projected[:, 0], projected[:, 1], projected[:, 2:], contrast.similarity, contrast.temperature
            )
            total = answer + contrast.beta * contrastive
            if twins and self.model.backbone.contrast_reaches_answer_head:
                self._pass_answer_head(of_twins, twins, batch.multiple_choice)
        return Losses(
            total=total,
            answer=answer.detach(),
            contrastive=None if contrastive is None else contrastive.detach(),
            scene=twins.scene if twins and twins.scene else study.scene,
            accuracy=accuracy(logits, study.target),
        )

    def _learn_from_parts(self, losses: Losses, study: Study) -> Losses:
        """`losses` with that of answers to random parts of the videos."""
        of_parts = self.model.read(random_parts(self.batch.video, self.draws), study.texts, *study.asked)
        how = self.settings.objective.answer
        parts = self.settings.parts.weight * answer_loss(of_parts.view(self.batch.size, -1), study.target, how)
        return replace(losses, total=losses.total + parts, answer=losses.answer + parts.detach())

    @torch.no_grad()
    def _pass_answer_head(self, of_twins: Tensor, twins: Twins, multiple_choice: bool) -> None:
        """Contrasted representations (B, 2 + M, R) through the answer head, kind by kind, for its statistics alone."""
        anchor, positive, negatives = of_twins[:, 0], of_twins[:, 1], of_twins[:, 2:].flatten(0, 1)
        asking = twins.negatives[0].flatten() < 2 * len(anchor)  # (B * M,): v* with other questions, no rows of v-
        disrupted = max(len(twins.clips.local) - len(anchor), 0)  # so many of the others, after v+
        kinds = [positive, *negatives[asking.argsort(stable=True)].tensor_split([disrupted])]
        for kind in [anchor, *kinds] if multiple_choice else kinds:  # open-ended: the anchors are the answers' pairs
            if len(kind):
                self.model.heads.scores(kind)

    def _ground(self, clips: Clips, query: Tensor) -> Scene:
        noise = self.draws.gumbel((clips.local.shape[0], 2, clips.local.shape[1]))
        return self.model.grounding(clips.local, query, noise, self.settings.grounding.temperature)
