"""How long a quote takes: `python -m benchmarks.quote [quotes]`.

Times of one process are CPU milliseconds (other load on the machine does not count), after a first quote that compiles
or loads what is compiled: one event on an open quote as `openboss quote --events` answers it, from the line that comes
to the line that goes, and a whole quote of one event from dict to answer, each with a user of its own, under the whole
example catalog.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def main(quotes: int) -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
    os.environ.setdefault("OPENBOSS_DATA_DIR", tempfile.mkdtemp(prefix="openboss-bench-"))
    import django

    django.setup()
    from openboss.processes.quote import open_quote, quote

    def one(number: int) -> dict[str, Any]:
        call = {"at": "2026-10-05T10:00:00", "record": "MOC", "duration_s": 61, "ld": "INTER_PROV_LD"}
        user = {"number": 8613900000000 + number, "products": [{"offer": "GOTONE_98"}]}
        return {"format": 1, "tariffs": ["example/tariffs"], "user": user, "events": [call]}

    began = time.perf_counter()
    quote(one(0), reference=ROOT / "example" / "reference", beside=ROOT)
    print(f"first quote (documents, compiled code)  {time.perf_counter() - began:8.2f} s")
    whole = _cpu_ms(lambda n: quote(one(n), reference=ROOT / "example" / "reference", beside=ROOT), quotes)
    opened = open_quote(one(0), reference=ROOT / "example" / "reference", beside=ROOT)
    line = json.dumps(one(0)["events"][0])
    more = _cpu_ms(lambda _: json.dumps(opened.answer(json.loads(line)), ensure_ascii=False), quotes)
    print(f"a whole quote of one event               {whole:8.3f} ms")
    print(f"one more event of an open quote          {more:8.3f} ms")


def _cpu_ms(work: Any, times: int) -> float:
    work(1)
    began = time.process_time()
    for number in range(times):
        work(number)
    return (time.process_time() - began) / times * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
