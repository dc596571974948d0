"""What the text side costs, against what people do now: make bench-text.

At the real lengths of NExT-QA's questions and candidates. Processor time of one thread is compared, so that what else
the machine does counts little; memory is the largest resident set of a process of its own.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from base.formats.token_features import TokenFeatures
from base.writing import write_csv
from benchmarks.report import machine, write_section
from extract.annotations import read
from extract.config import Dataset, Text
from extract.text.encoder import load_encoder
from extract.text.sequences import Questions, pad_sequences, read_questions
from extract.text.tokens import encode

ROOT = Path(__file__).resolve().parents[1]
ENCODER = "package:minilm"
LONGEST, WIDTH, BATCH = 37, 768, 128
"""Of the official files, and of a batch of EIGV's official code."""


def main() -> None:
    """Measures everything and writes the section Text of docs/benchmarks.md."""
    options = _options()
    torch.set_num_threads(1)
    tokenizer, encoder = load_encoder(ENCODER)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        dataset = Dataset(format="nextqa", annotations=options.annotations, videos="nextqa")
        for split in ("train", "val"):
            write_csv(folder / f"{split}.csv", read(dataset, split))
        train, val = (read_questions(folder / f"{s}.csv", tokenizer, Text()) for s in ("train", "val"))
        lengths = np.array([len(tokens) for tokens in train.tokens]).reshape(-1, 5)
        parts = [
            f"{machine()}; one thread. `make bench-text`, with the annotations of NExT-QA: {len(train)} train "
            f"questions, {lengths.size} sequences of {lengths.mean():.1f} tokens on average, the longest "
            f"{lengths.max()}, where the official files hold {LONGEST} for each.",
            _encoding(encoder.eval(), val.take(list(range(0, len(val), max(1, len(val) // options.encoded))))),
            _reading(folder, val, options.rows),
            _memory(folder, lengths[: options.converted], options.converted),
        ]
    text = "\n\n".join(parts)
    print(text)
    if not options.dry:
        write_section("Text", text)


def _encoding(encoder: torch.nn.Module, questions: Questions) -> str:
    """The encoder over the same sequences: padded to the official length, to the longest of a batch, and ours."""
    numbers = range(len(questions.tokens))

    def plain(length: int | None) -> None:
        with torch.inference_mode():
            for start in range(0, len(numbers), 320):
                encoder(**pad_sequences(questions, numbers[start : start + 320], "cpu", length))

    ways: dict[str, Callable[[], object]] = {
        f"padded to {LONGEST}, in file order": lambda: plain(LONGEST),
        "padded to the longest of 320, in file order": lambda: plain(None),
        "ours: by length, packed": lambda: encode(encoder, questions, numbers, Text(), "cpu"),
    }
    costs = {name: min(_cost(way) for _ in range(2)) for name, way in ways.items()}
    ours = costs["ours: by length, packed"]
    rows = [f"| {name} | {len(numbers) / cost:.0f} | {cost / ours:.2f} |" for name, cost in costs.items()]
    return "\n".join(
        [
            f"**Encoding.** {len(numbers)} sequences of val through {ENCODER} (6 layers, 384 wide), float32:",
            "",
            "| way | sequences a second | time, ours = 1 |",
            "|---|---|---|",
            *rows,
        ]
    )


def _reading(folder: Path, questions: Questions, count: int) -> str:
    """Random batches and bytes on disk, from a dense file of the official shape and from what becomes of it."""
    lengths = np.array([len(tokens) for tokens in questions.tokens]).reshape(-1, 5)[:count]
    rng = np.random.default_rng(0)
    with h5py.File(folder / "dense.h5", "w") as file:
        features = file.create_dataset("feat", (len(lengths), 5, LONGEST, WIDTH), np.float32)
        for start in range(0, len(lengths), 100):
            slab = rng.standard_normal((len(lengths[start : start + 100]), 5, LONGEST, WIDTH), np.float32)
            slab[np.arange(LONGEST) >= lengths[start : start + 100, :, None]] = 0
            features[start : start + 100] = slab
    write_csv(folder / "few.csv", questions.table.head(count))
    _convert(folder / "dense.h5", folder / "few.csv", folder / "few.h5")
    store = TokenFeatures.read(folder / "few.h5")
    batches = [rng.integers(len(lengths), size=BATCH) for _ in range(8)]
    for rows in batches:  # both files are in the page cache, and both ways give the same
        values, found = _official(folder / "dense.h5", rows)
        ours, lengths_found = store.batch(rows)
        np.testing.assert_array_equal(found, lengths_found)
        np.testing.assert_allclose(values[:, : ours.shape[1]], ours, atol=2e-3)
    official = _cost(lambda: [_official(folder / "dense.h5", rows) for rows in batches]) / len(batches)
    packed = min(_cost(lambda: [store.batch(rows) for rows in batches]) for _ in range(3)) / len(batches)
    dense_bytes, packed_bytes = ((folder / name).stat().st_size for name in ("dense.h5", "few.h5"))
    return (
        f"**Disk.** {len(lengths)} questions: dense float32 {dense_bytes / 1e6:.0f} MB, packed float16 "
        f"{packed_bytes / 1e6:.0f} MB: 1/{dense_bytes / packed_bytes:.1f}.\n\n"
        f"**Random batches** of {BATCH} x 5 sequences, {WIDTH} wide, both files in memory: {1e3 * official:.0f} ms by "
        f"the official loader's way (the file is opened again for each question, its 5 x {LONGEST} rows are read and "
        f"their lengths counted), {1e3 * packed:.1f} ms from the packed file, padded to the longest of the batch, as "
        f"float16: {official / packed:.0f} x."
    )


def _official(path: Path, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A batch as the official data loader makes it, by its description; a sequence's length is counted in rows."""
    values, lengths = [], []
    for row in rows:
        with h5py.File(path, "r") as file:
            question = file["feat"][row].astype(np.float32)
        values.append(torch.from_numpy(question))
        lengths.append((values[-1].sum(dim=2) != 0).sum(dim=1))
    return torch.stack(values).flatten(0, 1).numpy(), torch.cat(lengths).numpy()


def _memory(folder: Path, lengths: NDArray[np.int64], count: int) -> str:
    """The conversion of a dense file of NExT-QA's train size; compressed, since only its shape matters here."""
    with h5py.File(folder / "whole.h5", "w") as file:
        shape = (len(lengths), 5, LONGEST, WIDTH)
        features = file.create_dataset("feat", shape, np.float32, chunks=(20, 5, LONGEST, WIDTH), compression="lzf")
        for start in range(0, len(lengths), 200):
            valid = np.arange(LONGEST) < lengths[start : start + 200, :, None]
            features[start : start + 200] = np.broadcast_to(valid[..., None], (*valid.shape, WIDTH))
    (folder / "whole.csv").write_text("".join((folder / "train.csv").open().readlines()[: count + 1]))
    seconds, peak = _convert(folder / "whole.h5", folder / "whole.csv", folder / "whole-packed.h5")
    dense = int(np.prod(shape)) * 4
    packed = (folder / "whole-packed.h5").stat().st_size
    return (
        f"**Conversion** of a dense file of {shape} ({dense / 1e9:.1f} GB of float32) into a packed one of "
        f"{packed / 1e9:.1f} GB (1/{dense / packed:.1f}): {peak / 1e6:.0f} MB of memory at most, Python and "
        f"its libraries included; {seconds:.0f} s."
    )


def _convert(dense: Path, table: Path, out: Path) -> tuple[float, float]:
    """Runs `eigv-extract import-tokens`; seconds, and bytes of memory at most (looked at 50 times a second)."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "extract.cli", "import-tokens", str(dense), "--annotations", str(table)]
    peak = 0
    with subprocess.Popen([*command, "--tokenizer", ENCODER, "--out", str(out)], cwd=ROOT) as process:
        time.sleep(0.2)  # until it is Python, and no copy of this process
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - started, peak


def _cost(run: Callable[[], object]) -> float:
    """Seconds of the processor."""
    started = time.process_time()
    run()
    return time.process_time() - started


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=Path, default=ROOT / "../shared/data/nextqa", help="NExT-QA's files")
    parser.add_argument("--folder", type=Path, help="where files are made (6 GB); the system's temporary folder")
    parser.add_argument("--encoded", type=int, default=400, help="questions that are encoded")
    parser.add_argument("--rows", type=int, default=1500, help="questions of the dense file that batches are read from")
    parser.add_argument("--converted", type=int, default=34132, help="questions of the conversion")
    parser.add_argument("--dry", action="store_true", help="do not write docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
