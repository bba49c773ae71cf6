"""The whole OpenAPI document against the real WSGI application, with schemathesis: what is described is what happens.

Every operation is called with what the document allows and with what it forbids, by a superuser's token, in a world
with rows, reports, files, links and configs. Stated in the document, or found here: there is no third kind of answer.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from connections.connection_actions import create_connection
from connections.kinds import connection_kinds
from connections.sinks import SINKS
from exportadmin.api import document
from exports.run import waiting
from exports.spec.conditions import CONDITIONS
from exports.spec.scope import KEYS as SCOPE_KEYS
from exports.spec.spec import beside_filter
from tests.connections.toy import Vault
from tests.rest.test_openapi import SNAPSHOT
from tests.rest.world import OWN, SHELL, World

# `make soak` looks longer
EXAMPLES = 60 if os.environ.get("SOAK") else 8
SCENARIOS = 40
SETTINGS = hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
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
        makes_projects = {"file", "file_name"} & properties.keys()  # an import takes any name
        if "format" in properties and "project" in properties and "report_id" not in properties and not makes_projects:
            properties["project"] = {**properties["project"], "enum": [OWN]}
        if "scopes" in properties and "token_id" not in properties:
            properties["project"] = {**properties["project"], "enum": [OWN, None]}
        if "for_user" in properties and "artifact_id" not in properties:
            properties["for_user"] = {**properties["for_user"], "enum": ["rita", None]}
    return made


# Rules between fields, for which JSON Schema has no words that a reader would want: options belong to a format, a
# window does not end before it begins, a config stands for the whole description, a place is a line or a byte and
# within the result. A refusal of allowed data is excused there, and only there, and only where it names such a field.
# Which connections a project may deliver by, and where to, their grants and settings say.
# What is there on a platform only a project or connection of one can say, and which those are no schema knows.
# Who made labels in a project, its rows say; a text of one line holds no control characters, wherever it stands (with a
# pattern, a name that may be empty becomes a choice of two schemas, which helps no reader).
_DESCRIPTION = (
    "format",
    "platform_export",
    "sync_first",
    "options",
    "labels",
    "name",
    "destination",
    # what goes with which scope, and what there is of datasets, slices and projects
    *SCOPE_KEYS,
    "scope.id",
    "include",
    *beside_filter(),
    "filter",
    *(f"filter.{key}" for key in CONDITIONS),
)
_CONNECTION = (
    "kind",
    "name",
    "config",
    "secrets",
    *(f"config.{field.name}" for kind in connection_kinds().values() for field in kind.connection_fields),
    *(f"secrets.{field.name}" for kind in connection_kinds().values() for field in kind.connection_secrets),
)
BETWEEN_FIELDS = {
    # whose fields and secrets they are and what they may be, the kind says; which are needed, the other settings
    "POST /api/v1/connections/": _CONNECTION,
    "PATCH /api/v1/connections/{connection_id}/": _CONNECTION,
    "POST /api/v1/connections/{connection_id}/secrets/": _CONNECTION,
    "POST /api/v1/reports/": (*_DESCRIPTION, "config_id", "format"),
    "POST /api/v1/reports/plan/": _DESCRIPTION,
    "POST /api/v1/configs/": _DESCRIPTION,
    "PUT /api/v1/configs/{config_id}/": _DESCRIPTION,
    # a name is once in a project, and a slice is of something
    "POST /api/v1/projects/{project_id}/slices/": ("name", "filter", *(f"filter.{key}" for key in CONDITIONS)),
    "PUT /api/v1/slices/{slice_id}/": ("name", "filter", *(f"filter.{key}" for key in CONDITIONS)),
    "GET /api/v1/reports/{report_id}/rows/": ("line", "offset"),
    "POST /api/v1/reports/{report_id}/convert/": ("format", "options", "include", "name", "destination"),
    # which time zones there are an installation knows; who deletes a project types its name; rows are named in one way
    "POST /api/v1/projects/": ("time_zone", "name"),
    "PATCH /api/v1/projects/{project_id}/": ("time_zone", "name"),
    "DELETE /api/v1/projects/{project_id}/": ("confirm",),
    "POST /api/v1/projects/{project_id}/rows/delete/": ("filter", "ids", "global_keys", "reason", *_DESCRIPTION),
    # how much may be sent, and what a name of a file or project is, an installation and a database say; which formats
    # need a model run to be named, they say
    "POST /api/v1/imports/": ("bytes", "file", "file_name", "project", "format", "dataset", "model_run"),
    "PUT /api/v1/imports/{import_id}/content/": ("Content-Range", "body"),
    # the kind of a connection says whether it is to a platform, and a project's connection whose it is; what a platform
    # names is one line too
    "GET /api/v1/connections/{connection_id}/projects/": ("connection",),
    "POST /api/v1/connections/{connection_id}/projects/": ("connection",),
    "GET /api/v1/connections/{connection_id}/remote-connections/": ("connection",),
    "POST /api/v1/connections/{connection_id}/remote-connections/": ("connection", "name"),
    "DELETE /api/v1/connections/{connection_id}/remote-connections/{remote_id}/": ("connection", "remote_id"),
    "POST /api/v1/connections/{connection_id}/remote-connections/{remote_id}/test/": ("connection", "remote_id"),
    "PATCH /api/v1/projects/{project_id}/mirror/": ("project", "options"),
    "GET /api/v1/projects/{project_id}/remote-exports/": ("project",),
    "POST /api/v1/projects/{project_id}/remote-exports/": ("project",),
}
# what a call makes → the calls that take it
MADE = {
    "configs_create": ("201", "config_id", ["configs_get", "configs_replace", "configs_delete"]),
    "reports_create": ("202", "report_id", ["reports_get", "reports_cancel", "reports_retry", "artifacts_list"]),
    "reports_retry": ("202", "report_id", ["reports_get", "reports_cancel", "reports_wait"]),
    "links_issue": ("201", "link_id", ["links_revoke"]),
}


def with_links() -> dict[str, Any]:
    """The same, with those links, and without what only makes calls fail."""
    made = described()
    for schema in made["components"]["schemas"].values():
        if "destination" in schema.get("properties", {}):
            for name in ("filter", "options", "config_id", "destination", "platform_export", *SCOPE_KEYS):
                schema["properties"].pop(name, None)
            schema["required"] = sorted({*schema["required"], "format"})
    chain = {*MADE, *(taker for _, _, takers in MADE.values() for taker in takers)}
    for methods in made["paths"].values():
        for method, operation in list(methods.items()):
            if operation["operationId"] not in chain:
                del methods[method]
            if operation["operationId"] in MADE:
                status, name, takers = MADE[operation["operationId"]]
                operation["responses"][status]["links"] = {
                    taker: {"operationId": taker, "parameters": {name: f"$response.body#/{name}"}} for taker in takers
                }
    return made


pytestmark = pytest.mark.django_db  # what an operation's test changes is undone after it
# from the snapshot, which is the document: to make that, and calls of it, is for a test and not for the collection
OPERATIONS = re.findall(r"^ +operationId: (\S+)$", SNAPSHOT.read_text(), re.MULTILINE)


def loaded(document: dict[str, Any]) -> Any:
    """With our application, without the looks at the database of a start."""
    made = schemathesis.openapi.from_dict(document, config=CONFIG)
    made.app = get_wsgi_application()
    return made


@pytest.fixture(scope="module")
def schema() -> Any:
    made = loaded(described())
    assert sorted(one.ok().definition.raw["operationId"] for one in made.get_all_operations()) == sorted(OPERATIONS)
    return made


def check_each_case(schema: Any, operation_id: str, check: Callable[[schemathesis.Case], None]) -> None:
    """Call ``check`` with examples of one operation: those of the document, at its limits, beyond them and random."""
    build_operation_test(
        config=schema.config,
        operation=schema.find_operation_by_id(operation_id),
        test_func=check,
        explicit_settings=SETTINGS,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )()


@pytest.fixture(scope="module")
def world(standing_world: World, django_db_blocker: Any) -> Iterator[World]:
    """Nobody waits: that is another test's matter. Requests leave the test's connection open, as Django's client has
    it."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    assert waiting.PLACES.acquire(blocking=False)
    places, waiting.PLACES = waiting.PLACES, _Full()  # type: ignore[assignment]
    # a connection whose test reaches nothing; its kind is not in the document, which was made before
    SINKS.register(Vault.key, Vault)
    with django_db_blocker.unblock():
        standing_world.own.connection = create_connection(
            kind=Vault.key, name="Deep", config={"room": "east"}, secrets={"phrase": "sesame"}, actor=SHELL
        )
        standing_world.own.token_id = standing_world.token("oscar", project=standing_world.own.project)[0].public_id
    yield standing_world
    SINKS.unregister(Vault.key)
    waiting.PLACES = places
    waiting.PLACES.release()
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
    place, connection = world.own, world.own.connection
    assert connection is not None
    real = {
        "project_id": place.project.public_id,
        "username": "oscar",
        "report_id": place.done.report_id,
        "import_id": place.uploading.public_id,
        "artifact_id": place.artifact.public_id,
        "link_id": place.link.public_id,
        "config_id": place.config.public_id,
        "slice_id": place.slice.public_id,
        "connection_id": connection.public_id,
        "run_id": "run-1",
    }
    for name, value in case.path_parameters.items():
        if name in real and zlib.crc32(repr(value).encode("utf-8", "replace")) % 3:
            case.path_parameters[name] = real[name]


# they take what another operation takes, and ask the same of the database
LIKE_ANOTHER = ("audit_export", "configs_replace", "reports_plan", "slices_replace")


@pytest.mark.parametrize(
    "operation_id",
    [pytest.param(one, marks=[pytest.mark.one_database] if one in LIKE_ANOTHER else []) for one in OPERATIONS],
)
def test_what_is_described_is_what_happens(operation_id: str, schema: Any, world: World, key: str):
    headers = {"Authorization": f"Bearer {key}"}

    def check(case: schemathesis.Case) -> None:
        with_things_that_are_there(case, world)
        judge(case, case.call(headers=headers), headers)

    check_each_case(schema, operation_id, check)


def judge(case: schemathesis.Case, response: Any, headers: dict[str, str], **more: Any) -> None:
    """All checks, but for the rules between fields."""
    excused = []
    if response.status_code == 400:
        refusal = response.json()
        between = refusal.get("field") in BETWEEN_FIELDS.get(case.operation.label, ())
        if between or "a control character" in refusal["detail"]:
            excused = [positive_data_acceptance]
    case.validate_response(response, headers=headers, excluded_checks=excused, **more)


@pytest.mark.parametrize("operation_id", ["tokens_list", "tokens_issue", "tokens_revoke"])
def test_tokens_are_managed_by_someone_who_is_signed_in(operation_id: str, schema: Any, world: World):
    """Not by a token, which the test above has: so once more, with a session and what CSRF asks for."""
    browser = world.browser("sue", enforce_csrf_checks=True)
    secret = "s" * 32
    headers = {
        "Cookie": f"sessionid={browser.cookies['sessionid'].value}; csrftoken={secret}",
        "X-CSRFToken": secret,
    }

    def check(case: schemathesis.Case) -> None:
        if case.path_parameters and zlib.crc32(repr(case.path_parameters).encode("utf-8", "replace")) % 3:
            case.path_parameters = {"token_id": world.own.token_id}
        response = case.call(headers=headers)
        # it looks for credentials that the document names as they stand there; the test above has done that
        case.validate_response(response, headers=headers, excluded_checks=[ignored_auth])
        assert response.status_code != 403

    check_each_case(schema, operation_id, check)


@pytest.mark.one_database
def test_what_was_made_is_there_until_it_is_removed_and_then_no_more(world: World, key: str):
    """Calls in a row, each with what the one before answered; the checks are about the things, not the calls."""

    headers = {"Authorization": f"Bearer {key}"}
    done: Counter[str] = Counter()

    class Machine(loaded(with_links()).as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            return {"headers": headers}

        def before_call(self, case: schemathesis.Case) -> None:
            if case.operation.label.endswith("/links/"):  # of a file that there is
                case.path_parameters = {"artifact_id": world.own.artifact.public_id}

        def validate_response(self, response: Any, case: schemathesis.Case, *_: Any, **__: Any) -> None:
            done[f"{case.operation.label} {response.status_code}"] += 1
            judge(case, response, headers, recorder=self.recorder)

    # what a scenario makes must be found by the next step, or the checks had nothing to look at
    wanted = {
        "GET /api/v1/configs/{config_id}/ 200",
        "DELETE /api/v1/configs/{config_id}/ 204",
        "GET /api/v1/reports/{report_id}/ 200",
        "POST /api/v1/links/{link_id}/revoke/ 200",
    }
    for steps in range(6, 12):  # the same scenarios each time, and longer ones where they came across too little
        settings = hypothesis.settings(SETTINGS, max_examples=SCENARIOS, stateful_step_count=steps, derandomize=True)
        # ids are random: now and then a scenario that is tried once more takes another way, which ends the run early
        with contextlib.suppress(hypothesis.errors.FlakyStrategyDefinition):
            Machine.run(settings=settings)
        if wanted <= set(done):
            break
    assert wanted - set(done) == set()
