"""Whether an answer says what a case expects of it."""

from typing import Any


def differences(expected: Any, answered: Any, place: str = "") -> list[str]:
    """List where an answer differs from what is expected: of a mapping the fields named, of a list every entry.

    Entries of a list that are mappings with a `user`, `rule` or `item` may be named in any order.
    """
    if isinstance(expected, dict) and isinstance(answered, dict):
        return [
            line
            for name, value in expected.items()
            for line in (
                differences(value, answered[name], f"{place}.{name}" if place else name)
                if name in answered
                else [f"{place}.{name}: the answer has no such field; it has {', '.join(answered)}"]
            )
        ]
    if isinstance(expected, list) and isinstance(answered, list):
        if len(expected) != len(answered):
            return [f"{place}: {len(expected)} entries are expected, {len(answered)} answered: {answered!r:.400}"]
        return [
            line
            for number, (one, other) in enumerate(zip(expected, answered, strict=True))
            for line in differences(one, other, f"{place}[{number}]")
        ]
    return [] if expected == answered else [f"{place}: {expected!r} is expected, {answered!r:.400} answered"]
