"""What a form says of a connection that is chosen in it."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from connections.models import Connection
from connections.states import STATES, failed_step, state_key
from exports.templatetags.text import moment


def last_test(connection: Connection) -> SafeString:
    """How it stands, when that was found out, and what failed."""
    text = STATES[state_key(connection)].sentence
    if connection.tested_at is None:
        return format_html("{}", text)
    step = failed_step(connection)
    failed = f" {step.title}: {step.message.rstrip('.')}." if step else ""
    return format_html("{}{} Tested {}.", text, failed, moment(connection.tested_at))
