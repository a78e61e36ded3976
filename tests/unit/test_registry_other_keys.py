"""Broadcast, dedicated and wrapping keys on their way from a file to the decoder."""

from tests.unit.registry_fakes import HEAD, KEY, KEY_2, Desk

from meteringest.registry.rows import METERS, Listing


def test_other_keys_are_sealed_in_the_store_and_opened_for_the_decoder() -> None:
    desk = Desk()
    desk.take(f"{HEAD},broadcast_key,dedicated_key,kek", f"A1,,,{KEY},{KEY},{KEY_2},,{KEY}")
    stored = desk.store.meters()["A1"]
    assert KEY_2.lower() not in stored.broadcast_key.lower()
    assert (bool(stored.broadcast_key), stored.dedicated_key, bool(stored.kek)) == (True, "", True)
    assert desk.book.other == {1: (1, bytes.fromhex(KEY_2), b"", bytes.fromhex(KEY))}


def test_meters_without_such_keys_cost_the_decoder_nothing() -> None:
    desk = Desk()
    desk.take(HEAD, f"A1,,,{KEY},{KEY}")
    assert desk.book.other == {}


def test_listings_show_only_that_there_is_one() -> None:
    desk = Desk()
    desk.take(f"{HEAD},kek", f"A1,,,{KEY},{KEY},{KEY_2}")
    (shown,) = desk.registrar.list_rows(Listing(table=METERS))
    assert (shown["kek"], shown["broadcast_key"]) == ("sealed", "")
