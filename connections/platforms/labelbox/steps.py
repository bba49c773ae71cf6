"""The test of a Labelbox connection, step by step: all that a mirror and an export need, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connections.adapters import FAILED, PASSED, SKIPPED, Step, Steps
from connections.models import Connection
from connections.platforms.fields import ADDRESS_ADVICE
from connections.platforms.labelbox.client import Client, RefusedError
from exportadmin.lib.errors import ExportAdminError, TransientError

TITLES: Final[Mapping[str, str]] = {
    "reach": "Reach Labelbox",
    "sign_in": "Sign in",
    "projects": "List the projects",
    "others": "List datasets, slices and models",
    "exports": "List the key's exports",
}
_STEPS: Final = Steps(TITLES)
_step: Final = _STEPS.ended
_KEY: Final = "Make an API key in Labelbox (Workspace settings, API), and set it here."
_ROLE: Final = "Have one of Labelbox's admins give the key's user a role that may see and export projects."
_ENDPOINT: Final = ADDRESS_ADVICE.replace("base address", "endpoint")


def run(connection: Connection) -> Iterator[Step]:
    """A step as it ends. Raises nothing that is Labelbox's or the connection's."""
    try:
        client = Client(connection)
    except ExportAdminError as error:
        yield from _STEPS.without_secrets(error, "Give the connection an API key that can be had.", at="sign_in")
        return
    yield from _STEPS.up_to_a_failure(_tried(client))


def _tried(client: Client) -> Iterator[Step]:
    try:
        user = client.user
    except RefusedError as error:
        if error.code not in ("AUTHENTICATION_ERROR", "AUTHORIZATION_ERROR"):
            # there is somebody, but no Labelbox
            yield _step("reach", FAILED, str(error), _ENDPOINT)
            return
        yield _step("reach", PASSED, f"{client.place} answers")
        yield _step("sign_in", FAILED, str(error), _KEY)
        return
    except ExportAdminError as error:
        later = "Try again later. " if isinstance(error, TransientError) else ""
        yield _step("reach", FAILED, str(error), f"{later}{_ENDPOINT}")
        return
    yield _step("reach", PASSED, f"{client.place} answers")
    email = user.get("email")
    yield _step(
        "sign_in", PASSED, f"the key of {email[:200]} is taken" if isinstance(email, str) else "the key is taken"
    )
    try:
        count = sum(1 for _ in client.projects())
        more = _more(client, "projects")
    except ExportAdminError as error:
        yield _step("projects", FAILED, str(error), _ROLE)
        return
    yield _step("projects", PASSED, f"{more}{count:,} project{'' if count == 1 else 's'}")
    yield _others(client)
    try:
        tasks = len(client.tasks())
    except ExportAdminError as error:
        yield _step("exports", FAILED, str(error), _ROLE)
        return
    doubt = ". It is a viewer's: whether that may export will be seen" if user.get("isViewer") is True else ""
    more = _more(client, "createdTasks")
    yield _step("exports", PASSED, f"{more}{tasks:,} task{'' if tasks == 1 else 's'} of this key's user{doubt}")


def _others(client: Client) -> Step:
    """What a key may not list cannot be mirrored; projects can all the same."""
    try:
        listed = {"datasets": client.datasets, "slices": client.slices, "models": client.models}
        counts = {name: len(list(each())) for name, each in listed.items()}
    except ExportAdminError as error:
        return _step("others", SKIPPED, f"they cannot be mirrored with this key: {error}")
    told = ", ".join(f"{_more(client, name)}{count:,} {name}" for name, count in counts.items())
    return _step("others", PASSED, told)


def _more(client: Client, name: str) -> str:
    return "at least " if name in client.cut else ""
