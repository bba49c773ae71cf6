"""Requests of Label Studio's SDK, without it."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from exports.models import ExportReport
from tests.rest.world import Place, World

BASE = "/dialects/label_studio/api"
JSON = "application/json"


def at(place: Place, rest: str = "") -> str:
    return f"{BASE}/projects/{place.project.pk}/{rest}"


def post(client: Client, address: str, body: Any = None) -> Any:
    return client.post(address, json.dumps(body or {}), content_type=JSON)


def create(client: Client, world: World, body: Any = None) -> Any:
    return post(client, at(world.own, "exports/"), body)


def report_of(answer: Any) -> ExportReport:
    assert answer.status_code == 201, answer.content
    return ExportReport.objects.get(pk=answer.json()["id"])


def faults(answer: Any) -> Any:
    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"] == "Validation error"
    return answer.json()["validation_errors"]
