"""Whoever uses the installation meanwhile: scripts that ask for exports, people who look at pages, probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

CALM = "Export Admin cannot answer now"
FAULTS = ("Traceback", "OperationalError", "InterfaceError", "psycopg", "server closed the connection")
FORMATS = ("ndjson", "json", "coco_json", "csv")
LIMIT_SECONDS = 30.0  # of one request; what is promised is much less
RETRY_SECONDS = 0.4  # sooner than Retry-After says: the load is to stay a load


@dataclass(frozen=True)
class Answer:
    """One answer, when it was asked for and how long it took. ``wrong`` is empty, or says in words what is."""

    channel: str
    began: float
    seconds: float
    status: int  # 0: none came
    wrong: str


@dataclass
class Book:
    """What all visitors saw."""

    address: str
    token: str
    project: str
    session: requests.Session
    answers: list[Answer] = field(default_factory=list)
    artifact: tuple[str, bytes] = ("", b"")  # id and content of one that is downloaded over and over
    reports: dict[str, set[str]] = field(default_factory=dict)  # key → ids that were given for it
    formats: dict[str, str] = field(default_factory=dict)  # key → format
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, channel: str, path: str, **more: Any) -> requests.Response | None:
        """Ask once and note the answer. ``None``: there was none."""
        judge = JUDGES[channel]
        began = time.monotonic()
        response = None
        try:
            # a connection a request: a kept one may end just when it is used again, which is nobody's fault
            headers = {"Connection": "close", **more.pop("headers", {})}
            asker: Any = self.session if channel == "page" else requests
            response = asker.request(
                more.pop("method", "GET"),
                self.address + path,
                headers=headers,
                timeout=LIMIT_SECONDS,
                allow_redirects=False,
                **more,
            )
            status, wrong = response.status_code, judge(response)
        except requests.RequestException as error:
            status, wrong = 0, f"no answer: {type(error).__name__}"
        with self._lock:
            self.answers.append(Answer(channel, began, time.monotonic() - began, status, wrong))
        return response

    def request_export(self, key: str) -> str | None:
        """Ask for an export with this key, once. Its report's id; ``None``: not accepted."""
        body = {"project": self.project, "format": self.formats[key], "name": key}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        response = self.ask("create", "/api/v1/reports/", method="POST", json=body, headers=headers)
        if response is None or response.status_code != 202:
            return None
        report_id = str(response.json()["report_id"])
        with self._lock:
            self.reports.setdefault(key, set()).add(report_id)
        return report_id

    def get(self, channel: str, path: str) -> requests.Response | None:
        """REST."""
        return self.ask(channel, f"/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"})

    def download(self) -> None:
        """The artifact; where bytes come, they have to be all of it."""
        name, content = self.artifact
        response = self.get("download", f"/artifacts/{name}/download/")
        if response is not None and response.status_code == 200 and response.content != content:
            with self._lock:
                self.answers.append(Answer("download", time.monotonic(), 0.0, 0, "other bytes than the artifact's"))


def _page(response: requests.Response) -> str:
    text = response.text
    if any(word in text for word in FAULTS):
        return f"a fault is shown: {text[:200]!r}"
    if response.status_code == 503:
        return _unless(CALM in text and "Retry-After" in response.headers, "a 503 without the calm page", response)
    return _unless(response.status_code == 200, "neither 200 nor 503", response)


def _rest(response: requests.Response) -> str:
    if response.status_code == 503:
        problem = response.headers.get("Content-Type") == "application/problem+json"
        calm = problem and response.json()["code"] == "unavailable" and "Retry-After" in response.headers
        return _unless(calm, "a 503 that is no problem+json with Retry-After", response)
    return _unless(response.status_code in (200, 202), "neither 200, 202 nor 503", response)


def _live(response: requests.Response) -> str:
    return _unless(response.status_code == 200, "not live", response)


def _ready(response: requests.Response) -> str:
    return _unless(response.status_code in (200, 503), "neither 200 nor 503", response)


def _unless(right: bool, words: str, response: requests.Response) -> str:
    return "" if right else f"{words}: {response.status_code} {response.text[:200]!r}"


JUDGES: dict[str, Callable[[requests.Response], str]] = {
    "page": _page,
    "create": _rest,
    "REST": _rest,
    "download": _rest,
    "healthz": _live,
    "readyz": _ready,
}


class Visitors:
    """Threads that go on until :meth:`leave`; each script then still finishes what it has begun."""

    def __init__(self, book: Book, *, scripts: int, pause: float, most: int) -> None:
        self._book = book
        self._pause = pause
        self._most = most  # exports that one script asks for
        self._leave = threading.Event()
        self._gone = threading.Event()
        self.scripts = [threading.Thread(target=self._script, args=(number,)) for number in range(scripts)]
        self.others = [threading.Thread(target=one) for one in (self._person, self._reader, self._probe)]

    def come(self) -> None:
        """Start them all."""
        for thread in (*self.scripts, *self.others):
            thread.daemon = True
            thread.start()

    def leave(self, within: float) -> bool:
        """Nothing new; wait for the scripts to have what they asked for. ``False``: somebody waits in vain."""
        self._leave.set()
        deadline = time.monotonic() + within
        for thread in self.scripts:
            thread.join(max(deadline - time.monotonic(), 0.1))
        self._gone.set()
        for thread in self.others:
            thread.join(LIMIT_SECONDS)
        return not any(thread.is_alive() for thread in (*self.scripts, *self.others))

    def _script(self, number: int) -> None:
        for count in range(self._most):
            if self._leave.is_set():
                return
            key = f"script-{number}-export-{count}"
            self._book.formats[key] = FORMATS[(number + count) % len(FORMATS)]
            while self._book.request_export(key) is None and not self._gone.is_set():
                self._gone.wait(RETRY_SECONDS)
            self._leave.wait(self._pause)

    def _person(self) -> None:
        while not self._gone.wait(0.15):
            self._book.ask("page", "/exports/")
            for ids in list(self._book.reports.values())[-1:]:
                self._book.ask("page", f"/exports/{next(iter(ids))}/")

    def _reader(self) -> None:
        while not self._gone.wait(0.25):
            self._book.get("REST", "/reports/?page_size=20")
            self._book.download()

    def _probe(self) -> None:
        while not self._gone.wait(0.2):
            self._book.ask("healthz", "/healthz")
            self._book.ask("readyz", "/readyz")
