"""A change of prices inside a session over Nchf: told ahead, and each part paid at its price."""

import polars as pl
import pytest
from tests.access.network.test_nchf import chf, data_request, network, smf, used, wanted, world  # noqa: F401
from tests.modules.charging.engine.test_online import MB, moment
from tests.modules.charging.engine.test_online_boundaries import publish

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_change_of_prices_is_told_with_the_quota_and_use_before_and_after_it_costs_what_it_cost_then(
    network,  # noqa: F811
    chf,  # noqa: F811
    smf,  # noqa: F811
):
    publish(network, lambda data: data.update(price="1.00"))  # from 2026-10-06 on; 0.29 until then
    chf.at = moment("2026-10-05 23:50:00")
    created = smf.post(chf.url, json=data_request(1, invocationTimeStamp="2026-10-05T15:50:00Z",
                                                  multipleUnitUsage=[wanted()]))  # fmt: skip
    told = created.json()["multipleUnitInformation"][0]
    assert told["grantedUnit"] == {"tariffTimeChange": "2026-10-05T16:00:00Z", "totalVolume": 10 * MB}
    assert "TARIFF_TIME_CHANGE" in {one["triggerType"] for one in told["triggers"]}
    chf.at = moment("2026-10-06 00:05:00")
    crossed = {"totalVolume": 2 * MB, "triggers": [
        {"triggerType": "TARIFF_TIME_CHANGE", "triggerCategory": "DEFERRED_REPORT"}]}  # fmt: skip
    usage = used(crossed, {"totalVolume": MB}, asking=False)
    last = data_request(2, invocationTimeStamp="2026-10-05T16:05:00Z", multipleUnitUsage=[usage])
    assert smf.post(f"{created.headers['location']}/release", json=last).status_code == 204
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (10_000 - 580 - 1000, 0)
    network.owner.flush()
    rows = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True).sort("position", "row")
    assert rows.select("kb_units", "act_basic_li").rows() == [(2048, 580), (1024, 1000)]
