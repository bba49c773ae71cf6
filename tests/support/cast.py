"""The standing cast. Tests speak of people, not of ``user1``.

* **Alice** runs the place: superuser, admin of the project.
* **Oscar** operates: runs exports and downloads them.
* **Rita** reviews: reads everything and the trail, changes nothing.
* **Mallory** has an account and no business with Alice's project.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

PASSWORD = "correct horse battery staple"


def alice() -> User:
    """The superuser."""
    return get_user_model().objects.create_superuser("alice", "alice@example.org", PASSWORD)


def oscar() -> User:
    """The operator."""
    return get_user_model().objects.create_user("oscar", "oscar@example.org", PASSWORD)


def rita() -> User:
    """The reviewer."""
    return get_user_model().objects.create_user("rita", "rita@example.org", PASSWORD)


def mallory() -> User:
    """The stranger."""
    return get_user_model().objects.create_user("mallory", "mallory@example.org", PASSWORD)
