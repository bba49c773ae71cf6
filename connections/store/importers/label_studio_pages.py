"""Which picture a task of Label Studio is about, and which pictures, where there are several.

A file holds no labeling configuration, so that a picture is told by what is there: a region says the control of its
picture (``to_name``) and, where that shows a list of pictures, which of them (``item_index``). Nothing is guessed:

* ``item_index`` counts the pictures of a list in ``data`` (``valueList``, layers), from 0;
* controls whose names end in numbers (``page_0``, ``page_1``: a ``Repeater``) count the entries of a list in ``data``;
* controls that are called as keys of ``data`` show the pictures under these keys.

A task whose regions lie on several pictures otherwise, or on one of several without saying which, is refused. Answers
and relations that name no picture are the task's: they go to its first picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from connections.rows.checks import BadMark
from connections.rows.label_studio.regions import ORDER, Places
from connections.rows.media import looks_like_media, mime_type

_Json = dict[str, Any]
_Path = tuple[str, ...]
_Place = Callable[[_Json], int | None]
_SHAPES: Final = re.compile(r"(?:rectangle|polygon|keypoint|brush|ellipse|bitmask|vector)(?:labels)?")
_NUMBERED: Final = re.compile(r"(.*?)(0|[1-9][0-9]{0,5})", re.DOTALL)
_DONE: Final = ("annotations", "completions")
_BESIDE: Final = ("predictions", "drafts")
_MAX_DEPTH: Final = 3
_MOST_SHOWN: Final = 6
# pictures of a task, times its annotations, predictions and drafts
_MOST_PARTS: Final = 100_000
# of a task's own texts, those up to so many characters stand with each of its pictures
_SHORT: Final = 1_000


@dataclass(slots=True)
class Page:
    """One of a task's pictures: ``name`` in the task (empty: its only one), ``address``, and the task with what lies on
    this picture and nothing that lies on another. ``relations_away``: of how many relations only one end is here.
    ``path``: where the list of pictures stands in ``data``. An annotation, prediction or draft that was cut up has the
    places of its results under :data:`ORDER`."""

    name: str
    address: str
    task: _Json
    relations_away: int = 0
    path: _Path = ()


# --- one picture -----------------------------------------------------------------------------------------------------


def address_of(task: _Json, controls: set[str]) -> tuple[str, list[str]]:
    """The address of a task's media, and no keys; or nothing, and the keys of ``data`` among which it may be.

    ``controls``: the ``to_name`` of the results that say where the media are.
    """
    data: _Json = task["data"]
    if len(controls) == 1 and looks_like_media(address := _text(data, *controls)):  # as nearly always
        return address, []
    named = {address for name in controls if looks_like_media(address := _text(data, name))}
    if len(named) == 1:
        return named.pop(), []
    image = _text(data, "image")
    if image:
        return image, []
    found = {value: key for key, value in reversed(_texts(data)) if looks_like_media(value)}
    if len(found) > 1:
        pictures_only = any(_is_on_picture(region, data) for region in _results(task, _DONE))
        ranks = {value: _rank(value, pictures_only=pictures_only) for value in found}
        found = {value: key for value, key in found.items() if ranks[value] == min(ranks.values())}
    if len(found) == 1:
        return next(iter(found)), []
    return "", sorted(found.values())


def _texts(data: _Json, depth: int = _MAX_DEPTH) -> list[tuple[str, str]]:
    """Texts by key; those of objects inside only where there are no addresses outside them."""
    texts = [(key, value) for key, value in data.items() if type(value) is str]
    if depth and not any(looks_like_media(value) for _, value in texts):
        for key, value in data.items():
            if type(value) is dict:
                texts += [(f"{key}.{inner}", text) for inner, text in _texts(value, depth - 1)]
    return texts


def _rank(address: str, *, pictures_only: bool) -> int:
    """Pictures first, then films and sound (never where there are regions on a picture), what may be anything, and what
    is a page or a document."""
    family = (mime_type(address) or "?").partition("/")[0]
    order = {"image": 0, "?": 3} if pictures_only else {"image": 0, "video": 1, "audio": 2, "?": 3}
    return order.get(family, 4)


def _text(data: _Json, key: str) -> str:
    value = data.get(key)
    return value if type(value) is str else ""


# --- several pictures ------------------------------------------------------------------------------------------------


def controls_of(task: _Json) -> tuple[set[str], bool]:
    """Names of the controls that the results of annotations are about, and: may there be several pictures?"""
    names: set[str] = set()
    indexed = False
    for kind in _DONE:
        annotations = task.get(kind)
        for annotation in annotations if type(annotations) is list else ():
            results = annotation.get("result") if type(annotation) is dict else None
            if type(results) is not list:
                continue
            try:  # as nearly always: every result says its control
                found = {region["to_name"] for region in results}
                indexed = indexed or True in ["item_index" in region for region in results]
            except (KeyError, TypeError):
                regions = [region for region in results if type(region) is dict]
                found = {name for region in regions if type(name := region.get("to_name")) is str}
                indexed = indexed or any("item_index" in region for region in regions)
            names |= found if {str}.issuperset(map(type, found)) else {name for name in found if type(name) is str}
    return names, indexed or len(names) > 1 or not {list, dict}.isdisjoint(map(type, task["data"].values()))


def pages_of(task: _Json) -> list[Page]:
    """The pictures of a task, in order; none where it has one picture, or none at all.

    Raises :class:`BadMark` where it cannot be told on which picture a region lies.
    """
    if next(_results(task, _DONE), None) is not None:
        return _pages(task, list(_results(task, _DONE)))
    try:
        return _pages(task, list(_results(task, _BESIDE)))
    except BadMark:  # of a prediction or draft: nobody's finished work
        return []


def _pages(task: _Json, results: list[_Json]) -> list[Page]:
    data: _Json = task["data"]
    on_pictures = {region["to_name"] for region in results if _is_on_picture(region, data)}
    indices = [region["item_index"] for region in results if region.get("item_index") is not None]
    beyond_first = any(index != 0 for index in indices)
    lists = dict(_lists(data))
    alone = address_of(task, on_pictures)[0]
    if indices and not lists and (beyond_first or not alone):
        lists = dict(_lists(data, loose=True))
    if beyond_first or (indices and lists):
        return _by_index(task, *_list_of(lists, on_pictures))
    controls = {name for each in results if type(name := each.get("to_name")) is str}
    if not on_pictures:  # no region says that it is pictures that are looked at
        looked_at = any(_text(data, name) for name in (*controls, "text"))
        lists = {key: each for key, each in lists.items() if not looked_at and all(map(_is_picture, each))}
    if lists:
        prefix = _numbered(on_pictures or controls)
        direct = any(looks_like_media(_text(data, name)) for name in on_pictures)
        if prefix is not None and not direct and (not alone or len(on_pictures) > 1 or _from_alike(results)):
            return _by_number(task, *_list_of(lists, set()), prefix)
    if len(on_pictures) > 1:
        return _by_name(task, on_pictures)
    if alone or not (lists if on_pictures else len(lists) == 1):
        return []
    return _by_index(task, *_list_of(lists, on_pictures))


def _by_index(task: _Json, key: _Path, addresses: list[str]) -> list[Page]:
    def place(region: _Json) -> int | None:
        index = region.get("item_index")
        if index is not None:
            return _counted(index, key, addresses)
        if len(addresses) == 1:
            return 0
        return _no_page(region, f"(item_index) on which of the {len(addresses)} pictures in {_shown([key])}")

    return _split(task, [(f"page-{number}", each) for number, each in enumerate(addresses, 1)], place, key)


def _by_number(task: _Json, key: _Path, addresses: list[str], prefix: str) -> list[Page]:
    def place(region: _Json) -> int | None:
        name = region.get("to_name")
        match = _NUMBERED.fullmatch(name) if type(name) is str else None
        if match and match[1] == prefix:
            return _counted(int(match[2]), key, addresses)
        return _no_page(region, f"(to_name) on which of the {len(addresses)} pictures in {_shown([key])}")

    return _split(task, [(f"page-{number}", each) for number, each in enumerate(addresses, 1)], place, key)


def _by_name(task: _Json, controls: set[str]) -> list[Page]:
    data: _Json = task["data"]
    missing = sorted(name for name in controls if not _text(data, name))
    if missing:
        pictures = {value for _, value in _texts(data) if _is_picture(value)}
        sizes = {_size(region) for region in _results(task, _DONE) if _is_on_picture(region, data)}
        if len(pictures) == 1 and len(sizes) == 1:
            return []  # every control shows the only picture that there is
        raise BadMark(
            f"regions lie on {len(controls)} pictures ({_shown(sorted(controls))}), and data has no {_shown(missing)}:"
            f" which picture is whose cannot be told; call the keys of data ({_shown(data)}) as the controls"
        )
    names = [name for name in data if name in controls]

    def place(region: _Json) -> int | None:
        name = region.get("to_name")
        return names.index(name) if name in names else _no_page(region, f"(to_name) on which of {_shown(names)}")

    return _split(task, [(name, _text(data, name)) for name in names], place)


def _no_page(region: _Json, what: str) -> int | None:
    """Answers and relations may be the whole task's; a shape lies on one picture."""
    if _is_shape(region):
        raise BadMark(f"does not say {what} it lies")
    return None


def _counted(index: Any, key: _Path, addresses: list[str]) -> int:
    if type(index) is not int or not 0 <= index < len(addresses):
        raise BadMark(f"lies on picture {index!r}, counted from 0, of the {len(addresses)} in {_shown([key])}")
    return index


def _split(task: _Json, pictures: list[tuple[str, str]], place: _Place, key: _Path = ()) -> list[Page]:
    """A page a picture. ``place(region)`` is the number of its picture, ``None`` where it names none; ``key``: where
    the list of pictures stands in data, of which each page keeps its own entry."""
    count = len(pictures)
    entries = sum(len(task[kind]) for kind in _DONE + _BESIDE if type(task.get(kind)) is list)
    if count * (entries + 1) > _MOST_PARTS:
        raise BadMark(f"{count:,} pictures with {entries:,} annotations and predictions are too many for one task")
    work: list[dict[str, list[Any]]] = [{} for _ in pictures]
    away = [0] * count
    for kind in _DONE + _BESIDE:
        if type(task.get(kind)) is not list:
            continue
        for each in work:
            each[kind] = []
        for number, done in enumerate(task[kind]):
            try:
                parts = list(_parts(done, place if kind in _DONE else _tolerant(place), count, away))
            except BadMark as error:
                raise BadMark(f"annotation {number + 1}: {error}") from None
            for at, part in parts:
                # an annotation without a region says that there is nothing on the picture; a prediction does not
                if at == 0 or kind in _DONE or part.get("result"):
                    work[at][kind].append(part)
    if count == 1:
        return [Page("", pictures[0][1], {**task, **work[0]}, away[0])]
    pages = []
    short, short_data = _short(task), _short(task["data"])
    for at, (name, address) in enumerate(pictures):
        # all that the task says beside stands with its first picture; what is short, with each
        own, data = (task, task["data"]) if at == 0 else (short, short_data)
        if key:
            data = {**data, key[0]: _own(task["data"], key, at)[key[0]]}
        pages.append(Page(name, address, {**own, **work[at], "data": data}, away[at], key))
    return pages


def _short(values: _Json) -> _Json:
    return {
        key: value
        for key, value in values.items()
        if type(value) not in (list, dict) and (type(value) is not str or len(value) <= _SHORT)
    }


def _parts(done: Any, place: _Place, count: int, away: list[int]) -> Iterator[tuple[int, Any]]:
    """An annotation, prediction or draft, a picture each; the time that it took is counted once."""
    results = (done.get("result") or []) if type(done) is dict else None
    if type(results) is not list:
        yield 0, done
        return
    places: list[int | None] = []
    by_id: dict[Any, int] = {None: 0}
    for index, region in enumerate(results):
        try:
            at = place(region) if type(region) is dict else 0
        except BadMark as error:
            raise BadMark(f"region {index + 1}: {error}") from None
        places.append(at)
        if at is not None and type(region) is dict and type(region.get("id")) is str:
            by_id.setdefault(region["id"], at)
    parts: list[list[Any]] = [[] for _ in range(count)]
    orders: list[list[int]] = [[] for _ in range(count)]
    for index, (region, at) in enumerate(zip(results, places, strict=True)):
        is_relation = at is None and region.get("type") == "relation"
        if at is None:
            at = by_id.get(_key(region.get("from_id" if is_relation else "id")), 0)
        parts[at].append(region)
        orders[at].append(index)
        away[at] += is_relation and by_id.get(_key(region.get("to_id")), at) != at
    if type(done.get("result")) is not list:
        yield from ((at, done) for at in range(count))
        return
    rest = {key: value for key, value in done.items() if key != "lead_time"}
    several = count > 1
    for at, part in enumerate(parts):
        yield at, {**(rest if at else done), "result": part} | ({ORDER: Places(orders[at])} if several else {})


def _key(identity: Any) -> str | None:
    return identity if type(identity) is str else None


def _tolerant(place: _Place) -> _Place:
    """Predictions and drafts refuse no task: what lies nowhere is kept with the first picture."""

    def tolerant(region: _Json) -> int | None:
        try:
            return place(region)
        except BadMark:
            return None

    return tolerant


def _own(data: _Json, key: _Path, at: int) -> _Json:
    """``data`` with the entry of one picture in the place of the list."""
    value = data[key[0]]
    return {**data, key[0]: value[at] if len(key) == 1 else _own(value, key[1:], at)}


# --- what is there ---------------------------------------------------------------------------------------------------


def _results(task: _Json, kinds: tuple[str, ...]) -> Iterator[_Json]:
    for kind in kinds:
        for done in task.get(kind) or () if type(task.get(kind)) is list else ():
            results = done.get("result") if type(done) is dict else None
            for region in results if type(results) is list else ():
                if type(region) is dict:
                    yield region


def _is_picture(address: str) -> bool:
    return (mime_type(address) or "").startswith("image/")


def _is_on_picture(region: _Json, data: _Json) -> bool:
    """By its size or kind, or because the control is called as a key under which a picture stands."""
    name = region.get("to_name")
    if type(name) is not str or not name:
        return False
    if region.get("original_width") is not None or _is_shape(region):
        return True
    address = _text(data, name)
    return looks_like_media(address) and _is_picture(address)


def _is_shape(region: _Json) -> bool:
    kind = region.get("type")
    return type(kind) is str and _SHAPES.fullmatch(kind) is not None


def _size(region: _Json) -> tuple[str, str]:
    return str(region.get("original_width")), str(region.get("original_height"))


def _lists(data: _Json, *, loose: bool = False, above: _Path = ()) -> Iterator[tuple[_Path, list[str]]]:
    """Lists of addresses of pictures in ``data``; ``loose``: something counts them, so that any text is an address."""
    for key, value in data.items():
        if type(value) is dict and len(above) < _MAX_DEPTH:
            yield from _lists(value, loose=loose, above=(*above, key))
        elif type(value) is list and value:
            addresses = [_entry(each, loose=loose) for each in value]
            if all(addresses):
                yield (*above, key), addresses


def _entry(entry: Any, *, loose: bool) -> str:
    address = address_of({"data": entry}, set())[0] if type(entry) is dict else entry if type(entry) is str else ""
    if loose:
        return address
    return address if looks_like_media(address) and (mime_type(address) or "image/").startswith("image/") else ""


def _list_of(lists: dict[_Path, list[str]], controls: set[str]) -> tuple[_Path, list[str]]:
    """The list that the control is called after, else the only one."""
    if len(controls) > 1:
        raise BadMark(f"regions lie on lists of pictures of {len(controls)} controls: {_shown(sorted(controls))}")
    named = [key for key in lists if len(key) == 1 and key[0] in controls]
    for keys in (named, list(lists)):
        if len(keys) == 1:
            return keys[0], lists[keys[0]]
    if not lists:
        raise BadMark("regions say (item_index) on which of several pictures they lie; data holds no list of pictures")
    raise BadMark(f"data holds several lists of pictures: {_shown(lists)}; which of them is meant cannot be told")


def _numbered(controls: set[str]) -> str | None:
    """What all names begin with, where they are alike but for a number at the end."""
    found = [_NUMBERED.fullmatch(name) for name in controls]
    prefixes = {match[1] for match in found if match}
    return prefixes.pop() if len(prefixes) == 1 and all(found) else None


def _from_alike(results: list[_Json]) -> bool:
    """Does each result come from a control with the number of the one that it is about, as in a ``Repeater``?"""
    pairs = [(str(each.get("from_name")), str(each.get("to_name"))) for each in results if each.get("to_name")]
    matches = [(_NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)) for one, other in pairs]
    return all(one and other and one[2] == other[2] for one, other in matches)


def _shown(names: Iterable[Any]) -> str:
    shown = [repr((".".join(name) if type(name) is tuple else str(name))[:60]) for name in names]
    more = f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    return ", ".join(shown[:_MOST_SHOWN]) + more
