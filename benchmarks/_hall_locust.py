"""Locust's side of hall_load.py: clerks and web sites that order, and systems that ask. Run by it, not by hand."""

import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from _hall_orders import QUERY_MIX, first, is_done, next_step, question
from locust import FastHttpUser, constant_throughput, events, task

PLAN: dict[str, Any] = json.loads(Path(os.environ["HALL_PLAN"]).read_text(encoding="utf-8"))
HEADERS = {"Authorization": f"Bearer {PLAN['token']}"}
JOBS = iter(PLAN["jobs"])
CHANCE = random.Random(1)
_numbers = itertools.count()


class OnceASecond(FastHttpUser):
    """Somebody who comes once a second, at a moment of their own: started together, they would come in step."""

    abstract = True
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Wait for one's moment."""
        time.sleep(random.random())


class Orderer(OnceASecond):
    """One order a second: all requests of an order count together as one answer."""

    fixed_count = PLAN["orders"]

    @task
    def order(self) -> None:
        """Do the next job to its end."""
        job = next(JOBS, None)
        if job is None:
            return
        sent, took_ms, wrong, answer = first(job), 0.0, None, {}
        while sent is not None:
            method, path, body = sent
            with self.rest(method, path, json=body, headers=HEADERS, name=f"{method} {job['kind']}") as response:
                took_ms += response.request_meta["response_time"]
                answer = response.js or {}
                if response.status_code not in (200, 201):
                    wrong = RuntimeError(f"{job['kind']} {response.status_code} {response.text[:300]}")
            sent = None if wrong else next_step(job, answer)
        if wrong is None and not is_done(job, answer):
            wrong = RuntimeError(f"{job['kind']} ended {answer.get('state')}")
        told = {"request_type": "ORDER", "name": job["kind"], "response_time": took_ms, "response_length": 0}
        events.request.fire(**told, exception=wrong, context={})


class Asker(OnceASecond):
    """One question a second."""

    fixed_count = PLAN["queries"]

    @task
    def ask(self) -> None:
        """Ask about somebody drawn by lot."""
        (kind,) = CHANCE.choices(list(QUERY_MIX), list(QUERY_MIX.values()))
        self.client.get(question(kind, CHANCE.choice(PLAN["subjects"])), headers=HEADERS, name=kind)


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    """Leave the figures for hall_load.py."""
    found = {}
    for (name, method), one in environment.stats.entries.items():
        found[f"{method} {name}"] = {
            "count": one.num_requests, "failed": one.num_failures, "first_s": one.start_time,
            "last_s": one.last_request_timestamp, "times": {str(ms): n for ms, n in one.response_times.items()},
        }  # fmt: skip
    wrong = sorted({str(one.error)[:300] for one in environment.stats.errors.values()})
    Path(os.environ["HALL_FOUND"]).write_text(json.dumps({"stats": found, "wrong": wrong[:20]}), encoding="utf-8")
