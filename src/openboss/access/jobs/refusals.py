"""What a command may refuse: its class's docstring is the sentence the operator reads."""


class Refused(Exception):
    """The command was refused; nothing was changed."""
