"""The whole OpenAPI document against the real WSGI application, with schemathesis: what is described is what happens.

Every operation is called with what the document allows and with what it forbids, by a superuser's token, in a world
with rows, reports, files, links and configs. Stated in the document, or found here: there is no third kind of answer.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from exportadmin.api import document
from exportadmin.wsgi import application
from exports.api import views
from tests.rest.world import OWN, World

EXAMPLES = 40
CONFIG = SchemathesisConfig.from_dict(
    {
        # U+0000 is in no text that PostgreSQL can hold, and JSON Schema has no short word for that
        "generation": {"allow-x00": False},
    }
)


def described() -> dict[str, Any]:
    """The document, with the names of things that there are: random ones only ever find nothing."""
    made = copy.deepcopy(document())
    for schema in made["components"]["schemas"].values():
        properties = schema.get("properties", {})
        if "format" in properties and "project" in properties and "report_id" not in properties:
            properties["project"] = {**properties["project"], "enum": [OWN]}
        if "for_user" in properties and "artifact_id" not in properties:
            properties["for_user"] = {**properties["for_user"], "enum": ["rita", None]}
    return made


# Rules between fields, for which JSON Schema has no words that a reader would want: options belong to a format, a window
# does not end before it begins, a config stands for the whole description, a place is a line or a byte and within the
# result. A refusal of allowed data is excused there, and only there, and only where it names such a field.
_DESCRIPTION = ("options", "filter.last_activity_at", "filter.label_created_at")
BETWEEN_FIELDS = {
    "POST /api/v1/reports/": (*_DESCRIPTION, "config_id", "format"),
    "POST /api/v1/reports/plan/": _DESCRIPTION,
    "POST /api/v1/configs/": _DESCRIPTION,
    "PUT /api/v1/configs/{config_id}/": _DESCRIPTION,
    "GET /api/v1/reports/{report_id}/rows/": ("line", "offset"),
}
pytestmark = pytest.mark.django_db  # what an operation's test changes is undone after it
schema = schemathesis.openapi.from_dict(described(), config=CONFIG)
schema.app = application


@pytest.fixture(scope="module")
def world(standing_world: World) -> Iterator[World]:
    """Nobody waits: that is another test's matter. Requests leave the test's connection open, as Django's client has
    it."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    assert views._WAITING.acquire(blocking=False)
    waiting, views._WAITING = views._WAITING, _Full()  # type: ignore[assignment]
    yield standing_world
    views._WAITING = waiting
    views._WAITING.release()
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


class _Full:
    def acquire(self, *, blocking: bool) -> bool:
        return False


@pytest.fixture
def key(world: World) -> str:
    return world.token("sue", "admin")[1]


def with_things_that_are_there(case: schemathesis.Case, world: World) -> None:
    """Two of three cases name a real thing, unless it is the address itself that is to be wrong."""
    component = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    if not case.path_parameters or (component is not None and component.mode.is_negative):
        return
    place = world.own
    real = {
        "project_id": place.project.public_id,
        "username": "oscar",
        "report_id": place.done.report_id,
        "artifact_id": place.artifact.public_id,
        "link_id": place.link.public_id,
        "config_id": place.config.public_id,
    }
    for name, value in case.path_parameters.items():
        if name in real and zlib.crc32(repr(value).encode("utf-8", "replace")) % 3:
            case.path_parameters[name] = real[name]


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_what_is_described_is_what_happens(case: schemathesis.Case, world: World, key: str):
    with_things_that_are_there(case, world)
    headers = {"Authorization": f"Bearer {key}"}
    response = case.call(headers=headers)
    excused = []
    if response.status_code == 400 and response.json().get("field") in BETWEEN_FIELDS.get(case.operation.label, ()):
        excused = [positive_data_acceptance]
    case.validate_response(response, headers=headers, excluded_checks=excused)
