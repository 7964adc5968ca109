"""Makes the golden files beside it: `python make.py`, with pyarrow and polars installed.

Every file comes with a .jsonl that holds its rows as JSON, written from pyarrow's own view of the table, in the text that
src/io/jsonl/json-text.ts documents: all digits, ISO 8601, base64, [key, value] pairs for maps without string keys.
"""

import base64
import datetime
import decimal
import json
import pathlib
import uuid

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
D = decimal.Decimal
decimal.getcontext().prec = 100
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def clock(value, unit):
    per = 10 ** DIGITS[unit]
    seconds, rest = divmod(value, per)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text if unit == "s" else f"{text}.{rest:0{DIGITS[unit]}}"


def seconds(value, unit):
    per = 10 ** DIGITS[unit]
    return f"{value}" if unit == "s" else f"{value // per}.{value % per:0{DIGITS[unit]}}"


def text(scalar):
    """The JSON text of a pyarrow scalar."""
    t = scalar.type
    if isinstance(scalar, pa.lib.UuidScalar) and scalar.is_valid:
        return f'"{scalar.as_py()}"'
    if isinstance(scalar, pa.ExtensionScalar):
        return text(scalar.value) if scalar.is_valid else "null"
    if pa.types.is_run_end_encoded(t):
        return text(scalar.value) if scalar.value is not None else "null"
    if pa.types.is_union(t):
        return text(scalar.value) if scalar.value is not None else "null"
    if not scalar.is_valid:
        return "null"
    if pa.types.is_dictionary(t):
        return text(scalar.dictionary[scalar.index.as_py()])
    if pa.types.is_boolean(t):
        return "true" if scalar.as_py() else "false"
    if pa.types.is_integer(t):
        return str(scalar.as_py())
    if pa.types.is_floating(t):
        value = scalar.as_py()
        if not np.isfinite(value):
            return json.dumps({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(value))])
        value = float(str(np.float32(value))) if t == pa.float32() else float(value)
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else json.dumps(value).replace("e-0", "e-")
    if pa.types.is_decimal(t):
        return f"{scalar.as_py():f}"
    if pa.types.is_date(t):
        return json.dumps(scalar.as_py().isoformat())
    if pa.types.is_time(t):
        return json.dumps(clock(scalar.value, t.unit))
    if pa.types.is_timestamp(t):
        per = 10 ** DIGITS[t.unit] * 86400
        days, rest = divmod(scalar.value, per)
        day = np.datetime64(days, "D")
        return json.dumps(f"{day}T{clock(rest, t.unit)}{'Z' if t.tz else ''}")
    if pa.types.is_duration(t):
        value = scalar.value
        return json.dumps(f"{'-' if value < 0 else ''}PT{seconds(abs(value), t.unit)}S")
    if t == pa.month_day_nano_interval():
        months, days, nanos = scalar.as_py()
        return json.dumps(f"P{months}M{days}DT{'-' if nanos < 0 else ''}{seconds(abs(nanos), 'ns')}S")
    if pa.types.is_map(t):
        pairs = [(text(k), text(v)) for k, v in zip(scalar.values.field(0), scalar.values.field(1))]
        if pa.types.is_string(t.key_type):
            return "{" + ",".join(f"{k}:{v}" for k, v in pairs) + "}"
        return "[" + ",".join(f"[{k},{v}]" for k, v in pairs) + "]"
    if isinstance(scalar, pa.ListScalar):
        return "[" + ",".join(text(item) for item in scalar.values) + "]"
    if pa.types.is_struct(t):
        return "{" + ",".join(f"{json.dumps(f.name)}:{text(scalar[i])}" for i, f in enumerate(t)) + "}"
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t) or t == pa.binary_view():
        return json.dumps(base64.b64encode(scalar.as_py()).decode())
    return json.dumps(scalar.as_py(), ensure_ascii=False)


def golden(name, table):
    lines = []
    for row in range(table.num_rows):
        cells = [f"{json.dumps(f.name)}:{text(table.column(i)[row])}" for i, f in enumerate(table.schema)]
        lines.append("{" + ",".join(cells) + "}\n")
    (HERE / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


TEXTS = ["天气很好", "", "plain ascii", "emoji 😀 and\ttab", "a" * 40, "尾", "line\nbreak", "\"quoted\"\\"]


def flat():
    """Every flat type with nulls at its ends."""
    rows = len(TEXTS)

    def column(values, type):
        values = [values[i % len(values)] for i in range(rows - 1)]
        return pa.array(values[:2] + [None] + values[2:], type)

    columns = {"text": pa.array(TEXTS, pa.string()), "nothing": pa.nulls(rows)}
    for bits in (8, 16, 32, 64):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        columns[f"int{bits}"] = column([low, high, 0, -1], getattr(pa, f"int{bits}")())
        columns[f"uint{bits}"] = column([0, 2**bits - 1, high + 1], getattr(pa, f"uint{bits}")())
    columns["half"] = column([np.float16(x) for x in (1.5, -2.25, 65504, 6e-8)], pa.float16())
    columns["single"] = column([0.1, -1.5e30, float("nan"), float("inf")], pa.float32())
    columns["double"] = column([0.1, 1e-300, float("-inf"), 2.0**53 + 2], pa.float64())
    columns["flag"] = column([True, False, False], pa.bool_())
    columns["bytes"] = column([b"\x00\xff", b"", b"longer than twelve bytes"], pa.binary())
    columns["fixed"] = column([b"abc", b"\x00\x01\x02"], pa.binary(3))
    columns["day"] = column([0, -719162, 2932896, 19000], pa.date32())
    columns["time_ms"] = column([0, 86399999, 1], pa.time32("ms"))
    columns["time_us"] = column([0, 86399999999, 1], pa.time64("us"))
    columns["time_ns"] = column([0, 86399999999999, 1], pa.time64("ns"))
    for unit in ("ms", "us", "ns"):
        values = [0, -1, 1_700_000_000 * 10 ** DIGITS[unit] + 123]
        columns[f"stamp_{unit}"] = column(values, pa.timestamp(unit))
        columns[f"zoned_{unit}"] = column(values, pa.timestamp(unit, "Asia/Shanghai" if unit == "us" else "UTC"))
    columns["span"] = column([0, -1500000, 123456789], pa.duration("us"))
    for digits, scale in ((5, 2), (18, 6), (38, 10)):
        largest = D(10**digits - 1).scaleb(-scale)
        columns[f"decimal{digits}"] = column([largest, -largest, D(0).scaleb(-scale)], pa.decimal128(digits, scale))
    columns["decimal60"] = column([D(10**60 - 1).scaleb(-5), D(-7).scaleb(-5)], pa.decimal256(60, 5))
    return pa.table(columns)


def nested():
    point = pa.struct([pa.field("x", pa.int64()), pa.field("tags", pa.list_(pa.string()))])
    return pa.table(
        {
            "text": pa.array(["a", "b", "c", "d", "e", "f"]),
            "numbers": pa.array([[1, None, 3], [], None, [2**63 - 1], [4, 5], []], pa.list_(pa.int64())),
            "deep": pa.array([[["a"], [], None], [], None, [[None, "b", "c"]], [[]], [None]], pa.list_(pa.list_(pa.string()))),
            "point": pa.array(
                [{"x": 1, "tags": ["p", None]}, {"x": None, "tags": []}, None, {"x": 2, "tags": None}, {"x": 3, "tags": ["q"]}, None],
                point,
            ),
            "points": pa.array(
                [[{"x": 1, "tags": ["p"]}, None], [], None, [{"x": None, "tags": None}], [{"x": 5, "tags": ["", "z"]}], []],
                pa.list_(point),
            ),
            "named": pa.array([[("k", 1), ("10", 2), ("2", None)], [], None, [("z", 9)], [], [("", 0)]], pa.map_(pa.string(), pa.int32())),
            "numbered": pa.array([[(7, ["a"]), (3, None)], [], None, [(1, [])], [], [(2, ["b", "c"])]], pa.map_(pa.int64(), pa.list_(pa.string()))),
            "vector": pa.array([[1, 2, 3], [4, 5, 6], None, [7, 8, 9], [0.5, 0, 0], None], pa.list_(pa.float32(), 3)),
        }
    )


def paths():
    """Text inside lists, structs and maps; test/io/paths.test.ts says what each path is to find."""
    message = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
    chats = [
        [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "hi 😀"}],
        [{"role": "user", "content": "alone"}],
        None,
        [],
        [None, {"role": "user", "content": None}, {"role": "assistant", "content": ""}],
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}],
    ]
    part = pa.list_(pa.struct([pa.field("c", pa.string())]))
    deep = [[{"b": [{"c": "1"}, {"c": "2"}]}, {"b": None}, {"b": [{"c": "3"}]}], [None], [], None, [{"b": [None, {"c": None}]}], [{"b": []}]]
    meta = pa.struct([pa.field("title", pa.string()), pa.field("dc.title", pa.string()), pa.field("tags", pa.list_(pa.string()))])
    metas = [{"title": f"t{i}", "dc.title": f"d{i}", "tags": [f"g{i}", "z"] * (i % 2)} for i in range(5)] + [None]
    return pa.table(
        {
            "text": pa.array(list("abcdef")),
            "messages": pa.array(chats, pa.list_(message)),
            "tags": pa.array([["x", "y"], ["", None], [None], [], None, ["one"]], pa.list_(pa.string())),
            "grid": pa.array([[["p", "q"], [], ["r"]], [None, ["s"]], [[None]], None, [], [["t"], ["u"]]], pa.list_(pa.list_(pa.string()))),
            "deep": pa.array(deep, pa.list_(pa.struct([pa.field("b", part)]))),
            "meta": pa.array(metas, meta),
            "attributes": pa.array([[("k", "v"), ("l", None)], [], None, [("k", None)], [("k", "1"), ("j", "2")], [("l", "w")]], pa.map_(pa.string(), pa.string())),
            "pair": pa.array([["a", "b"], ["c", None], None, [None, "d"], ["e", "f"], [None, None]], pa.list_(pa.string(), 2)),
            "tags[0]": pa.array(["own", None, None, "own", None, None]),
        }
    )


def path_types():
    """The types that hold text or bytes, alone and in lists."""
    words = [["天气", "b"], [], None, [None, "longer than twelve bytes"], ["b"], ["天气"]]
    data = [b"bytes", "天气".encode(), None, b"\xff\xfe", "half \ufffd".encode(), b"longer than twelve bytes"]
    message = pa.struct([pa.field("content", pa.large_string())])
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None, 2, 1], pa.int8()), pa.array(["天气", "b", None]))
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 2, 3, 4, 5, 6], pa.int32()), coded)
    return pa.table(
        {
            "text": pa.array(list("abcdef")),
            "large": pa.array([None if row is None else [{"content": word} for word in row] for row in words], pa.large_list(message)),
            "views": pa.array(words, pa.list_(pa.string_view())),
            "coded": coded,
            "coded_lists": lists,
            "binary": pa.array(data, pa.binary()),
            "large_binary": pa.array(data, pa.large_binary()),
            "binary_view": pa.array(data, pa.binary_view()),
            "coded_binary": pa.array(data, pa.binary()).dictionary_encode(),
            "fixed": pa.array([b"abc", "天".encode(), None, b"\xff\x00a", b"\xe5\xa4\xa9", b"xyz"], pa.binary(3)),
            "binaries": pa.array([data[:3], data[3:4], None, [], data[4:], [None]], pa.list_(pa.binary())),
        }
    )


def parquet(name, table, **options):
    path = HERE / f"{name}.parquet"
    pq.write_table(table, path, **options)
    golden(name, pq.read_table(path))


def arrow_types():
    """What Arrow has and Parquet has not."""
    table = flat()
    extra = {
        "stamp_s": pa.array([0, -1, None, 1700000000] * 2, pa.timestamp("s", "+02:00")),
        "time_s": pa.array([0, 86399, None, 1] * 2, pa.time32("s")),
        "day_ms": pa.array([0, None, 86400000, -86400000] * 2, pa.date64()),
        "interval": pa.array([pa.MonthDayNano([1, -2, 3]), None, pa.MonthDayNano([0, 0, -1]), pa.MonthDayNano([-12, 40, 10**18])] * 2),
        "large": pa.array(["x", None, "yz", ""] * 2, pa.large_string()),
        "large_bytes": pa.array([b"x", None, b"yz", b""] * 2, pa.large_binary()),
        "large_list": pa.array([[1], None, [], [2, None]] * 2, pa.large_list(pa.int16())),
        "view": pa.array(["short", None, "longer than twelve bytes", "天" * 9] * 2, pa.string_view()),
        "byte_view": pa.array([b"short", None, b"longer than twelve bytes", b""] * 2, pa.binary_view()),
        "category": pa.array(["red", None, "blue", "red"] * 2).dictionary_encode(),
        "coded": pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1] * 2, pa.int8()), pa.array([2**60, -5])),
        "sparse": pa.UnionArray.from_sparse(
            pa.array([0, 1, 0, 1] * 2, pa.int8()), [pa.array(list(range(8))), pa.array(["a", "b", None, "d"] * 2)], ["n", "s"]
        ),
        "dense": pa.UnionArray.from_dense(
            pa.array([0, 1, 1, 0] * 2, pa.int8()),
            pa.array([0, 0, 1, 1, 2, 2, 3, 3], pa.int32()),
            [pa.array([1.5, 2.5, None, 4.5]), pa.array([[1], [], [2, 3], None], pa.list_(pa.int32()))],
            ["f", "l"],
        ),
        "id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=i).bytes for i in range(7)] + [None], pa.binary(16))),
    }
    for name, values in extra.items():
        table = table.append_column(name, values)
    return table


def arrow(name, table, stream=False, compression=None, rows=5):
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(HERE / f"{name}.arrow", table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    golden(name, table)


def dictionaries():
    """A stream whose dictionary grows by a delta and is then replaced."""
    type = pa.dictionary(pa.int8(), pa.string())
    schema = pa.schema([pa.field("text", type), pa.field("list", pa.list_(type))])

    def batch(values, words):
        def coded(items):
            return pa.DictionaryArray.from_arrays(pa.array([None if v is None else words.index(v) for v in items], pa.int8()), words)

        lists = pa.ListArray.from_arrays(pa.array([0] + [2] * len(values), pa.int32()), coded(values[:2]))
        return pa.record_batch([coded(values), lists], schema=schema)

    batches = [
        batch(["a", "b", None], ["a", "b"]),
        batch(["c", "a", "b"], ["a", "b", "c"]),
        batch(["x", "a", "x"], ["x", "a"]),
    ]
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(HERE / "dictionaries.arrow", schema, options=options) as writer:
        for one in batches:
            writer.write_batch(one)
    golden("dictionaries", pa.Table.from_batches(batches))


def layouts(rows=5):
    """Run-end encoded columns, list views, and dictionaries of nested values and of dictionaries."""
    runs = lambda values, ends, type=pa.int32(): pa.RunEndEncodedArray.from_arrays(pa.array(ends, type), values)
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=10**30).bytes, None], pa.binary(16)))
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None], pa.int32()), ["a", "b", "c"])
    coded = lambda values: pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0, 1, 0, 0], pa.int8()), values)
    # Starts in any order, and lists that overlap.
    views = pa.ListViewArray.from_arrays([4, 0, 2, 0, 3, 0, 1], [2, 3, 0, 2, 1, 0, 5], pa.array([1, 2, None, 4, 5, 6]))
    table = pa.table(
        {
            "text": runs(pa.array(["one", "two", None, "three"]), [1, 4, 5, 7]),
            "short": runs(pa.array([1.5, None]), [2, 7], pa.int16()),
            "long": runs(pa.array([[1, None], None, []]), [3, 4, 7], pa.int64()),
            "coded": runs(pa.array(["a", None, "b"]).dictionary_encode(), [2, 3, 7]),
            "ids": runs(uuids, [6, 7]),
            "views": views,
            "wide": pa.array([["x"], None, [], ["y", None], [""], None, ["z"]], pa.large_list_view(pa.string())),
            "deep": pa.array([[[1], None], None, [], [[2, 3], []], [[4]], [None], [[]]], pa.list_view(pa.large_list_view(pa.int8()))),
            "inside": pa.StructArray.from_arrays([runs(pa.array(["p", None]), [3, 7]), views], ["runs", "views"]),
            "listed": pa.ListArray.from_arrays([0, 1, 1, 4, 4, 5, 6, 6], runs(pa.array([True, None, False]), [2, 4, 6])),
            "nested": coded(pa.array([[1, 2], [None]])),
            "record": coded(pa.array([{"a": 1}, {"a": None}])),
            "twice": coded(pa.ListArray.from_arrays([0, 3, 4], words)),
        }
    )
    arrow("layouts", table, rows=rows)
    arrow("layouts-lz4", table, stream=True, compression="lz4", rows=rows)


def thrift(*fields):
    """A struct of Thrift's compact protocol. A field is its number, its type and its value; types as in `value`."""

    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    def value(type, v):
        if type in (5, 6):  # int32, int64
            return varint(v << 1 if v >= 0 else -v << 1 | 1)
        if type == 8:  # text
            return varint(len(v)) + v.encode()
        if type == 9:  # list of one type
            return bytes([len(v[1]) << 4 | v[0]]) + b"".join(value(v[0], item) for item in v[1])
        return v  # 12: a struct as bytes

    out, last = b"", 0
    for number, type, v in fields:
        out += bytes([number - last << 4 | type]) + value(type, v)
        last = number
    return out + b"\0"


def old_layouts():
    """Lists and maps as writers of before 2017 laid them out, which pyarrow reads and does not write."""
    INT32, BYTES = 1, 6
    REQUIRED, OPTIONAL, REPEATED = 0, 1, 2
    MAP, LIST = 1, 3
    i32 = lambda values: np.array(values, "<i4").tobytes()
    text = lambda values: b"".join(len(v).to_bytes(4, "little") + v.encode() for v in values)
    group = lambda name, repetition, annotation=None: (name, repetition, None, 1, annotation)
    leaf = lambda name, repetition, type, annotation=None: (name, repetition, type, None, annotation)
    schema = [
        leaf("text", REQUIRED, BYTES, 0),
        # A list of lists, each without the wrapper of its items.
        group("lists", OPTIONAL, LIST), group("array", REPEATED, LIST), leaf("array", REPEATED, INT32),
        # A map without values.
        group("set", OPTIONAL, MAP), group("key_value", REPEATED), leaf("key", REQUIRED, BYTES, 0),
        group("two", REQUIRED, LIST), leaf("element", REPEATED, INT32),
        group("tuple", OPTIONAL, LIST), group("tuple_tuple", REPEATED), leaf("x", REQUIRED, INT32),
        leaf("bare", REPEATED, INT32),
    ]
    # For each leaf its path, type, level pairs (repetition, definition) and values. Rows are separated by repetition 0.
    columns = [
        ("text", BYTES, [(0, 0)] * 4, text(["a", "b", "c", "d"])),
        ("lists.array.array", INT32, [(0, 3), (2, 3), (1, 2), (1, 3), (0, 0), (0, 1), (0, 3)], i32([1, 2, 3, 4])),
        ("set.key_value.key", BYTES, [(0, 2), (1, 2), (0, 0), (0, 1), (0, 2)], text(["x", "y", "z"])),
        ("two.element", INT32, [(0, 1), (0, 0), (0, 1), (1, 1), (0, 1)], i32([1, 2, 3, 4])),
        ("tuple.tuple_tuple.x", INT32, [(0, 2), (1, 2), (0, 0), (0, 1), (0, 2)], i32([5, 6, 7])),
        ("bare", INT32, [(0, 0), (0, 1), (1, 1), (0, 0), (0, 1)], i32([8, 9, 10])),
    ]
    data, chunks = b"PAR1", []
    for path, type, levels, values in columns:
        body = b""
        for which in (0, 1):
            if any(pair[which] for pair in levels):
                runs = b"".join(bytes([2, pair[which]]) for pair in levels)  # runs of one level each
                body += len(runs).to_bytes(4, "little") + runs
        body += values
        page = thrift((1, 5, len(levels)), (2, 5, 0), (3, 5, 3), (4, 5, 3))  # plain values, levels in runs
        header = thrift((1, 5, 0), (2, 5, len(body)), (3, 5, len(body)), (5, 12, page))
        size = len(header) + len(body)
        meta = thrift(
            (1, 5, type), (2, 9, (5, [0, 3])), (3, 9, (8, path.split("."))), (4, 5, 0), (5, 6, len(levels)), (6, 6, size), (7, 6, size), (9, 6, len(data))
        )
        chunks.append(thrift((2, 6, len(data)), (3, 12, meta)))
        data += header + body
    root = thrift((4, 8, "schema"), (5, 5, len(columns)))
    elements = [
        thrift(*[field for field in ((1, 5, type), (3, 5, repetition), (4, 8, name), (5, 5, children), (6, 5, annotation)) if field[2] is not None])
        for name, repetition, type, children, annotation in schema
    ]
    rows = thrift((1, 9, (12, chunks)), (2, 6, len(data)), (3, 6, 4))
    footer = thrift((1, 5, 1), (2, 9, (12, [root, *elements])), (3, 6, 4), (4, 9, (12, [rows])))
    path = HERE / "old-layouts.parquet"
    path.write_bytes(data + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    golden("old-layouts", pq.read_table(path))


def int96_wide():
    """Dates of INT96 that nanoseconds do not hold, beside ones that they hold."""
    def micros(*values):
        epoch = datetime.datetime(1970, 1, 1)
        return pa.array([v and (datetime.datetime(*v) - epoch) // datetime.timedelta(microseconds=1) for v in values], pa.timestamp("us"))

    wide = micros((9999, 12, 31, 23, 59, 59, 999999), None, (1, 1, 1), (2024, 5, 6, 7, 8, 9, 123456))
    narrow = micros((2262, 4, 11), None, (1677, 9, 22), (2024, 5, 6, 7, 8, 9, 123456))
    lists = pa.ListArray.from_arrays([0, 2, 2, 3, 4], wide)
    table = pa.table({"text": ["a", "b", "c", "d"], "wide": wide, "narrow": narrow, "lists": lists})
    path = HERE / "int96-wide.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, store_schema=False)
    # pyarrow wraps dates around where it is not told the unit.
    read = pq.read_table(path, coerce_int96_timestamp_unit="us")
    golden("int96-wide", read.set_column(2, "narrow", read["narrow"].cast(pa.timestamp("ns"))))


def uuids():
    """UUIDs by the logical type alone, without an Arrow schema beside them."""
    ids = pa.array([uuid.UUID(int=i * 10**35).bytes for i in range(3)] + [None], pa.binary(16))
    column = pa.ExtensionArray.from_storage(pa.uuid(), ids)
    lists = pa.ListArray.from_arrays([0, 2, 2, 3, 4], column)
    parquet("uuid", pa.table({"text": ["a", "b", "c", "d"], "id": column, "ids": lists}), store_schema=False)


def slices():
    """More rows than a batch holds, in many pages; test/io/parquet-slices.test.ts makes the same rows by the same rule."""
    rows = 9000
    text = [None if i % 13 == 5 else f"row {i * i % 311}" for i in range(rows)]
    tags = [None if i % 7 == 3 else [None if j == 2 else f"t{i * j % 11}" for j in range(i % 5)] for i in range(rows)]
    pairs = [[{"a": i + j, "b": [j] * (i % 3)} for j in range(i % 4)] for i in range(rows)]
    table = pa.table({"text": text, "n": pa.array([i * 7919 for i in range(rows)], pa.int64()), "tags": tags, "pairs": pairs})
    table = table.append_column("even", pa.array([i % 2 == 0 for i in range(rows)]))
    folder = HERE / "slices"
    folder.mkdir(exist_ok=True)
    small = {"data_page_size": 2000, "write_batch_size": 100}
    pq.write_table(table, folder / "v1.parquet", compression="zstd", **small)
    pq.write_table(table, folder / "v2.parquet", compression="snappy", data_page_version="2.0", **small)
    pq.write_table(table, folder / "plain.parquet", compression="gzip", use_dictionary=False)
    delta = {"text": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED", "tags.list.element": "DELTA_LENGTH_BYTE_ARRAY", "even": "RLE"}
    pq.write_table(table, folder / "delta.parquet", use_dictionary=False, column_encoding=delta, compression="lz4", data_page_version="2.0")


def zstandard():
    """Frames of more than a block at all kinds of levels; test/io/zstd.test.ts makes the same text by the same rule."""
    words = "天气 reset password parcel refund invoice order account 退款 订单 address".split()
    state, text = 1, []
    for _ in range(24000):
        state = (state * 1103515245 + 12345) % 2**31
        text.append(words[(state >> 16) % len(words)] + (str(state % 1000) if state % 5 == 0 else ""))
    content = " ".join(text).encode()
    folder = HERE / "zstd"
    folder.mkdir(exist_ok=True)
    for level in (1, 5, 13, 19):
        (folder / f"level-{level}.zst").write_bytes(pa.Codec("zstd", level).compress(content, asbytes=True))


def main():
    for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        few = flat().select(["text", "int64", "double", "bytes", "flag"])
        parquet(f"codec-{codec}", pa.concat_tables([few] * 5), compression=codec)
    parquet("flat", flat(), compression="snappy")
    parquet("flat-v2", flat(), compression="zstd", data_page_version="2.0", version="2.6")
    parquet("flat-plain", flat(), compression="none", use_dictionary=False, store_schema=False)
    parquet("flat-decimal-int", flat(), store_decimal_as_integer=True, use_byte_stream_split=["single", "double"], use_dictionary=False)
    encodings = {
        "int32": "DELTA_BINARY_PACKED",
        "int64": "DELTA_BINARY_PACKED",
        "text": "DELTA_BYTE_ARRAY",
        "bytes": "DELTA_LENGTH_BYTE_ARRAY",
        "single": "BYTE_STREAM_SPLIT",
        "fixed": "DELTA_BYTE_ARRAY",
        "flag": "RLE",
    }
    some = pa.concat_tables([flat().select(list(encodings))] * 40)
    parquet("encodings", some, use_dictionary=False, column_encoding=encodings, data_page_version="2.0")
    stamps = pa.table({"text": ["a", "b", "c"], "at": pa.array([0, -1, 1_700_000_000_123_456_789], pa.timestamp("ns"))})
    parquet("int96", stamps, use_deprecated_int96_timestamps=True)
    parquet("nested", nested())
    parquet("nested-v2", pa.concat_tables([nested()] * 50), data_page_version="2.0", data_page_size=64, row_group_size=77)
    groups = pa.table({"text": [f"row {i}" for i in range(300)], "n": pa.array(range(300), pa.int64())})
    parquet("groups", groups, row_group_size=7, data_page_size=32)
    required = pa.schema([pa.field("text", pa.string(), False), pa.field("list", pa.list_(pa.field("item", pa.int32(), False)), False)])
    parquet("required", pa.table({"text": ["a", "b", "c"], "list": [[1, 2], [], [3]]}, required))
    parquet("empty", flat().slice(0, 0))
    parquet("paths", paths(), row_group_size=4)

    table = arrow_types()
    arrow("types", table)
    arrow("types-stream", table, stream=True)
    arrow("types-lz4", table, compression="lz4")
    arrow("types-zstd", table, compression="zstd", stream=True)
    arrow("nested", nested(), rows=4)
    arrow("paths", paths(), rows=3)
    arrow("path-types", path_types(), rows=6)
    big = pa.table({"text": [f"{i % 97} 天气 {i * i % 1009}" for i in range(6000)]})
    feather.write_feather(big, HERE / "large.feather", compression="lz4", chunksize=4000)
    feather.write_feather(big.slice(0, 10), HERE / "version1.feather", version=1)
    frame = pl.DataFrame({"text": ["short", None, "longer than twelve bytes", "天气" * 8], "n": [1, 2, 3, None]})
    frame = frame.with_columns(pl.Series("kind", ["a", "b", "a", None], dtype=pl.Categorical), day=pl.date(2024, 1, 2))
    frame.write_ipc(HERE / "polars.arrow", compression="zstd")
    golden("polars", pa.ipc.open_file(HERE / "polars.arrow").read_all())
    dictionaries()
    layouts()
    old_layouts()
    int96_wide()
    uuids()
    slices()
    zstandard()


main()
