"""Generated bodies and services beside the peers.

Self-describing pushes, null-data, events, answers to GET, suites 1 and 2. What each peer can do
stands in docs/peers.md; what it reads otherwise, in peer_quirks.py.
METERINGEST_DIFFERENTIAL=5000 makes that many of each.
"""

import json
import os
from datetime import timedelta

import pytest
from dlms_cosem import cosem, enumerations, security
from dlms_cosem.parsers import ProfileGenericBufferParser
from dlms_cosem.protocol.xdlms import GetResponseFactory, GetResponseNormal, GetResponseWithList
from gurux_dlms import GXByteBuffer, GXDateTime
from gurux_dlms.enums import InterfaceType, Security
from gurux_dlms.objects import GXDLMSCaptureObject, GXDLMSClock, GXDLMSPushSetup, GXDLMSRegister
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureNotify
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.native.answered import in_blocks
from tests.native.data_trees import SHARED, Node, Tree, trees
from tests.native.frames import INDIA, NOON, Meter, clock, ends, wrapped
from tests.native.gurux_frames import INTEGERS
from tests.native.peer_quirks import retold
from tests.native.peer_trees import dlms_cosem_tree, gurux_tree
from tests.native.pushed import NUMBERS, new_journal, stored
from tests.native.setting_up import decode, decoder, row

from meteringest.native import Decoder, Journal, inspect

EXAMPLES = int(os.environ.get("METERINGEST_DIFFERENTIAL", "100"))
EVERY = settings(max_examples=EXAMPLES, deadline=None)
SOME = settings(max_examples=max(10, EXAMPLES // 4), deadline=None)
"""Of lists of trees, which take longer to make than to read."""
LONG = pytest.mark.timeout(120 + EXAMPLES // 5)
RESULTS = (1, 2, 3, 4, 9, *range(11, 20), 250)
"""The data-access-results that there are, success aside."""
TITLE = b"MIG\0\0\0\0\x09"
REGISTERS = tuple(f"1.0.{group}.8.0.255" for group in (1, 2, 5, 6, 7, 8, 9, 10))
BUFFER_COLUMNS = (("volt", 0x12), *((name, 0x06) for name in ("imp", "vah", "exp", "exv")))


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return new_journal(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="module")
def made() -> Decoder:
    return decoder()


def explained(octets: bytes, **more: object) -> dict[str, object]:
    line = {"hex": octets.hex(), "transport": "none", "kind": "apdu"} | more
    answer = json.loads(inspect(json.dumps(line).encode()))
    assert answer["outcome"] == "accept", answer
    (apdu,) = answer["apdus"]
    return dict(apdu)


def notify_of(interface: InterfaceType = InterfaceType.PDU) -> GXDLMSSecureNotify:
    made = GXDLMSSecureNotify(True, 64, 1, interface)  # noqa: FBT003 (its only way)
    made.ciphering.security = Security.NONE
    return made


@st.composite
def registers(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Logical names, integer types and values."""
    names = draw(st.lists(st.sampled_from(REGISTERS), min_size=1, max_size=8, unique=True))
    kinds = [draw(st.sampled_from(tuple(INTEGERS))) for _ in names]
    limit = 2**63 - 1
    values = [draw(st.integers(0, min(limit, INTEGERS[kind][1]))) for kind in kinds]
    return list(zip(names, kinds, values, strict=True))


@LONG
@given(told=registers())
@EVERY
def test_a_push_that_lists_its_objects_is_read_as_gurux_wrote_it_and_as_both_read_it(
    told: list[tuple[str, str, int]], made: Decoder
) -> None:
    setup = GXDLMSPushSetup("0.8.25.9.0.255")
    at = GXDLMSClock("0.0.1.0.0.255")
    at.time = GXDateTime(NOON)
    setup.pushObjectList.append((setup, GXDLMSCaptureObject(2, 0)))
    setup.pushObjectList.append((at, GXDLMSCaptureObject(2, 0)))
    for name, kind, value in told:
        register = GXDLMSRegister(name)
        register.value = INTEGERS[kind][0](value)
        setup.pushObjectList.append((register, GXDLMSCaptureObject(2, 0)))
    (apdu,) = notify_of().generatePushSetupMessages(None, setup)
    body = explained(bytes(apdu))["body"]
    assert isinstance(body, dict)
    listed, moment, *values = body["v"]
    assert listed["t"] == "array"
    assert moment["v"].startswith("07ea0b15")
    assert values == [{"t": kind, "v": value} for _, kind, value in told]
    octets = bytes(apdu)[6:]
    for peer, parse in (("gurux", gurux_tree), ("dlms-cosem", dlms_cosem_tree)):
        assert parse(octets) == retold(peer, body, set()), peer
    meter = Meter(number=next(NUMBERS), control=0)
    made.upsert_meters([row(meter)])
    through = b"\xe7\x01" + bytes([len(meter.serial)]) + meter.serial.encode()
    batch = decode(made, wrapped(through + bytes(apdu)))
    assert batch.counts["registers"] == len(told), batch.counts
    event(f"both agree on a body of {len(told)}")


@st.composite
def compressed(draw: st.DrawFn) -> list[list[int | None]]:
    """Rows of which null-data stands for what is as above; the clock is the first column."""
    rows: list[list[int | None]] = []
    for at in range(draw(st.sampled_from((1, 2, 3, 7, 48)))):
        limits = [0xFFFF if tag == 0x12 else 0xFFFF_FFFF for _, tag in BUFFER_COLUMNS]
        null = st.booleans() if at else st.just(value=False)
        rows.append([None if draw(null) else draw(st.integers(0, most)) for most in limits])
        rows[-1].insert(0, None if draw(null) else at)
    return rows


@LONG
@given(rows=compressed())
@EVERY
def test_null_data_is_the_value_above_and_the_clock_dlms_cosem_says(
    rows: list[list[int | None]], made: Decoder, journal: Journal
) -> None:
    meter = Meter(number=next(NUMBERS))
    made.upsert_meters([row(meter)])
    times = ends(len(rows))
    entries, said = [], []
    above: list[int] = []
    for end, (at, *values) in zip(times, rows, strict=True):
        cells = b"\x00" if at is None else b"\x09\x0c" + clock(end)
        for value, (_, tag) in zip(values, BUFFER_COLUMNS, strict=True):
            width = 2 if tag == 0x12 else 4
            cells += b"\x00" if value is None else bytes([tag]) + value.to_bytes(width)
        above = [
            old if new is None else new for old, new in zip(above or values, values, strict=True)
        ]
        said.append(above)
        entries.append(b"\x02\x07" + cells + b"\x12\x00\x00")
    buffer = b"\x01" + bytes([len(rows)]) + b"".join(entries)
    head = b"\x02\x04\x09\x0a" + meter.serial.encode() + b"\x09\x06\x00\x00\x19\x09\x00\xff\x00"
    batch = decode(made, meter.seal(3, b"\x0f\x00\x00\x00\x01\x00" + head + buffer))
    reads = stored(journal, batch)
    names = ("imp_wh", "imp_vah", "exp_wh", "exp_vah")
    assert [[read["volt_cv"] // 10, *(read[name] for name in names)] for read in reads] == said
    assert [read["interval_start"] for read in reads] == [
        int((end - timedelta(minutes=30)).timestamp()) for end in times
    ]
    columns = [_attribute(enumerations.CosemInterface.CLOCK, "0.0.1.0.0.255")]
    columns += [_attribute(enumerations.CosemInterface.REGISTER, "1.0.1.29.0.255")] * 6
    theirs = ProfileGenericBufferParser(columns, 30).parse_bytes(buffer)
    clocks = [entry[0].value.replace(tzinfo=INDIA) for (entry,) in ([each] for each in theirs)]
    assert clocks == times
    event("dlms-cosem has the same clocks")


def _attribute(interface: enumerations.CosemInterface, name: str) -> cosem.CosemAttribute:
    return cosem.CosemAttribute(interface, cosem.Obis.from_string(name), 2)


@LONG
@given(
    kind=st.sampled_from(tuple(INTEGERS)),
    share=st.integers(0, 1_000),
    name=st.tuples(*[st.integers(0, 255)] * 6),
    told=st.booleans(),
    control=st.sampled_from((0x00, 0x10, 0x20, 0x30)),
)
@EVERY
def test_an_event_notification_is_read_as_gurux_wrote_it(
    kind: str,
    share: int,
    name: tuple[int, ...],
    told: bool,  # noqa: FBT001 (a parameter of the test)
    control: int,
) -> None:
    made, largest = INTEGERS[kind]
    value = largest * share // 1_000
    register = GXDLMSRegister(".".join(map(str, name)))
    register.value = made(value)
    meter = Meter(number=next(NUMBERS), control=control)
    (apdu,) = notify_of().generateReport(GXDateTime(NOON) if told else None, [(register, 2)])
    # The library knows no protected event: the other one seals it.
    keys = {
        "encryption_key": meter.encryption_key.hex(),
        "authentication_key": meter.authentication_key.hex(),
    }
    said = explained(meter.seal(7, bytes(apdu))[8:], keys=keys)
    assert said["apdu"] == "event-notification-request"
    assert said["body"] == {"t": kind, "v": value}
    assert said["attribute"] == {
        "class": 3,
        "logical_name": register.logicalName,
        "attribute": 2,
    }
    event(f"as gurux wrote it, {control:#04x}, {'with' if told else 'without'} a time")


@LONG
@given(trees(SHARED, compact=False), st.booleans())
@EVERY
def test_an_answer_to_get_is_read_as_dlms_cosem_reads_it(
    node: Node,
    blocks: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    tree, octets = node
    normal = b"\xc4\x01\xc1\x00" + octets
    said = explained(normal)
    theirs = GetResponseFactory.from_bytes(normal)
    assert isinstance(theirs, GetResponseNormal)
    assert said["body"] == tree
    assert dlms_cosem_tree(bytes(theirs.data)) == dlms_cosem_tree(octets)
    if blocks:
        parts = [explained(each) for each in in_blocks(octets, 20)]
        raw = "".join(str(each["raw_data"]) for each in parts)
        assert bytes.fromhex(raw) == octets
        numbers = [each["block_number"] for each in parts]
        assert numbers == list(range(1, len(parts) + 1))
    event("dlms-cosem agrees")


@LONG
@given(st.lists(trees(SHARED, compact=False) | st.sampled_from(RESULTS), min_size=1, max_size=4))
@SOME
def test_a_list_of_answers_is_read_as_dlms_cosem_reads_it(results: list[Node | int]) -> None:
    octets = b"\xc4\x03\xc1" + bytes([len(results)])
    wanted: list[Tree | None] = []
    for each in results:
        octets += bytes([1, each]) if isinstance(each, int) else b"\x00" + each[1]
        wanted.append(None if isinstance(each, int) else each[0])
    said = explained(octets)
    listed = said["results"]
    assert isinstance(listed, list)
    assert [None if "error" in each else each for each in listed] == wanted
    try:
        theirs = GetResponseFactory.from_bytes(octets)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the library's answer)
        event(f"dlms-cosem refuses: {type(error).__name__}")
        return
    assert isinstance(theirs, GetResponseWithList)
    assert len(theirs.response_data) == len(results)
    event("dlms-cosem agrees")


@LONG
@given(
    suite=st.sampled_from(tuple(SecuritySuite)),
    authenticated=st.booleans(),
    counter=st.integers(1, 2**32 - 2),
    keys=st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32)),
    text=st.binary(min_size=1, max_size=200),
)
@EVERY
def test_every_suite_is_opened_as_both_peers_seal_it(
    suite: SecuritySuite,
    authenticated: bool,  # noqa: FBT001 (a parameter of the test)
    counter: int,
    keys: tuple[bytes, bytes],
    text: bytes,
) -> None:
    width = 32 if suite == SecuritySuite.SUITE_2 else 16
    encryption, authentication = keys[0][:width], keys[1][:width]
    body = b"\x09\x81" + bytes([len(text)]) + text
    notify = notify_of()
    ciphering = notify.ciphering
    ciphering.security = Security(0x30 if authenticated else 0x20)
    ciphering.securitySuite, ciphering.systemTitle = suite, TITLE
    ciphering.blockCipherKey, ciphering.authenticationKey = encryption, authentication
    ciphering.invocationCounter = counter
    (gurux,) = notify.generateDataNotificationMessages(None, GXByteBuffer(body))
    field = security.SecurityControlField(
        security_suite=int(suite), authenticated=authenticated, encrypted=True
    )
    plain = b"\x0f\x00\x00\x00\x01\x00" + body
    sealed = security.encrypt(field, TITLE, counter, encryption, plain, authentication)
    # dlms-cosem adds a tag to a text that has none.
    sealed = sealed if authenticated else sealed[: len(plain)]
    content = field.to_bytes() + counter.to_bytes(4) + sealed
    dlms_cosem = b"\xdb\x08" + TITLE + b"\x82" + len(content).to_bytes(2) + content
    told = {"encryption_key": encryption.hex(), "authentication_key": authentication.hex()}
    for frame in (bytes(gurux), dlms_cosem):
        said = explained(frame, keys=told)
        assert said["body"] == {"t": "octet-string", "v": text.hex()}
        (carried,) = said["carried_by"]  # type: ignore[misc]
        assert carried["verified"] is authenticated
        assert carried["invocation_counter"] == counter
    event(f"suite {int(suite)}, {'with' if authenticated else 'without'} a tag")
