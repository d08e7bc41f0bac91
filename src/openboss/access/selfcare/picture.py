"""A verification code as a picture: signs of five by seven dots, each turned and shaken, with dots that mean nothing.

It stops the plainest robots; what stops guessing is that a code is good for one try, and a password for few (D14.3).
"""

from __future__ import annotations

import secrets
from math import cos, radians, sin

_COLUMNS = {  # of each sign, from the left; the lowest bit is the top
    "2": "4261514946", "3": "2141454b31", "4": "1814127f10", "5": "2745454539", "6": "3c4a494930", "7": "0171090503",
    "8": "3649494936", "9": "064949291e", "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141221c",
    "E": "7f49494941", "F": "7f09090901", "G": "3e4149497a", "H": "7f0808087f", "J": "2040413f01", "K": "7f08142241",
    "L": "7f40404040", "M": "7f020c027f", "N": "7f0408107f", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946",
    "S": "4649494931", "T": "01017f0101", "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463",
    "Y": "0708700807", "Z": "6151494543",
}  # fmt: skip
WIDTH, HEIGHT = 220, 60
_STEP, _DOT, _NOISE = 6, 5.4, 60


def path_of(answer: str) -> str:
    """The dots of a code as the path of an SVG picture, WIDTH by HEIGHT."""
    dots = [_dot(secrets.randbelow(WIDTH), secrets.randbelow(HEIGHT), 2.0) for _ in range(_NOISE)]
    for place, sign in enumerate(answer):
        dots += _sign(sign, 24 + 43 * place + _shake(4), HEIGHT / 2 + _shake(5), radians(_shake(18)))
    return "".join(dots)


def _sign(sign: str, x: float, y: float, turn: float) -> list[str]:
    columns = bytes.fromhex(_COLUMNS[sign])
    lit = [(column - 2, row - 3) for column, bits in enumerate(columns) for row in range(7) if bits >> row & 1]
    return [
        _dot(x + _STEP * (a * cos(turn) - b * sin(turn)), y + _STEP * (a * sin(turn) + b * cos(turn)), _DOT)
        for a, b in lit
    ]


def _dot(x: float, y: float, size: float) -> str:
    return f"M{x - size / 2:.1f} {y - size / 2:.1f}h{size:.1f}v{size:.1f}h-{size:.1f}z"


def _shake(most: int) -> int:
    return secrets.randbelow(2 * most + 1) - most
