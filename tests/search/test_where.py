"""The grammar of conditions."""

import contextlib
import sqlite3
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.search.where import COLUMNS, to_sql


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("width >", "at its end"),
        ("", "at its end"),
        ("width > 10 height", "at character 12, 'height'"),
        ("abs(width) > 2", "at character 4, '(width) > 2'"),
        ("width > 2; DROP TABLE x", "at character 10"),
        ("width > 2 -- comment", "no column comment"),
        ("regexp_like(path, '(a+)+')", "at character 12"),
        ("thumbnail IS NULL", "no column thumbnail"),
        ("gone", "no column gone"),
        ("NOT gone OR TRUE", "no column gone"),
        ("1 = 1) OR (gone", "at character 6, ') OR (gone'"),
        ("path = 3", "a text cannot be compared with a number"),
        ("path > mtime", "a text cannot be compared with a date"),
        ("width LIKE '1%'", "LIKE compares path or container"),
        ("path + 1 > 2", "take numbers"),
        ("(width > 1) > 2", "no value to compare"),
        ("width AND height", "take comparisons"),
        ("width", "is not a condition"),
        ("mtime > 'yesterday'", "'yesterday' is not a date"),
        ("width = 1e999", "too large"),
        ('path = "a"', "at character 8"),
        ("NOT " * 200 + "width > 1", "levels deep"),
        ("width > " + "+".join("1" * 50), "levels deep"),
        ("width > " + "*".join("1" * 50), "levels deep"),
        ("width > " + "1/(" * 30 + "1" + ")" * 30, "levels deep"),
        ("width > 1" + " OR width > 1" * 400, "characters; at most"),
    ],
)
def test_what_is_not_understood_is_one_sentence_with_the_place(condition: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        to_sql(condition)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_brackets_alone_make_nothing_deeper() -> None:
    assert to_sql("(" * 200 + "width > 1" + ")" * 200) == to_sql("width > 1")


def test_a_column_that_an_old_index_lacks_is_said() -> None:
    with pytest.raises(InputError, match="does not know captured yet; visus index FOLDER completes it"):
        to_sql("captured > '2024'", ["path", "width"])


def test_names_begin_with_words_of_the_grammar() -> None:
    with pytest.raises(InputError, match="no column order;"):
        to_sql("order = 1")
    with pytest.raises(InputError, match="no column inside;"):
        to_sql("inside = 1")


ROWS = [
    {"path": "/a/0001.jpg", "width": 640, "height": 480, "size": 1000, "depth": 8, "container": "JPEG"},
    {"path": "/a/b'c.png", "width": 61, "height": 60, "size": 0, "depth": 16, "container": "PNG"},
    {"path": "/x/Ü.tif", "width": 60, "height": 61, "size": 7, "depth": None, "container": None},
]
TIMES = {"mtime": 1_700_000_000, "seen": 1_600_000_000, "captured": None}


def ours(condition: str, tmp: Any) -> list[str]:
    """What an index of the rows answers."""
    return tmp.to_table(columns=["path"], filter=to_sql(condition)).column("path").to_pylist()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import lance

    kinds = {"number": pa.int32(), "text": pa.string(), "date": pa.timestamp("ms")}
    columns = {
        name: pa.array([{**row, **TIMES}[name] for row in ROWS], pa.int64() if kind == "date" else kinds[kind])
        for name, kind in COLUMNS.items()
    }
    columns = {
        name: pa.compute.multiply(column, 1000).cast(kinds["date"]) if COLUMNS[name] == "date" else column  # pyright: ignore
        for name, column in columns.items()
    }
    return lance.write_dataset(pa.table(columns), str(tmp_path_factory.mktemp("where") / "t.lance"))


@pytest.mark.parametrize(
    "nested",
    [
        lambda n: "width > " + "+".join("1" * n),
        lambda n: "width > " + "*".join("1" * n),
        lambda n: "width > " + "/".join("1" * n),
        lambda n: "width > " + "1/(" * n + "1" + ")" * n,
        lambda n: "width > " + "(1 + 1*" * n + "1" + ")" * n,
        lambda n: "width > " + "- " * n + "1",
        lambda n: "NOT " * n + "width > 1",
        lambda n: "NOT " * (n // 2) + "width > " + "+".join("1" * (n - n // 2)),
        lambda n: "(" * n + "width > 1" + " OR width > 1 AND width > 1)" * n,
        lambda n: " OR ".join(["width > 1"] * n * 6),
    ],
)  # fmt: skip
def test_the_deepest_that_is_allowed_is_answered(table: Any, nested: Any) -> None:
    def allowed(condition: str) -> bool:
        with contextlib.suppress(InputError):
            return bool(to_sql(condition))
        return False

    deepest = max(n for n in range(1, 45) if allowed(nested(n)))
    assert len(ours(nested(deepest), table)) in (0, 3)


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("width / height > 1", 2),  # whole numbers are not divided whole
        ("width > 60.5", 2),
        ("width between 60 and 61", 2),
        ("-width + 700 >= 60", 3),
        ("2 * (width + 1) = 124", 1),
        ("path LIKE '%.jpg'", 1),
        ("path not like '/a/%'", 1),
        ("path = '/a/b''c.png'", 1),
        ("container in ('jpeg', 'png')", 2),
        ("container = 'Png' or container is null", 2),
        ("depth is not null and size = 0", 1),
        ("NOT (width > 100 OR size > 5)", 1),
        ("mtime > '2023-11-14 22:13:19' AND mtime < '2023-11-15'", 3),
        ("seen < '2021'", 3),
        ("captured > '1970'", 0),
        ("width not in (61, 60)", 1),
        ("1 / 0 > 5", 0),  # no value: neither larger
        ("NOT (1 / 0 > 5)", 0),  # nor anything else
    ],
)
def test_conditions_mean_what_they_say(table: Any, condition: str, count: int) -> None:
    assert len(ours(condition, table)) == count


NUMBERS = st.sampled_from(["width", "height", "size", "7", "2.5", "61", "-3"])
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=4,
)
COMPARED = st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), SUMS).map(" ".join)
CONDITIONS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        inner.map(lambda c: f"NOT ({c})"),
        st.tuples(inner, st.sampled_from([" AND ", " or "]), inner).map("".join),
        st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(lambda t: f"({''.join(t)})"),
    ),
    max_leaves=6,
)


@given(CONDITIONS)
def test_a_condition_finds_what_sqlite_finds(table: Any, condition: str) -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (path TEXT, width REAL, height REAL, size REAL)")
    base.executemany("INSERT INTO t VALUES (:path, :width, :height, :size)", ROWS)
    theirs = [row[0] for row in base.execute(f"SELECT path FROM t WHERE {condition}")]
    base.close()
    assert sorted(ours(condition, table)) == sorted(theirs)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_one_sentence(text: str) -> None:
    with contextlib.suppress(InputError):
        assert to_sql(text)


def test_a_backslash_takes_a_wildcard_for_itself(table: Any) -> None:
    assert len(ours(r"path LIKE '%b''c._ng'", table)) == 1
    assert ours(r"path LIKE '%b''c.\_ng'", table) == []
    assert ours(r"path LIKE '/a\%'", table) == []
