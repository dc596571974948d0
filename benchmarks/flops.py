"""What training the paper's runs costs in arithmetic and in launches, and so in GPU hours: make flops.

Every run of config/config.yaml is built at its real sizes and takes one training step on made-up questions, of which
PyTorch counts the floating-point operations: matrix products and convolutions, forward and backward. They grow with
the number of questions alone, so that a few stand for a batch of 128. What the step hands to a GPU is counted by
`benchmarks.launches`, of a whole batch.
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, BertConfig

from benchmarks import launches
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
CLUSTER = ROOT / "docs/cluster.md"
RATES = {"float32": 5e12, "bf16": 30e12}
"""Operations a second that a GPU is taken to attain in products of these sizes: a quarter of an A100's float32 by its
data sheet, 19.5e12, and a tenth of its bf16, 312e12."""
RATE = RATES["float32"]
LAUNCH = 10e-6
"""Seconds that an operation is taken to cost until the GPU has it: Python, PyTorch's dispatch, the driver."""
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
    launched: int
    """What a step hands to a GPU."""
    launched_in_all: float

    def hours(self, rate: float) -> float:
        """Of a GPU: arithmetic and launches, one after the other."""
        return (self.whole / rate + self.launched_in_all * LAUNCH) / 3600


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
    text = "\n\n".join([_steps(of_run), _launched(of_run), _whole(runs, of_run), _remarks()])
    hours = _hours(runs, of_run)
    print(text, hours, sep="\n\n")
    if not options.dry:
        write_section("Cost of training", text)
        write_section("GPU hours of training", hours, CLUSTER)


def _steps(of_run: dict[Run, Cost]) -> str:
    """A step of each backbone and method on both forms of answers."""
    table = _of_methods({run: cost.step / 1e12 for run, cost in of_run.items()})
    return (
        "`make flops` (`benchmarks/flops.py`): the arithmetic of training, counted by PyTorch on the models of "
        "`config/config.yaml`. TFLOP of one training step of 128 questions, forward and backward (a product and a sum "
        "are two operations):\n\n"
        + table.round(2).reset_index().to_markdown(index=False, floatfmt=".2f").replace("nan", "   ")
    )


def _launched(of_run: dict[Run, Cost]) -> str:
    """The same of what is handed to a GPU."""
    counts = _of_methods({run: cost.launched for run, cost in of_run.items()}).map("{:,.0f}".format).reset_index()
    return (
        "What such a step hands to a GPU (`benchmarks/launches.py`): operations that PyTorch dispatches on device "
        "`meta`, without the optimiser's few; recurrent layers of cuDNN count as one:\n\n"
        + counts.to_markdown(index=False, disable_numparse=True).replace("nan", "   ")
    )


def _of_methods(values: dict[Run, float]) -> pd.DataFrame:
    rows: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for run, value in values.items():
        if run.features == "app+mot" and not run.point and run.dataset != "msrvtt-qa":
            rows[run.dataset, run.backbone][run.method] = value
    found = {name for methods in rows.values() for name in methods}
    columns = [name for name in METHODS if name in found]
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).sort_index()
    table.index.names = ["data set", "backbone"]
    return table


def _hours(runs: list[Run], of_run: dict[Run, Cost]) -> str:
    """What docs/cluster.md says of the GPU hours of all trainings."""
    rows, counts = [], Counter(run.dataset for run in runs)
    totals = dict.fromkeys(("runs", "launches", *RATES), 0.0)
    for dataset, count in counts.items():
        costs = [of_run[run._replace(seed=0)] for run in runs if run.dataset == dataset]
        hours = {"runs": float(count), "launches": sum(cost.launched_in_all for cost in costs) * LAUNCH / 3600}
        hours |= {name: sum(cost.hours(rate) for cost in costs) for name, rate in RATES.items()}
        longest = max(cost.hours(RATE) for cost in costs)
        totals = {name: totals[name] + value for name, value in hours.items()}
        rows.append([dataset, *(f"{value:.0f}" for value in hours.values()), f"{hours['float32'] / count:.1f}"])
        rows[-1].append(f"{longest:.1f}")
    whole = [f"{value:.0f}" for value in totals.values()]
    rows.append(["all", *whole, f"{totals['float32'] / totals['runs']:.1f}", ""])
    heads = ["data set", "runs", "of launches alone", "in float32", "in bf16", "a run in float32", "the longest"]
    table = pd.DataFrame(rows, columns=heads).to_markdown(index=False, disable_numparse=True)
    single, half = (f"{rate / 1e12:.0f}" for rate in RATES.values())
    launch = f"{LAUNCH * 1e6:.0f} µs"
    return f"""\
**Calculated, not measured**: no GPU was at hand. `make flops` (`benchmarks/flops.py`) builds every run of the paper at
its real sizes and counts what a step of 128 questions calculates and how many operations it hands to a GPU, and the
same of answering. An epoch has a step for each batch of the data set, and then the check of validation and of some
questions of train; a run has 80 epochs, and the evaluation on test.
Hours = arithmetic / rate + operations x {launch}, as if nothing of the one were done during the other:

{table}

- Taken for granted: {single} TFLOP/s in float32 and {half} in bf16, a quarter and a tenth of an A100's by its data
  sheet, and {launch} an operation, Python included. For others, change `RATES` and `LAUNCH` there and run it again.
- Left out: reading, which a thread does meanwhile; the optimiser; the memory traffic of small operations.
- The less of the hours is arithmetic, the more a second job on the same GPU is worth (`jobs_per_gpu`),
  and the less bf16."""


def _whole(runs: list[Run], of_run: dict[Run, Cost]) -> str:
    """All of the paper, by data set."""
    counts = Counter(run.dataset for run in runs)
    rows = []
    for dataset, count in counts.items():
        costs = [of_run[run._replace(seed=0)] for run in runs if run.dataset == dataset]
        trained, models = sum(cost.whole for cost in costs), [cost.model for cost in costs]
        finetuned, tokens = _of_text(SIZES[dataset])
        launched = sum(cost.launched_in_all for cost in costs) * LAUNCH
        rows.append(
            [dataset, count, *(f"{value / 1e15:.0f}" for value in (trained / count, trained, finetuned, tokens))]
        )
        rows[-1] += [f"{((trained + finetuned + tokens) / RATE + launched) / 3600:.0f}"]
        rows[-1] += [f"{sum(models) / 1e9:.1f}", f"{STATE * max(models) / 1e9:.2f}"]
    heads = ["data set", "runs", "a run", "all runs", "fine-tuning", "token features", "GPU hours, estimated"]
    heads += ["all models, GB", "largest training state, GB"]
    return "All of the paper, in PFLOP:\n\n" + pd.DataFrame(rows, columns=heads).to_markdown(index=False)


def _remarks() -> str:
    return (
        f"The hours are an estimate and no measurement: they take a GPU that attains {RATE / 1e12:.0f} TFLOP/s, a "
        f"quarter of an A100's float32 by its data sheet, and {LAUNCH * 1e6:.0f} µs for each operation of a training "
        "([how they are calculated](cluster.md#gpu-hours-of-training)). A run includes its 80 epochs, what is checked "
        "after each (validation, and some questions of train) and the evaluation on test. On the disk a model stays; "
        "a training state is there while its run is at work."
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
    weights = sum(value.nbytes for value in model.state_dict().values())
    how = settings.training
    checked = size.val + min(size.train, size.val, how.checked_questions)
    launched, asked = launches.counted(model, settings, *_questions(sum(widths), size, how.batch))
    an_epoch = math.ceil(size.train / how.batch) * launched + math.ceil(checked / how.batch) * asked
    return Cost(
        step=how.batch * learned,
        whole=how.epochs * (size.train * learned + checked * answered) + size.test * answered,
        model=weights,
        launched=launched,
        launched_in_all=how.epochs * an_epoch + math.ceil(size.test / how.batch) * asked,
    )


def _questions(width: int, size: Size, count: int = COUNTED) -> tuple[Batch, MemoryBank]:
    """Questions whose arithmetic is counted, with texts of the average length; or, for launches, a batch of them with
    texts of all lengths up to twice that, since recurrent layers go on as long as the longest."""
    texts = count * size.candidates
    longest = size.tokens if count == COUNTED else 2 * size.tokens
    lengths = torch.full((texts,), longest) if count == COUNTED else torch.arange(texts) % longest + 1
    device = "cpu" if count == COUNTED else "meta"
    batch = Batch(
        video=torch.randn(count, CLIPS, width, device=device),
        tokens=torch.randn(texts, longest, TOKEN_WIDTH, device=device),
        lengths=lengths,
        answer=torch.zeros(count, dtype=torch.int64),
        excluded=torch.arange(count)[:, None],
        candidates=size.candidates,
        qids=[str(number) for number in range(count)],
    )
    return batch, MemoryBank(torch.randn(2 * count, CLIPS, width, device=device))


def _of_text(size: Size) -> tuple[float, float]:
    """Operations of fine-tuning the encoder, validation included, and of the token features of all splits."""
    encoder = AutoModel.from_config(BertConfig(), attn_implementation="eager").train()
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
