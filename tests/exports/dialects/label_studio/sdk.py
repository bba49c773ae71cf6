"""What label-studio-sdk 2.1.2 sends, as it was recorded, and how it reads what comes back.

The SDK itself runs in tests/platforms; this says again what it does on the wire: addresses with and without slash,
headers, both ways of signing in, its retries. It shares no code with the product.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests


class ApiError(Exception):
    """With ``status_code`` and ``body``, as there."""

    def __init__(self, status_code: int, body: Any) -> None:
        super().__init__(f"{status_code}: {body}")
        self.status_code, self.body = status_code, body


def _is_jwt(text: str) -> bool:
    try:
        jwt.decode(text, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    return True


@dataclass
class Client:
    """``LabelStudio(base_url, api_key)``, as far as exports are concerned."""

    base_url: str
    api_key: str
    access: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def headers(self) -> dict[str, str]:
        found = {
            "User-Agent": "label_studio_sdk/2.1.2",
            "X-Fern-Language": "Python",
            "X-Fern-SDK-Name": "label-studio-sdk",
            "X-Fern-SDK-Version": "2.1.2",
        }
        if not _is_jwt(self.api_key):
            return found | {"Authorization": f"Token {self.api_key}"}
        if not self.access:
            # urljoin, as there: without a slash at its end the last part of base_url would be lost
            url = urllib.parse.urljoin(self.base_url, "api/token/refresh/")
            answer = self.session.post(url, json={"refresh": self.api_key}, timeout=60)
            if answer.status_code != 200:
                raise ApiError(answer.status_code, answer.json())
            self.access = answer.json()["access"]
        return found | {"Authorization": f"Bearer {self.access}"}

    def send(self, method: str, path: str, *, params: Any = None, body: Any = None, **more: Any) -> requests.Response:
        url = f"{self.base_url.rstrip('/')}/{path}"
        headers = self.headers() | more.pop("headers", {})
        data = None
        if body is not None:
            data, headers["content-type"] = json.dumps(body), "application/json"
        for attempt in range(3):
            answer = self.session.request(method, url, params=params, data=data, headers=headers, timeout=60, **more)
            is_again = answer.status_code in (408, 409, 429) or answer.status_code >= 500
            if more.get("stream") or not is_again or attempt == 2:
                break
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.json())
        return answer

    def call(self, method: str, path: str, **more: Any) -> Any:
        answer = self.send(method, path, **more)
        return answer.json() if answer.content else None

    # --- client.projects, client.views, client.projects.exports ------------------------------------------------------

    def project(self, number: int) -> Any:
        return self.call("GET", f"api/projects/{number}/")

    def views(self, project: int) -> Any:
        return self.call("GET", "api/dm/views/", params={"project": project})

    def create(self, project: int, **body: Any) -> Any:
        return self.call("POST", f"api/projects/{project}/exports/", body=body)

    def get(self, project: int, export: int) -> Any:
        return self.call("GET", f"api/projects/{project}/exports/{export}")

    def list(self, project: int) -> Any:
        return self.call("GET", f"api/projects/{project}/exports/")

    def convert(self, project: int, export: int, export_type: str) -> Any:
        return self.call("POST", f"api/projects/{project}/exports/{export}/convert", body={"export_type": export_type})

    def download(self, project: int, export: int, export_type: str) -> Iterator[bytes]:
        path, params = f"api/projects/{project}/exports/{export}/download", {"exportType": export_type}
        yield from self.send("GET", path, params=params, stream=True).iter_content(1024)

    def download_sync(self, project: int, **params: Any) -> bytes:
        written = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
        return self.send("GET", f"api/projects/{project}/export", params=written, stream=True).content

    def ended(self, project: int, export: int, format_id: int | None = None, interval: float = 0.2) -> Any:
        """Asks until it is completed or failed."""
        for _ in range(600):
            found = self.get(project, export)
            one = next(one for one in found["converted_formats"] if one["id"] == format_id) if format_id else found
            if one["status"] in ("completed", "failed"):
                return one
            time.sleep(interval)
        raise AssertionError("it would ask until its time is over")

    def as_bytes(self, project: int, export_type: str = "JSON", **create: Any) -> bytes:
        """``as_json`` and its like: of a conversion they ask for the snapshot's status alone."""
        assert self.call("GET", "api/version/")["edition"] == "Enterprise"
        made = self.create(project, **create)
        if self.ended(project, made["id"])["status"] == "failed":
            raise AssertionError(made)
        if export_type != "JSON":
            self.convert(project, made["id"], export_type)
        return b"".join(self.download(project, made["id"], export_type))
