"""A-XDR data of every type, made from the standard's tables alone: what it says, and its bytes.

A tree is {"t": type, "v": value} as `inspect` writes it; null-data and dont-care have no value.
"""

import struct

from hypothesis import strategies as st

Tree = dict[str, object]
Node = tuple[Tree, bytes]
"""A tree and its bytes."""

TAGS = {
    "null-data": 0, "array": 1, "structure": 2, "boolean": 3, "bit-string": 4,
    "double-long": 5, "double-long-unsigned": 6, "floating-point": 7, "octet-string": 9,
    "visible-string": 10, "utf8-string": 12, "bcd": 13, "integer": 15, "long": 16,
    "unsigned": 17, "long-unsigned": 18, "compact-array": 19, "long64": 20,
    "long64-unsigned": 21, "enum": 22, "float32": 23, "float64": 24, "date-time": 25,
    "date": 26, "time": 27, "delta-integer": 28, "delta-long": 29, "delta-double-long": 30,
    "delta-unsigned": 31, "delta-long-unsigned": 32, "delta-double-long-unsigned": 33,
    "dont-care": 255,
}  # fmt: skip
PACKED = {
    "double-long": "i", "double-long-unsigned": "I", "bcd": "B", "integer": "b", "long": "h",
    "unsigned": "B", "long-unsigned": "H", "long64": "q", "long64-unsigned": "Q", "enum": "B",
    "delta-integer": "b", "delta-long": "h", "delta-double-long": "i", "delta-unsigned": "B",
    "delta-long-unsigned": "H", "delta-double-long-unsigned": "I",
}  # fmt: skip
FLOATS = {"floating-point": "f", "float32": "f", "float64": "d"}
SHARED = (
    *("null-data", "boolean", "octet-string", "visible-string", "enum", "integer", "long"),
    *("unsigned", "long-unsigned", "double-long", "double-long-unsigned", "long64"),
    *("long64-unsigned", "date-time", "date", "time"),
)
"""Types without others inside that both peers parse."""

SCALARS = tuple(name for name in TAGS if name not in ("array", "structure", "compact-array"))
PACKABLE = tuple(name for name in SHARED if name != "null-data")
"""Types that compact arrays are generated of."""


@st.composite
def lengths(draw: st.DrawFn, length: int) -> bytes:
    """A length field, at times longer than it must be; never of three bytes or of none."""
    widths = [width for width in (0, 1, 2, 4) if length < (1 << 8 * width if width else 0x80)]
    width = draw(st.sampled_from([widths[0]] * 4 + widths))
    return bytes((0x80 + width,)) + length.to_bytes(width) if width else bytes((length,))


@st.composite
def contents(draw: st.DrawFn, name: str) -> Node:
    """A value of a type without others inside; its bytes have no tag."""
    if name in PACKED:
        return draw(_integers(name))
    if name in FLOATS:
        return draw(_floats(name))
    if name in ("octet-string", "visible-string", "utf8-string"):
        return draw(_strings(name))
    if name in ("date-time", "date", "time"):
        octets = draw(_moments(name))
        return {"t": name, "v": octets.hex()}, octets
    return draw(_others(name))


@st.composite
def _integers(draw: st.DrawFn, name: str) -> Node:
    code = PACKED[name]
    bits = 8 * struct.calcsize(">" + code)
    least = -(1 << bits - 1) if code.islower() else 0
    number = draw(st.integers(least, least + (1 << bits) - 1))
    return {"t": name, "v": number}, struct.pack(">" + code, number)


@st.composite
def _floats(draw: st.DrawFn, name: str) -> Node:
    code = FLOATS[name]
    number = draw(st.floats(width=32 if code == "f" else 64, allow_nan=False, allow_infinity=False))
    return {"t": name, "v": number}, struct.pack(">" + code, number)


@st.composite
def _strings(draw: st.DrawFn, name: str) -> Node:
    if name == "octet-string":
        octets = draw(st.binary(max_size=40) | st.binary(min_size=120, max_size=300))
        shown = octets.hex()
    else:
        ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=127), max_size=40)
        beyond = 255 if name == "visible-string" else 0xFFFF
        any_text = st.text(
            st.characters(max_codepoint=beyond, exclude_categories=["Cs"]), max_size=9
        )
        shown = draw(ascii_text | any_text)
        octets = shown.encode("latin-1" if name == "visible-string" else "utf-8")
    return {"t": name, "v": shown}, draw(lengths(len(octets))) + octets


@st.composite
def _moments(draw: st.DrawFn, name: str) -> bytes:
    def either(least: int, most: int, *marks: int) -> int:
        return draw(
            st.integers(least, most) | st.sampled_from(marks) if marks else st.integers(least, most)
        )

    year = either(1970, 2099, 0xFFFF)
    date = year.to_bytes(2) + bytes((
        either(1, 12, 0xFD, 0xFE, 0xFF), either(1, 28, 0xFD, 0xFE, 0xFF), either(1, 7, 0xFF),
    ))  # fmt: skip
    time = bytes((either(0, 23), either(0, 59), either(0, 59), either(0, 99, 0xFF)))
    deviation = either(-720, 720, -0x8000, 0)
    status = either(0, 255)
    behind = deviation.to_bytes(2, signed=True) + bytes((status,))
    return {"date": date, "time": time, "date-time": date + time + behind}[name]


@st.composite
def _others(draw: st.DrawFn, name: str) -> Node:
    if name == "boolean":
        octet = draw(st.integers(0, 255))
        return {"t": name, "v": octet != 0}, bytes((octet,))
    if name == "bit-string":
        bits = draw(st.text("01", max_size=40))
        padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
        octets = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
        return {"t": name, "v": bits}, draw(lengths(len(bits))) + octets
    assert name in ("null-data", "dont-care")
    return {"t": name}, b""


@st.composite
def leaves(draw: st.DrawFn, names: tuple[str, ...]) -> Node:
    name = draw(st.sampled_from(names))
    tree, octets = draw(contents(name))
    return tree, bytes((TAGS[name],)) + octets


@st.composite
def compact_arrays(draw: st.DrawFn) -> Node:
    """Rows of one value each, or of some."""
    names = draw(st.lists(st.sampled_from(PACKABLE), min_size=1, max_size=4))
    single = draw(st.booleans())
    shape = bytes(TAGS[name] for name in names)
    described = shape[:1] if single else bytes((TAGS["structure"], len(names))) + shape
    rows, packed = [], b""
    for _ in range(draw(st.integers(0, 4))):
        cells = [draw(contents(name)) for name in (names[:1] if single else names)]
        packed += b"".join(octets for _, octets in cells)
        trees = [tree for tree, _ in cells]
        rows.append(trees[0] if single else {"t": "structure", "v": trees})
    octets = bytes((TAGS["compact-array"],)) + described + draw(lengths(len(packed))) + packed
    return {"t": "compact-array", "v": rows}, octets


def trees(names: tuple[str, ...], *, compact: bool) -> st.SearchStrategy[Node]:
    """Trees of these types without others inside, and at will of compact arrays."""
    leaf = leaves(names) | compact_arrays() if compact else leaves(names)
    return st.recursive(leaf, _containers, max_leaves=20)


@st.composite
def _containers(draw: st.DrawFn, inner: st.SearchStrategy[Node]) -> Node:
    name = draw(st.sampled_from(("array", "structure")))
    elements = draw(st.lists(inner, max_size=6))
    octets = bytes((TAGS[name],)) + draw(lengths(len(elements)))
    octets += b"".join(octets for _, octets in elements)
    return {"t": name, "v": [tree for tree, _ in elements]}, octets
