"""Puts our runner in the place of the real one."""

from __future__ import annotations

from django.apps import AppConfig


class StubConfig(AppConfig):
    """No models."""

    name = "tests.exportadmin.runs.stub"

    def ready(self) -> None:
        """From now on, in this process and in its forks."""
        from exportadmin.runs.runners import RUNNERS

        RUNNERS.unregister("export")
        RUNNERS.register("export", "tests.exportadmin.runs.stub.runner:StubRunner")
