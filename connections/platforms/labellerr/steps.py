"""The test of a Labellerr connection, step by step: all that a mirror and an export need, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connections.adapters import FAILED, PASSED, SKIPPED, Step, Steps
from connections.models import Connection
from connections.platforms.fields import ADDRESS_ADVICE
from connections.platforms.labellerr.client import Client, RefusedError
from connections.platforms.sent_once import UnreadableError
from exportadmin.lib.errors import ExportAdminError, TransientError

TITLES: Final[Mapping[str, str]] = {
    "reach": "Reach Labellerr",
    "sign_in": "Sign in",
    "projects": "List the projects",
    "exports": "List a project's exports",
    "statuses": "See how an export stands",
}
_STEPS: Final = Steps(TITLES)
_step: Final = _STEPS.ended
# an id that no export has: whether it may be asked at all is to be found out
_NO_EXPORT: Final = "exportadmin-connection-test"
_KEYS: Final = "Check API key, API secret and client id in Labellerr (they are shown to its admins); set them anew."
_ROLE: Final = "Have one of Labellerr's admins give the key's user a role that may see and make exports."


def run(connection: Connection) -> Iterator[Step]:
    """A step as it ends. Raises nothing that is Labellerr's or the connection's."""
    try:
        client = Client(connection)
    except ExportAdminError as error:
        yield from _STEPS.without_secrets(error, "Give the connection secrets that can be had.", at="sign_in")
        return
    yield from _STEPS.up_to_a_failure(_tried(client))


def _tried(client: Client) -> Iterator[Step]:
    try:
        projects = client.projects()
    except RefusedError as error:
        if error.status not in (401, 403):
            # there is somebody, but nothing at that path
            yield _step("reach", FAILED, str(error), ADDRESS_ADVICE)
            return
        yield _step("reach", PASSED, f"{client.place} answers")
        yield _step("sign_in", FAILED, str(error), _KEYS)
        return
    except UnreadableError as error:
        yield _step("reach", FAILED, str(error), ADDRESS_ADVICE)
        return
    except TransientError as error:
        yield _step("reach", FAILED, str(error), f"Try again later. {ADDRESS_ADVICE}")
        return
    except ExportAdminError as error:
        yield _step("reach", FAILED, str(error), ADDRESS_ADVICE)
        return
    yield _step("reach", PASSED, f"{client.place} answers")
    yield _step("sign_in", PASSED, "API key, secret and client id are taken")
    ids = [one for project in projects if isinstance(one := project.get("project_id"), str) and one]
    if projects and not ids:
        yield _step("projects", FAILED, "the list of projects has no ids", ADDRESS_ADVICE)
        return
    yield _step("projects", PASSED, f"{len(ids):,} project{'' if len(ids) == 1 else 's'}")
    if not ids:
        for key in ("exports", "statuses"):
            yield _step(key, SKIPPED, "there is no project to ask about")
        return
    try:
        listed = client.exports(ids[0])
    except ExportAdminError as error:
        yield _step("exports", FAILED, str(error), _ROLE)
        return
    yield _step("exports", PASSED, f"{len(listed):,} of project {ids[0]}")
    known = [one for item, _ in listed if isinstance(one := item.get("report_id"), str) and one]
    yield _statuses(client, ids[0], (known or [_NO_EXPORT])[0])


def _statuses(client: Client, project_id: str, report_id: str) -> Step:
    try:
        client.statuses(project_id, [report_id])
    except RefusedError as error:
        if error.status in (401, 403) or report_id != _NO_EXPORT:
            return _step("statuses", FAILED, str(error), _ROLE)
        return _step("statuses", PASSED, "it may be asked; there is no export yet")
    except ExportAdminError as error:
        return _step("statuses", FAILED, str(error), _ROLE)
    return _step("statuses", PASSED)
