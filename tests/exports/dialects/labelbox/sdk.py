"""What labelbox 7.17.0 sends, as it was recorded, and how it reads what comes back; of 5.2.1, streams from any line.

The SDK itself runs in tests/platforms; this says again what it does on the wire. It shares no code with the product.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import requests

_TASK = "completionPercentage createdAt errors metadata name result status status type id updatedAt"


class LabelboxError(Exception):
    """With the code of the first error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Client:
    """``Client(api_key, endpoint)``, as far as exports are concerned."""

    def __init__(self, api_key: str, endpoint: str) -> None:
        self.endpoint = endpoint
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {api_key}",
                "Accept": "application/json",
                "Content-Type": "application/json",
                "X-User-Agent": "python-sdk 7.17.0",
                "X-Python-Version": "3.11.7-final",
                "X-SDK-Method": "Project:export",
            }
        )

    def execute(self, query: str, variables: Any = None, *, experimental: bool = False) -> Any:
        url = self.endpoint.replace("/graphql", "/_gql") if experimental else self.endpoint
        data = json.dumps({"query": query, "variables": variables})
        for attempt in range(3):  # there for up to 120 s
            answer = self.session.post(url, data=data, timeout=60)
            if answer.status_code < 500 or attempt == 2:
                break
        read = answer.json()
        if errors := read.get("errors"):
            first = errors[0]
            raise LabelboxError(first["extensions"]["code"], first["message"])
        assert answer.status_code == 200
        return read["data"]

    def projects(self) -> list[dict[str, Any]]:
        query = (
            "query GetProjectsPyApi($param_0: Boolean!){projects(where: {deleted: $param_0} skip: 0 first: 100){id}}"
        )
        found: list[dict[str, Any]] = self.execute(query, {"param_0": False})["projects"]
        return found

    def export(self, project: str, query: list[Any] | None = None, **params: bool) -> Task:
        sent = {
            "taskName": None,
            "isStreamableReady": True,
            "streamable": True,
            "filters": {"projectId": project, "searchQuery": {"scope": None, "query": query or []}},
            "params": {"mediaTypeOverride": None, "includeAttachments": False, **params},
        }
        mutation = (
            "mutation exportDataRowsInProjectPyApi($input: ExportDataRowsInProjectInput!)"
            "{exportDataRowsInProject(input: $input){taskId isStreamable}}"
        )
        return Task(self, self.execute(mutation, {"input": sent})["exportDataRowsInProject"]["taskId"])


class Task:
    """``ExportTask``."""

    def __init__(self, client: Client, uid: str) -> None:
        self.client, self.uid = client, uid
        self.user = client.execute("query GetUserPyApi{user{email id name}}", {})["user"]["id"]
        self.about: dict[str, Any] = {}
        self.refresh()

    def refresh(self) -> None:
        query = (
            "query GetUserCreatedTasksPyApi($param_0: ID!, $param_1: ID!){user(where: {id: $param_1})"
            "{createdTasks(where: {id: $param_0} skip: 0 first: 100){" + _TASK + "}}}"
        )
        (self.about,) = self.client.execute(query, {"param_0": self.uid, "param_1": self.user})["user"]["createdTasks"]

    def wait_till_done(self, interval: float = 0.2) -> Task:
        for _ in range(600):
            if self.about["status"] != "IN_PROGRESS":
                return self
            time.sleep(interval)  # as there, but for its two seconds
            self.refresh()
        raise AssertionError("it would ask until its time is over")

    def header(self, kind: str = "RESULT") -> Any:
        query = (
            "query GetExportMetadataHeaderPyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!)"
            "{task(where: $where){exportMetadataHeader(streamType: $streamType){totalSize totalLines}}}"
        )
        return self._ask(query, "exportMetadataHeader", kind)

    def chunk(self, by: str, place: Any, kind: str = "RESULT") -> tuple[Any, bytes]:
        """By ``Offset`` or ``Line``: what is said of it, and its bytes."""
        field, name = f"exportFileFrom{by}", by.lower()
        query = (
            f"query GetExportFileFrom{by}PyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!, "
            f"${name}: UInt64!){{task(where: $where){{{field}(streamType: $streamType, {name}: ${name})"
            "{offsets {start end} lines {start end} file}}}"
        )
        told = self._ask(query, field, kind, **{name: place})
        answer = requests.get(told["file"], timeout=30)  # no header of ours
        answer.raise_for_status()
        assert len(answer.content) == int(told["offsets"]["end"]) - int(told["offsets"]["start"]) + 1
        return told, answer.content

    def rows(self, kind: str = "RESULT") -> Iterator[Any]:
        """``get_buffered_stream``."""
        offset = 0
        while offset < int(self.header(kind)["totalSize"]):
            told, raw = self.chunk("Offset", str(offset), kind)
            yield from map(json.loads, raw.splitlines())
            offset = int(told["offsets"]["end"]) + 1

    def lines_from(self, line: int) -> Iterator[str]:
        """``get_stream().with_line(line)`` of 5.2.1."""
        total = int(self.header()["totalLines"])
        while line < total:
            told, raw = self.chunk("Line", line)
            yield from raw.decode().splitlines()[line - int(told["lines"]["start"]) :]
            line = int(told["lines"]["end"]) + 1

    def _ask(self, query: str, field: str, kind: str, **more: Any) -> Any:
        variables = {"where": {"id": self.uid}, "streamType": kind, **more}
        return self.client.execute(query, variables)["task"][field]
