"""Files of questions, and what is said of them."""

import pytest
from typer.testing import CliRunner

from base.errors import UserError
from eigv.asking.questions import Question, check, read
from eigv.cli import app


@pytest.mark.parametrize("name", ["questions.csv", "QUESTIONS.CSV"])
def test_candidates_of_a_file_go_before_those_of_all_questions(tmp_path, name):
    (tmp_path / name).write_text("question,a0,a1\nwhat moves?,a star,a circle\n")
    assert read(tmp_path / name, ("red", "blue")) == [Question("what moves?", ("a star", "a circle"))]


@pytest.mark.parametrize(
    ("name", "content"),
    [("lines.txt", "\ufeffwhat moves?\n\n  which colour? \n"), ("rows.csv", "question\nwhat moves?\nwhich colour?\n")],
)
def test_questions_without_candidates_get_those_of_all(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    both = [Question("what moves?", ("red", "blue")), Question("which colour?", ("red", "blue"))]
    assert read(tmp_path / name, ("red", "blue")) == both


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"\n \n", "a.txt: there are none in it"),
        ("a.csv", b"question,a0\n", "a.csv: there are none in it"),
        ("a.txt", b"which colour\xe9\n", "line 1 holds the byte 0xe9.*iconv"),
        ("a.json", b'["what moves?"]', "save them as one of these"),
    ],
)
def test_a_file_that_holds_no_questions_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)


def test_what_is_no_file_of_questions_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UserError, match=r"nothing\.txt does not exist"):
        read(tmp_path / "nothing.txt")


@pytest.mark.parametrize("question", [Question(None), Question("what?", ("red", 5)), Question("what?", (["red"],))])
def test_what_is_no_text_is_refused(question):
    with pytest.raises(UserError, match="questions and candidates are texts"):
        check([question], multiple_choice=True)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(UserError, match="holds bytes that are not UTF-8"):
        check([Question("what \udcff moves?")], multiple_choice=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--run", "run", "--candidates", "red", "what moves?"], "there is no question.*words after --candidates"),
        (["what moves?"], "give --run"),
        (["what moves?", "--run", "run", "--strip", "strip"], r"--strip strip: its name has to end in \.png"),
        (["what moves?", "--run", "run", "--clip", "clip.avi"], r"--clip clip\.avi: its name has to end in \.mp4"),
        (["what moves?", "--run", "tests/nothing"], "there is no folder tests/nothing: give the folder"),
    ],
)
def test_the_command_says_what_is_wrong_before_it_reads_a_video(monkeypatch, request, words, message):
    monkeypatch.chdir(request.config.rootpath)
    with pytest.raises(UserError, match=message):
        CliRunner().invoke(app, ["ask", "video.mp4", *words, "--device", "cpu"], catch_exceptions=False)
