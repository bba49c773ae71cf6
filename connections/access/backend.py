"""Who is signed in, with what they have chosen for the pages: one query for both."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User


class PeopleBackend(ModelBackend):
    """Django's own, but the account comes with its :class:`connections.models.Preference`.

    So every page knows theme and time zone without a query of its own, and in every browser at once.
    """

    def get_user(self, user_id: int) -> User | None:
        """The account of a session, if it may sign in."""
        user = User.objects.select_related("preference").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
