"""The one exception that a user is meant to see, and the hint that many of its messages give."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something that the user can put right.

    The message says what is wrong, where, and what to do. The command line prints it without a traceback and
    exits with status 2.
    """


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`did you mean 'x'?` with the one of `names` that looks most like `name`; nothing where none does."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def no_such(what: str, name: str, names: Iterable[str], otherwise: str = "") -> str:
    """`there is no <what> 'x'`, what there is instead, and the nearest of these; or `otherwise` where none is near."""
    there = list(names)
    hint = did_you_mean(name, there) or otherwise
    return f"there is no {what} {name!r}; there are {', '.join(there) or 'none'}" + (f"; {hint}" if hint else "")
