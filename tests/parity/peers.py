"""Other systems of Table 1: answers, intermediate tensors and a training step, against their published code.

Their weights come under names of ours by the tables below; users have no checkpoints of them to import. Words come from
a table that belongs to the comparison: a model of ours is given their vectors.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from eigv.backbones import ClipWidths
from eigv.backbones.amu import Amu
from eigv.backbones.hme import Hme
from eigv.config.methods import METHODS
from eigv.config.run import EigvSettings, RunSettings, TrainingSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.model import VideoQA
from eigv.runs.model_files import ModelCard
from tests.parity.models import updated
from tests.parity.peer_names import Names, of_amu, of_hme, of_hme_authors
from tests.parity.rows import Compared, Golden, Row, exactly, forward, group

BACKWARD = 1e-3
"""How far a gradient may be off, as a share of the largest."""


class Worded(nn.Module):
    """A model and the table of words that it is trained with, if it has one."""

    def __init__(self, made: tuple[VideoQA, EigvSettings], words: Tensor | None = None) -> None:
        super().__init__()
        self.model, self.settings = made
        self.words = None if words is None else nn.Parameter(words.clone())

    def batch(self, video: Tensor, tokens: Tensor, lengths: Tensor, answer: Tensor | None, candidates: int) -> Batch:
        """A batch of texts (T, L, Dt), or of words (T, L)."""
        tokens = tokens if self.words is None else self.words[tokens.long()]
        count = len(video)
        none = torch.zeros(count, dtype=torch.int64)
        return Batch(
            video=video,
            tokens=tokens,
            lengths=lengths.flatten().long(),
            answer=none if answer is None else answer.long(),
            excluded=none[:, None] - 1,
            candidates=candidates,
            qids=[str(n) for n in range(count)],
        )


def hme_choice(golden: Golden) -> Iterator[Compared | Row]:
    """HME in NExT-QA's code."""
    state = group(golden, "param")
    sizes = {
        "hidden": len(state["linear_vid.bias"]),
        "words": len(state["qns_encoder.embedding.bias"]),
        "attention": len(state["temp_att_a.linear_text.bias"]),
        "clip_slots": len(state["mrm_vid.read_prob.bias"]),
        "text_slots": len(state["mrm_txt.read_prob.bias"]),
        "official_shared_map": True,
    }
    widths = ClipWidths(*(state[f"vid_encoder.rnn_{kind}_l1.weight_ih_l0"].shape[1] for kind in ("app", "motion")))
    model = model_of("hme", sizes, widths, state["qns_encoder.embedding.weight"].shape[1], None, "hinge", golden)

    def batch(worded: Worded, inputs: Golden) -> Batch:
        return worded.batch(
            inputs["v"], inputs["q"].flatten(0, 1), inputs["q_len"], inputs.get("ans"), inputs["q"].shape[1]
        )

    def middle(worded: Worded, batch: Batch) -> Golden:
        found = _of_hme(worded.model, batch)
        first = batch.candidates * torch.arange(batch.size)
        return {
            "att_a_cand0": found["att_a"][first],
            "mem_vid_sample0": found["mem_vid"][0],
            "mem_txt_cand0_sample0": found["mem_txt"][0, : batch.lengths[0]],
            "mm_cand0_sample0": found["mm"][:1],
        }

    yield from compared(golden, Worded(model), of_hme, batch, middle, rate=5e-5)


def hme_authors(golden: Golden) -> Iterator[Compared | Row]:
    """HME in its authors' code, open-ended."""
    state = group(golden, "param")
    hidden, word = state["lstm_text_1.weight_hh"].shape[1], state["embed.weight"].shape[1]
    sizes = {
        "hidden": hidden,
        "words": None,
        "attention": len(state["TpAtt_a.Va"]),
        "clip_slots": len(state["mrm_vid.read_prob.bias"]),
        "text_slots": len(state["mrm_txt.read_prob.bias"]),
        "reading": "twice",
    }
    widths = ClipWidths(*(state[f"lstm_video_1{kind}.weight_ih"].shape[1] for kind in "am"))
    answers = len(state["linear_decoder_count_2.bias"])
    model = model_of("hme", sizes, widths, word, answers, "cross-entropy", golden)

    def batch(worded: Worded, inputs: Golden) -> Batch:
        video = torch.cat([inputs["appearance"], inputs["motion"]], dim=2)
        return worded.batch(video, inputs["q"], inputs["q_len"], inputs.get("ans"), 1)

    def middle(worded: Worded, batch: Batch) -> Golden:
        found = _of_hme(worded.model, batch)
        return {
            "att_a_sample0": found["att_a"][:1],
            "att_m_sample0": found["att_m"][:1],
            "mem_vid_sample0": found["mem_vid"][0],
            "mem_txt_sample0": found["mem_txt"][0, : batch.lengths[0]],
        }

    yield from compared(golden, Worded(model, state["embed.weight"]), of_hme_authors, batch, middle, rate=1e-3)


def _of_hme(model: VideoQA, batch: Batch) -> Golden:
    """Intermediate tensors of the pairs of each video and its texts, by pair; memories by video or pair."""
    hme = model.backbone
    assert isinstance(hme, Hme)
    text = torch.arange(len(batch.tokens))
    clips, texts = hme.encode_clips(batch.video), hme.encode_tokens(batch.tokens, batch.lengths)
    seen, read, videos, asked = hme._of_pairs(clips, texts, text // batch.candidates, text)
    found = hme.attention(seen.streams.transpose(0, 1), read.pooled, videos, asked)
    reasoned = hme.reasoning(hme._ends(seen), seen.memory, read.memory, read.mask, videos, asked)
    return {"att_a": found[0], "att_m": found[1], "mem_vid": seen.memory, "mem_txt": read.memory, "mm": reasoned}


def amu(golden: Golden) -> Iterator[Compared | Row]:
    """AMU in its authors' code. Padding is read there as words: the recorded ids of 0."""
    state = group(golden, "param")
    table = state["embedding/embedding_matrix"]
    sizes = {"hidden": len(state["init/word_embed_b"]), "words": None}
    widths = ClipWidths(*(len(state[f"transform_video/{kind}/W"]) for kind in ("appear", "motion")))
    model = model_of("amu", sizes, widths, table.shape[1], len(state["output/b"]), "log-loss", golden)
    regularised, shared, rate = (float(value) for value in golden["meta/reg_shu_lr"])

    def batch(worded: Worded, inputs: Golden) -> Batch:
        video = torch.cat([inputs["appear"], inputs["motion"]], dim=2)
        lengths = torch.full((len(video),), inputs["q"].shape[1])
        return worded.batch(video, inputs["q"], lengths, inputs.get("ans"), 1)

    def middle(worded: Worded, batch: Batch) -> Golden:
        backbone = worded.model.backbone
        assert isinstance(backbone, Amu)
        own = torch.arange(batch.size)
        clips, texts = backbone.encode_clips(batch.video), backbone.encode_tokens(batch.tokens, batch.lengths)
        channels = texts.channels[:, -1, 2:]
        steps, ends, first = backbone._refine(clips, texts, own, own)
        weights = (steps.shares + first).index_select(0, ends).unflatten(1, (2, -1)) / channels[..., None]
        return {
            "appear_weight_last": weights[:, 0],
            "motion_weight_last": weights[:, 1],
            "channel_weight_last": channels,
        }

    def beyond(worded: Worded, batch: Batch) -> Tensor:
        """What the published loss adds: an L2 penalty of maps and words, and that both streams shall weigh alike."""
        backbone = worded.model.backbone
        assert isinstance(backbone, Amu) and worded.words is not None
        layers = (backbone.appearance, backbone.motion, backbone.common, backbone.channel, worded.model.heads.answer)
        squares = worded.words.square().sum() + sum(layer.weight.square().sum() for layer in layers)
        channels = backbone.encode_tokens(batch.tokens, batch.lengths).channels[:, -1, 2:]
        return regularised * squares / 2 + shared * (channels[:, 0] - channels[:, 1]).abs().sum()

    # TensorFlow's Adam adds its epsilon before the second moment's correction, PyTorch's after it.
    eps = 1e-8 / (1 - 0.999) ** 0.5
    yield from compared(golden, Worded(model, table), of_amu, batch, middle, rate=rate, eps=eps, beyond=beyond)


def model_of(
    backbone: str,
    sizes: dict[str, object],
    widths: ClipWidths,
    token_width: int,
    classes: int | None,
    loss: str,
    golden: Golden,
) -> tuple[VideoQA, EigvSettings]:
    """A model of ours, without dropout, as the files were recorded, and the settings of its step."""
    settings = RunSettings.model_validate(
        {
            "backbone": backbone,
            "method": "erm",
            "features": "app+mot",
            "seed": 0,
            "backbones": {backbone: sizes},
            "eigv": {"objective": {"answer": loss}},
        }
    )
    model = ModelCard(settings, widths, token_width, classes).build()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model.to(next(value.dtype for key, value in golden.items() if key.startswith("param/"))), settings.eigv


def compared(
    golden: Golden,
    worded: Worded,
    names: Callable[[Golden], Names],
    batch_of: Callable[[Worded, Golden], Batch],
    middle: Callable[[Worded, Batch], Golden],
    rate: float,
    eps: float = 1e-8,
    beyond: Callable[[Worded, Batch], Tensor] | None = None,
    prepare: Callable[[str], None] | None = None,
    clip: float = math.inf,
) -> Iterator[Compared | Row]:
    """Every case of a file, and where it has gradients, the step that they belong to.

    `beyond` is what the published loss adds; `prepare` puts into the model what a case has recorded of draws; `clip` is
    the norm that gradients are scaled down to before the step.
    """
    weights = names(group(golden, "param"))
    missing = [f"model.{name}" for name in worded.model.state_dict() if f"model.{name}" not in weights.values]
    own = {name for name in missing if name.startswith(("model.grounding", "model.heads.projection"))}
    own |= {name for name in missing if name.endswith(".subsets")}  # draws, which are no weights
    assert set(missing) == own, f"without a recorded weight: {sorted(set(missing) - own)}"
    worded.load_state_dict(weights.values, strict=False)
    yield from _unread(golden, weights)
    for case in sorted({key.split("/")[0][3:] for key in golden if key.startswith("in_")}):
        inputs, outputs, between = (group(golden, f"{kind}_{case}") for kind in ("in", "out", "mid"))
        worded.train("loss" in outputs)
        if prepare is not None:
            prepare(case)
        batch = batch_of(worded, inputs)
        with torch.no_grad():
            logits = worded.model.answer(batch)
            if "logits" in outputs:
                yield forward(f"{case}: logits", logits, outputs["logits"])
            else:
                yield forward(f"{case}: probabilities", logits.softmax(dim=1), outputs["probabilities"])
            ours = middle(worded, batch)
            for name, theirs in between.items():
                yield forward(f"{case}: {name}", ours[name], theirs)
        if "loss" in outputs:
            losses = worded.model.training_step(batch, METHODS["erm"], Draws(0), None, worded.settings)
            total = losses.total if beyond is None else losses.total + beyond(worded, batch)
            yield forward(f"{case}: loss", total, outputs["loss"])
            total.backward()
            if "grad_norm" in outputs:
                norm = torch.nn.utils.clip_grad_norm_(worded.parameters(), math.inf)
                yield forward(f"{case}: norm of the gradient", norm, outputs["grad_norm"])
            yield from _learned(worded, golden, names, rate, eps, clip)


def _unread(golden: Golden, weights: Names) -> Iterator[Row]:
    """Of weights that have no place here, that the recorded step had no gradient for them."""
    read = [name for name in weights.unread if f"grad/{name}" in golden]
    if weights.unread:
        note = f"{len(weights.unread)} weights that nothing reads are left out"
        yield Row("weights", fine=not read, note=f"{read} have gradients and no place here" if read else note)


def _learned(
    worded: Worded, golden: Golden, names: Callable[[Golden], Names], rate: float, eps: float, clip: float
) -> Iterator[Compared | Row]:
    state = group(golden, "param")
    nothing = {name: torch.zeros_like(value) for name, value in state.items()}
    # Names may add a number to a weight, which its gradient has not.
    added = names(nothing).values
    gradients = {name: value - added[name] for name, value in names(nothing | group(golden, "grad")).values.items()}
    largest = max(float(value.abs().max()) for value in gradients.values())
    learning = {name: parameter for name, parameter in worded.named_parameters() if parameter.grad is not None}
    for name, parameter in learning.items():
        if names is of_hme_authors and name.endswith("attention.asked.bias"):
            continue  # theirs has one bias in the place of two
        assert parameter.grad is not None
        limit = BACKWARD * largest
        yield exactly(name, parameter.grad.clone(), gradients[name], largest, limit, group="gradient")
    if not any(key.startswith("post/") for key in golden):
        return
    before = {name: parameter.detach().clone() for name, parameter in learning.items()}
    norm = torch.nn.utils.clip_grad_norm_(learning.values(), clip)
    gradients = {name: value * (clip / norm).clamp(max=1) for name, value in gradients.items()}
    torch.optim.Adam(learning.values(), rate, eps=eps).step()
    after = names(state | group(golden, "post")).values
    how = TrainingSettings(learning_rate=rate, weight_decay=0)
    yield from updated(learning, before, after, gradients, how)


KINDS: dict[str, Callable[..., Iterator[Compared | Row]]] = {
    r"hme_choice(?:_.+)?": hme_choice,
    r"hme_authors_open(?:_.+)?": hme_authors,
    r"amu_open(?:_.+)?": amu,
}
"""By the name of a file."""
