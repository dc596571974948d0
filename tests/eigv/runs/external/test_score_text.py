"""What a score says: accuracies of all, of groups and of types, by hand."""

import pandas as pd

from eigv.runs.external.scoring import Score

ROWS = [
    ("CW", "causal", 1),
    ("CH", "causal", 0),
    ("CW", "causal", 1),
    ("DL", "descriptive", 0),
    ("DL", "descriptive", 1),
]


def made(rows, notes=()) -> Score:
    table = pd.DataFrame(rows, columns=["type", "group", "correct"])
    return Score(table.assign(qid=[f"q{n}" for n in range(len(rows))], prediction="x"), list(notes))


def test_metrics_are_of_all_groups_and_types():
    found = made(ROWS, ["a note"]).metrics()
    assert (found["accuracy"], found["questions"], found["notes"]) == (60.0, 5, ["a note"])
    assert {name: (round(part["accuracy"], 2), part["questions"]) for name, part in found["by_group"].items()} == {
        "causal": (66.67, 3),
        "descriptive": (50.0, 2),
    }
    assert {name: (round(part["accuracy"], 2), part["questions"]) for name, part in found["by_type"].items()} == {
        "CH": (0.0, 1),
        "CW": (100.0, 2),
        "DL": (50.0, 2),
    }


def test_the_text_has_a_line_for_each_and_the_notes():
    assert made(ROWS, ["one", "two"]).text().splitlines() == [
        "all            60.00 %  of 5",
        "causal         66.67 %  of 3",
        "descriptive    50.00 %  of 2",
        "  CH            0.00 %  of 1",
        "  CW          100.00 %  of 2",
        "  DL           50.00 %  of 2",
        "note: one",
        "note: two",
    ]


def test_types_that_are_the_groups_are_not_said_twice():
    assert made([("what", "what", 1), ("who", "who", 0)]).text().splitlines() == [
        "all            50.00 %  of 2",
        "what          100.00 %  of 1",
        "who             0.00 %  of 1",
    ]
