"""How many orders and questions a second the hall bears with a whole base loaded, and how long each waits.

    python benchmarks/hall_load.py [--users 1000000] [--orders 50] [--queries 300] [--seconds 60] [--folder DIR]

Loads the example operator with that many users into an installation of its own (kept in a named folder, where the next
run begins at once; a temporary one otherwise), starts `openboss web` and `openboss worker`, and lets locust, in a
process of its own, order and ask over the open interfaces (OAuth token, TMF620 to TMF676): openings with checklist,
document and money, changes of plan, add-ons, new cards, losses and their ends, payments; questions as in _hall_orders.
An order that takes two requests counts both in its time. Then asks each kind one after the other and gives CPU
milliseconds of web and database a request, and reconciles stock, numbers and money. Wanted (issue 5 section 8): 50
orders and 300 questions a second together, 95 of 100 answers under 200 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from _hall_orders import MUST_BE_ZERO, ORDER_MIX, QUERY_MIX, SCOPES, first, next_step, question

EXAMPLE = Path(__file__).parents[1] / "example"
PORT = 8765
STOCK = 40_000  # numbers and cards in the clerk's hall
PLANS, ADD_ON = (103, 105), 402
MS = 1000
TICKS_A_S = os.sysconf("SC_CLK_TCK")
READY = "loaded.json"


def load(users: int, folder: Path) -> None:
    """Load the operator, its base, everybody's numbers and cards, and much stock into the clerk's hall."""
    from openboss.access.jobs import clock
    from openboss.access.jobs.generate_base import draw_population, read_catalogue
    from openboss.access.jobs.generate_frames import base_frames
    from openboss.modules.customers import functions as customers
    from openboss.processes import stock_halls
    from openboss.processes.open_operator import open_operator

    started_s, at = time.perf_counter(), clock.now()
    open_operator(EXAMPLE, at=at)
    catalogue = read_catalogue(EXAMPLE)
    population = draw_population(users=users, days=30, seed=1, start=date(2026, 9, 1), catalogue=catalogue)
    customers.load_base(frames=dict(base_frames(population)), at=at)
    register, _ = stock_halls.import_items(EXAMPLE / "reference" / stock_halls.STOCK_FILE, at=at)
    stock_halls.take_resources_over(register=register, at=at)
    _fill_hall(register)
    _sql("VACUUM (ANALYZE)")  # as the first night leaves it
    (folder / READY).write_text(json.dumps({"users": users}), encoding="ascii")
    print(f"loaded {users:,} users in {time.perf_counter() - started_s:.0f} s", flush=True)


def _fill_hall(register: str) -> None:
    """Idle numbers of a segment of their own, and cards, for the hall of the clerk in whose name orders come."""
    from openboss.access.jobs import clock
    from openboss.access.jobs.generate_stock import vendor_file
    from openboss.modules.system import functions as system
    from openboss.processes.stock_halls import HallStock, fill_halls

    first_number = 8_619_900_000_000
    cards = vendor_file(first=0, count=STOCK, number=13_900_000_000)
    org_code = system.staff_by_login(login="clerk").org_code
    hall = HallStock(org_code, 27, first_number, first_number + STOCK - 1, cards)
    fill_halls([hall], register=register, at=clock.now())


def _sql(statement: str, *values: object) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def draw_jobs(count: int, users: int, run: str) -> Iterator[dict[str, Any]]:
    """Jobs in the mix of ORDER_MIX, each about a user of its own but for a loss, which its user's release follows."""
    users, cards, numbers = _subjects(count, users), _free_cards(count), _free_numbers(count)
    chance, waiting = random.Random(run), []
    for place in range(count):
        (kind,) = chance.choices(list(ORDER_MIX), list(ORDER_MIX.values()))
        job = dict(users.pop()) | {"kind": kind, "serial": f"{run}-{place}"}
        if kind == "LOSS" and waiting and waiting[0][0] < place - 400:  # its report was answered long ago
            job |= waiting.pop(0)[1] | {"kind": "RELEASE_LOST"}
        elif kind == "LOSS":
            job["kind"] = "REPORT_LOST"
            waiting.append((place, {name: job[name] for name in ("user", "customer", "account")}))
        if kind in ("OPEN", "REPLACE_SIM"):
            job["iccid"] = cards.pop()
        if kind == "OPEN":
            job |= {"number": numbers.pop(), "offer": PLANS[0]}
        elif kind == "CHANGE_PLAN":
            job["offer"] = PLANS[0] if job["offer"] != PLANS[0] else PLANS[1]
        elif kind == "ADD_PRODUCT":
            job["offer"] = ADD_ON
        yield job


def _subjects(count: int, users: int) -> list[dict[str, Any]]:
    """Users in service with their customer, account, plan and initials, drawn by lot; none with an order before."""
    rows = _sql(
        "SELECT s.subscriber_id, s.customer_id, r.account_id, h.offer_id, c.initials"
        " FROM customers_subscriber s TABLESAMPLE SYSTEM (%s) JOIN customers_customer c USING (customer_id)"
        " JOIN customers_paymentrelation r USING (subscriber_id)"
        " JOIN customers_holding h ON h.subscriber_id = s.subscriber_id AND h.kind = 'MAIN' AND h.period @> now()"
        " WHERE s.life = 'ACTIVE' AND c.kind = 'INDIVIDUAL' AND r.mode = 'REST' AND upper_inf(r.cycles)"
        " AND s.brand = 'GOTONE' AND c.initials <> ''"
        " AND NOT EXISTS (SELECT 1 FROM customers_stopperiod p WHERE p.subscriber_id = s.subscriber_id)"
        " AND NOT EXISTS (SELECT 1 FROM orders_order o WHERE o.subscriber_id = s.subscriber_id)"
        " AND NOT EXISTS (SELECT 1 FROM customers_holding g WHERE g.subscriber_id = s.subscriber_id"
        f" AND (g.offer_id = {ADD_ON} OR lower(g.period) > now()))"
        " ORDER BY random() LIMIT %s",
        min(100, max(5, 100 * count * 20 // users)),
        count,
    )
    return [dict(zip(("user", "customer", "account", "offer", "initials"), row, strict=True)) for row in rows]


def _free_cards(count: int) -> list[str]:
    rows = _sql("SELECT iccid FROM resources_simcard WHERE state = 'IN_STOCK' ORDER BY iccid LIMIT %s", count)
    return [row[0] for row in rows]


def _free_numbers(count: int) -> list[int]:
    found = _sql(
        "SELECT number FROM resources_numberresource WHERE state = 'IDLE' AND grade = 'G0' ORDER BY number LIMIT %s",
        count,
    )
    return [row[0] for row in found]


@contextmanager
def services() -> Iterator[dict[str, int]]:
    """The web and the worker, as an operator runs them; their process ids."""
    environment = {**os.environ, "OPENBOSS_WEB_PORT": str(PORT)}
    command = [sys.executable, "-m", "openboss.access.jobs.cli"]
    with (Path(os.environ["OPENBOSS_DATA_DIR"]) / "said.txt").open("ab") as said:
        about: dict[str, Any] = {"env": environment, "stdout": said, "stderr": said, "start_new_session": True}
        running = {name: subprocess.Popen([*command, name], **about) for name in ("web", "worker")}
    try:
        _wait_for_the_web()
        yield {name: process.pid for name, process in running.items()}
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(timeout=30)


def _wait_for_the_web() -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/tmf-api/openapi.json", timeout=20).read()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the web did not answer within a minute")


def get_token() -> str:
    """Register a system that acts as the clerk, and get its token as it would."""
    from openboss.access.jobs import clock
    from openboss.modules.system import functions as system

    client, secret = system.add_client(name="load", staff_login="clerk", scopes=SCOPES, at=clock.now())
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/oauth/token", body, timeout=20) as answer:
        return str(json.load(answer)["access_token"])


def bear(plan: dict[str, Any], seconds: int, folder: Path) -> tuple[dict[str, Any], float]:
    """Let locust send for some seconds; what it found, and the CPU seconds it took itself."""
    plan_file, found_file = folder / "plan.json", folder / "found.json"
    plan_file.write_text(json.dumps(plan), encoding="utf-8")
    users = plan["orders"] + plan["queries"]
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("_hall_locust.py")), "--headless"]
    command += ["-u", str(users), "-r", str(max(users // 3, 1)), "-t", f"{seconds}s", "--only-summary"]
    command += ["-H", f"http://127.0.0.1:{PORT}", "--loglevel", "ERROR", "--stop-timeout", "10"]
    environment = {**os.environ, "HALL_PLAN": str(plan_file), "HALL_FOUND": str(found_file)}
    before = os.times()
    subprocess.run(command, env=environment, capture_output=True, check=False)
    now = os.times()
    return json.loads(found_file.read_text(encoding="utf-8")), sum(now[2:4]) - sum(before[2:4])


def told(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Rates and waiting times: of all orders, of all questions, and by kind."""
    by_kind: dict[str, Any] = {}
    all_times: dict[str, Counter[float]] = {"orders": Counter(), "queries": Counter()}
    failed = Counter[str]()
    for name, one in found["stats"].items():
        method, _, kind = name.partition(" ")
        if method not in ("ORDER", "GET"):
            continue
        side = "orders" if method == "ORDER" else "queries"
        times = Counter({float(ms): count for ms, count in one["times"].items()})
        all_times[side] += times
        failed[side] += one["failed"]
        by_kind[kind] = {"count": one["count"], "failed": one["failed"], **_quantiles(times)}
    sums = {
        side: {"per_s": round(times.total() / seconds, 1), "failed": failed[side], **_quantiles(times)}
        for side, times in all_times.items()
    }
    return {**sums, "by_kind": by_kind, "wrong": found["wrong"]}


def _quantiles(times: Counter[float]) -> dict[str, float]:
    ordered, total, seen, found = sorted(times.items()), times.total(), 0, {}
    for ms, count in ordered:
        seen += count
        for part in (50, 95, 99):
            if f"p{part}_ms" not in found and seen * 100 >= total * part:
                found[f"p{part}_ms"] = ms
    return found


def _send(line: http.client.HTTPConnection, token: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    line.request(method, path, None if body is None else json.dumps(body), headers)
    answer = line.getresponse()
    text = answer.read()
    assert answer.status in (200, 201), text[:500]
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _do(piece: Any, token: str, line: http.client.HTTPConnection) -> None:
    """A question, or a job to its end."""
    sent: Any = ("GET", piece) if isinstance(piece, str) else first(piece)
    while sent is not None:
        answer = _send(line, token, *sent)
        sent = None if isinstance(piece, str) else next_step(piece, answer)


def _by_kind(plan: dict[str, Any], count: int) -> dict[str, list[Any]]:
    work = {kind: [question(kind, one) for one in plan["subjects"][:count]] for kind in QUERY_MIX}
    for job in plan["jobs"]:
        work.setdefault(job["kind"], []).append(job)
    return {kind: pieces[:count] for kind, pieces in work.items()}


def warm_up(plan: dict[str, Any]) -> None:
    """A few of each kind over connections of their own, so that every worker has read what it keeps."""
    for pieces in _by_kind(plan, 6).values():
        for piece in pieces:
            _do(piece, plan["token"], http.client.HTTPConnection("127.0.0.1", PORT, timeout=60))


def cpu_by_kind(pids: dict[str, int], plan: dict[str, Any], repeats: int) -> dict[str, dict[str, float]]:
    """CPU milliseconds of web and database a piece, asked one after the other by one client."""
    line = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    found = {}
    for kind, pieces in _by_kind(plan, repeats).items():
        web, database = _cpu_s(pids["web"]), _database_cpu_s()
        for piece in pieces:
            _do(piece, plan["token"], line)
        spent = {"web_ms": _cpu_s(pids["web"]) - web, "database_ms": _database_cpu_s() - database}
        found[kind] = {name: round(seconds * MS / len(pieces), 2) for name, seconds in spent.items()}
    return found


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and everything it started."""
    parents: dict[int, list[int]] = {}
    spent = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            try:
                fields = (one / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(one.name))
            spent[int(one.name)] = sum(map(int, fields[11:15])) / TICKS_A_S
    waiting, total = [pid], 0.0
    while waiting:
        here = waiting.pop()
        total += spent.get(here, 0.0)
        waiting.extend(parents.get(here, []))
    return total


def _database_cpu_s() -> float:
    from _books import _server_cpu_s

    return _server_cpu_s()


def measure(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Bear the load, then each kind alone, then reconcile."""
    run = f"r{int(time.time())}"
    with services() as pids:
        plan: dict[str, Any] = {"token": get_token(), "orders": chosen.orders, "queries": chosen.queries}
        plan["subjects"] = _subjects(5000, chosen.users)
        warm_up({**plan, "jobs": list(draw_jobs(80, chosen.users, f"{run}w"))})
        plan["jobs"] = list(draw_jobs(chosen.orders * chosen.seconds + 50, chosen.users, run))
        before = {"web": _cpu_s(pids["web"]), "worker": _cpu_s(pids["worker"]), "database": _database_cpu_s()}
        found, client_s = bear(plan, chosen.seconds, folder)
        spent = {"web": _cpu_s(pids["web"]), "worker": _cpu_s(pids["worker"]), "database": _database_cpu_s()}
        cpu = {name: round((spent[name] - before[name]) / chosen.seconds, 2) for name in spent}
        result = told(found, chosen.seconds)
        result["cpu_seconds_a_second"] = {**cpu, "locust": round(client_s / chosen.seconds, 2)}
        if chosen.alone:
            plan["jobs"] = list(draw_jobs(chosen.alone * 12, chosen.users, f"{run}a"))
            result["cpu_ms_a_piece"] = cpu_by_kind(pids, plan, chosen.alone)
    result["must_be_zero"] = {what: int(_sql(question)[0][0]) for what, question in MUST_BE_ZERO.items()}
    return result


def main() -> None:
    """Read the arguments, load what is not loaded, measure, print one JSON."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--users", type=int, default=1_000_000)
    arguments.add_argument("--orders", type=int, default=50, help="a second")
    arguments.add_argument("--queries", type=int, default=300, help="a second")
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--alone", type=int, default=30, help="pieces of each kind for its CPU; 0 = none")
    arguments.add_argument("--folder", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="openboss-bench-") as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["OPENBOSS_DATA_DIR"] = str(folder)
        from openboss.access.jobs.installation import migrate, open_installation

        with open_installation():
            migrate(verbosity=0)
            if not (folder / READY).exists():
                load(chosen.users, folder)
            machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
            result = measure(chosen, folder)
            print(json.dumps({"users": chosen.users, "machine": machine, **result}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
