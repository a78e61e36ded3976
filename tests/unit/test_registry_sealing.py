"""Sealed keys open only under their master key, for the meter and column they belong to."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meteringest.errors import ConfigError, RegistryError
from meteringest.model import Secret
from meteringest.registry.sealing import MasterKey, new_master_key

MASTER = MasterKey(bytes(range(32)))
KEY = bytes(range(100, 116))
COLUMN = "encryption_key"


@given(st.text(max_size=23), st.binary(max_size=32))
def test_what_is_sealed_opens(serial: str, key: bytes) -> None:
    sealed = MASTER.seal(serial, COLUMN, key)
    assert MASTER.open(serial, COLUMN, sealed) == key
    # A few characters stand in any long text by chance.
    assert len(key) < 8 or base64.b64encode(key).decode().rstrip("=") not in sealed


def test_two_sealings_of_one_key_differ() -> None:
    assert MASTER.seal("S1", COLUMN, KEY) != MASTER.seal("S1", COLUMN, KEY)


def test_keys_moved_to_another_meter_or_column_do_not_open() -> None:
    sealed = MASTER.seal("S1", COLUMN, KEY)
    for serial, column in (("S2", COLUMN), ("S1", "authentication_key")):
        with pytest.raises(RegistryError, match="damaged"):
            MASTER.open(serial, column, sealed)


@given(st.data())
def test_any_damage_is_one_error_without_the_key(data: st.DataObject) -> None:
    sealed = MASTER.seal("S1", COLUMN, KEY)
    at = data.draw(st.integers(0, len(sealed) - 1))
    put = data.draw(st.characters(codec="ascii").filter(lambda each: each != sealed[at]))
    with pytest.raises((RegistryError, ConfigError)) as caught:
        MASTER.open("S1", COLUMN, sealed[:at] + put + sealed[at + 1 :])
    assert KEY.hex() not in str(caught.value)


def test_a_wrong_master_key_is_named_by_its_id() -> None:
    other = MasterKey(bytes(32))
    with pytest.raises(ConfigError) as caught:
        other.open("S1", COLUMN, MASTER.seal("S1", COLUMN, KEY))
    assert MASTER.id in str(caught.value)
    assert other.id in str(caught.value)


def test_a_master_key_is_read_as_base64_or_hex() -> None:
    key = bytes(range(32))
    for text in (base64.b64encode(key).decode(), key.hex()):
        assert MasterKey.of(Secret(text)).id == MASTER.id
    assert MasterKey.of(Secret(new_master_key())).id != MasterKey.of(Secret(new_master_key())).id


@pytest.mark.parametrize("text", ["", "short", "é" * 32, "z" * 64, base64.b64encode(KEY).decode()])
def test_what_is_no_master_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="env:X holds no master key") as caught:
        MasterKey.of(Secret(text, "env:X"))
    assert text == "" or text not in str(caught.value)


def test_a_master_key_hides_itself() -> None:
    assert repr(MASTER) == f"MasterKey({MASTER.id})"
    assert bytes(range(32)).hex() not in repr(vars(MASTER))
