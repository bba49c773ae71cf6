"""gunicorn's messages through our own log: it has a format and handlers of its own, which mask nothing."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """For gunicorn's setting ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        """Level from gunicorn's settings; everything else is the root logger's."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
