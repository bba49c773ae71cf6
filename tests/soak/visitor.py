"""Somebody's script against a web server that is killed all the time: asks again, with the same idempotency key."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import requests

PATIENCE = 180.0
# what a script is told to come back after
AGAIN = {429, 503}


class Visitor:
    """``again``: how often an answer did not come, came half, or said to come back."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"}
        self.again = 0

    def request_export(self, project: str, format: str, name: str, key: str) -> str:
        """The report's id, once it was accepted."""
        body = {"project": project, "format": format, "name": name}
        answer = self._ask("POST", "reports/", 202, json=body, headers={"Idempotency-Key": key})
        return str(answer.json()["report_id"])

    def seconds_for(self, path: str) -> float:
        """Until a page or an address of REST has answered 200."""
        begun = time.monotonic()
        self._ask("GET", path, 200)
        return time.monotonic() - begun

    def sha256s(self, report_id: str) -> list[str]:
        """Of all files of a report, as they come through the web."""
        artifacts = self._ask("GET", f"reports/{report_id}/artifacts/", 200).json()
        return [self._sha256(f"artifacts/{one['artifact_id']}/download/", one["bytes"]) for one in artifacts]

    def _sha256(self, path: str, size: int) -> str:
        """A download that breaks off is begun again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            content = self._ask("GET", path, 200).content
            if len(content) == size:
                return hashlib.sha256(content).hexdigest()
            assert time.monotonic() < deadline, f"{path} does not come whole"
            self.again += 1

    def _ask(
        self, method: str, path: str, wanted: int, headers: Mapping[str, str] | None = None, **more: Any
    ) -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = requests.request(
                    method,
                    f"{self._address}/api/v1/{path}",
                    headers={**self._headers, **(headers or {})},
                    timeout=60,
                    **more,
                )
            except requests.RequestException as error:
                trouble = type(error).__name__
            else:
                if answer.status_code == wanted:
                    return answer
                assert answer.status_code in AGAIN, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
                trouble = str(answer.status_code)
            assert time.monotonic() < deadline, f"{method} {path}: no answer, the last time {trouble}"
            self.again += 1
            time.sleep(0.05)
