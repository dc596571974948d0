"""`text_<split>.h5`: what is packed comes out by question, and other texts have another hash."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.questions import CANDIDATES
from base.formats.token_features import TokenFeatures, text_sha256, write_token_features

OPEN = pd.DataFrame({"qid": ["1", "2"], "video_id": ["v", "w"], "question": ["who", "what"]})
CHOICE = OPEN.assign(**{name: [f"{name} of 1", f"{name} of 2"] for name in CANDIDATES})


@pytest.mark.parametrize(("table", "a"), [(OPEN, 1), (CHOICE, 5)])
def test_sequences_come_out_by_question(tmp_path, table, a):
    lengths = np.arange(1, 2 * a + 1)
    tokens = np.arange(lengths.sum() * 3, dtype=np.float32).reshape(-1, 3)
    write_token_features(tmp_path / "t.h5", table, lengths, 3, iter([tokens[:1], tokens[1:]]), {"encoder": "e"})
    store = TokenFeatures.read(tmp_path / "t.h5")
    assert (store.qids, store.video_ids, store.sequences) == (["1", "2"], ["v", "w"], a)
    assert store.attributes["encoder"] == "e" and store.attributes["text_sha256"] == text_sha256(table)
    padded, found = store.batch(np.array([1]))
    assert found.tolist() == lengths[a:].tolist() and padded.shape == (a, 2 * a, 3)
    last = padded[-1]
    np.testing.assert_array_equal(last, tokens[-2 * a :])
    assert not padded[0, found[0] :].any()


def test_tokens_that_are_too_few_leave_no_file(tmp_path):
    with pytest.raises(UserError, match="1 tokens were made and 3 expected"):
        write_token_features(tmp_path / "t.h5", OPEN, np.array([1, 2]), 3, iter([np.ones((1, 3))]), {})
    assert not list(tmp_path.iterdir())


def test_texts_are_told_apart():
    texts = [OPEN, OPEN.iloc[::-1], OPEN.assign(question="who"), CHOICE, CHOICE.assign(a4="x")]
    assert len({text_sha256(table) for table in texts}) == len(texts)
    assert text_sha256(OPEN.assign(video_id="x", answer="y")) == text_sha256(OPEN)


def test_tokens_in_chunks_are_read_as_well_and_said_to_take_memory(tmp_path, caplog):
    lengths = np.arange(1, 11)
    tokens = np.arange(lengths.sum() * 3, dtype=np.float32).reshape(-1, 3)
    write_token_features(tmp_path / "t.h5", CHOICE, lengths, 3, iter([tokens]), {})
    mapped = TokenFeatures.read(tmp_path / "t.h5").batch(np.array([1, 0, 1]))
    assert not caplog.text
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        del file["tokens"]
        file.create_dataset("tokens", data=tokens.astype(np.float16), chunks=(7, 3), compression="gzip")
    read = TokenFeatures.read(tmp_path / "t.h5").batch(np.array([1, 0, 1]))
    assert re.search(r"t\.h5 holds its tokens in chunks, which are read into memory whole: 0 MB", caplog.text)
    for one, other in zip(mapped, read, strict=True):
        np.testing.assert_array_equal(one, other)


OWN_MEMORY = """
import sys
from pathlib import Path
import numpy as np
from base.formats.token_features import TokenFeatures

def own():  # without pages of mapped files, which can be taken back at any time
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

before, peak = own(), 0
store = TokenFeatures.read(Path(sys.argv[1]))
for part in np.array_split(np.random.default_rng(0).permutation(len(store.qids)), len(store.qids) // 32):
    store.batch(part)
    peak = max(peak, own())
print(peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which Linux has")
def test_memory_does_not_grow_with_the_number_of_questions(tmp_path):
    peaks, sizes = [], []
    for count in (400, 4000):
        table = pd.DataFrame({"qid": [f"q{n}" for n in range(count)], "video_id": "v", "question": "who"})
        block = np.ones((12, 768), np.float32)
        path = tmp_path / f"{count}.h5"
        write_token_features(path, table, np.full(count, 12), 768, (block for _ in range(count)), {})
        asked = subprocess.run([sys.executable, "-c", OWN_MEMORY, path], check=True, capture_output=True, text=True)
        peaks.append(1024 * int(asked.stdout))
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] > 60e6
    assert peaks[1] - peaks[0] < 6e6  # ids and offsets
