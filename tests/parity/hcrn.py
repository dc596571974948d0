"""HCRN of its authors: open-ended, and multiple choice with questions and candidates apart.

Which subsets were drawn is recorded; ours are given the same. Theirs has layers for the full set of objects, too, where
that is never looked at.
"""

from collections.abc import Iterator
from itertools import groupby

import torch
from torch import Tensor

from eigv.backbones import ClipWidths
from eigv.backbones.hcrn import Hcrn
from eigv.backbones.hcrn.relation import Relation
from eigv.method.batch import Batch
from tests.parity.peer_names import Names, of_hcrn
from tests.parity.peers import Worded, compared, model_of
from tests.parity.rows import Compared, Golden, Row, group


def hcrn(golden: Golden, form: str) -> Iterator[Compared | Row]:
    """A file of the form `open` or `choice`."""
    state, apart = group(golden, "param"), form == "choice"
    table = state["linguistic_input_unit.encoder_embed.weight"]
    frames, motion = golden["in_a/app"], golden["in_a/mot"]
    widths = ClipWidths(0, motion.shape[2], (frames.shape[2], frames.shape[3]), frames.shape[1])
    hidden = len(state["visual_input_unit.appearance_feat_proj.bias"])
    times = len(list(next(groupby(golden["rec_a/n_size_scale_index_count"][:, :3].tolist()))[1]))
    sizes = {"hidden": hidden, "words": None, "subsets": times, "texts": "apart" if apart else "joint"}
    classes = None if apart else len(state["output_unit.classifier.5.bias"])
    loss = "summed-hinge" if apart else "cross-entropy"
    worded = Worded(model_of("hcrn", sizes, widths, table.shape[1], classes, loss, golden), table)
    backbone = worded.model.backbone
    assert isinstance(backbone, Hcrn)
    if apart:  # their logits are (B * A, 1)
        rows = {name: value for name, value in golden.items() if name.endswith("/logits")}
        golden = golden | {name: value.view(-1, golden["in_a/cand"].shape[1]) for name, value in rows.items()}
    relations = [
        backbone.frames_by_motion, backbone.frames_by_question, backbone.clips_by_motion, backbone.clips_by_question
    ]  # fmt: skip

    def prepare(case: str) -> None:
        """The recorded draws: clip by clip those of both relations of frames, then those of clips."""
        draws = _Draws(golden[f"rec_{case}/n_size_scale_index_count"], golden[f"rec_{case}/subsets"])
        for groups in (relations[:2], relations[2:]):
            for number in range(groups[0].groups):
                for relation in groups:
                    draws.into(relation, number)
        draws.end()
        for relation in relations:
            relation.eval()  # training would draw anew

    def batch(worded: Worded, inputs: Golden) -> Batch:
        video = torch.cat([inputs["mot"], inputs["app"].flatten(2)], dim=2)
        if not apart:
            return worded.batch(video, inputs["q"], inputs["q_len"], inputs.get("ans"), 1)
        assert worded.words is not None
        made = worded.batch(
            video, inputs["cand"].flatten(0, 1), inputs["cand_len"], inputs.get("ans"), inputs["cand"].shape[1]
        )
        questions = worded.words[inputs["q"].long()]
        return Batch(**vars(made) | {"questions": questions, "question_lengths": inputs["q_len"].long()})

    def middle(worded: Worded, batch: Batch) -> Golden:
        first = batch.candidates * torch.arange(batch.size)
        clips, texts = backbone.encode_clips(batch.video), batch.encoded_by(backbone)
        objects = backbone.objects(clips, texts.pooled, torch.arange(batch.size), first)
        return {"visual": objects, "q_visual": backbone.reading(texts.pooled[first], objects)}

    def names(state: Golden) -> Names:
        return of_hcrn(state, [relation.scales for relation in relations])

    yield from compared(golden, worded, names, batch, middle, rate=1e-4, prepare=prepare, clip=12.0)


class _Draws:
    """Recorded subsets, in the order in which they were drawn."""

    def __init__(self, about: Tensor, subsets: Tensor) -> None:
        self.rows = [(tuple(said[:3]), members) for said, members in zip(about.tolist(), subsets.tolist(), strict=True)]

    def into(self, relation: Relation, group: int) -> None:
        """What was drawn next becomes the subsets of a relation's group."""
        subsets = relation.subsets[group]
        subsets[:] = False
        for scale in range(relation.scales):
            said = self.rows[0][0]
            assert said[0] == relation.objects
            number = 0
            while self.rows and self.rows[0][0] == said and number < relation.times:
                subsets[scale, number, [member for member in self.rows.pop(0)[1] if member >= 0]] = True
                number += 1

    def end(self) -> None:
        """Nothing may be left."""
        assert not self.rows, f"{len(self.rows)} recorded subsets belong nowhere"


KINDS = {r"hcrn_(open|choice)(?:_.+)?": hcrn}
"""By the name of a file."""
