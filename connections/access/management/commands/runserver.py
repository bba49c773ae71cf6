"""Django's development server, with the header names that some platforms' clients sign in by."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.management.commands.runserver import Command as StaticFilesCommand
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer

from exportadmin.lib.header_names import may_pass


class RequestHandler(WSGIRequestHandler):
    """Django drops every header with an underscore; a few are meant (:mod:`exportadmin.lib.header_names`)."""

    def get_environ(self) -> dict[str, Any]:
        """As Django's, with these."""
        meant = {name: value for name, value in self.headers.items() if "_" in name and may_pass(name)}
        environ: dict[str, Any] = super().get_environ()
        return environ | {f"HTTP_{name.upper()}": value for name, value in meant.items()}


class Server(WSGIServer):
    """Whatever handler is asked for."""

    def __init__(self, address: Any, handler: Any, **more: Any) -> None:
        super().__init__(address, RequestHandler, **more)


class Command(StaticFilesCommand):
    """``exportadmin runserver``."""

    server_cls = Server
