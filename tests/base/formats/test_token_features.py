"""`text_<split>.h5`: what is packed comes out by question, and other texts have another hash."""

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
