"""A hall at work over the open interfaces whose web, worker and database are killed, and clerks who send again."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import psycopg
from benchmarks._hall_orders import MUST_BE_ZERO, SCOPES, first, is_done, next_step

from tests.scenarios.money_under_fire import ALL_ZERO
from tests.scenarios.worlds import EXAMPLE, World

CLERKS, PATIENCE_S = 3, 120.0
WEB, WORKER, SERVER = "web", "worker", "server"
OF_PAYMENTS_ALONE = "payments without their entry, entries without their payment"  # fees have entries of their own
ADD_ON, PLAN, OTHER_PLAN = 402, 103, 105

PREPARE = f"""
import json
from pathlib import Path
from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
with open_installation():
    from openboss.access.jobs.generate_stock import generate_stock
    from openboss.modules.system import functions as system
    from openboss.processes import stock_halls
    at, example = clock.now(), Path({str(EXAMPLE)!r})
    register, _ = stock_halls.import_items(example / "reference" / stock_halls.STOCK_FILE, at=at)
    stock_halls.take_resources_over(register=register, at=at)
    org_code = system.staff_by_login(login="clerk").org_code
    halls = [hall for hall in generate_stock(example) if hall.org_code == org_code]
    stock_halls.fill_halls(halls, register=register, at=at)
    client, secret = system.add_client(name="shop", staff_login="clerk", scopes={SCOPES!r}, at=at)
    from openboss.access.network.delivery import SIMULATED, connector
    from openboss.access.network.simulated_hlr import held
    from openboss.config.options import options
    from openboss.processes.provision import compare, repair
    repair(compare(connector(SIMULATED, options().data_dir), at=at, held=held), at=at, staff_id=None)
    print(json.dumps([client.client_id, secret]), flush=True)
"""
COMPARE = """
import sys
from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
with open_installation():
    from openboss.access.network.delivery import SIMULATED, connector
    from openboss.access.network.simulated_hlr import held
    from openboss.config.options import options
    from openboss.processes.provision import compare
    element = connector(SIMULATED, options().data_dir)
    sys.exit(len(compare(element, at=clock.now(), held=held)))
"""
SUBJECTS = f"""
SELECT s.subscriber_id, s.customer_id, r.account_id, h.offer_id FROM customers_subscriber s
JOIN customers_customer c USING (customer_id) JOIN customers_paymentrelation r USING (subscriber_id)
JOIN customers_holding h ON h.subscriber_id = s.subscriber_id AND h.kind = 'MAIN' AND h.period @> now()
WHERE s.life = 'ACTIVE' AND c.kind = 'INDIVIDUAL' AND r.mode = 'REST' AND upper_inf(r.cycles) AND s.brand = 'GOTONE'
AND NOT EXISTS (SELECT 1 FROM customers_stopperiod p WHERE p.subscriber_id = s.subscriber_id)
AND NOT EXISTS (SELECT 1 FROM customers_holding g WHERE g.subscriber_id = s.subscriber_id AND g.offer_id = {ADD_ON})
ORDER BY s.subscriber_id
"""


@dataclass
class HallUnderFire:
    """A hall's processes in a world, its clerks' jobs, and what was killed."""

    world: World
    port: int = 0
    token: str = ""
    kills: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _waiting: deque[dict[str, Any]] = field(default_factory=deque)

    def open(self) -> None:
        """Stock the hall, let the register know everybody and a shop's system in, start web and worker."""
        assert self.world.run(program=PREPARE) == 0, self.world.heard()
        client_id, secret = json.loads(self.world.heard().splitlines()[-1])
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = door.getsockname()[1]
        self._keep_alive()
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self.token = self._patiently("POST", "/oauth/token", urllib.parse.urlencode(form))["access_token"]

    def draw(self, rounds: int, seed: int) -> list[dict[str, Any]]:
        """Jobs of every kind, each about a user of its own but for the release of a loss."""
        users = self.world.ask(SUBJECTS)
        cards = [row[0] for row in self.world.ask("SELECT iccid FROM resources_simcard WHERE state = 'IN_STOCK'")]
        idle = "SELECT number FROM resources_numberresource WHERE state = 'IDLE' AND grade = 'G0' ORDER BY 1"
        numbers = [row[0] for row in self.world.ask(idle)]
        jobs: list[dict[str, Any]] = []
        for place in range(rounds):
            for kind in ("OPEN", "CHANGE_PLAN", "PAYMENT", "ADD_PRODUCT", "REPLACE_SIM", "REPORT_LOST"):
                user, customer, account, offer = users[len(jobs) % len(users)]
                if len(jobs) >= len(users) and kind not in ("OPEN", "PAYMENT"):
                    continue
                job = {"kind": kind, "user": user, "customer": customer, "account": account, "offer": ADD_ON}
                job |= {"serial": f"{seed}-{place}-{kind}", "iccid": cards[len(jobs)], "number": numbers[len(jobs)]}
                if kind in ("OPEN", "CHANGE_PLAN"):
                    job["offer"] = PLAN if kind == "OPEN" or offer != PLAN else OTHER_PLAN
                jobs.append(job)
        return jobs

    def work(self, jobs: list[dict[str, Any]], strikes: list[str], chance: random.Random) -> None:
        """Let clerks do the jobs while the strikes fall, spread over them; each killed process is started again."""
        self._waiting.extend(jobs)
        clerks = [threading.Thread(target=self._clerk, daemon=True) for _ in range(CLERKS)]
        for clerk in clerks:
            clerk.start()
        for place, victim in enumerate(strikes, 1):
            wanted = len(jobs) * place // (len(strikes) + 1)
            while len(self.answers) + len(self.wrong) < wanted and any(clerk.is_alive() for clerk in clerks):
                time.sleep(0.01)
            time.sleep(chance.random() * 0.1)
            self._strike(victim)
        for clerk in clerks:
            clerk.join(timeout=PATIENCE_S)
        assert not any(clerk.is_alive() for clerk in clerks), self.world.heard()[-3000:]

    def _strike(self, victim: str) -> None:
        if victim == SERVER:
            before = self.world.url()
            os.kill(self.world.server_pid(), signal.SIGKILL)
            self.world.cluster.revive()
            if self.world.url() != before:  # those who knew the old port
                self._kill(WEB)
                self._kill(WORKER)
        else:
            self._kill(victim)
        self.kills.append(victim)
        self._keep_alive()

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _keep_alive(self) -> None:
        environment = {**self.world.environment(), "OPENBOSS_WEB_PORT": str(self.port), "OPENBOSS_WEB_WORKERS": "1"}
        for name in (WEB, WORKER):
            if name not in self._running or self._running[name].poll() is not None:
                command = [sys.executable, "-m", "openboss.access.jobs.cli", name]
                with (self.world.data_dir / "said.txt").open("ab") as said:
                    self._running[name] = subprocess.Popen(
                        command, env=environment, stdout=said, stderr=said, start_new_session=True
                    )

    def _clerk(self) -> None:
        while self._waiting:
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            self._do(job)

    def _do(self, job: dict[str, Any]) -> None:
        """Do a job to its end; whoever hears nothing begins it again, with the same serial number."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            sent, answer = first(job), {}
            while sent is not None:
                status, answer = self._send(sent[0], sent[1], json.dumps(sent[2]))
                if status is None or status >= 500:
                    break
                if status not in (200, 201):
                    self.wrong.append(f"{job['kind']} {status} {answer}")
                    return
                sent = next_step(job, answer)
            else:
                if is_done(job, answer):
                    self.answers[job["serial"]] = answer
                else:
                    self.wrong.append(f"{job['kind']} ended {answer}")
                return
            time.sleep(0.1)
        self.wrong.append(f"{job['kind']} was never done")

    def _send(self, method: str, path: str, body: str) -> tuple[int | None, dict[str, Any]]:
        kind = "application/x-www-form-urlencoded" if path.startswith("/oauth") else "application/json"
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body, {"Content-Type": kind, "Authorization": f"Bearer {self.token}"})
            answer = line.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if answer.status < 500 else {}
        except (OSError, http.client.HTTPException, ValueError):
            return None, {}
        finally:
            line.close()

    def _patiently(self, method: str, path: str, body: str) -> dict[str, Any]:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            status, answer = self._send(method, path, body)
            if status == 200:
                return answer
            time.sleep(0.1)
        raise TimeoutError(self.world.heard()[-3000:])

    def close(self) -> None:
        """Wait until the network was told everything, then stop the processes."""
        until_s = time.monotonic() + PATIENCE_S
        waits = "SELECT count(*) FROM system_outbox WHERE topic = 'network.hlr' AND state <> 'SENT'"
        while self.world.ask(waits) != [(0,)] and time.monotonic() < until_s:
            time.sleep(0.1)
        for name in list(self._running):
            self._kill(name)

    def check(self, jobs: list[dict[str, Any]]) -> None:
        """No order half done, lost or there twice; stock, numbers, money and network are as the orders say."""
        assert self.wrong == []
        books = {what: question for what, question in ALL_ZERO.items() if what != OF_PAYMENTS_ALONE}
        for what, question in (MUST_BE_ZERO | books).items():
            assert self.world.ask(question) == [(0,)], (what, self.kills)
        with psycopg.connect(self.world.url()) as session:
            done = session.execute(
                "SELECT request->>'external_id', count(*), min(state), max(state) FROM orders_order GROUP BY 1"
            ).fetchall()
        wanted = {job["serial"]: job["kind"] for job in jobs}
        ends = {name: "PENDING" if kind == "CHANGE_PLAN" else "COMPLETED" for name, kind in wanted.items()}
        assert {name: (1, ends[name], ends[name]) for name in ends if wanted[name] != "PAYMENT"} == {
            name: tuple(rest) for name, *rest in done
        }
        paid = "SELECT split_part(serial_no, ':', 2), count(*), sum(paid_fen)::int FROM receivables_payment"
        paid += " WHERE channel = 'WEB' AND serial_no LIKE '%:%' GROUP BY 1"
        payments = {name: (1, 3_000) for name, kind in wanted.items() if kind == "PAYMENT"}
        assert {name: tuple(rest) for name, *rest in self.world.ask(paid)} == payments
        opened = [job["number"] for job in jobs if job["kind"] == "OPEN"]
        lines = self.world.ask(
            "SELECT n.number, count(*) FROM customers_numberperiod n JOIN resources_numberresource r USING (number)"
            f" WHERE n.number = ANY ('{{{','.join(map(str, opened))}}}') AND r.state = 'OCCUPIED'"
            " AND r.subscriber_id = n.subscriber_id GROUP BY 1"
        )
        assert dict(lines) == dict.fromkeys(opened, 1)
        assert self.world.run(program=COMPARE) == 0, "the network has what the database wants"
