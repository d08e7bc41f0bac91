"""What a command may refuse: its class's docstring is the sentence the operator reads."""

import os


class Refused(Exception):
    """The command was refused; nothing was changed."""


def language_of_terminal() -> str:
    """Tell the language (zh or en) of whoever reads what a command prints, by their locale."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return "zh" if os.environ[name].startswith("zh") else "en"
    return "en"
