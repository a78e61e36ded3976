"""Imports against the registry: numbers for good, all or nothing, keys only sealed."""

from collections.abc import Sequence

import pytest
from tests.unit.registry_fakes import HEAD, KEY, KEY_2, MASTER, Desk, parts

from meteringest.csv_rows import Imported
from meteringest.errors import ConfigError, RegistryError, StoreUnavailable
from meteringest.registry.registrar import Registrar
from meteringest.registry.rows import DCUS, METERS, Listing, Meter
from meteringest.registry.sealing import MasterKey

TITLE = "4D4D4D0000000001"
TITLE_2 = "4D4D4D0000000002"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def problems(desk: Desk, *lines: str, table: str = METERS) -> tuple[str, ...]:
    before = (list(desk.store.saved[METERS]), list(desk.store.saved[DCUS]), dict(desk.book.rows))
    with pytest.raises(RegistryError) as caught:
        desk.take(*lines, table=table)
    after = (desk.store.saved[METERS], desk.store.saved[DCUS], desk.book.rows)
    assert before == after, "nothing may be applied when any row is bad"
    return caught.value.problems


def test_meters_get_dense_numbers_and_reach_the_decoder(desk: Desk) -> None:
    done = desk.take(HEAD, f"S1,{TITLE},7,{KEY},{KEY_2}", f"S2,,,{KEY},{KEY}")
    assert done == Imported(rows=2, added=2, changed=0, unchanged=0)
    assert [meter.meter for meter in desk.store.meters().values()] == [1, 2]
    assert desk.book.rows[1] == (
        *(1, "S1", bytes.fromhex(TITLE), 7, bytes.fromhex(KEY), bytes.fromhex(KEY_2)),
        *("encrypt+authenticate", "one", 1_800, "ist", "1ph"),
    )
    assert desk.book.rows[2][2] == b""


def test_what_was_saved_without_an_answer_reaches_the_decoder_with_the_next_import(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = desk.store.save

    def unanswered(table: str, rows: Sequence[Meter]) -> None:
        save(table, rows)
        raise StoreUnavailable("memory", "no answer")

    monkeypatch.setattr(desk.store, "save", unanswered)
    with pytest.raises(StoreUnavailable):
        desk.take("serial,security", "S1,none")
    assert desk.book.rows == {}
    monkeypatch.undo()
    assert desk.take("serial,security", "S1,none").unchanged == 1
    assert sorted(desk.book.rows) == [1]


def test_a_number_is_kept_for_good(desk: Desk) -> None:
    desk.take("serial,security", "S1,none", "S2,none", "S3,none")
    desk.take("serial,active", "S3,no")
    done = desk.take("serial,security", "S4,none", "S2,none")
    assert (done.added, done.unchanged) == (1, 1)
    assert {serial: each.meter for serial, each in desk.store.meters().items()} == {
        "S1": 1,
        "S2": 2,
        "S3": 3,
        "S4": 4,
    }
    assert sorted(desk.book.rows) == [1, 2, 4]


def test_an_absent_column_keeps_what_stands_there(desk: Desk) -> None:
    desk.take(f"{HEAD},phase,village,security", f"S1,{TITLE},,{KEY},{KEY_2},3,Kabri,encrypt")
    done = desk.take("serial,account,encryption_key", "S1,900,")
    assert (done.changed, done.unchanged) == (1, 0)
    meter = desk.store.meters()["S1"]
    assert (meter.system_title, meter.village, meter.account, meter.security, meter.layout) == (
        TITLE,
        "Kabri",
        900,
        "encrypt",
        "three",
    )
    assert desk.book.rows[1][4:6] == (bytes.fromhex(KEY), bytes.fromhex(KEY_2))
    assert meter.ver == 2


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    lines = (HEAD, f"S1,{TITLE},DCU-A,{KEY},{KEY_2}")
    desk.take(*lines)
    assert desk.take(*lines) == Imported(rows=1, added=0, changed=0, unchanged=1)
    assert len(desk.store.saved[METERS]) == 1


def test_a_new_key_replaces_the_old_one(desk: Desk) -> None:
    desk.take(HEAD, f"S1,{TITLE},,{KEY},{KEY}")
    assert desk.take("serial,encryption_key", f"S1,{KEY_2}").changed == 1
    assert desk.book.rows[1][4:6] == (bytes.fromhex(KEY_2), bytes.fromhex(KEY))


def test_an_empty_cell_is_the_default(desk: Desk) -> None:
    desk.take("serial,security,interval_s,village", "S1,none,900,Kabri")
    desk.take("serial,interval_s,village", "S1,,")
    meter = desk.store.meters()["S1"]
    assert (meter.interval_s, meter.village) == (1_800, "")


def test_what_does_not_fit_the_registry_is_named(desk: Desk) -> None:
    desk.take("serial,system_title,security", f"S1,{TITLE},none")
    found = problems(
        desk,
        f"{HEAD},security,layout",
        f"S2,{TITLE},,,,none,",
        "S3,,,,,none,othr",
        "S4,,,,,,",
        f"S5,,,{KEY},,authenticate,",
        "S6,,,,,encrypt,",
        "S7,,,,,none,zzz",
    )
    no_key = "found nothing; wanted a key, as security is"
    assert found == (
        f"row 2, column system_title: {TITLE} belongs to meter S1 already",
        "row 3, column layout: found 'othr'; wanted a known layout; did you mean other?",
        f"row 4, column encryption_key: {no_key} encrypt+authenticate",
        f"row 4, column authentication_key: {no_key} encrypt+authenticate",
        f"row 5, column authentication_key: {no_key} authenticate",
        f"row 6, column encryption_key: {no_key} encrypt",
        "row 7, column layout: found 'zzz'; wanted a known layout; known: one, other, three",
    )


def test_a_title_may_stay_with_its_meter(desk: Desk) -> None:
    desk.take("serial,system_title,security", f"S1,{TITLE},none")
    assert desk.take("serial,system_title", f"S1,{TITLE}").unchanged == 1
    assert desk.take("serial,system_title", f"S1,{TITLE_2}").changed == 1


def test_a_concentrator_named_first_in_a_meter_s_row_gets_a_number(desk: Desk) -> None:
    done = desk.take("serial,dcu,security", "S1,DCU-B,none", "S2,DCU-A,none", "S3,DCU-B,none")
    assert done.dcus_added == ("DCU-B", "DCU-A")
    assert [row[3] for row in desk.book.rows.values()] == [1, 2, 1]
    assert desk.registrar.dcus.number("DCU-A") == 2
    assert desk.take("serial,dcu", "S1,DCU-A").dcus_added == ()


def test_concentrators_are_numbered_by_the_file_or_by_us(desk: Desk) -> None:
    done = desk.take("name,dcu,area", "A,,x", "B,1,", "C,9,", "D,,", table=DCUS)
    assert (done.rows, done.added) == (4, 4)
    assert {name: dcu.dcu for name, dcu in desk.store.dcus().items()} == {
        "B": 1,
        "C": 9,
        "A": 10,
        "D": 11,
    }
    assert desk.take("name,area", "A,x", "B,y", table=DCUS).changed == 1
    found = problems(desk, "name,dcu", "A,3", "E,9", table=DCUS)
    assert found == (
        "row 2, column dcu: found 3; A has number 10 and keeps it",
        "row 3, column dcu: found 9; that is the number of C",
    )


def test_a_concentrator_out_of_use_is_not_found(desk: Desk) -> None:
    desk.take("name", "A", table=DCUS)
    assert desk.registrar.dcus.number("A") == 1
    desk.take("name,active", "A,no", table=DCUS)
    assert desk.registrar.dcus.number("A") is None


def test_keys_are_only_sealed_in_the_store_and_the_listing(desk: Desk) -> None:
    desk.take(HEAD, f"S1,{TITLE},,{KEY},{KEY_2}")
    stored = repr([tuple(desk.store.load(METERS)), desk.store.saved])
    assert KEY.lower() not in stored.lower()
    (row,) = desk.registrar.list_rows(Listing(table=METERS))
    assert (row["serial"], row["encryption_key"]) == ("S1", "sealed")
    assert MASTER.id not in str(row)


def test_a_listing_is_matched_and_limited(desk: Desk) -> None:
    desk.take("serial,village,security", "S1,Kabri,none", "S2,Urlana,none", "S3,KABRI,none")
    rows = desk.registrar.list_rows(Listing(table=METERS, match="kabri"))
    assert [row["serial"] for row in rows] == ["S1", "S3"]
    assert len(desk.registrar.list_rows(Listing(table=METERS, limit=2))) == 2


def test_a_listing_does_not_look_into_sealed_keys(desk: Desk) -> None:
    desk.take(HEAD, f"S1,{TITLE},A,{KEY},{KEY_2}")
    (meter,) = desk.store.saved[METERS]
    assert isinstance(meter, Meter)
    piece = meter.encryption_key[-6:]
    assert desk.registrar.list_rows(Listing(table=METERS, match=piece)) == []


def test_a_restart_fills_the_decoder_again(desk: Desk) -> None:
    desk.take(HEAD, f"S1,{TITLE},A,{KEY},{KEY_2}", f"S2,,,{KEY},{KEY}")
    desk.take("serial,active", "S2,no")
    again = Desk()
    again.store.saved = desk.store.saved
    assert again.registrar.load_book() == 1
    assert again.book.rows == desk.book.rows
    assert again.registrar.dcus.number("A") == 1


@pytest.mark.parametrize("master", [None, MasterKey(bytes(32))])
def test_the_wrong_master_key_is_one_clear_error(desk: Desk, master: MasterKey | None) -> None:
    desk.take(HEAD, f"S1,{TITLE},,{KEY},{KEY_2}")
    other = Desk(master)
    other.store.saved = desk.store.saved
    with pytest.raises(ConfigError) as caught:
        other.registrar.load_book()
    assert caught.value.path == "registry.master_key"
    assert ("not set" if master is None else MASTER.id) in str(caught.value)
    assert KEY not in str(caught.value)


def test_keys_without_a_master_key_are_refused_before_anything_is_saved() -> None:
    desk = Desk(None)
    with pytest.raises(ConfigError, match=r"registry\.master_key: not set.*keygen"):
        desk.take(f"{HEAD},security", "S0,,A,,,none", f"S1,{TITLE},B,{KEY},{KEY_2},")
    assert desk.store.saved == {METERS: [], DCUS: []}


@pytest.mark.parametrize("master", [None, MasterKey(bytes(32))])
def test_sealed_rows_are_not_touched_without_their_master_key(
    desk: Desk, master: MasterKey | None
) -> None:
    desk.take(HEAD, f"S1,{TITLE},,{KEY},{KEY_2}")
    other = Desk(master)
    other.store.saved = {**desk.store.saved, METERS: list(desk.store.saved[METERS])}
    with pytest.raises(ConfigError, match=r"registry\.master_key"):
        other.take("serial,village", "S1,Kabri")
    assert other.store.saved == desk.store.saved


def test_an_import_of_nothing_does_nothing(desk: Desk) -> None:
    nothing = Imported(rows=0, added=0, changed=0, unchanged=0)
    assert desk.take("serial,phase") == nothing
    assert desk.registrar.import_rows(parts("name\n", DCUS)) == nothing


def test_the_decoder_learns_only_what_was_saved(desk: Desk) -> None:
    class BrokenStore(type(desk.store)):  # type: ignore[misc]
        def save(self, table: str, rows: object) -> None:
            raise OSError(table, rows)

    registrar = Registrar(BrokenStore(), desk.book, desk.registrar._defaults, MASTER)  # noqa: SLF001
    with pytest.raises(OSError, match="meters"):
        registrar.import_rows(parts("serial,security\nS1,none\n"))
    assert desk.book.rows == {}
