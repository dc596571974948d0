"""Whole models: answers, intermediate tensors, and a training step with the recorded draws."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from unittest.mock import patch

import torch
from torch import Tensor, nn

from eigv.backbones.hga import Hga
from eigv.backbones.parts.buckets import Buckets
from eigv.config.methods import METHODS
from eigv.config.run import RunSettings, TrainingSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from eigv.runs.external.official_checkpoints import from_official, load_official, official_card, official_keys
from tests.parity.rows import STEP, Compared, Golden, Row, backward, exactly, forward, group

ADAM = "after one Adam step"
DATASETS = {"nextqa": "nextqa", "msvd": "msvd-qa", "msrvtt": "msrvtt-qa"}


def _model(golden: Golden, backbone: str, data: str) -> tuple[VideoQA, RunSettings]:
    """The official variant in the sizes of the recorded weights, without dropout, as the files were recorded."""
    state = group(golden, "param")
    card = official_card(DATASETS[data], backbone, state)
    # The files were recorded with the mask that the official code means: a clip is padding where it is zeros.
    settings = card.settings.model_dump()
    settings["eigv"]["grounding"]["official_sum_mask"] = False
    card = replace(card, settings=RunSettings.model_validate(settings))
    model = card.build().to(golden["in_a/v" if "in_a/v" in golden else "in/v"].dtype)
    load_official(model, state)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.RNNBase):
            module.dropout = 0.0
    return model, card.settings


def batch_of(inputs: Golden, candidates: int) -> Batch:
    """The questions of a recorded case."""
    count = len(inputs["v"])
    none = torch.zeros(count, dtype=torch.int64)
    return Batch(
        video=inputs["v"],
        tokens=inputs["q"].flatten(0, -3),
        lengths=inputs["q_len"].flatten(),
        answer=inputs.get("ans", none).long(),
        excluded=inputs.get("vid_idx", none - 1).long()[:, None],
        candidates=candidates,
        qids=[str(n) for n in range(count)],
    )


def evaluation(golden: Golden, backbone: str, data: str) -> Iterator[Compared]:
    """Answers, and the intermediate tensors that we have the like of."""
    model, _ = _model(golden, backbone, data)
    model.eval()
    for case in sorted({key.split("/")[0][3:] for key in golden if key.startswith("in_")}):
        inputs, middle = group(golden, f"in_{case}"), group(golden, f"mid_{case}")
        batch = batch_of(inputs, 5 if data == "nextqa" else 1)
        with torch.no_grad():
            yield forward(f"{case}: logits", model.answer(batch), golden[f"out_{case}/logits"])
            for name, value in _middle(model, batch).items():
                if name in middle:
                    yield forward(f"{case}: {name}", value, middle[name])


def _middle(model: VideoQA, batch: Batch) -> Golden:
    """Intermediate tensors under the recorded names."""
    backbone = model.backbone
    clips, texts = backbone.encode_clips(batch.video), backbone.encode_tokens(batch.tokens, batch.lengths)
    text = torch.arange(len(batch.tokens))
    video = text // batch.candidates
    named = {"q_feat": texts.pooled, "q_global": texts.pooled, "v_feat": clips.local}
    if hasattr(clips, "facts"):
        named |= {"outputs_app": clips.facts[:, 0], "outputs_motion": clips.facts[:, 1]}
    if isinstance(backbone, Hga):
        pooling: list[tuple[Tensor, Tensor]] = []
        hook = backbone.pool.register_forward_hook(lambda _, given, pooled: pooling.append((given[0], pooled)))
        with patch("eigv.backbones.hga.model.Buckets", _Whole):
            fused = backbone.fuse(clips, texts, video, text)
        hook.remove()
        ((graph, pooled),) = pooling
        graph = graph.roll(-clips.local.shape[1], dims=1)  # the clips come last in the recorded ones
        named |= {"gcn_out": graph, "atten": backbone.pool.score(graph).softmax(dim=1), "local_out": pooled}
        nodes = backbone.nodes(torch.cat([texts.local, clips.local[video]], dim=1))
        named |= {"q_local": texts.local, "v_local": clips.local, "v_global": clips.pooled, "fused": fused}
        named |= {"adj": nodes @ nodes.transpose(1, 2)}
        named |= {"global_out": backbone.fuse_inputs(texts.pooled, clips.pooled[video])}
    return named


class _Whole(Buckets):
    """All rows in one bucket, as the reference has them."""

    def __init__(self, lengths: Tensor, longest: int, **_: int) -> None:
        super().__init__(torch.full_like(lengths, longest), longest, beside=0, overhead=0)


class RecordedDraws(Draws):
    """The draws of a recorded step, in the order in which a step asks for them."""

    def __init__(self, golden: Golden) -> None:
        super().__init__(0)
        given, recorded = group(golden, "in"), group(golden, "rec")
        self.permutations = iter([given["index"], recorded["index_q"]])
        self.ratios = iter([given["lam_1"], given["lam_2"]])
        self.noise = iter([recorded["gumbel0_noise"], recorded["gumbel1_noise"]])

    def permutation(self, n: int) -> Tensor:
        """The partners, then the questions of the negatives."""
        return next(self.permutations).long()

    def beta(self, alpha: float, n: int) -> Tensor:
        """The equivariant ratio, then the invariant one."""
        return next(self.ratios).expand(n)

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        """The noise of the first, then of the second grounding."""
        return next(self.noise)


class RecordedBank(MemoryBank):
    """The substitutes of a recorded step: of the positives, then of the negatives."""

    def __init__(self, golden: Golden) -> None:
        super().__init__(golden["in/bank"])
        self.of_positive, self.of_negatives = golden["rec/multinomial_pos"], golden["rec/multinomial_neg"]

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        """Clips (B, 1 + N, K, Dv)."""
        B, K = self.of_positive.shape
        negatives = self.of_negatives.view(-1, B, K).transpose(0, 1)  # recorded number by number
        index = torch.cat([self.of_positive[:, None], negatives], dim=1).long()
        assert index.shape == (B, *shape)
        clips = self.features.shape[1]
        assert not (index.flatten(1)[:, :, None] // clips == excluded[:, None]).any(), "an excluded video was recorded"
        return self.features.flatten(0, 1)[index]


def recorded_step(golden: Golden, backbone: str, data: str) -> tuple[VideoQA, RunSettings, Golden]:
    """A training step of EIGV in the official settings with the recorded draws, up to the gradients.

    Returns the model, its settings, and the step's numbers under the recorded names.
    """
    model, settings = _model(golden, backbone, data)
    model.train()
    objective = settings.eigv.objective
    if "in/beta" in golden:
        objective = objective.model_copy(update={"beta": float(golden["in/beta"])})
    eigv = settings.eigv.model_copy(update={"objective": objective})
    batch = batch_of(group(golden, "in"), 5 if data == "nextqa" else 1)

    seen: dict[str, list] = {"scores": [], "projected": [], "scenes": []}
    for name, module in (
        ("scores", model.heads.answer),
        ("projected", model.heads.projection),
        ("scenes", model.grounding),
    ):
        module.register_forward_hook(lambda _, __, result, name=name: seen[name].append(result))
    losses = model.training_step(batch, METHODS["eigv"], RecordedDraws(golden), RecordedBank(golden), eigv)

    found = {}
    for number, scene in enumerate(seen["scenes"]):
        logits = torch.stack([scene.attention_causal, scene.attention_environment], dim=1)
        found[f"rec/gumbel{number}_logits"] = logits
        found[f"rec/gumbel{number}_mask"] = torch.stack([scene.causal, scene.environment], dim=1)
    scores, (projected,) = seen["scores"][0], seen["projected"]  # later scores are for statistics alone
    # In multiple choice the official code reports the KL divergence: cross-entropy less a constant.
    constant = torch.special.entr(golden["out/target"]).sum(dim=1).mean() if "out/target" in golden else 0.0
    assert losses.contrastive is not None
    found |= {
        "out/out": scores.view(batch.size, -1),
        "out/out_anc": projected[:, 0],
        "out/out_pos": projected[:, 1],
        "out/out_neg": projected[:, 2:],
        "out/xe": losses.answer - constant,
        "out/nce": losses.contrastive,
        "out/loss": losses.total - constant,
    }
    losses.total.backward()
    for parameter in model.parameters():
        if parameter.grad is None:  # layers that nothing reads: the official code computes them, so they decay
            parameter.grad = torch.zeros_like(parameter)
    return model, settings, found


def training(golden: Golden, backbone: str, data: str) -> Iterator[Compared | Row]:
    """A training step, from its forward pass to the updated parameters."""
    model, settings, found = recorded_step(golden, backbone, data)
    for name, value in found.items():
        theirs = golden[name]
        yield forward(name.split("/")[1], value, theirs.view_as(value) if name == "out/out_pos" else theirs)
    statistics = group(golden, "postbuf")
    for ours, names in official_keys(model).items():
        if (recorded := statistics.get(names[0])) is not None:
            yield forward(names[0], model.state_dict()[ours], recorded)
    yield from learned(model, golden, settings.training)


def learned(model: VideoQA, golden: Golden, training: TrainingSettings) -> Iterator[Compared | Row]:
    """Gradients, and parameters after a step of Adam."""
    absent = {name: value for name, value in group(golden, "param").items() if f"grad/{name}" not in golden}
    gradients = from_official(model, {n: torch.zeros_like(v) for n, v in absent.items()} | group(golden, "grad"))
    largest = max(float(value.abs().max()) for value in gradients.values() if value.is_floating_point())
    for name, parameter in model.named_parameters():
        yield backward(name, _gradient(parameter).clone(), gradients[name], largest, group="gradient")
    if any(key.startswith("post/") for key in golden):
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        rate, decay = training.learning_rate, training.weight_decay
        torch.optim.Adam(model.parameters(), rate, weight_decay=decay).step()
        after = from_official(model, absent | group(golden, "param") | group(golden, "post"))
        gradients = {name: gradient + decay * before[name] for name, gradient in gradients.items() if name in before}
        yield from updated(dict(model.named_parameters()), before, after, gradients, training)


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def updated(
    parameters: Mapping[str, nn.Parameter], before: Golden, after: Golden, gradients: Golden, training: TrainingSettings
) -> Iterator[Compared | Row]:
    """Parameters after a step of Adam, whose first one is the learning rate times the gradient's sign.

    Only entries whose gradient is more than rounding can agree; the others have been compared as gradients. Differences
    are relative to the step.
    """
    moved, decided = 0, 0
    rate = training.learning_rate
    for name, parameter in parameters.items():
        gradient = gradients[name]
        ours = _gradient(parameter) + training.weight_decay * before[name]
        certain = (ours - gradient).abs() <= 0.02 * gradient.abs()
        there = (after[name] - before[name]).abs() > 0.5 * rate
        moved += int(there.sum())
        decided += int((certain & there).sum())
        updated = parameter.where(certain, after[name])
        yield exactly(name, updated, after[name], rate, STEP * rate, group=ADAM)
    share = decided / max(moved, 1)
    note = f"{100 * share:.1f} % of the {moved} parameters that moved are compared"
    yield Row(ADAM, fine=share >= 0.5, note=note)
