"""The streaming scanner agrees with a whole-file parser, names what is wrong and where, and stays flat in memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import Element, Piece, RowRefused, elements, lines, marks, parse, sections

MIB = 1024 * 1024
GIB = 1024 * MIB

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12),
    st.sampled_from(
        ['"', "\\", '\\"', "{", "]", ",", ":", "a\\\\", "\n", "[{", 'ü\u0142 "q" \u6f22\u5b57', '\n\n\t"\\']
    ),
)
KEYS = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=5),
    st.sampled_from(["a", "b", 'q"', "back\\", "{"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
BLANKS = st.sampled_from(["", "", " ", "\n", "\r\n", " \n\t"])


class Repeating(io.RawIOBase):
    """A file of ``head``, ``count`` times ``body`` and ``tail`` that is never in memory as a whole."""

    def __init__(self, head: bytes, body: bytes, count: int, tail: bytes) -> None:
        self._parts = self._make(head, body, count, tail)

    @staticmethod
    def _make(head: bytes, body: bytes, count: int, tail: bytes) -> Iterator[bytes]:
        yield head
        for _ in range(count):
            yield body
        yield tail

    def read(self, size: int = -1) -> bytes:
        return next(self._parts, b"")


def of(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def array(text: str | bytes, **options: Any) -> list[Element]:
    return list(elements(of(text), **options))


def values(text: str | bytes) -> list[Any]:
    return [parse(element) for element in array(text)]


def why(text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        array(text)
    return caught.value.message


def why_not_parsed(text: str | bytes) -> str:
    (element,) = array(b"[" + (text.encode() if isinstance(text, str) else text) + b"]")
    with pytest.raises(RowRefused) as caught:
        parse(element)
    assert caught.value.position == "row 1 (line 1, byte 1)"
    return caught.value.reason


def count_pairs(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(count_pairs, value.values()))
    return sum(map(count_pairs, value)) if isinstance(value, list) else 0


@st.composite
def spaced(draw: st.DrawFn, value: Any) -> str:
    """``value`` as JSON with blanks wherever JSON allows them."""
    gap = lambda: draw(BLANKS)  # noqa: E731
    if isinstance(value, dict):
        pairs = [f"{gap()}{json.dumps(key)}{gap()}:{draw(spaced(each))}" for key, each in value.items()]
        return gap() + "{" + ",".join(pairs) + gap() + "}" + gap()
    if isinstance(value, list):
        return gap() + "[" + ",".join(draw(spaced(each)) for each in value) + gap() + "]" + gap()
    return gap() + json.dumps(value, ensure_ascii=draw(st.booleans())) + gap()


@pytest.fixture(params=[1, 2, 3, 7, 256 * 1024])
def block_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Blocks so small that their borders fall everywhere, and the usual ones."""
    monkeypatch.setattr(marks, "BLOCK_BYTES", request.param)
    return int(request.param)


in_all_block_sizes = pytest.mark.usefixtures("block_size")


# --- bad files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; expected JSON"),
        ("\ufeff", "the file is empty; expected JSON"),
        (" \n ", "the file holds nothing but blanks; expected JSON"),
        ("nonsense", "line 1, byte 0: expected [, found nonsense"),
        ('{"a": 1}', 'line 1, byte 0: expected [, found {\\"a\\": 1}'),
        ('"text"', 'line 1, byte 0: expected [, found \\"text\\"'),
        ("[", "line 1, byte 1: the file ends too early; expected a value or ]"),
        ('[{"a": 1}', "line 1, byte 9: the file ends too early; expected , or ]"),
        ('[{"a": 1},', "line 1, byte 10: the file ends too early; expected a value"),
        ('[{"a": 1},]', "line 1, byte 10: expected a value, found ]"),
        ('[\n{"a":\n1}\n{"b": 2}]', 'line 4, byte 11: expected , or ], found {\\"b\\": 2}]'),
        ('[{"a": 1}] x', "line 1, byte 11: expected nothing more, found x"),
        ('[{"a": 1}][]', "line 1, byte 10: expected nothing more, found []"),
        ('[{"a": 1}]]', "line 1, byte 10: expected nothing more, found ]"),
        ('[{"a": 1}}', "line 1, byte 9: expected , or ], found }"),
        ('[{"a": 1]', "line 1, byte 8: expected }, found ]"),
        ("[,1]", "line 1, byte 1: expected a value or ], found ,1]"),
        ("[1 2]", "line 1, byte 3: expected , or ], found 2]"),
        ("[1:2]", "line 1, byte 2: expected , or ], found :2]"),
        ('["a" "b"]', 'line 1, byte 5: expected , or ], found \\"b\\"]'),
        (
            '[{"a": 1},\n {"b": [2',
            "line 2, byte 20: the file ends inside the row that begins at line 2, byte 12; expected }",
        ),
        (
            '[{"a": "x}]',
            "line 1, byte 11: the file ends inside a text of the row that begins at line 1, byte 1; expected }",
        ),
        ('["abc', "line 1, byte 5: the file ends inside a text that begins at line 1, byte 1; expected its end"),
        ("\ufeff[x", "line 1, byte 5: the file ends too early; expected , or ]"),
    ],
)
def test_a_broken_array_is_refused_with_line_byte_and_what_was_expected(text, message, block_size):
    if block_size == 256 * 1024:
        assert why(text) == message
    else:  # less of what was found is shown where a block ends
        assert why(text).split(", found")[0] == message.split(", found")[0]


@in_all_block_sizes
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "expected {"),
        ('{"a" 1}', "expected :"),
        ('{"a": }', "expected a value"),
        ('{"a": 1,}', 'expected a "key"'),
        ("{1: 2}", 'expected a "key" or }'),
        ("{{}: 2}", 'expected a "key" or }'),
        ('{"a": [1}', "expected , or ]"),
        ('{"a": 1]', "expected , or }"),
        ('{"a": {"b": 1]', "expected }"),
        ('{"a": 1 "b": 2}', "expected , or }"),
        ('{"a": [1', "expected , or ]"),
        ('{"a": [{"b": 1}', "expected , or ]"),
        ('{"a": {"b": 1', "inside the value that begins at line 1, byte 6; expected }"),
        ('{"a', "inside a text that begins at line 1, byte 1"),
        ('{"a": 1} {', "expected nothing more"),
        ('{"a": 1, "a": 2}', 'the key "a" stands twice; expected it once'),
        ('{"a\\ud800": 1}', "a key is not valid JSON"),
    ],
)
def test_a_broken_object_is_refused_with_what_was_expected(text, expected):
    with pytest.raises(UserError) as caught:
        list(sections(of(text)))
    assert expected in caught.value.message
    assert "line 1, byte " in caught.value.message


@in_all_block_sizes
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_another_encoding_is_named_as_such(encoding):
    assert why('[{"a": 1}, {"b": 2}]'.encode(encoding)) == (
        "line 1, byte 0: the file is not UTF-8; expected JSON in UTF-8"
    )


@in_all_block_sizes
def test_every_prefix_of_an_array_is_refused():
    whole = '[{"a": "x]", "b": [1, {"c": "\\\\"}]}, 12, "te\\"xt", null, [[]], true ]'
    assert values(whole) == json.loads(whole)
    for end in range(len(whole)):
        assert "line 1, byte" in why(whole[:end]) or end == 0


@in_all_block_sizes
def test_every_prefix_of_an_object_is_refused():
    whole = '{"a": [{"b": "}"}, 2], "c\\"": {"d": [1]}, "e": "x", "f": [], "g": 1.5 }'
    assert list(sections(of(whole)))
    for end in range(len(whole)):
        with pytest.raises(UserError):
            list(sections(of(whole[:end])))


@in_all_block_sizes
def test_a_cut_off_last_line_is_refused_and_a_bad_line_in_between_is_not_the_files_fault():
    with pytest.raises(UserError, match=r"line 2, byte 14: the file ends inside the row .* line 2, byte 9"):
        list(lines(of('{"a": 1}\n{"a":')))
    with pytest.raises(UserError, match="expected the end of a text"):
        list(lines(of('{"a": 1}\n{"a":"x')))
    found = list(lines(of('{"a": 1}\n{"a": "x}\n\n{"b": 2}')))
    assert [element.line for element in found] == [1, 2, 4]
    assert parse(found[0]) == {"a": 1}
    assert parse(found[2]) == {"b": 2}
    with pytest.raises(RowRefused, match=r"row 2 \(line 2, byte 9\): not valid JSON"):
        parse(found[1])


@in_all_block_sizes
def test_a_bad_line_does_not_hide_a_double_key_in_the_next():
    _, second, third = lines(of('{"a": "x}\n{"k": 1, "k": ":"}\n{"b": ":"}\n'))
    with pytest.raises(RowRefused, match='the key "k" stands twice'):
        parse(second)
    assert (third.pairs, parse(third)) == (1, {"b": ":"})


# --- bad rows --------------------------------------------------------------------------------------------------------


@in_all_block_sizes
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": NaN}', "not valid JSON: it holds NaN, which is no number in JSON; write null, or leave the key out"),
        ('{"a": [1, Infinity]}', "not valid JSON: it holds Infinity"),
        ('{"NaN": "\\" NaN", "a": -Infinity}', "not valid JSON: it holds -Infinity"),
        ('{"a": "NaN", "b": tru}', "not valid JSON: invalid literal, expected 'true'"),
        (
            '{"a": 18446744073709551616}',
            "the whole number 18446744073709551616 is beyond 64 bits and would lose digits",
        ),
        ('{"a": [[-9223372036854775809]]}', "the whole number -9223372036854775809 is beyond 64 bits"),
        ('{"a": 1' + "0" * 100 + "}", "the whole number 1000"),
        ('{"a": [1,18446744073709551616]}', "the whole number 18446744073709551616"),
        ('{"a":\t18446744073709551616}', "the whole number 18446744073709551616"),
        ("18446744073709551616", "the whole number 18446744073709551616"),
        ('{"a": 1e999}', "not valid JSON: number is infinity"),
        ('{"a": "\\ud800"}', "not valid JSON"),
        ('{"a": "\\udc00\\ud800"}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": "\xed\xa0\x80"}', "not valid JSON"),
        ('{"a": "\x01"}', "not valid JSON: unexpected control character"),
        ('{"a": "x\ny"}', "not valid JSON: unexpected control character"),
        ("{'a': 1}", "not valid JSON"),
        ('{"a": 01}', "not valid JSON"),
        ('{"a": tru}', "not valid JSON"),
        ('{"a": [1}, {2]}', "not valid JSON"),
        ('{"a": "x\\u0000y"}', "a text holds the character U+0000, which cannot be stored"),
        ('{"a": {"x\\u0000": 1}}', "a text holds the character U+0000, which cannot be stored"),
        ('{"a": 1, "b": 2, "a": 3}', 'the key "a" stands twice in one object'),
        ('{"a": 1, "\\u0061": 3}', 'the key "a" stands twice in one object'),
        ('{"x": [1, "y", {"k": 1, "k": 1}]}', 'the key "k" stands twice in one object'),
        ('{"x": [[1, {"k": 1, "k": 1}]]}', 'the key "k" stands twice in one object'),
        ('[{"k": {}, "k": {}}]', 'the key "k" stands twice in one object'),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(text, reason):
    assert why_not_parsed(text).startswith(reason)


@in_all_block_sizes
@pytest.mark.parametrize(
    "text",
    ["18446744073709551615", "-9223372036854775808", '"18446744073709551616"', "0.10000000000000000000005", "1e30"],
)
def test_long_digits_that_lose_nothing_are_kept(text):
    assert values(f'[{{"a": [{text}]}}]') == [{"a": [json.loads(text)]}]


@in_all_block_sizes
def test_what_only_looks_like_the_character_nul_is_kept():
    assert values('["a\\\\u0000", {"b\\\\\\\\u0000": 1}]') == ["a\\u0000", {"b\\\\u0000": 1}]


@in_all_block_sizes
def test_pairs_in_texts_and_mixed_lists_are_no_double_keys():
    value = [{"a": '":":"', "b": [1, {"c": "\\"}, [{"d": []}]], "e": [[], [1], [[{"f": 1}]]]}]
    assert values(json.dumps(value)) == value


@in_all_block_sizes
def test_a_row_that_is_too_large_is_delivered_as_refused_and_the_rest_goes_on():
    text = '[{"a": 1}, {"b": "' + "x" * 300 + '"}, {"c": 3}]'
    small, large, last = array(text, max_bytes=100)
    assert parse(small) == {"a": 1}
    assert parse(last) == {"c": 3}
    assert large.length == 309
    assert len(large.raw) <= json_stream.pieces.HEAD_BYTES
    with pytest.raises(RowRefused, match=r"row 2 \(line 1, byte 11\): row is larger than 100 bytes"):
        parse(large)
    first, large, last = lines(of(text[1:-1].replace("}, ", "}\n")), max_bytes=100)
    assert parse(first) == {"a": 1}
    assert large.error == "row is larger than 100 bytes"
    assert parse(last) == {"c": 3}
    (text_too,) = array('["' + "x" * 300 + '"]', max_bytes=100)
    assert text_too.error == "row is larger than 100 bytes"


@pytest.mark.parametrize("kind", ["[]", '{"a":}'])
def test_nesting_100000_deep_is_refused_without_recursion(kind):
    opening, closing = (kind[:-1], kind[-1])
    deep = opening * 100_000 + ("1" if "a" in kind else "") + closing * 100_000
    before, refused, after = array(f'[{{"a": 1}}, {deep}, {{"b": 2}}]')
    assert refused.error == "row is nested deeper than 200 levels"
    assert (parse(before), parse(after)) == ({"a": 1}, {"b": 2})
    refused, after = lines(of(f'{deep}\n{{"b": 2}}\n'))
    assert refused.error == "row is nested deeper than 200 levels"
    assert parse(after) == {"b": 2}
    pieces = list(sections(of(f'{{"a": [{deep}], "b": 2}}')))
    assert pieces[1].element is not None
    assert pieces[1].element.error == "row is nested deeper than 200 levels"
    assert "the file ends inside the row" in why("[" + opening * 100_000)


@in_all_block_sizes
def test_200_levels_are_fine_and_one_more_is_not():
    (fine,) = array("[" + "[" * 200 + "]" * 200 + "]")
    assert fine.error is None
    (refused,) = array("[" + "[" * 201 + "]" * 201 + "]")
    assert refused.error == "row is nested deeper than 200 levels"
    (fine,) = lines(of("[" * 200 + "]" * 200))
    assert fine.error is None
    (refused,) = lines(of("[" * 201 + "]" * 201))
    assert refused.error == "row is nested deeper than 200 levels"


@pytest.mark.parametrize("reader", ["array", "object", "lines"])
def test_a_text_of_1_gb_costs_flat_memory(reader):
    body = b"x" * (MIB - 8) + b'\\" {]}:\n'
    if reader == "lines":
        body = body.replace(b"\n", b" ")
    heads = {"array": b'[{"a": 1}, {"b": "', "object": b'{"b": [{"b": "', "lines": b'{"a": 1}\n{"b": "'}
    tails = {"array": b'"}, {"c": 3}]', "object": b'"}, {"c": 3}]}', "lines": b'"}\n{"c": 3}'}
    stream = Repeating(heads[reader], body, 1024, tails[reader])
    tracemalloc.start()
    try:
        if reader == "object":
            found = [piece.element for piece in sections(stream) if piece.element is not None]  # type: ignore[arg-type]
        else:
            found = list((elements if reader == "array" else lines)(stream))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    large, last = found[-2:]
    assert large.length > GIB
    assert large.error == "row is larger than 32 MiB"
    assert parse(last) == {"c": 3}
    assert peak < 96 * MIB  # the 32 MiB that are allowed, put together once, and the work on a block


def test_many_rows_cost_flat_memory():
    row = b'{"a": [1, 2, {"b": "some text"}], "c": null},\n' * 1000
    tracemalloc.start()
    try:
        count = sum(1 for _ in elements(Repeating(b"[", row, 60, b"{}]")))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 60_001
    assert peak < 16 * MIB


# --- agreement with a whole-file parser ------------------------------------------------------------------------------


@given(st.data(), st.lists(VALUES, max_size=6), st.integers(1, 40))
def test_the_elements_of_an_array_are_what_a_parser_finds(data, value, size):
    text = data.draw(spaced(value)).encode()
    if data.draw(st.booleans()):
        text = b"\xef\xbb\xbf" + text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "BLOCK_BYTES", size)
        found = array(text)
        bare = array(text, keep=False)
    assert [json.loads(element.raw) for element in found] == value
    assert [parse(element) for element in found] == [json.loads(json.dumps(each)) for each in value] or any(
        isinstance(number, int) and not -(2**63) <= number < 2**64 for number in flat(value)
    )
    for index, element in enumerate(found):
        assert element.index == index
        assert text[element.offset : element.offset + element.length] == element.raw
        assert element.line == text.count(b"\n", 0, element.offset) + 1
        assert element.pairs == count_pairs(value[index])
    assert [(each.offset, each.length, each.line) for each in bare] == [
        (each.offset, each.length, each.line) for each in found
    ]


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from flat(each)
    else:
        yield value


@given(st.data(), st.dictionaries(KEYS, VALUES, max_size=5), st.integers(1, 40))
def test_the_sections_of_an_object_are_what_a_parser_finds(data, value, size):
    text = data.draw(spaced(value))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "BLOCK_BYTES", size)
        pieces = list(sections(of(text)))
    assert together(pieces) == value


def together(pieces: list[Piece]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, element, in_list in pieces:
        if element is None:
            assert key not in result
            result[key] = []
        elif in_list:
            assert element.index == len(result[key])
            result[key].append(json.loads(element.raw))
        else:
            assert key not in result
            assert element.index == 0
            result[key] = json.loads(element.raw)
    return result


@given(
    st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from(["\n", "\r\n", "\n\n", "\n \n"]), st.booleans()
)
def test_the_lines_of_a_file_are_what_a_parser_finds(value, size, end, ends_so):
    texts = [json.dumps(each, ensure_ascii=False) for each in value] or ["1"]
    text = (end.join(texts) + (end if ends_so else "")).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "BLOCK_BYTES", size)
        found = list(lines(of(text)))
    assert [json.loads(element.raw) for element in found] == [json.loads(each) for each in texts]
    for index, element in enumerate(found):
        assert element.index == index
        assert text[element.offset :].startswith(element.raw)
        assert element.line == text.count(b"\n", 0, element.offset) + 1
        assert element.pairs == count_pairs(json.loads(element.raw))


@given(st.data(), st.lists(VALUES, max_size=4), st.integers(1, 40))
def test_whatever_is_done_to_a_file_it_is_taken_exactly_when_a_parser_takes_it(data, value, size):
    text = bytearray(json.dumps(value, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        part = data.draw(st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b" ", b"x", b"1"]))
        text[at : at + data.draw(st.integers(0, 2))] = part
    try:
        whole = strictly(bytes(text))
    except ValueError:
        whole = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "BLOCK_BYTES", size)
        try:
            found = [parse(element) for element in array(bytes(text))]
        except (UserError, RowRefused):
            found = None
    if whole is None or not isinstance(whole, list):
        assert found is None
    else:
        assert found is not None
        assert len(found) == len(whole)


def strictly(text: bytes) -> Any:
    """What Python's own parser takes, less what we refuse on purpose."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(items)) != len(items):
            raise ValueError("double key")
        return dict(items)

    def constant(name: str) -> None:
        raise ValueError(name)

    def number(text: str) -> float:
        if abs(float(text)) == float("inf"):
            raise ValueError(text)
        return float(text)

    decoded = text.decode()
    value = json.loads(decoded, object_pairs_hook=pairs, parse_constant=constant, parse_float=number, parse_int=number)
    if "\\u0000" in json.dumps(value) or any(
        0xD800 <= ord(char) < 0xE000 for char in json.dumps(value, ensure_ascii=False)
    ):
        raise ValueError("character")
    return value


def test_many_escapes_between_two_quotes_hide_no_quote():
    """Escapes that stand in a row with no mark between them all point at the same next mark."""
    rows = [{"note": '\u00fc\u0142 "q"', "next": "\u6f22\u5b57\u2028"}] * 3
    raw = json.dumps(rows, indent=1, ensure_ascii=True).encode()
    assert [json.loads(element.raw) for element in elements(io.BytesIO(raw))] == rows
