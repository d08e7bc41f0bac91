"""A province that is not there: it says yes to what is well formed, and in every answer that it is a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openboss.access.hub.envelope import SERVICES
from openboss.processes.ask_province import DONE_CODE

SAYS = "SIMULATOR: no other province is connected; nothing was done anywhere."
NOT_SHOWN = ("2006", f"{SAYS} What the user showed is not enough.")
ANSWERS: Mapping[str, dict[str, Any]] = {
    "QUERY": {"OwedFen": 3500, "AdvanceFen": 0},
    "BILL": {"Issued": True, "OwedFen": 3500},
    "STATUS": {"State": "ACTIVE", "Stops": [], "Plans": ["动感地带"], "Name": "张*"},
    "POINTS": {"Points": 1200},
    "SUSPEND": {"State": "COMPLETED"},
    "RESUME": {"State": "COMPLETED"},
    "ADD_SERVICE": {"State": "COMPLETED"},
    "END_SERVICE": {"State": "COMPLETED"},
    "REPLACE_SIM": {"State": "COMPLETED", "Iccid": "89860000000000000000", "Imsi": "460000000000000"},
}


def simulated_answer(message: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a simulated province, in the envelope of D18.1."""
    activity, content = message["BIPType"]["ActivityCode"], message["SvcCont"]
    code, words = DONE_CODE, SAYS
    if activity in SERVICES and not (content.get("CertNo") or content.get("Password")):
        code, words = NOT_SHOWN
    done = ANSWERS.get(activity, {}) if code == DONE_CODE else {}
    return {
        **message,
        "BIPType": {**message["BIPType"], "ActionCode": "1"},
        "TransInfo": {**message["TransInfo"], "TransIDH": "SIM-" + message["TransInfo"]["TransIDO"][:30]},
        "Response": {"RspType": "0" if code == DONE_CODE else "2", "RspCode": code, "RspDesc": words},
        "SvcCont": done,
    }
