"""The swap happens when Django has loaded its models and nobody has asked for the pipeline yet."""

from __future__ import annotations

import sys

from django.apps import AppConfig


class StubConfig(AppConfig):
    """No models."""

    name = "tests.runs.stub"

    def ready(self) -> None:
        """``from exports import pipeline`` finds ours from now on, in this process and in its forks."""
        import exports
        from tests.runs.stub import pipeline

        assert "exports.pipeline" not in sys.modules
        sys.modules["exports.pipeline"] = exports.pipeline = pipeline
