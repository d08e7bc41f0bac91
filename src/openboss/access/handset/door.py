"""Three signed doors: a message centre, a USSD gateway and a voice platform hand in what users send, key and speak.

Each gateway signs with the key of its own name (`openboss keys partner sms`, `ussd`, `ivr`), and vouches for the number
it names: it is the sender's own, as the network knows it. What is answered: docs/formats/handset.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.system.functions import SerialNumberUsed
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import MessageForged, refuse_forged
from openboss.processes import serve_handset
from openboss.processes.serve_handset import AskedTooOften, menu_choice, menu_of

SIGNATURE = "X-Signature"
MOST_BYTES = 4_000
NUMBER = Field(pattern=r"^\+?[0-9]{3,15}$")
TURN = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")
T = TypeVar("T", bound="Part")
Answer = tuple[int, dict[str, Any]]


class Part(BaseModel):
    """What a gateway sends: what it names and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ShortMessage(Part):
    """A short message to our short number."""

    message_no: str = TURN
    number: str = NUMBER
    text: str = Field(max_length=500)


class Turn(Part):
    """A turn of a USSD dialogue or a call: what was keyed, nothing at its begin.

    turn_no  the gateway's own number of this turn, the same if it is sent again
    """

    turn_no: str = TURN
    number: str = NUMBER
    keys: str = Field(default="", pattern=r"^[0-9*#]{0,20}$")


@csrf_exempt
@require_POST
def short_message(request: HttpRequest) -> HttpResponse:
    """A short message from a user; it is answered by a short message."""
    return _answered(request, "sms", ShortMessage, _message)


@csrf_exempt
@require_POST
def ussd(request: HttpRequest) -> HttpResponse:
    """A turn of a USSD dialogue: the menu, then what was chosen, as text for the display."""
    return _answered(request, "ussd", Turn, lambda turn: _turn("USSD", turn))


@csrf_exempt
@require_POST
def ivr(request: HttpRequest) -> HttpResponse:
    """A turn of a call to the voice menu: sentences to speak; 0 leads to a person."""
    return _answered(request, "ivr", Turn, lambda turn: _turn("IVR", turn))


def _message(sent: ShortMessage) -> Answer:
    reply = serve_handset.short_message(
        message_no=sent.message_no, number=customers.read_number(sent.number), text=sent.text, at=clock.now()
    )
    return 202, {"what": reply.what, "is_repeat": reply.is_repeat}


def _turn(channel: str, turn: Turn) -> Answer:
    number, now = customers.read_number(turn.number), clock.now()
    menu = menu_of(channel=channel, at=now)
    key = turn.keys.strip("*#")
    if len(key) == 1 and key.isdecimal() and 0 < int(key) <= len(menu):
        chosen = menu[int(key) - 1]
        reply = menu_choice(channel=channel, turn_no=turn.turn_no, number=number, what=chosen, at=now)
        return 200, {"what": chosen, "say": reply.text, "language": reply.language, "goes_on": channel == "IVR"}
    language = serve_handset.language_of(number=number, at=now)
    if channel == "IVR" and key == "0":
        return 200, {"what": "PERSON", "say": "", "language": language, "goes_on": False}
    entries = [
        customers.text_of(f"{channel}_ENTRY", language=language, values={"key": place, "name": _named(what, language)})
        for place, what in enumerate(menu, 1)
    ]
    entries += [customers.text_of("IVR_PERSON", language=language, values={})] if channel == "IVR" else []
    return 200, {"what": "MENU", "say": "\n".join(entries), "language": language, "goes_on": True}


def _named(what: str, language: str) -> str:
    return customers.text_of(f"MENU_{what}", language=language, values={})


def _answered(request: HttpRequest, gateway: str, kind: type[T], serve: Callable[[T], Answer]) -> HttpResponse:
    """Answer what a gateway has signed. 403: not signed; 400: not readable; 404: no user of ours; 429: too often."""
    if len(request.body) > MOST_BYTES:
        return JsonResponse({"refused": "too long"}, status=413)
    try:
        refuse_forged(request.headers.get(SIGNATURE, ""), request.body, key=key_for(gateway), at=clock.now())
        status, said = serve(kind.model_validate_json(request.body))
    except MessageForged:
        status, said = 403, {"refused": "signature"}
    except ValidationError:
        status, said = 400, {"refused": "content"}
    except SubscriberUnknown:
        status, said = 404, {"refused": "number"}
    except AskedTooOften:
        status, said = 429, {"refused": "too often"}
    except SerialNumberUsed:
        status, said = 409, {"refused": "number of the turn"}
    return JsonResponse(said, status=status, json_dumps_params={"ensure_ascii": False})
