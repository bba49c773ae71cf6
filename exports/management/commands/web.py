"""``exportadmin web``: the web server alone, for those who supervise it themselves."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import get_resolver
from gunicorn.app.base import BaseApplication

from exportadmin.lib import env
from exportadmin.lib.command import AppCommand
from exportadmin.lib.processes import forks_die_with_parent, share_with_forks
from exportadmin.static_files import be_ready_to_serve
from exports.management.commands._ready import refuse_unless_migrated

GRACEFUL_SECONDS = 8  # `exportadmin up` kills after ten


class Command(AppCommand):
    """gunicorn with threads; static files come from whitenoise."""

    help = "Serve the web pages and the API until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="or fd://N (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not return."""
        refuse_unless_migrated()
        be_ready_to_serve()
        forks_die_with_parent()
        Server(options["bind"]).run()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn without its command line and its configuration files."""

    def __init__(self, bind: str) -> None:
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        """Two processes of four threads that wait for no client.

        No control socket: gunicorn would make ``~/.gunicorn`` for it.
        """
        for name, value in {
            "bind": [self._bind],
            "worker_class": "exportadmin.operations.web_worker.WebWorker",
            "workers": env.number("WEB_PROCESSES", 2, at_least=1),
            "threads": env.number("WEB_THREADS", 4, at_least=1),
            "preload_app": True,
            "graceful_timeout": GRACEFUL_SECONDS,
            "control_socket_disable": True,
            # of X-Forwarded-Proto and SCRIPT_NAME: by itself it believes this machine; TRUSTED_PROXIES says who is
            "forwarded_allow_ips": "",
            # our worker class takes out all names with _ but those that a dialect's clients send
            "header_map": "dangerous",
            "loglevel": "warning",
            "logger_class": "exportadmin.operations.gunicorn_logs.GunicornLogger",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Once, before the forks, with all views."""
        application = get_wsgi_application()
        list(get_resolver().url_patterns)
        connections.close_all()
        caches["shared"].clear()  # objects of the release before may not be read any more
        share_with_forks()
        return application
