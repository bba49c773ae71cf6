"""What Label Studio's converters make of a task: an item an annotation, with its results by the control that gave them.

As there: an item of each annotation that was not skipped, the newest first; one without results where a task has no
annotation at all; none where all of them were skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from connections.rows.counts import DRAFTS, PREDICTIONS, RELATIONSHIPS
from exports.formats.base import Option
from exports.formats.label_studio.tasks import ANNOTATIONS, COMPLETED_BY, INTERPOLATE, NOTE_TEXTS, TaskFormat
from exports.spec.labels import SKIPPED_LABELS

_Json = dict[str, Any]
COVERED: Final = "covered"
_ONE_CHOICE: Final = frozenset({"choices", "textarea"})
_NOBODY: Final[Mapping[str, Any]] = {}


@dataclass(slots=True)
class Item:
    """``outputs``: control → what it gave, as :func:`plain` tells it."""

    task: _Json
    annotation: Mapping[str, Any]
    outputs: _Json

    @property
    def annotator(self) -> Any:
        """The e-mail address, else what else the annotation says of who made it."""
        person = self.annotation.get("completed_by")
        return person.get("email") if type(person) is dict else person


class ItemFormat(TaskFormat):
    """A format of items: no relation, prediction or draft is in one."""

    cannot_hold = frozenset({RELATIONSHIPS, PREDICTIONS, DRAFTS, SKIPPED_LABELS})
    note_texts = MappingProxyType(
        {
            **NOTE_TEXTS,
            COVERED: "values are left out: another of the same name (id, annotator, a control …) is in their place",
        }
    )
    options: ClassVar[tuple[Option, ...]] = (ANNOTATIONS, COMPLETED_BY, INTERPOLATE)


def items_of(task: _Json) -> Iterator[Item]:
    """Of a whole task, the newest annotation first."""
    annotations = task["annotations"]
    if not annotations:
        yield Item(task, _NOBODY, {})
        return
    done = [one for one in annotations if not (one.get("was_cancelled") or one.get("skipped"))]
    if len(done) > 1:
        done.sort(key=lambda one: str(one.get("created_at") or ""), reverse=True)
    for annotation in done:
        yield Item(task, annotation, _outputs(annotation["result"]))


def _outputs(results: list[_Json]) -> _Json:
    found: dict[str, list[Any]] = {}
    last: dict[str, Any] = {}
    for result in results:
        name = result.get("from_name")
        if not name or type(name) is not str:
            continue
        kind = last[name] = str(result.get("type"))
        plain = _plain(kind, result)
        if name in found:
            found[name].append(plain)
        else:
            found[name] = [plain]
    return {name: told[0] if len(told) == 1 and last[name] in _ONE_CHOICE else told for name, told in found.items()}


def _plain(kind: Any, result: _Json) -> Any:
    """One choice or text is that alone; all else the value, with the size of the picture that it is percent of."""
    value = result.get("value")
    if type(value) is not dict:
        return value
    if kind in _ONE_CHOICE:
        told = value.get("choices" if kind == "choices" else "text")
        if type(told) is list and len(told) == 1:
            return told[0]
    if "original_width" in result or "original_height" in result:
        sides = {key: result[key] for key in ("original_width", "original_height") if key in result}
        return {**value, **sides}
    return value
