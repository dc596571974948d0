"""Ids that become names of files stay inside their folder."""

import unicodedata

from base.errors import UserError


def check_id(name: str) -> str:
    """Returns an id that may become part of a file name, or raises `UserError` for one that could leave its folder."""
    if not name or name in {".", ".."} or any(character in name for character in "/\\\0\n"):
        raise UserError(f"the id {name!r} cannot be used: it is empty, or holds a slash, a line break or '..'")
    return name


def check_ids(names: list[str]) -> None:
    """Raises `UserError` that lists the ids which could leave their folder."""
    wrong = []
    for name in names:
        try:
            check_id(name)
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        rest = f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise UserError("\n".join(wrong[:20]) + rest)


def composed(name: str) -> str:
    """An id in the Unicode form that ids are compared in (NFC): an accent is part of its letter, not one of its own.

    A Mac writes names of files in the other form, which looks the same.
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)
