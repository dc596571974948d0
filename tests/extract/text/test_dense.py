"""Official dense token features become ours and back; rows in another order are refused."""

import h5py
import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.questions import CANDIDATES
from base.formats.token_features import TokenFeatures
from extract.config import Text
from extract.text import dense
from extract.text.dense import import_dense
from extract.text.encoder import load_encoder
from extract.text.sequences import read_questions

MINILM = "package:minilm"
WIDTH = 16


def annotations(shared, folder, questions=300, multiple_choice=True):
    """Real questions of NExT-QA in our columns, every seventh so that many videos take part."""
    raw = pd.read_csv(shared / "data/nextqa/val.csv", dtype=str).iloc[::7].head(questions).reset_index(drop=True)
    table = pd.DataFrame({"qid": raw["video"] + "_" + raw["qid"], "video_id": raw["video"]})
    table = table.join(raw[["question", "type", "answer", *(CANDIDATES if multiple_choice else [])]])
    table.to_csv(folder / "val.csv", index=False)
    return folder / "val.csv"


def write_dense(path, lengths, longest):
    """A file in the official layout with random features of these lengths, and the features."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((*lengths.shape, longest, WIDTH)).astype(np.float32)
    values[np.arange(longest) >= lengths[..., None]] = 0
    with h5py.File(path, "w") as file:
        file["feat"] = values if lengths.shape[1] > 1 else values[:, 0]
    return values


def lengths_of(csv, longest, multiple_choice):
    tokens = read_questions(csv, load_encoder(MINILM)[0], Text(length=longest)).tokens
    return np.array([len(t) for t in tokens]).reshape(-1, 5 if multiple_choice else 1)


@pytest.fixture(params=[(True, 37), (False, 20)], ids=["multiple choice", "open-ended"])
def official(request, shared, tmp_path, monkeypatch):
    """An official file with its annotations, which is read in several slabs."""
    multiple_choice, longest = request.param
    csv = annotations(shared, tmp_path, multiple_choice=multiple_choice)
    lengths = lengths_of(csv, longest, multiple_choice)
    monkeypatch.setattr(dense, "SLAB", 40 * lengths.shape[1] * longest * WIDTH * 4)
    return csv, tmp_path / "bert_ft_val.h5", lengths, write_dense(tmp_path / "bert_ft_val.h5", lengths, longest)


@pytest.mark.parametrize("tokenizer", [MINILM, "words"])
def test_round_trip(official, tmp_path, tokenizer):
    csv, file, lengths, values = official
    about = import_dense(file, csv, tmp_path / "text_val.h5", tokenizer)
    store = TokenFeatures.read(tmp_path / "text_val.h5")
    assert store.qids == pd.read_csv(csv, dtype=str)["qid"].tolist()
    np.testing.assert_array_equal(np.diff(store.offsets), lengths.ravel())
    padded, found = store.batch(np.arange(len(store.qids)))
    np.testing.assert_array_equal(found, lengths.ravel())
    whole = values.reshape(-1, *values.shape[2:])
    np.testing.assert_array_equal(padded, whole[:, : padded.shape[1]].astype(np.float16).astype(np.float32))
    assert "100.00 %" in about["alignment"] or tokenizer == "words"
    assert store.attributes["length"] == values.shape[2]


@pytest.mark.parametrize("tokenizer", [MINILM, "words"])
def test_a_shuffled_annotation_file_is_refused(official, tmp_path, tokenizer):
    csv, file, _, _ = official
    pd.read_csv(csv, dtype=str).sample(frac=1, random_state=0).to_csv(csv, index=False)
    with pytest.raises(UserError, match=r"(?s)bert_ft_val\.h5.*val\.csv.*not in the order of the annotations"):
        import_dense(file, csv, tmp_path / "text_val.h5", tokenizer)
    assert not (tmp_path / "text_val.h5").exists()


def test_a_few_swapped_rows_are_named(official, tmp_path):
    csv, file, _, _ = official
    table = pd.read_csv(csv, dtype=str)
    table.iloc[100:140] = table.iloc[100:140][::-1].to_numpy()
    table.to_csv(csv, index=False)
    with pytest.raises(UserError, match=r"The first other is row 1\d\d, sequence"):
        import_dense(file, csv, tmp_path / "text_val.h5", MINILM)


def test_two_rows_that_changed_places_are_logged(official, tmp_path, caplog):
    csv, file, lengths, _ = official
    table = pd.read_csv(csv, dtype=str)
    rows = next(i for i in range(len(lengths) - 1) if (lengths[i] != lengths[i + 1]).any())
    table.iloc[[rows, rows + 1]] = table.iloc[[rows + 1, rows]].to_numpy()
    table.to_csv(csv, index=False)
    about = import_dense(file, csv, tmp_path / "text_val.h5", MINILM)
    differ = 2 * (lengths[rows] != lengths[rows + 1]).sum()
    assert (
        f"{differ} of {lengths.size} sequences are not as long as their texts, the first is row {rows + 1},"
        in caplog.text
    )
    assert "100.00 %" not in about["alignment"]


def test_the_official_csv_in_place_of_ours_says_which_is_needed(official, shared, tmp_path):
    csv, file, _, _ = official
    ours = r"(?s)val\.csv.*annotations` writes.*all_annotations/<split>\.csv"
    with pytest.raises(UserError, match=ours):
        import_dense(file, shared / "data/nextqa/val.csv", tmp_path / "o.h5", MINILM)
    table = pd.read_csv(csv, dtype=str)
    table.assign(qid=table["qid"].str.partition("_")[2]).to_csv(csv, index=False)
    with pytest.raises(UserError, match=ours):
        import_dense(file, csv, tmp_path / "o.h5", MINILM)


def test_features_without_cls_and_sep_are_aligned(shared, tmp_path):
    csv = annotations(shared, tmp_path)
    write_dense(tmp_path / "d.h5", lengths_of(csv, 37, True) - 2, 37)
    about = import_dense(tmp_path / "d.h5", csv, tmp_path / "o.h5", MINILM)
    assert float(about["alignment"].split(",")[1].split("%")[0]) > 99


def test_without_the_tokenizer_words_are_compared_and_it_says_so(shared, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    csv = annotations(shared, tmp_path)
    write_dense(tmp_path / "d.h5", lengths_of(csv, 37, True), 37)
    about = import_dense(tmp_path / "d.h5", csv, tmp_path / "o.h5", "nobody/no-such-model")
    assert about["alignment"].startswith("by words") and "compared in words" in caplog.text


def broken(shared, tmp_path, change, multiple_choice=True):
    csv = annotations(shared, tmp_path, 20, multiple_choice)
    lengths = lengths_of(csv, 37, multiple_choice)
    write_dense(tmp_path / "d.h5", lengths, 37)
    with h5py.File(tmp_path / "d.h5", "a") as file:
        change(file)
    return tmp_path / "d.h5", csv, tmp_path / "o.h5", MINILM


def drop_a_row(file):
    values = file["feat"][:-1]
    del file["feat"]
    file["feat"] = values


def rename(file):
    file["features"] = file.pop("feat")


def clear_a_row(file):
    file["feat"][3] = 0


def make_infinite(file):
    file["feat"][4, 2, 0, 0] = np.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_a_row, r"has 19 rows and .*val\.csv 20"),
        (rename, "has no dataset `feat`; it has features"),
        (clear_a_row, "row 4, sequence 0: it is all zeros"),
        (make_infinite, "row 5, sequence 2: it is not finite"),
    ],
)
def test_what_does_not_fit_is_named(shared, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        import_dense(*broken(shared, tmp_path, change))


def test_open_ended_features_for_multiple_choice_are_refused(shared, tmp_path):
    csv = annotations(shared, tmp_path, 20)
    write_dense(tmp_path / "d.h5", np.full((20, 1), 7), 20)
    with pytest.raises(UserError, match=r"has the shape \(20, 20, 16\), expected \(questions, 5, tokens, width\)"):
        import_dense(tmp_path / "d.h5", csv, tmp_path / "o.h5", MINILM)


def test_a_file_that_is_none(shared, tmp_path):
    (tmp_path / "d.h5").write_bytes(b"half of a download")
    csv = annotations(shared, tmp_path, 20)
    with pytest.raises(UserError, match=r"d\.h5 is not a whole HDF5 file"):
        import_dense(tmp_path / "d.h5", csv, tmp_path / "o.h5", MINILM)
    with pytest.raises(UserError, match=r"e\.h5 does not exist"):
        import_dense(tmp_path / "e.h5", csv, tmp_path / "o.h5", MINILM)
