"""``exportadmin people``: the accounts, and what each may."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User

from exportadmin.lib.command import AppCommand


class Command(AppCommand):
    """One line an account."""

    help = "List the accounts: whether they may sign in, and their roles in projects."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flag."""
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look and print."""
        people = [_told(user) for user in User.objects.prefetch_related("memberships__project").order_by("username")]
        if options["json"]:
            self.stdout.write(json.dumps(people))
            return
        for one in people:
            roles = ", ".join(f"{each['role']} in {each['project']}" for each in one["roles"])
            rights = "superuser" if one["is_superuser"] else roles or "no role"
            self.stdout.write(f"{one['username']}\t{one['state']}\t{rights}")


def _told(user: User) -> dict[str, Any]:
    memberships = user.memberships.all()
    return {
        "username": user.username,
        "state": "disabled" if not user.is_active else "active" if user.has_usable_password() else "invited",
        "is_superuser": user.is_superuser,
        "roles": [{"project": each.project.name, "role": each.role} for each in memberships],
    }
