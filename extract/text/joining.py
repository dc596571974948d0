"""How a tokenizer joins a question and a candidate: its own special tokens and token types, asked of the tokenizer.

BERT: [CLS] question [SEP] candidate [SEP]; RoBERTa: <s> question </s></s> candidate </s>; XLNet: question <sep>
candidate <sep> <cls>.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Joining:
    """What stands before, between and behind one text or two."""

    specials: tuple[list[int], ...]
    """The special tokens before each text, and those behind the last."""
    special_types: tuple[list[int], ...]
    """Their token types."""
    types: tuple[int, ...]
    """The token type of each text."""

    @classmethod
    def of(cls, tokenizer: Any, texts: int) -> "Joining":
        """The rule of a tokenizer for so many texts, read off a sample."""
        ids, types, owners = _sample(tokenizer, ["a", "b"][:texts])
        specials: tuple[list[int], ...] = tuple([] for _ in range(texts + 1))
        special_types: tuple[list[int], ...] = tuple([] for _ in range(texts + 1))
        at, own = 0, [0] * texts
        for token, kind, owner in zip(ids, types, owners, strict=True):
            if owner is None:
                specials[at].append(token)
                special_types[at].append(kind)
            else:
                at, own[owner] = owner + 1, kind
        return cls(specials, special_types, tuple(own))

    def __len__(self) -> int:
        """How many special tokens there are."""
        return sum(map(len, self.specials))

    def __call__(self, *texts: Sequence[int]) -> tuple[list[int], list[int]]:
        """The tokens of texts as one sequence, and their types."""
        ids, types = list(self.specials[0]), list(self.special_types[0])
        for n, text in enumerate(texts):
            ids += [*text, *self.specials[n + 1]]
            types += [self.types[n]] * len(text) + self.special_types[n + 1]
        return ids, types


def summary_token(tokenizer: Any) -> int | None:
    """The token whose state stands for the whole sequence; None where the tokenizer puts none into it."""
    token = tokenizer.cls_token_id
    return token if any(token in found for found in Joining.of(tokenizer, 1).specials) else None


def _sample(tokenizer: Any, texts: list[str]) -> tuple[list[int], list[int], list[int | None]]:
    """Tokens of texts that are joined, their types, and which text each belongs to: none for special ones."""
    if tokenizer.is_fast:
        found = tokenizer(*texts, return_token_type_ids=True)
        return found["input_ids"], found["token_type_ids"], found.sequence_ids(0)
    parts = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    ids = tokenizer.build_inputs_with_special_tokens(*parts)
    owners: list[int | None] = [None] * len(ids)
    start = 0
    for owner, part in enumerate(parts):
        start = next(n for n in range(start, len(ids)) if ids[n : n + len(part)] == part)
        owners[start : start + len(part)] = [owner] * len(part)
        start += len(part)
    return ids, tokenizer.create_token_type_ids_from_sequences(*parts), owners
