"""The one exception that a user is meant to see."""


class UserError(Exception):
    """Something that the user can put right.

    The message says what is wrong, where, and what to do. The command line prints it without a traceback and
    exits with status 2.
    """
