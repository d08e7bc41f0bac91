"""Our messages and those of real functions against the published schema of TS 32.291, where it is at hand."""

import json
from functools import cache
from pathlib import Path

import msgspec
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from tests.access.network.test_nchf import chf, data_request, network, smf, used, wanted, world  # noqa: F401
from tests.modules.charging.engine.test_online import MB, PREPAID, moment
from tests.modules.charging.engine.test_online_boundaries import publish

from openboss.access.network.nchf.answers import encode, final_unit, malformed
from openboss.access.network.nchf.schema import ChargingDataRequest, ChargingNotifyRequest

jsonschema = pytest.importorskip("jsonschema")
PUBLISHED = Path(__file__).parents[4] / "shared" / "standards" / "nchf"
pytestmark = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published schema is not at hand")
MAIN, COMMON = "TS32291_Nchf_ConvergedCharging.yaml", "TS29571_CommonData.yaml"
PLMN = {"mcc": "460", "mnc": "00"}
FULL = {
    "subscriberIdentifier": "imsi-460001234500002",
    "nfConsumerIdentification": {
        "nFName": "0b6a2c55-54f1-4a3e-9c0c-1d8f0f6a7b21",
        "nFIPv4Address": "10.0.0.7",
        "nFPLMNID": PLMN,
        "nodeFunctionality": "SMF",
    },
    "invocationTimeStamp": "2026-10-05T10:00:00.123456+08:00",
    "invocationSequenceNumber": 1,
    "notifyUri": "https://smf.example/nchf/notify/77",
    "supportedFeatures": "0",
    "triggers": [{"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}],
    "multipleUnitUsage": [
        {
            "ratingGroup": 4294967295,
            "requestedUnit": {"totalVolume": 0, "time": 60},
            "usedUnitContainer": [
                {
                    "serviceId": 3,
                    "quotaManagementIndicator": "ONLINE_CHARGING",
                    "triggers": [{"triggerType": "TARIFF_TIME_CHANGE", "triggerCategory": "DEFERRED_REPORT"}],
                    "triggerTimestamp": "2026-10-05T02:00:00Z",
                    "totalVolume": 10,
                    "uplinkVolume": 4,
                    "downlinkVolume": 6,
                    "localSequenceNumber": 1,
                    "pDUContainerInformation": {"timeofFirstUsage": "2026-10-05T01:59:00Z", "rATType": "NR"},
                }
            ],
            "uPFID": "1b6a2c55-54f1-4a3e-9c0c-1d8f0f6a7b21",
        }
    ],
    "pDUSessionChargingInformation": {
        "chargingId": 77,
        "userInformation": {"servedGPSI": "msisdn-8613900000002", "servedPEI": "imei-123456789012345"},
        "userLocationinfo": {
            "nrLocation": {
                "tai": {"plmnId": PLMN, "tac": "000001"},
                "ncgi": {"plmnId": PLMN, "nrCellId": "000000001"},
            }
        },
        "pduSessionInformation": {
            "networkSlicingInfo": {"sNSSAI": {"sst": 1, "sd": "000001"}},
            "pduSessionID": 5,
            "pduType": "IPV4",
            "sscMode": "SSC_MODE_1",
            "hPlmnId": PLMN,
            "servingNetworkFunctionID": {
                "servingNetworkFunctionInformation": {"nodeFunctionality": "AMF"},
                "aMFId": "ABCDEF",
            },
            "ratType": "NR",
            "dnnId": "cmnet",
            "chargingCharacteristics": "0800",
            "startTime": "2026-10-05T02:00:00Z",
            "pduAddress": {"pduIPv4Address": "10.45.0.2"},
            "servingCNPlmnId": PLMN,
        },
    },
}
"""A first request as a session function of a 5G core makes it, with the parts we do not read."""


@cache
def published(name: str):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return DRAFT4.create_resource(yaml.load((PUBLISHED / name).read_bytes(), loader))  # noqa: S506 - safe loaders


REGISTRY: Registry[Resource] = Registry(retrieve=published)


def check(schema: str, message: object, *, file: str = MAIN) -> None:
    where = {"$ref": f"{file}#/components/schemas/{schema}"}
    jsonschema.Draft4Validator(where, registry=REGISTRY).validate(message)


@pytest.mark.django_db(transaction=True)
def test_requests_as_published_are_read_and_our_answers_are_as_published(chf, smf):  # noqa: F811
    check("ChargingDataRequest", FULL)
    created = smf.post(chf.url, json=FULL)
    assert created.status_code == 201
    check("ChargingDataResponse", created.json())
    assert created.json()["multipleUnitInformation"][0]["ratingGroup"] == 4294967295
    update = data_request(2, multipleUnitUsage=[used({"totalVolume": MB}, rating_group=7), wanted(8)])
    check("ChargingDataRequest", update)
    updated = smf.post(f"{created.headers['location']}/update", json=update)
    check("ChargingDataResponse", updated.json())
    for refused in (
        smf.post(chf.url, json={}),
        smf.post(f"{chf.url}/{'0' * 32}/release", json=update),
        smf.post(chf.url, json={**FULL, "subscriberIdentifier": "nai-x@y", "pDUSessionChargingInformation": {}}),
    ):
        assert refused.status_code in (400, 404)
        check("ProblemDetails", refused.json(), file=COMMON)
    chf.at = moment("2026-10-31 23:50:00")
    at = "2026-10-31T15:50:00Z"
    ahead = smf.post(chf.url, json=data_request(3, invocationTimeStamp=at, multipleUnitUsage=[wanted()])).json()
    assert ahead["multipleUnitInformation"][0]["grantedUnit"]["tariffTimeChange"] == "2026-10-31T16:00:00Z"
    check("ChargingDataResponse", ahead)
    for notice in ("REAUTHORIZATION", "ABORT_CHARGING"):
        check("ChargingNotifyRequest", json.loads(encode(ChargingNotifyRequest(notice))))


@pytest.mark.django_db(transaction=True)
def test_answers_with_last_quotas_price_changes_events_and_several_units_are_as_published(network, chf, smf):  # noqa: F811
    publish(network, lambda data: data.update(price="1.00"))  # from 2026-10-06 on
    several = [wanted(100), wanted(200, totalVolume=MB), wanted(300, time=60)]
    created = smf.post(chf.url, json=data_request(1, multipleUnitUsage=several))
    told = as_published(created, 201)
    assert len(told) == 3
    assert smf.post(f"{created.headers['location']}/release", json=data_request(2)).status_code == 204
    for number, (action, where) in enumerate(
        (("TERMINATE", ""), ("REDIRECT", "https://top.up/"), ("RESTRICT", "only-top-up")), 1
    ):
        chf.node.final = final_unit(action, where)
        network.order("TOP_UP", f"P-{number}", account_id=5, amount_li=140 - network.wallet()["balance_li"])
        opened = smf.post(chf.url, json=data_request(10 * number, multipleUnitUsage=[wanted(100)]))
        [last] = as_published(opened, 201)
        assert last["finalUnitIndication"]["finalUnitAction"] in (action, "RESTRICT_ACCESS")
        nothing = [used({"totalVolume": 496 * 1024}), wanted(200)]
        update = data_request(10 * number + 1, multipleUnitUsage=nothing)
        codes = [
            one["resultCode"]
            for one in as_published(smf.post(f"{opened.headers['location']}/update", json=update), 200)
        ]
        assert "QUOTA_LIMIT_REACHED" in codes
        assert smf.post(f"{opened.headers['location']}/release", json=data_request(10 * number + 2)).status_code == 204
    network.order("TOP_UP", "P-9", account_id=5, amount_li=10_000)
    chf.at = moment("2026-10-05 23:50:00")
    late = data_request(50, invocationTimeStamp="2026-10-05T15:50:00Z", multipleUnitUsage=[wanted(100)])
    [changing] = as_published(smf.post(chf.url, json=late), 201)
    assert changing["grantedUnit"]["tariffTimeChange"] == "2026-10-05T16:00:00Z"
    event = data_request(60, oneTimeEvent=True, oneTimeEventType="IEC", sMSChargingInformation={
        "originatorInfo": {"originatorGPSI": f"msisdn-{PREPAID}"},
        "recipientInfo": [{"recipientGPSI": "msisdn-8613900000001"}]},
        multipleUnitUsage=[wanted(10, serviceSpecificUnits=1)])  # fmt: skip
    del event["pDUSessionChargingInformation"]
    check("ChargingDataRequest", event)
    [debited] = as_published(smf.post(chf.url, json=event), 201)
    assert debited["grantedUnit"] == {"serviceSpecificUnits": 1}


def as_published(answer, status: int) -> list[dict]:
    """The units of an answer that is as the schema has it."""
    assert answer.status_code == status, answer.text
    check("ChargingDataResponse", answer.json())
    return answer.json()["multipleUnitInformation"]


REQUIRED = [
    ("nfConsumerIdentification",),
    ("invocationTimeStamp",),
    ("invocationSequenceNumber",),
    ("nfConsumerIdentification", "nodeFunctionality"),
    ("multipleUnitUsage", 0, "ratingGroup"),
    ("multipleUnitUsage", 0, "usedUnitContainer", 0, "localSequenceNumber"),
    ("triggers", 0, "triggerCategory"),
    ("pDUSessionChargingInformation", "pduSessionInformation", "pduSessionID"),
    ("pDUSessionChargingInformation", "pduSessionInformation", "dnnId"),
]


def test_what_the_schema_requires_we_require():
    for path in REQUIRED:
        message = json.loads(json.dumps(FULL))
        inner = message
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        with pytest.raises(jsonschema.ValidationError):
            check("ChargingDataRequest", message)
        with pytest.raises(msgspec.ValidationError) as fault:
            msgspec.json.decode(json.dumps(message), type=ChargingDataRequest)
        problem = malformed(fault.value).problem
        pointer = "/" + "/".join(str(step) for step in path)
        assert (problem.cause, problem.invalid_params[0].param) == ("MANDATORY_IE_MISSING", pointer)
