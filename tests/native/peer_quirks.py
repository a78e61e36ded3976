"""Where gurux-dlms 1.0.203 and dlms-cosem 25.1.0 are known to read data otherwise than `inspect`.

A generated tree is first told as the peer should tell it by these tables; what is not in them is a
disagreement, and fails. Every entry has a witness, so that an entry that no longer holds fails too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.native.data_trees import Tree

Told = Tree | str
"""A tree as a peer tells it, or the name of its refusal."""


@dataclass(frozen=True)
class Quirk:
    """What one peer makes of values of some types."""

    peer: str
    types: tuple[str, ...]
    reason: str
    witness: str
    """Bytes that show it, in hex."""
    told: Callable[[Tree], Told]
    when: Callable[[Tree], bool] = lambda _: True


def refused(*names: str) -> Callable[[Tree], Told]:
    """Refused under one of these names: which one depends on what follows."""
    return lambda _: "|".join(names)


def _typed(name: str) -> Callable[[Tree], Told]:
    return lambda leaf: {"t": name, "v": leaf["v"]}


def _text_octets(leaf: Tree) -> bytes:
    return str(leaf["v"]).encode("latin-1" if leaf["t"] == "visible-string" else "utf-8")


def _beyond_ascii(leaf: Tree) -> bool:
    return any(octet not in range(32, 128) and octet != 0 for octet in _text_octets(leaf))


def _as_hex(leaf: Tree) -> Told:
    return {"t": leaf["t"], "v": _text_octets(leaf).hex(" ").upper()}


def _without_zeros(leaf: Tree) -> Told:
    return {"t": leaf["t"], "v": str(leaf["v"]).rstrip("\0")}


def _octets(leaf: Tree) -> bytes:
    return bytes.fromhex(str(leaf["v"]))


def _put(at: int, *octets: int) -> Callable[[Tree], Told]:
    """The leaf with these octets at `at`, counted from its end when negative."""

    def told(leaf: Tree) -> Told:
        held = bytearray(_octets(leaf))
        start = at % len(held)
        held[start : start + len(octets)] = bytes(octets)
        return {"t": leaf["t"], "v": held.hex()}

    return told


def _hundredths(leaf: Tree) -> int:
    return _octets(leaf)[3 if leaf["t"] == "time" else 8]


def _status_kept(leaf: Tree) -> Told:
    return _put(-1, _octets(leaf)[-1] & 0x8F)(leaf)


def _wild(leaf: Tree) -> bool:
    date = _octets(leaf)
    return date[:2] == b"\xff\xff" or date[2] > 12 or date[3] > 31


def _hundredths_of_none(leaf: Tree) -> Told:
    return _put(3 if leaf["t"] == "time" else 8, 0)(leaf)


DELTAS = (
    *("delta-integer", "delta-long", "delta-double-long", "delta-unsigned"),
    *("delta-long-unsigned", "delta-double-long-unsigned"),
)
QUIRKS = (
    Quirk("gurux", DELTAS, "knows no delta types", "1c01", refused("Value")),
    Quirk(
        *("gurux", ("floating-point",), "does not know the older floating-point", "073f800000"),
        refused("Value"),
    ),
    Quirk(
        *("gurux", ("dont-care",), "does not know dont-care", "0202ff1101"),
        refused("Value", "incomplete"),
    ),
    Quirk(
        *("gurux", ("long", "double-long", "long64", "bcd"), "gives a plain int", "100001"),
        _typed("int"),
    ),
    Quirk(
        *("gurux", ("visible-string", "utf8-string"), "shows other than ASCII as hex", "0a02410d"),
        _as_hex,
        _beyond_ascii,
    ),
    Quirk(
        *("gurux", ("visible-string", "utf8-string"), "drops NULs at the end", "0a024100"),
        _without_zeros,
        lambda leaf: not _beyond_ascii(leaf) and str(leaf["v"]).endswith("\0"),
    ),
    Quirk(
        *("gurux", ("visible-string", "utf8-string"), "gives text without its type", "0a0141"),
        _typed("text"),
    ),
    Quirk(
        *("gurux", ("time",), "takes hundredths for units of ten microseconds", "1b0c000032"),
        _put(3, 0),
        lambda leaf: _hundredths(leaf) not in (0, 0xFF),
    ),
    Quirk(
        *("gurux", ("date",), "drops the weekday", "1a07ea0b1506"),
        _put(4, 0xFF),
        lambda leaf: _octets(leaf)[4] != 0xFF,
    ),
    Quirk(
        "dlms-cosem",
        ("bit-string", "utf8-string", "bcd", "compact-array", "float32", "float64", "dont-care"),
        *("does not implement the type", "0d12", refused("NotImplemented")),
    ),
    Quirk("dlms-cosem", DELTAS, "knows no delta types", "1c01", refused("Key")),
    Quirk(
        *("dlms-cosem", ("floating-point",), "does not know the older floating-point"),
        *("073f800000", refused("Key")),
    ),
    Quirk(
        *("dlms-cosem", ("visible-string",), "refuses text other than ASCII", "0a01fc"),
        refused("UnicodeDecode"),
        lambda leaf: any(octet > 127 for octet in _text_octets(leaf)),
    ),
    Quirk(
        *("dlms-cosem", ("date", "date-time"), "refuses dates with unspecified fields"),
        *("1affff0b1506", refused("Type", "Value"), _wild),
    ),
    Quirk(
        *("dlms-cosem", ("date", "date-time"), "drops the weekday", "1a07ea0b1506"),
        _put(4, 0xFF),
        lambda leaf: _octets(leaf)[4] != 0xFF,
    ),
    Quirk(
        *("dlms-cosem", ("time", "date-time"), "takes unspecified hundredths for none"),
        *("1b0c0000ff", _hundredths_of_none, lambda leaf: _hundredths(leaf) == 0xFF),
    ),
    Quirk(
        *("dlms-cosem", ("date-time",), "takes a deviation of zero for an unspecified one"),
        *("1907ea0b15ff0c000000000000", _put(9, 0x80, 0)),
        lambda leaf: _octets(leaf)[9:11] == b"\0\0",
    ),
    Quirk(
        *("dlms-cosem", ("date-time",), "drops status bits that have no meaning"),
        *("1907ea0b15ff0c000000800070", _status_kept, lambda leaf: _octets(leaf)[-1] & 0x70 != 0),
    ),
)


@dataclass(frozen=True)
class Oddity:
    """Bytes, not values, that a peer reads otherwise; these are not generated."""

    peer: str
    reason: str
    witness: str
    ours: Told
    told: Told


def _bytes(*octets: int) -> Tree:
    return {"t": "octet-string", "v": bytes(octets).hex()}


def _packed(*rows: Tree) -> Tree:
    return {"t": "compact-array", "v": list(rows)}


ODDITIES = (
    Oddity("gurux", "refuses lengths of three bytes", "09830000010a", _bytes(10), "Value"),
    Oddity("gurux", "takes 80 for a length of 128", "0980", "bad_length", "incomplete"),
    Oddity("dlms-cosem", "takes 80 for a length of 0", "0980", "bad_length", _bytes()),
    Oddity(
        *("dlms-cosem", "takes what there is of a value cut short", "0600ff", "truncated"),
        {"t": "double-long-unsigned", "v": 255},
    ),
    Oddity(
        *("gurux", "takes all that follows for a packed utf8-string", "130c020141"),
        *(_packed({"t": "utf8-string", "v": "A"}), "Value"),
    ),
    Oddity(
        *("gurux", "looks for a tag in packed null-data", "13020200110105"),
        _packed({"t": "structure", "v": [{"t": "null-data"}, {"t": "unsigned", "v": 5}]}),
        _packed(),
    ),
)


def retold(peer: str, tree: Tree, reasons: set[str]) -> Told:
    """`tree` as `peer` should tell it; the reasons that apply are added to `reasons`."""
    told: Told = tree
    for quirk in QUIRKS:
        if quirk.peer == peer and tree["t"] in quirk.types and quirk.when(tree):
            reasons.add(quirk.reason)
            assert not isinstance(told, str)
            told = quirk.told(told)
            if isinstance(told, str):
                return told
    return _retold_inside(peer, told, reasons) if isinstance(told, dict) else told


def _retold_inside(peer: str, tree: Tree, reasons: set[str]) -> Told:
    if not isinstance(tree.get("v"), list):
        return tree
    elements: list[Tree] = []
    for element in tree["v"]:  # type: ignore[attr-defined]
        told = retold(peer, element, reasons)
        if isinstance(told, str):
            return told
        elements.append(told)
    return {"t": tree["t"], "v": elements}
