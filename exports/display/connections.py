"""What pages say of the connection that a form or a description names."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html
from django.utils.safestring import SafeString

from connections.access.permissions import Person, connections_for
from connections.models import Connection
from connections.states import STATES, failed_step, state_key
from exports.templatetags.text import moment


def names_of(user: Person, config: object) -> dict[str, str]:
    """The name, by its id, of the connection that a description names, where ``user`` may know of it."""
    destination = config.get("destination") if isinstance(config, Mapping) else None
    key = destination.get("connection") if isinstance(destination, Mapping) else None
    if not isinstance(key, str):
        return {}
    return dict(connections_for(user).filter(public_id=key).values_list("public_id", "name"))


def last_test(connection: Connection) -> SafeString:
    """How it stands, when that was found out, and what failed."""
    text = STATES[state_key(connection)].sentence
    if connection.tested_at is None:
        return format_html("{}", text)
    step = failed_step(connection)
    failed = f" {step.title}: {step.message.rstrip('.')}." if step else ""
    return format_html("{}{} Tested {}.", text, failed, moment(connection.tested_at))
