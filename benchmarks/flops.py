"""What training the paper's runs costs in arithmetic, and so at least in GPU hours: make flops.

Every run of config/config.yaml is built at its real sizes and takes one training step on made-up questions, of which
PyTorch counts the floating-point operations: matrix products and convolutions, forward and backward. They grow with
the number of questions alone, so that a few stand for a batch of 128.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel

from benchmarks.report import write_section
from eigv.backbones import ClipWidths
from eigv.config.experiment import load, settings_of_run
from eigv.config.methods import METHODS
from eigv.config.run import RunSettings
from eigv.config.run_path import Run
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.runs.model_files import ModelCard
from extract.config import TextSettings

ROOT = Path(__file__).resolve().parents[1]
RATE = 5e12
"""Operations a second that a GPU is taken to sustain: a quarter of an A100's float32 by its data sheet, 19.5e12."""
STATE = 4
"""How many times a model's size its training state takes: weights, those of the best epoch, and Adam's two moments."""
COUNTED = 8
"""Questions of a step that is counted."""
CLIPS, WIDTH, TOKEN_WIDTH = 16, 2048, 768


class Cost(NamedTuple):
    """Of a run: operations of a training step of a batch, operations of all of it, bytes of its model."""

    step: float
    whole: float
    model: int


class Size(NamedTuple):
    """A data set: its questions, and its texts."""

    train: int
    val: int
    test: int
    tokens: int
    """Of a text, on average: NExT-QA's candidates have 17.8 with their question, the others' questions 9.9 and 9.6."""
    candidates: int
    classes: int | None


SIZES = {
    "nextqa": Size(34132, 4996, 8564, tokens=18, candidates=5, classes=None),
    "msvd-qa": Size(30933, 6415, 13157, tokens=10, candidates=1, classes=1852),
    "msrvtt-qa": Size(158581, 12278, 72821, tokens=10, candidates=1, classes=4000),
}


def main() -> None:
    """Counts everything and writes the section Cost of training of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="do not write docs/benchmarks.md")
    options = parser.parse_args()
    torch.manual_seed(0)
    config = load([ROOT / "config/config.yaml"])
    runs = list(dict.fromkeys(run for name in [*config.tables, *config.sweeps] for run in config.runs(name)))
    of_run: dict[Run, Cost] = {}
    for run in runs:
        first = run._replace(seed=0)  # seeds cost the same
        if first not in of_run:
            of_run[first] = _of_run(RunSettings(**settings_of_run(config, first)), SIZES[run.dataset])
    text = "\n\n".join([_steps(of_run), _whole(runs, of_run), _remarks()])
    print(text)
    if not options.dry:
        write_section("Cost of training", text)


def _steps(of_run: dict[Run, Cost]) -> str:
    """A step of each backbone and method on both forms of answers."""
    rows = defaultdict(dict)
    for run, cost in of_run.items():
        if run.features == "app+mot" and not run.point and run.dataset != "msrvtt-qa":
            rows[run.dataset, run.backbone][run.method] = cost.step / 1e12
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=list(METHODS)).sort_index()
    table.index.names = ["data set", "backbone"]
    return (
        "`make flops` (`benchmarks/flops.py`): the arithmetic of training, counted by PyTorch on the models of "
        "`config/config.yaml`. TFLOP of one training step of 128 questions, forward and backward (a product and a sum "
        "are two operations):\n\n"
        + table.round(2).reset_index().to_markdown(index=False, floatfmt=".2f").replace("nan", "   ")
    )


def _whole(runs: list[Run], of_run: dict[Run, Cost]) -> str:
    """All of the paper, by data set."""
    counts = Counter(run.dataset for run in runs)
    rows = []
    for dataset, count in counts.items():
        costs = [of_run[run._replace(seed=0)] for run in runs if run.dataset == dataset]
        trained, models = sum(cost.whole for cost in costs), [cost.model for cost in costs]
        finetuned, tokens = _of_text(SIZES[dataset])
        rows.append(
            [dataset, count, *(f"{value / 1e15:.0f}" for value in (trained / count, trained, finetuned, tokens))]
        )
        rows[-1] += [f"{(trained + finetuned + tokens) / RATE / 3600:.0f}"]
        rows[-1] += [f"{sum(models) / 1e9:.1f}", f"{STATE * max(models) / 1e9:.2f}"]
    heads = ["data set", "runs", "a run", "all runs", "fine-tuning", "token features", "GPU hours, estimated"]
    heads += ["all models, GB", "largest training state, GB"]
    return "All of the paper, in PFLOP:\n\n" + pd.DataFrame(rows, columns=heads).to_markdown(index=False)


def _remarks() -> str:
    return (
        f"The hours are an estimate and no measurement: they take a GPU that sustains {RATE / 1e12:.0f} TFLOP/s, a "
        "quarter of an A100's float32 by its data sheet, and leave out whatever else takes time (reading, small "
        "operations, recurrent layers, which go token by token). A run includes its 80 epochs, what is checked after "
        "each (validation, and as many questions of train) and the evaluation on test. On the disk a model stays; a "
        "training state is there while its run is at work."
    )


def _of_run(settings: RunSettings, size: Size) -> Cost:
    """What a run costs."""
    widths = {"app+mot": (WIDTH, WIDTH), "app": (WIDTH, 0), "mot": (0, WIDTH)}[settings.features]
    model = ModelCard(settings, ClipWidths(*widths), TOKEN_WIDTH, size.classes).build()
    batch, bank = _questions(sum(widths), size)
    with counted() as learning:
        step = model.training_step(batch, METHODS[settings.method], Draws(0, "cpu"), bank, settings.eigv)
        step.total.backward()
    model.eval()
    with counted() as answering:
        model.predict(batch)
    learned, answered = (counter.get_total_flops() / COUNTED for counter in (learning, answering))
    epoch = size.train * learned + (size.val + min(size.train, size.val)) * answered
    weights = sum(value.nbytes for value in model.state_dict().values())
    return Cost(settings.training.batch * learned, settings.training.epochs * epoch + size.test * answered, weights)


def _questions(width: int, size: Size) -> tuple[Batch, MemoryBank]:
    texts = COUNTED * size.candidates
    batch = Batch(
        video=torch.randn(COUNTED, CLIPS, width),
        tokens=torch.randn(texts, size.tokens, TOKEN_WIDTH),
        lengths=torch.full((texts,), size.tokens),
        answer=torch.zeros(COUNTED, dtype=torch.int64),
        excluded=torch.arange(COUNTED)[:, None],
        candidates=size.candidates,
        qids=[str(number) for number in range(COUNTED)],
    )
    return batch, MemoryBank(torch.randn(2 * COUNTED, CLIPS, width))


def _of_text(size: Size) -> tuple[float, float]:
    """Operations of fine-tuning the encoder, validation included, and of the token features of all splits."""
    encoder = BertModel(BertConfig(attn_implementation="eager")).train()
    tokens = torch.zeros(COUNTED, size.tokens, dtype=torch.int64)
    with counted() as learning:
        encoder(tokens).pooler_output.sum().backward()
    with torch.no_grad(), counted() as reading:
        encoder(tokens)
    learned, read = (counter.get_total_flops() * size.candidates / COUNTED for counter in (learning, reading))
    epochs = TextSettings().finetuning.epochs
    return epochs * (size.train * learned + size.val * read), (size.train + size.val + size.test) * read


@contextmanager
def counted() -> Iterator[FlopCounterMode]:
    """Counts operations; oneDNN's recurrent layers, which hide theirs, are switched off meanwhile."""
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        yield counter


if __name__ == "__main__":
    main()
