"""Code that is named `module:attribute` or `file.py:attribute`."""

import dataclasses
import hashlib

import pytest

from base import plug
from base.errors import UserError


def test_code_of_a_module_and_of_a_file(tmp_path):
    assert plug.load("fractions:Fraction", type, "it")(1, 2) == 0.5
    file = tmp_path / "mine.py"
    file.write_text("import dataclasses\n@dataclasses.dataclass\nclass Pair:\n    a: int\n    b: 'int' = 2\n")
    pair = plug.load(f"{file}:Pair", type, "it")
    assert dataclasses.astuple(pair(1)) == (1, 2)
    assert plug.load(f"{file}:Pair", type, "it") is pair, "a file is run once"


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(f"WHICH = {name!r}")
    assert [plug.load(f"{tmp_path}/{name}/mine.py:WHICH", str, "it") for name in ("a", "b")] == ["a", "b"]


def test_a_file_that_failed_is_run_again(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("ONE = 1 / 0")
    with pytest.raises(UserError, match=r"it: .*mine\.py, line 1, fails: ZeroDivisionError"):
        plug.load(f"{file}:ONE", int, "it")
    file.write_text("ONE = 12 // 12")
    assert plug.load(f"{file}:ONE", int, "it") == 1


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.py:x", r"it: the file nowhere\.py does not exist"),
        ("no_such_module:x", r"it: the module no_such_module cannot be imported.*named with its ending"),
        ("fractions:Fractoin", r"it: fractions has no 'Fractoin'; did you mean 'Fraction'"),
        ("fractions:Fraction", r"it: fractions:Fraction is of the type ABCMeta, expected builtins:int"),
        ("mine", r"it: 'mine' names no code; write path/of/a/file\.py:mine, or module:mine"),
    ],
)
def test_what_cannot_be_loaded_is_refused(place, message):
    with pytest.raises(UserError, match=message):
        plug.load(place, int, "it")


def test_only_files_are_inputs_and_have_a_hash(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("x = 1")
    assert plug.own_files(f"{file}:x") == [file]
    assert plug.own_files("fractions:Fraction") == plug.own_files("nextqa") == []
    assert plug.describe("fractions:Fraction") == "fractions:Fraction"
    assert plug.describe(f"{file}:x") == f"{file}:x (sha256 {hashlib.sha256(b'x = 1').hexdigest()})"
