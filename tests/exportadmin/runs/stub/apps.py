"""The swap happens when Django has loaded its models and nobody has asked for the pipeline yet."""

from __future__ import annotations

import sys

from django.apps import AppConfig


class StubConfig(AppConfig):
    """No models."""

    name = "tests.exportadmin.runs.stub"

    def ready(self) -> None:
        """``from exports import pipeline`` finds ours from now on, in this process and in its forks."""
        import exports.run
        from tests.exportadmin.runs.stub import pipeline

        assert "exports.run.pipeline" not in sys.modules
        sys.modules["exports.run.pipeline"] = exports.run.pipeline = pipeline
