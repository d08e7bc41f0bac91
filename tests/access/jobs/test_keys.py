"""Keys of encrypted columns."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from openboss.modules.system import keys


@pytest.fixture
def key_file(tmp_path: Path, settings: object) -> Iterator[Path]:
    path = tmp_path / "keys.json"
    settings.KEYS_FILE = path  # type: ignore[attr-defined]
    keys.current_keyring.cache_clear()
    yield path
    keys.current_keyring.cache_clear()


def test_what_is_encrypted_is_read_back_and_never_looks_the_same_twice(key_file: Path) -> None:
    first, second = keys.encrypt("张三"), keys.encrypt("张三")
    assert keys.decrypt(first) == keys.decrypt(memoryview(second)) == "张三"
    assert first != second
    assert "张三".encode() not in first


def test_the_key_file_is_made_once_and_readable_by_its_owner_only(key_file: Path) -> None:
    keys.encrypt("x")
    content = key_file.read_bytes()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert keys.open_keyring(key_file).newest == 1
    assert key_file.read_bytes() == content


def test_a_changed_token_is_refused(key_file: Path) -> None:
    token = bytearray(keys.encrypt("13900001234"))
    token[-1] ^= 1
    with pytest.raises(keys.NotDecryptable):
        keys.decrypt(bytes(token))
    with pytest.raises(keys.NotDecryptable):
        keys.decrypt(b"")


def test_a_token_of_another_key_file_is_refused(key_file: Path, tmp_path: Path) -> None:
    other = keys.open_keyring(tmp_path / "other.json").encrypt("secret")
    with pytest.raises(keys.NotDecryptable):
        keys.decrypt(other)


def test_after_rotation_old_tokens_are_read_and_new_ones_use_the_new_key(key_file: Path) -> None:
    old = keys.encrypt("before")
    keys.add_key_version(key_file)
    new = keys.encrypt("after")
    assert (old[0], new[0]) == (1, 2)
    assert (keys.decrypt(old), keys.decrypt(new)) == ("before", "after")
    moved = keys.re_encrypt(old)
    assert moved[0] == 2
    keys.retire_old_versions(key_file)
    assert (keys.decrypt(moved), keys.decrypt(new)) == ("before", "after")
    with pytest.raises(keys.UnknownKeyVersion):
        keys.decrypt(old)


def test_the_blind_index_finds_equal_texts_and_survives_rotation(key_file: Path) -> None:
    before = keys.blind_index("420106199001011234")
    keys.add_key_version(key_file)
    assert keys.blind_index(" ４２０１０６199001011234 ") == before
    assert keys.blind_index("420106199001011235") != before
    assert len(before) == 16


def test_a_broken_key_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    broken = tmp_path / "keys.json"
    broken.write_text('{"keys": {}}')
    with pytest.raises(keys.KeyFileUnusable):
        keys.open_keyring(broken)
    assert broken.read_text() == '{"keys": {}}'
