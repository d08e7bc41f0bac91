"""The envelope of a message between provinces (D18.1), read strictly and answered in kind."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from openboss.processes.ask_province import DONE_CODE, HIGH_USE

DOMAIN = Field(pattern=r"^[0-9]{2}$")
TRANS_ID = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")
REQUEST, RESPONSE = "0", "1"
SIGNATURE = "X-Hub-Signature"  # the header with the signature of a message
COUNTRY = "86"  # numbers are named without it
PAYING_FOR = ("PAY_FOR", "END_PAY_FOR", "BILL")
SERVICES = ("STATUS", "POINTS", "SUSPEND", "RESUME", "REPLACE_SIM", "ADD_SERVICE", "END_SERVICE")


def kind_of(activity: str) -> str:
    """The kind of message (BIPCode) that an activity is of."""
    if activity == HIGH_USE:
        return "ROAMING_USE"
    return "REMOTE_SERVICE" if activity in SERVICES else "REMOTE_PAYMENT"


class Part(BaseModel):
    """A part of a message: what it names and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class BIPType(Part):
    """What is asked for."""

    BIPCode: Literal["REMOTE_PAYMENT", "REMOTE_SERVICE", "ROAMING_USE"]
    ActivityCode: Literal[
        "QUERY", "PAY", "REVERSE", "REPORT", "STATUS", "POINTS", "SUSPEND", "RESUME", "REPLACE_SIM", "ADD_SERVICE",
        "END_SERVICE", "HIGH_USE", "PAY_FOR", "END_PAY_FOR", "BILL",
    ]  # fmt: skip
    ActionCode: Literal["0"]


class Routing(Part):
    """The province that shall answer, and the number of its user."""

    HomeDomain: str = DOMAIN
    RouteValue: str = Field(pattern=r"^([0-9]{11})?$")


class RoutingInfo(Part):
    """Who asks whom; RouteType 01 = by number, 00 = by province."""

    OrigDomain: str = DOMAIN
    RouteType: Literal["00", "01"]
    Routing: Routing


class TransInfo(Part):
    """The asking province's session and number of the transaction."""

    SessionID: str = Field(max_length=40)
    TransIDO: str = TRANS_ID


class Content(Part):
    """What the activity needs: PAY an amount, REPORT a day, services what the user showed, why, and which offer.

    HIGH_USE what a roaming user used in all since a moment, and until when. PAY_FOR the payer's number
    and the first month, END_PAY_FOR the first that is not paid any more, BILL a month.
    """

    PaidFen: int = Field(default=0, ge=0, le=10**12)
    Day: date | None = Field(default=None, strict=False)
    CertNo: str = Field(default="", max_length=32)
    Password: str = Field(default="", pattern=r"^([0-9]{6})?$")
    Reason: Literal["", "LOST", "KEEP"] = ""
    Offer: str = Field(default="", pattern=r"^[A-Z0-9_]{0,40}$")
    UsedFen: int = Field(default=0, ge=0, le=10**12)
    From: AwareDatetime | None = Field(default=None, strict=False)
    To: AwareDatetime | None = Field(default=None, strict=False)
    Payer: str = Field(default="", pattern=r"^([0-9]{11})?$")
    Cycle: int = Field(default=0, ge=0, le=999_912)


class Message(Part):
    """A request between provinces."""

    Version: Literal["0100"]
    TestFlag: Literal["0"]
    BIPType: BIPType
    RoutingInfo: RoutingInfo
    TransInfo: TransInfo
    TransIDC: str = Field(max_length=40)
    ProcessTime: str = Field(pattern=r"^[0-9]{14}$")
    SvcCont: Content = Content()

    @model_validator(mode="after")
    def _of_one_kind(self) -> Message:
        """Payments, services and use are messages of three kinds."""
        if kind_of(self.BIPType.ActivityCode) != self.BIPType.BIPCode:
            raise ValueError("BIPCode and ActivityCode belong to different kinds")
        if self.BIPType.ActivityCode == HIGH_USE and not (self.SvcCont.From and self.SvcCont.To):
            raise ValueError("use is from a moment to another")
        if self.BIPType.ActivityCode in PAYING_FOR and not (self.SvcCont.Payer and self.SvcCont.Cycle):
            raise ValueError("paying for a number names who pays, and a month")
        return self


class Answered(BaseModel):
    """Of an answer: our number of the transaction, and theirs."""

    TransIDO: str
    TransIDH: str = Field(default="", max_length=40)


class Outcome(BaseModel):
    """Of an answer: the code and its words."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    RspCode: str = Field(max_length=4)
    RspDesc: str


class Answer(BaseModel):
    """What is kept of another province's answer, which may say more."""

    TransInfo: Answered
    Response: Outcome
    SvcCont: dict[str, Any] = {}


def answer_to(asked: Message, *, code: str, words: str, content: dict[str, Any], our_id: str, at: datetime) -> dict:
    """The response to a request: its envelope, our number of the transaction, the code and the content."""
    said = asked.model_dump(mode="json", exclude={"SvcCont"})
    said["BIPType"]["ActionCode"] = RESPONSE
    said["TransInfo"]["TransIDH"] = our_id
    said["ProcessTime"] = at.strftime("%Y%m%d%H%M%S")
    kind = "0" if code == DONE_CODE else "1" if code.startswith("1") else "2"
    return {**said, "Response": {"RspType": kind, "RspCode": code, "RspDesc": words}, "SvcCont": content}
