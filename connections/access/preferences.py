"""What a person has chosen for the pages: light or dark, and the time zone in which times are printed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from connections.access import time_zones
from connections.access.models import Preference
from exportadmin.audit.record import audited
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import DeniedError, UserError

SYSTEM: Final = "system"
# theme → words on the page
THEMES: Final[dict[str, str]] = {SYSTEM: "As the system says", "light": "Light", "dark": "Dark"}


def preference_of(user: AbstractBaseUser | AnonymousUser | None) -> Preference:
    """What ``user`` has chosen, or an unsaved one that says what goes for everybody.

    Costs no query for the user of a page: :class:`connections.access.backend.PeopleBackend` has brought it along.
    """
    if user is not None and user.is_authenticated:
        with suppress(Preference.DoesNotExist):
            chosen: Preference = user.preference  # type: ignore[attr-defined]
            return chosen
    return Preference()


def zone_of(user: AbstractBaseUser | AnonymousUser | None) -> ZoneInfo | None:
    """The zone in which pages print times for ``user``; ``None``: UTC, also where the zone is gone since."""
    try:
        return times.zone(preference_of(user).time_zone)
    except UserError:
        return None


def page_theme(request: HttpRequest) -> dict[str, Any]:
    """For templates: ``page_theme`` is ``light`` or ``dark`` where that was chosen, else empty."""
    return {"page_theme": SimpleLazyObject(lambda: _chosen_theme(request))}


def _chosen_theme(request: HttpRequest) -> str:
    theme = preference_of(getattr(request, "user", None)).theme
    return theme if theme in THEMES and theme != SYSTEM else ""


def set_preference(*, user: AbstractBaseUser, theme: str, time_zone: str, actor: Actor) -> Preference:
    """Keep what a person has chosen for themselves. Nothing new: nothing recorded. Raises :class:`UserError`."""
    before = _state(preference_of(user))
    wanted = {"theme": theme, "time_zone": time_zone.strip()}
    kept = Preference.objects.filter(user_id=user.pk).first() or Preference(user_id=user.pk)
    if wanted == before:
        return kept
    person = ("preference", str(user.pk), f"theme and time zone of {user.get_username()}")
    with audited("setting.changed", actor=actor, obj=person, before=before, after=wanted):
        if actor.token_id is not None or actor.user_id != user.pk:
            raise DeniedError("people choose theme and time zone for themselves")
        if theme not in THEMES:
            raise UserError(f"there is no theme {theme[:40]!r}; known: {', '.join(THEMES)}", field="theme")
        kept.theme, kept.time_zone = theme, time_zones.known(time_zone)
        kept.save()
    user.preference = kept  # type: ignore[attr-defined]  # this request's own pages show it, too
    return kept


def _state(preference: Preference) -> dict[str, str]:
    return {"theme": preference.theme, "time_zone": preference.time_zone}
