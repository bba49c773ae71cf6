"""What an export reads: its project, or the catalog of the project's connection, whole or in part.

The *catalog* of a project are the data rows of all projects of its connection in which whoever asks may export; rows of
several projects that have the same ``data_row.id`` are one data row. A scope of the catalog takes data rows, and
nothing that a project says of them unless projects are named, whose labels go with them. That the file holds no
annotation otherwise surprises many, so plan and form say it.

Which parameters and filters go with which scope is Labelbox's: a dataset, the catalog and named data rows take filters
about data rows, a slice and a model run none, a project every one; ``project_ids`` and its kin go with the catalog.

A scope of another kind is a line in :data:`SCOPES`, and one in :data:`exports.sources.SCOPE_SOURCES` that says what
reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Condition

PROJECT: Final = "project"
DATASET: Final = "dataset"
SLICE: Final = "slice"
CATALOG: Final = "catalog"
DATA_ROWS: Final = "data_rows"
MODEL_RUN: Final = "model_run"

KEY: Final = "scope"
# what a description that was requested keeps of its scope: which projects it reads, what a slice selected then
SETTLED: Final = "scope_settled"
MAX_IDS: Final = 30
MAX_ID: Final = 500


@dataclass(frozen=True, slots=True)
class ScopeKind:
    """``takes_id``: it is one of several, by id or name. ``is_of_catalog``: it reads data rows of the connection.
    ``filters``: whether those go with it that a project has, those of data rows, or none. ``title`` names it on screen,
    ``help`` says what it takes.
    """

    key: str
    title: str
    help: str
    takes_id: bool = False
    is_of_catalog: bool = False
    filters: Literal["all", "of data rows", "none"] = "all"

    def takes(self, condition: Condition[Any]) -> bool:
        """Does this filter go with it?"""
        return self.filters == "all" or (self.filters == "of data rows" and condition.is_of_data_row)


SCOPES: Final[dict[str, ScopeKind]] = {
    scope.key: scope
    for scope in (
        ScopeKind(PROJECT, "This project", "Its rows, with its labels."),
        ScopeKind(
            DATASET,
            "A dataset",
            "The data rows of one dataset, in whatever projects they are.",
            takes_id=True,
            is_of_catalog=True,
            filters="of data rows",
        ),
        ScopeKind(
            SLICE,
            "A slice",
            "What a saved selection over the catalog selects.",
            takes_id=True,
            is_of_catalog=True,
            filters="none",
        ),
        ScopeKind(
            CATALOG,
            "The catalog",
            "The data rows of all projects of the connection in which you may export.",
            is_of_catalog=True,
            filters="of data rows",
        ),
        ScopeKind(
            DATA_ROWS,
            "Named data rows",
            "Those whose ids or global keys are given, in whatever projects they are.",
            is_of_catalog=True,
            filters="of data rows",
        ),
        ScopeKind(
            MODEL_RUN,
            "A model run",
            "The data rows of one model run, with its labels and predictions.",
            takes_id=True,
            filters="none",
        ),
    )
}
# the keys of a description beside ``scope`` that say whose labels and predictions go with data rows
ID_LISTS: Final = ("project_ids", "model_run_ids")
SWITCHES: Final = ("all_projects", "all_model_runs")
KEYS: Final = (KEY, "project_ids", "all_projects", "model_run_ids", "all_model_runs")


class SettledRun(NamedTuple):
    """A run of a model in a project (public id), by its ``id`` there; ``name`` is what both are called, which is not
    kept: not all who read a description may know of the project."""

    project: str
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a scope meant when it was requested, for ever.

    ``projects`` (public ids) are read, in the order of the rows; labels of ``labels_of`` and predictions of ``runs`` go
    with them. ``name`` is that of the dataset or slice; ``dataset_ids`` are the ids that bear it; ``filter`` and
    ``time_zone`` are the slice's.
    """

    projects: tuple[str, ...]
    labels_of: tuple[str, ...] = ()
    name: str = ""
    dataset_ids: tuple[str, ...] = ()
    filter: Mapping[str, Any] = field(default_factory=dict)
    time_zone: str = "UTC"
    runs: tuple[SettledRun, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Without what is empty."""
        made: dict[str, Any] = {"projects": list(self.projects), "labels_of": list(self.labels_of)}
        if self.name:
            made["name"] = self.name
        if self.dataset_ids:
            made["dataset_ids"] = list(self.dataset_ids)
        if self.filter:
            made |= {"filter": dict(self.filter), "time_zone": self.time_zone}
        if self.runs:
            made["runs"] = [{"project": run.project, "id": run.id} for run in self.runs]
        return made

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Settled:
        """Back from :meth:`to_json`."""
        return cls(
            tuple(body["projects"]),
            tuple(body["labels_of"]),
            body.get("name", ""),
            tuple(body.get("dataset_ids", ())),
            body.get("filter", {}),
            body.get("time_zone", "UTC"),
            tuple(SettledRun(**run) for run in body.get("runs", ())),
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """``kind`` is a key of :data:`SCOPES`; ``id`` is as it was given. ``settled``: once somebody has requested it, who
    may read all of it (:func:`exports.spec.catalog.settle`).
    """

    kind: str = PROJECT
    id: str = ""
    project_ids: tuple[str, ...] = ()
    all_projects: bool = False
    model_run_ids: tuple[str, ...] = ()
    all_model_runs: bool = False
    settled: Settled | None = None

    @property
    def is_of_catalog(self) -> bool:
        """Does it read data rows of the connection?"""
        return SCOPES[self.kind].is_of_catalog

    @property
    def takes_runs(self) -> bool:
        """Are there runs of models whose predictions leave?"""
        return self.kind == MODEL_RUN or bool(self.model_run_ids) or self.all_model_runs

    @property
    def text(self) -> str:
        """For a person, in the middle of a sentence: ``dataset 'North quay'``; empty for a project's own rows."""
        if self.kind == PROJECT:
            return ""
        name = (self.settled.name if self.settled else "") or self.id
        return f"{self.kind.replace('_', ' ')} {name!r}" if name else _WITHOUT_NAME[self.kind]

    def to_json(self) -> dict[str, Any]:
        """The keys of the frozen form; none for a project's own rows."""
        if self.kind == PROJECT:
            return {}
        made: dict[str, Any] = {KEY: {"kind": self.kind, **({"id": self.id} if self.id else {})}}
        for key in KEYS[1:]:
            if value := getattr(self, key):
                made[key] = list(value) if isinstance(value, tuple) else value
        if self.settled is not None:
            made[SETTLED] = self.settled.to_json()
        return made

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Scope:
        """Back from the frozen form of a description. Raises :class:`UserError`."""
        scope = parse_scope(body)
        settled = body.get(SETTLED)
        if settled is None or scope.kind == PROJECT:
            return scope
        return replace(scope, settled=Settled.from_json(settled))


OF_PROJECT: Final = Scope()
_WITHOUT_NAME: Final[Mapping[str, str]] = {CATALOG: "the catalog", DATA_ROWS: "named data rows"}


def parse_scope(body: Mapping[str, Any]) -> Scope:
    """The scope of a description, with ``project_ids`` and its kin. Raises :class:`UserError` that names the key."""
    kind, identity = _kind_of(body.get(KEY))
    scope = SCOPES[kind]
    given = {key: _ids(body.get(key), key) for key in ID_LISTS}
    switches = {key: _switch(body.get(key), key) for key in SWITCHES}
    if not scope.is_of_catalog:
        of_catalog = ", ".join(key for key, each in SCOPES.items() if each.is_of_catalog)
        for key in KEYS[1:]:
            if given.get(key) or switches.get(key):
                raise UserError(
                    f"{key} does not go with the scope {kind}, which says itself whose labels it takes; it goes with a "
                    f"scope of {of_catalog}",
                    field=key,
                )
    for ids, all_of in zip(ID_LISTS, SWITCHES, strict=True):
        if given[ids] and switches[all_of]:
            raise UserError(f"{ids} and {all_of} exclude each other: name some, or take all of them", field=ids)
    return Scope(
        kind,
        identity,
        given["project_ids"],
        switches["all_projects"],
        given["model_run_ids"],
        switches["all_model_runs"],
    )


def check_filters(scope: Scope, filter_: Mapping[str, Any], beside: Mapping[str, Any], field_name: str) -> None:
    """Do these conditions go with the scope? Raises :class:`UserError` that names the one that does not."""
    kind = SCOPES[scope.kind]
    if kind.filters == "all":
        return
    given = [(key, key) for key, value in beside.items() if value]
    given += [(key, f"{field_name}.{key}") for key, value in filter_.items() if value is not None]
    usable = [key for key, condition in CONDITIONS.items() if kind.takes(condition)]
    for key, place in given:
        if key in CONDITIONS and key not in usable:
            known = f"known there: {', '.join(usable)}" if usable else "it takes none"
            raise UserError(f"the filter {key} does not go with the scope {scope.kind}; {known}", field=place)
    ways = [key for key in usable if CONDITIONS[key].names_rows]
    named = [key for key in ways if filter_.get(key) is not None]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} exclude each other: name data rows in one way", field=field_name)
    if scope.kind == DATA_ROWS and not named:
        raise UserError(
            f"the scope {scope.kind} takes the rows that are named: give {' or '.join(ways)}", field=field_name
        )


def _kind_of(raw: object) -> tuple[str, str]:
    known = ", ".join(SCOPES)
    if raw is None:
        return PROJECT, ""
    if not isinstance(raw, Mapping):
        raise UserError(f"the scope is {raw!r}; expected a JSON object with kind ({known}) and id", field=KEY)
    for key in raw:
        if key not in ("kind", "id"):
            raise UserError(f"unknown key {key!r} of the scope; known: kind, id", field=f"{KEY}.{key}")
    kind, identity = raw.get("kind"), raw.get("id")
    if not isinstance(kind, str) or kind not in SCOPES:
        raise UserError(f"the scope's kind is {kind!r}; known: {known}", field=f"{KEY}.kind")
    if not SCOPES[kind].takes_id:
        if identity is not None:
            raise UserError(f"the scope {kind} takes no id", field=f"{KEY}.id")
        return kind, ""
    if not isinstance(identity, str) or not 0 < len(identity) <= MAX_ID:
        raise UserError(
            f"the scope's id is {identity!r}; expected the id of the {kind.replace('_', ' ')}", field=f"{KEY}.id"
        )
    return kind, check_text(identity, f"{KEY}.id")


def _ids(raw: object, key: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        raise UserError(f"{key} is {raw!r}; expected a list of ids", field=key)
    if not raw:
        raise UserError(f"{key} is an empty list, which names none; leave it out", field=key)
    for place, each in enumerate(raw):
        if not isinstance(each, str) or not 0 < len(each) <= MAX_ID:
            raise UserError(f"{key}[{place}] is {each!r}; expected an id", field=f"{key}[{place}]")
        check_text(each, f"{key}[{place}]")
    ids = tuple(dict.fromkeys(raw))
    if len(ids) > MAX_IDS:
        raise UserError(f"{key} has {len(ids):,} entries; it cannot exceed {MAX_IDS} items", field=key)
    return ids


def _switch(raw: object, key: str) -> bool:
    if raw is None:
        return False
    if not isinstance(raw, bool):
        raise UserError(f"{key} is {raw!r}; expected true or false", field=key)
    return raw


def config_known_to(config: Mapping[str, Any], known: Collection[str] | None) -> Mapping[str, Any]:
    """A frozen description for somebody who may know of these projects (public ids; ``None``: of all): without others
    and their model runs, of which ``others`` tells how many there are. What a slice or dataset was found by, and
    is called, is left out with them."""
    settled = config.get(SETTLED) if isinstance(config, Mapping) else None  # of an old report it is anything
    if known is None or not isinstance(settled, Mapping) or not (hidden := {*settled["projects"]} - {*known}):
        return config
    runs = [run for run in settled.get("runs", ()) if run["project"] in known]
    run_ids = {run["id"] for run in runs}
    shown: dict[str, Any] = {**config}
    for key, ids in (("project_ids", known), ("model_run_ids", run_ids)):
        if key in shown:
            shown[key] = [each for each in shown[key] if each in ids]
    shown[SETTLED] = {
        **{key: [each for each in settled[key] if each in known] for key in ("projects", "labels_of")},
        **({"runs": runs} if runs else {}),
        "others": len(hidden),
    }
    return shown


def scope_text(config: Mapping[str, Any]) -> str:
    """What :attr:`Scope.text` says, of a frozen description; takes any JSON, since old reports stay."""
    try:
        return Scope.from_json(config).text
    except (UserError, KeyError, TypeError):
        return "a scope that is not known"
