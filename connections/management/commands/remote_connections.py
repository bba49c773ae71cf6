"""``exportadmin remote_connections VERB …``: the connections to buckets that a platform has itself."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from connections import remote_connections as actions
from connections.access.lookup import find_connection
from connections.platforms.base import NewRemoteConnection
from connections.representation import remote_connection_json
from exportadmin.lib.command import AppCommand, shell_actor


class Command(AppCommand):
    """What REST and the pages do with them, here."""

    help = "List, make, test and delete a platform's own connections to buckets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb, and what it takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb, about in (
            ("list", "those that there are"),
            ("create", "have the platform make one; its id there is the only line on stdout"),
            ("test", "have the platform try one; exit code 1 where it does not work"),
            ("delete", "have the platform forget one, with its keys"),
        ):
            one = verbs.add_parser(verb, help=about)
            one.add_argument("connection", help="name or id of ours to the platform")
            if verb in ("test", "delete"):
                one.add_argument("remote_id", help="its id there")
            if verb == "create":
                one.add_argument("name", help="its name there")
                one.add_argument("--access-key-id", required=True, help="such as AKIA…")
            if verb in ("create", "test"):
                one.add_argument("--path", required=True, help="s3://bucket/folder/, where it is tried")
                one.add_argument("--data-type", default="image", help="of what lies there")
            if verb in ("list", "create"):
                one.add_argument("--json", action="store_true", help="print as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """The verb."""
        getattr(self, f"_{options['verb']}")(options)

    def _list(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        found = actions.list_remote_connections(connection=connection, actor=shell_actor())
        if options["json"]:
            self._print(list(map(remote_connection_json, found)))
            return
        for each in found:
            self.stdout.write(f"{each.connection_id}  {each.name}")
        if not found:
            self.stdout.write("none there")

    def _create(self, options: Mapping[str, Any]) -> None:
        """The secret is asked for, or the next line of standard input: command lines can be read by everybody."""
        connection = find_connection(options["connection"])
        asks = sys.stdin.isatty()
        secret = getpass.getpass("Secret access key: ") if asks else sys.stdin.readline().rstrip("\r\n")
        wanted = NewRemoteConnection(
            options["name"], options["path"], options["access_key_id"], secret, options["data_type"]
        )
        made = actions.create_remote_connection(connection=connection, actor=shell_actor(), wanted=wanted)
        if options["json"]:
            self._print(remote_connection_json(made))
        else:
            self.stdout.write(made.connection_id)

    def _test(self, options: Mapping[str, Any]) -> None:
        actions.test_remote_connection(
            connection=find_connection(options["connection"]),
            actor=shell_actor(),
            remote_id=options["remote_id"],
            path=options["path"],
            data_type=options["data_type"],
        )
        self.stdout.write("it works, says the platform")

    def _delete(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        actions.delete_remote_connection(connection=connection, actor=shell_actor(), remote_id=options["remote_id"])
        self.stdout.write(f"{options['remote_id']} is deleted there")

    def _print(self, shown: object) -> None:
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
