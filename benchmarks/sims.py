"""How long a vendor's file of 100,000 SIM cards takes to be in stock (issue 5: at most 30 s, with row-level errors).

Run: `python -m benchmarks.sims` in the repository; it makes an embedded database of its own in a temporary folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime

CARDS = 100_000
WRONG = 100
AT = datetime(2026, 11, 2, tzinfo=UTC)


def main() -> None:
    """Import once and print the figures."""
    with tempfile.TemporaryDirectory(prefix="openboss-sims-") as folder:
        os.environ["OPENBOSS_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "openboss.config.settings"
        from openboss.access.jobs.installation import migrate, open_installation

        with open_installation():
            migrate(verbosity=0)
            _measure()


def _measure() -> None:
    from openboss.modules.resources import functions as resources
    from openboss.modules.system.atomic import OrgNodeView, put_org_nodes

    put_org_nodes(nodes=[OrgNodeView("17", "PROVINCE", None, "湖北", "Hubei")], at=AT)
    item = {"code": "SIM_32K", "kind": "SIM", "name_zh": "32K", "name_en": "32K", "price_fen": 5000}
    resources.put_item_types(rows=[item], at=AT)
    content = vendor_file()
    began_s, cpu_s = time.monotonic(), time.process_time()
    done = resources.import_sims(
        content=content,
        file_name="bench.csv",
        item_code="SIM_32K",
        hlr_code="HLR1",
        org_code="17",
        at=AT,
        staff_id=None,
    )
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    print(f"{done.accepted} cards in stock, {len(done.errors)} lines refused: {took_s:.1f} s, of it {cpu_s:.1f} s CPU")


def vendor_file() -> bytes:
    """Cards of which every thousandth has a wrong check digit."""
    from stdnum import luhn

    lines = ["iccid,imsi,pin1,puk1,pin2,puk2,ki_reference"]
    for n in range(CARDS):
        body = f"89860091726{n:08d}"
        check = luhn.calc_check_digit(body)
        check = check if n % (CARDS // WRONG) else str((int(check) + 1) % 10)
        lines.append(f"{body}{check},4600012{n:08d},1234,{n:08d},5678,{n:08d},HSM:{n}")
    return "\n".join([*lines, ""]).encode("ascii")


if __name__ == "__main__":
    main()
