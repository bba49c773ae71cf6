"""``exportadmin connections VERB …``: how buckets are reached, with secrets that never stand on a command line."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from connections import connection_actions as actions
from connections.access.lookup import find_connection, find_project
from connections.adapters import FAILED, ConfigValue, ConnectionKind
from connections.kinds import connection_kind, connection_kinds
from connections.models import STORE, Connection, Project
from connections.representation import connection_json, grants_json, uses_json
from connections.secret_values import is_reference
from connections.states import test_state
from connections.use import used_by
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import PermanentError, UserError

_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_FROM_WHERE = (
    "a secret: FIELD is asked for without being shown, FIELD=- is the next line of standard input, "
    "FIELD=env:NAME and FIELD=file:/path are references; repeatable"
)


class Command(AppCommand):
    """What REST and the pages do with connections, here."""

    help = "List, show, create, change, test, disable, enable, delete connections; grant them to projects."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb, and what it takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        listing = verbs.add_parser("list", help="the connections, by name")
        listing.add_argument("--json", action="store_true", help="print them as REST does")
        create = verbs.add_parser("create", help="a new connection; its id is the only line on stdout")
        create.add_argument("kind", choices=sorted(connection_kinds()))
        create.add_argument("name")
        create.add_argument("--json", action="store_true", help="print the connection as REST does")
        for verb, about in (
            ("show", "what it is, who may use it and what does"),
            ("change", "other settings; what is not given stays"),
            ("test", "use it, step by step; exit code 1 when a step fails"),
            ("rotate-secret", "other secrets in the place of those that are named"),
            ("disable", "nothing new is begun through it"),
            ("enable", "it may be used again"),
            ("delete", "with its secrets; refused while something uses it"),
            ("grant", "let the people of a project use it"),
            ("revoke", "take it from a project"),
        ):
            one = verbs.add_parser(verb, help=about)
            one.add_argument("connection", help="name or id")
            if verb in ("show", "test"):
                one.add_argument("--json", action="store_true", help="print as REST does")
            if verb in ("grant", "revoke"):
                one.add_argument("project", help="name or id")
            if verb == "change":
                one.add_argument("--name", help="another name")
                _add_config(one)
            if verb in ("change", "rotate-secret"):
                one.add_argument("--secret", action="append", default=[], metavar="FIELD", help=_FROM_WHERE)
        _add_config(create)
        create.add_argument("--secret", action="append", default=[], metavar="FIELD", help=_FROM_WHERE)

    def handle(self, *args: Any, **options: Any) -> None:
        """The verb."""
        getattr(self, f"_{options['verb'].replace('-', '_')}")(options)

    def _list(self, options: Mapping[str, Any]) -> None:
        connections = Connection.objects.exclude(kind=STORE).prefetch_related("stored_secrets")
        if options["json"]:
            self._print([connection_json(each, by_manager=True) for each in connections])
            return
        for each in connections:
            state = "disabled" if each.disabled_at else "enabled"
            tested = test_state(each) or "not tested"
            self.stdout.write(f"{each.public_id}  {each.kind}  {state}  {tested}  {each.name}")
        if not connections:
            self.stdout.write("no connections yet")

    def _show(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        shown = connection_json(connection, by_manager=True)
        grants, uses = grants_json(connection, Project.objects.all()), used_by(connection)
        if options["json"]:
            self._print({**shown, "grants": grants, "used_by": uses_json(uses)})
            return
        state = "disabled" if connection.disabled_at else "enabled"
        self.stdout.write(f"{connection.name} ({connection.public_id}): {connection.kind}, {state}")
        order = [field.name for field in connection_kind(connection.kind).connection_fields]  # databases keep none
        for name in sorted(
            connection.config, key=lambda each: (each not in order, each in order and order.index(each))
        ):
            self.stdout.write(f"  {name} = {json.dumps(connection.config[name], ensure_ascii=False)}")
        for name, secret in shown["secrets"].items():
            where = f", {secret['reference']}" if secret["reference"] else ""
            told = f"set on {secret['set_at']}, by {secret['set_by']}{where}" if secret["is_set"] else "not set"
            self.stdout.write(f"  secret {name}: {told}")
        names = ", ".join(grant["project"]["name"] for grant in grants)
        self.stdout.write(f"granted to: {names or 'no project'}")
        self.stdout.write(f"used by: {'; '.join(map(str, uses)) or 'nothing'}")
        test = shown["test"]
        told = f"{test['state']} on {test['tested_at']}, by {test['tested_by']}" if test else "not since it is as it is"
        self.stdout.write(f"tested: {told}")

    def _create(self, options: Mapping[str, Any]) -> None:
        kind = connection_kind(options["kind"])
        config = _config(kind, options["config"])
        secrets = _secrets(kind, options["secret"], ask_for_all=not options["secret"])
        made = actions.create_connection(
            kind=options["kind"], name=options["name"], config=config, secrets=secrets, actor=shell_actor()
        )
        if options["json"]:
            self._print(connection_json(made, by_manager=True))
        else:
            self.stdout.write(made.public_id)

    def _change(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        kind = connection_kind(connection.kind)
        config, secrets = _config(kind, options["config"]), _secrets(kind, options["secret"])
        actions.change_connection(
            connection=connection, name=options["name"], config=config, secrets=secrets, actor=shell_actor()
        )
        self.stdout.write(f"{connection.public_id}  {connection.name}")

    def _rotate_secret(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        secrets = _secrets(connection_kind(connection.kind), options["secret"])
        actions.rotate_secret(connection=connection, secrets=secrets, actor=shell_actor())
        self.stdout.write(f"{connection.name}: {', '.join(secrets)} set")

    def _test(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        for step in actions.test_connection(connection=connection, actor=shell_actor()):
            if options["json"]:
                continue
            words = ". ".join(part for part in (step.message, step.advice) if part)
            self.stdout.write(f"{step.state:8}{step.title}{f': {words}' if words else ''}")
            self.stdout.flush()
        if options["json"]:
            self._print(connection_json(connection, by_manager=True)["test"])
        if any(step.state == FAILED for step in connection.test_steps):
            raise PermanentError(f"connection {connection.name!r} does not pass its test")

    def _disable(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        actions.disable_connection(connection=connection, actor=shell_actor())
        self.stdout.write(f"{connection.name} is disabled")

    def _enable(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        actions.enable_connection(connection=connection, actor=shell_actor())
        self.stdout.write(f"{connection.name} is enabled")

    def _delete(self, options: Mapping[str, Any]) -> None:
        connection = find_connection(options["connection"])
        actions.delete_connection(connection=connection, actor=shell_actor())
        self.stdout.write(f"{connection.name} is deleted")

    def _grant(self, options: Mapping[str, Any]) -> None:
        connection, project = find_connection(options["connection"]), find_project(options["project"])
        actions.grant_connection(connection=connection, project=project, actor=shell_actor())
        self.stdout.write(f"project {project.name} may use {connection.name}")

    def _revoke(self, options: Mapping[str, Any]) -> None:
        connection, project = find_connection(options["connection"]), find_project(options["project"])
        actions.revoke_connection(connection=connection, project=project, actor=shell_actor())
        self.stdout.write(f"project {project.name} may not use {connection.name} any more")

    def _print(self, shown: object) -> None:
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))


def _add_config(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--config", action="append", default=[], metavar="NAME=VALUE", help="a setting of the kind; repeatable"
    )


def _config(kind: type[ConnectionKind], pairs: list[str]) -> dict[str, ConfigValue]:
    """``["path_style=yes"]`` → ``{"path_style": True}``. Raises :class:`UserError`."""
    flags = {field.name for field in kind.connection_fields if field.is_flag}
    config: dict[str, ConfigValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--config {pair!r} is not NAME=VALUE", field="config")
        if name in config:
            raise UserError(f"--config {name} is given twice", field="config")
        if name in flags and value:
            if value.lower() not in _FLAGS:
                raise UserError(f"--config {name} is {value!r}; expected yes or no", field="config")
            config[name] = _FLAGS[value.lower()]
        else:
            config[name] = value
    return config


def _secrets(kind: type[ConnectionKind], given: list[str], *, ask_for_all: bool = False) -> dict[str, str]:
    """By field, from where each was said to be. Raises :class:`UserError` for a value on the command line."""
    fields = {field.name: field for field in kind.connection_secrets}
    if ask_for_all and sys.stdin.isatty():
        given = list(fields)
    secrets: dict[str, str] = {}
    for each in given:
        name, equals, where = each.partition("=")
        if name not in fields:
            raise UserError(f"unknown secret {name[:80]!r}; known: {', '.join(fields) or 'none'}", field="secret")
        if name in secrets:
            raise UserError(f"--secret {name} is given twice", field="secret")
        if not equals:
            secrets[name] = getpass.getpass(f"{fields[name].title}: ")
        elif where == "-":
            secrets[name] = sys.stdin.readline().rstrip("\r\n")
        elif is_reference(where):
            secrets[name] = where
        else:
            raise UserError(
                f"the value of {name} stands on the command line, which everybody on this machine can read: "
                f"give --secret {name} to be asked, {name}=- for standard input, {name}=env:NAME or {name}=file:/path",
                field="secret",
            )
    return secrets
