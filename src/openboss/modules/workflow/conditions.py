"""Conditions on the ways out of a gateway: comparisons of named values, and nothing that could run.

    HallManager == "approve" and amount_fen > 50000

Source: issue 5 section 2. A condition is read with Python's own reader and walked here; no part of it is evaluated by
Python, so that a diagram can name values and constants and do nothing else.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 500
_COMPARES: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class ConditionRefused(ValueError):
    """The condition is not made of named values, constants, comparisons, and, or, not."""


def read(text: str) -> ast.expr:
    """Read a condition. Raises ConditionRefused."""
    if len(text) > LONGEST:
        raise ConditionRefused(f"longer than {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        raise ConditionRefused(type(wrong).__name__) from wrong
    for node in ast.walk(tree):
        _refuse_unknown(node)
    return tree


def names_in(text: str) -> set[str]:
    """The values a condition asks for. Raises ConditionRefused."""
    return {node.id for node in ast.walk(read(text)) if isinstance(node, ast.Name)}


def holds(text: str, values: Mapping[str, Any]) -> bool:
    """Whether a condition holds; a value that is not there yet is nothing, which equals only nothing.

    Raises ConditionRefused.
    """
    return bool(_value(read(text), values))


def _refuse_unknown(node: ast.AST) -> None:
    known = (ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Compare, ast.Name, ast.Load, *_COMPARES)
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, str)):
        return
    if not isinstance(node, known):
        raise ConditionRefused(type(node).__name__)


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values.get(name)
        case ast.UnaryOp(operand=operand):
            return not _value(operand, values)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, values) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared(_value(left, values), ops, [_value(other, values) for other in others])
    raise ConditionRefused(type(node).__name__)


def _compared(left: Any, ops: list[ast.cmpop], others: list[Any]) -> bool:
    """A chain of comparisons; what is not of one kind is neither larger nor smaller."""
    for op, right in zip(ops, others, strict=True):
        alike = isinstance(left, int) and isinstance(right, int) or type(left) is type(right) is str
        if not isinstance(op, ast.Eq | ast.NotEq) and not alike:
            return False
        if not _COMPARES[type(op)](left, right):
            return False
        left = right
    return True
