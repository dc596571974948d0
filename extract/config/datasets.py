"""Data sets: questions and answers about a collection of videos, and the vocabulary of open-ended answers."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from base import plug
from base.errors import did_you_mean
from base.settings import Settings
from extract.config.names import EntryName

FORMATS: dict[str, str] = {
    "nextqa": "extract.annotations.nextqa:READER",
    "next-oe": "extract.annotations.next_oe:READER",
    "msvd-qa": "extract.annotations.msvd_qa:READER",
    "msrvtt-qa": "extract.annotations.msrvtt_qa:READER",
    "custom": "extract.annotations.custom:READER",
}
"""The formats of annotation files that are built in, each with the place of its code, as one of your own is named."""

PUBLISHED_SIZES: dict[str, int] = {"msvd-1852": 1852, "msrvtt-4000": 4000, "msrvtt-5000": 5000}
"""Published sizes: all distinct train answers of MSVD-QA; the paper's and the official code's choice on MSRVTT-QA."""


def _is_format(value: str) -> str:
    return plug.check_name(value, FORMATS, "format")


class VocabularyRule(Settings):
    """The answer vocabulary of an open-ended data set, from the train split only, most frequent first."""

    keep: int | Literal["all", "msvd-1852", "msrvtt-4000", "msrvtt-5000"] = Field(
        "all", description="All answers, the most frequent ones up to a number, or a published size by its name."
    )
    min_count: int = Field(1, ge=1, description="Leave out answers that the train split gives less often.")
    unknown: Literal["leave-out", "class"] = Field(
        "leave-out",
        description="Train questions with another answer: not trained on, or trained as one more class for the "
        "unknown. At evaluation such an answer is wrong either way.",
    )

    @field_validator("keep", mode="before")
    @classmethod
    def _is_a_size(cls, value: Any) -> Any:
        sizes = ("all", *PUBLISHED_SIZES)
        if value in sizes or (isinstance(value, int) and value >= 1):
            return value
        expected = f"expected a number above 0 or one of {', '.join(sizes)}"
        raise ValueError("; ".join(filter(None, (expected, did_you_mean(str(value), sizes)))))

    @property
    def size(self) -> int | None:
        """The largest number of answers; None for all."""
        return self.keep if isinstance(self.keep, int) else PUBLISHED_SIZES.get(self.keep)


class Dataset(Settings):
    """Questions and answers about one collection of videos."""

    format: Annotated[str, AfterValidator(_is_format), WithJsonSchema(plug.name_schema(FORMATS))] = Field(
        description="The layout of the annotation files: nextqa, next-oe, msvd-qa, msrvtt-qa, custom, or one of your "
        "own, path/of/a/file.py:READER; see docs/datasets.md."
    )
    annotations: Path = Field(description="The folder of the annotation files; for `custom` the CSV.")
    videos: str = Field(description="The name of its collection in `videos`.")
    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train", "val", "test"),
        min_length=1,
        description="The splits that are read. Where nothing is trained, and an official checkpoint is evaluated, "
        "`[test]` is enough.",
    )
    shifted_test: EntryName | None = Field(
        None, description="A second test split, with another distribution, that every run is also evaluated on."
    )
    answers: VocabularyRule = Field(
        VocabularyRule(),
        description="Open-ended: the answer vocabulary. A number, `all` or the name of a published size is short for "
        "`{keep: ...}`.",
    )
    tokens: str | None = Field(
        None,
        description="Dense token features of others that are imported instead of made, with {split} in the path: "
        "data/nextqa/qas_bert/bert_ft_{split}.h5.",
    )
    gold: Path | None = Field(
        None,
        description="JSON of the seconds that hold the answers: {qid: [[start, end], ...]}, or in NExT-GQA's form; "
        "with {split} in the path a file a split, of those splits that have one: data/nextgqa/gsub_{split}.json.",
    )
    split_shares: tuple[float, float, float] = Field(
        (0.8, 0.1, 0.1), description="`custom` without a column `split`: shares of videos in train, val and test."
    )
    split_seed: int = Field(0, description="`custom` without a column `split`: another seed deals videos otherwise.")

    @field_validator("answers", mode="before", json_schema_input_type=int | str | VocabularyRule)
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"keep": value} if isinstance(value, int | str) else value

    @field_validator("tokens")
    @classmethod
    def _names_the_split(cls, value: str | None) -> str | None:
        if value is not None and "{split}" not in value:
            raise ValueError("the path has no {split} in it")
        return value

    @field_validator("split_shares")
    @classmethod
    def _shares_are_shares(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0 or abs(sum(value) - 1) > 1e-6:
            raise ValueError("three shares above 0 that add up to 1 are needed")
        return value
