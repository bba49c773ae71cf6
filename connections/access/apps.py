"""People and what they may do, as a Django app."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Roles, tokens and preferences."""

    name = "connections.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the trail about people, and settle how long their sessions last."""
        from connections.access import keys, sessions, trail

        trail.register()
        keys.KEYS.register("tokens", "connections.access.tokens:TOKENS_OF_PEOPLE")
        sessions.connect()
