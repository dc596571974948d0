"""YAML and JSON, one over the other."""

import pytest

from base import layers
from base.errors import UserError


def test_later_sources_go_over_earlier_ones_key_by_key(tmp_path):
    (tmp_path / "a.yaml").write_text("{a: {x: 1, y: [1, 2]}, b: 1}")
    (tmp_path / "b.json").write_text('{"a": {"y": [3]}, "c": {"z": 1e-05}}')
    values = layers.read_all([tmp_path / "a.yaml", str(tmp_path / "b.json"), '{"b": {"now": "a group"}}'], "it")
    assert values == {"a": {"x": 1, "y": [3]}, "b": {"now": "a group"}, "c": {"z": 1e-05}}


def test_an_empty_file_says_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing\n")
    assert layers.read(tmp_path / "a.yaml", "it") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1", r"^it .*a\.yaml is not YAML: "),
        ("[1, 2]", r"^it .*a\.yaml does not hold keys and values"),
        ("three", r"^it .*a\.yaml does not hold keys and values"),
        (b"a: \xff", r"^it .*a\.yaml is not YAML: "),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, message):
    (tmp_path / "a.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        layers.read(tmp_path / "a.yaml", "it")


def test_text_that_is_no_json_and_a_file_that_is_not_there_are_refused():
    with pytest.raises(UserError, match=r"^--settings is not JSON: .* at character 5"):
        layers.read('{"a":}', "--settings")
    with pytest.raises(UserError, match=r"^--settings nowhere\.yaml does not exist, or is not a file \(give JSON text"):
        layers.read("nowhere.yaml", "--settings")
