"""The trail's pages."""

from __future__ import annotations

from urllib.parse import urlencode

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions import in_order
from tests.pages.hostile_world import HOSTILE, HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    changed = AuditEntry.objects.filter(event="project.changed").latest("sequence")
    requested = AuditEntry.objects.filter(event="export.requested").latest("sequence")
    needed = {"row": HOSTILE[:100], "person": HOSTILE[:150], "connection": HOSTILE[:120]}
    return {
        "audit: filtered": "/audit/?" + urlencode({"event": "export", "project": world.project.public_id}),
        "audit: wrong filters": "/audit/?" + urlencode({"after": HOSTILE, "outcome": HOSTILE, "actor": HOSTILE}),
        "audit: nothing found": "/audit/?" + urlencode({"actor": HOSTILE[:100] + "x"}),
        "audit: a change": f"/audit/{changed.sequence}/",
        "audit: an export": f"/audit/{requested.sequence}/",
        "audit: questions": "/audit/questions/",
        "audit: register": "/audit/register/?" + urlencode({"project": world.project.public_id}),
        "audit: wrong register": "/audit/register/?" + urlencode({"kind": HOSTILE, "after": HOSTILE}),
        "audit: register of an export": f"/exports/{requested.object_id}/register/",
        "audit: question without what it needs": "/audit/questions/row/",
        "audit: wrong question": "/audit/questions/outside-hours/?" + urlencode({"zone": HOSTILE, "days": HOSTILE}),
        **{
            f"audit: {question.slug}": f"/audit/questions/{question.slug}/?"
            + urlencode({name: needed[name] for name in question.needed})
            for question in in_order()
        },
    }
