"""``exportadmin createsuperuser``: Django's command; the account stands in the trail, like every other."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User, UserManager

from connections.access import people
from exportadmin.lib.command import shell_actor


class _Accounts(UserManager[User]):
    """Makes superusers through :mod:`connections.access.people`."""

    def create_superuser(self, username: str, email: str | None = None, password: str | None = None, **_: Any) -> User:
        return people.create_superuser(
            username=username, email=self.normalize_email(email), password=password, actor=shell_actor()
        )


class _Model:
    """The model of accounts as Django's command uses it, with :class:`_Accounts` as its manager.

    The command makes the account and asks its questions in one method: a transaction around all of it would keep the
    database locked while somebody thinks of a password.
    """

    def __init__(self) -> None:
        self._default_manager = _Accounts()
        self._default_manager.model = User

    def __call__(self, **values: Any) -> User:
        return User(**values)

    def __getattr__(self, name: str) -> Any:
        return getattr(User, name)


class Command(createsuperuser.Command):
    """Flags, questions and checks are Django's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.UserModel = _Model()  # type: ignore[assignment]
