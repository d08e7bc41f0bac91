"""Keys of encrypted columns: kept in a file outside the database, versioned, rotated without stopping.

A token is `version byte | 12-byte nonce | AES-256-GCM ciphertext and tag`; the version byte is authenticated.
The blind index (HMAC-SHA-256, 16 bytes) finds an encrypted value by equality; it has a key of its own that
does not rotate, because a changed index would have to be rebuilt in the same moment in every table.
Losing the key file makes every encrypted column unreadable for ever: back it up apart from the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_INDEX_BYTES = 16
_VERSIONS_MAX = 255


class UnknownKeyVersion(Exception):
    """The value was encrypted with a key that is not in the key file; restore the key file of this data."""


class NotDecryptable(Exception):
    """The value was damaged, or encrypted with another key file; nothing can be read from it."""


class KeyFileUnusable(Exception):
    """The key file cannot be read or is none; restore it from its backup, never make a new one over old data."""


@dataclass(frozen=True)
class Keyring:
    """The keys of one installation, by version; the newest one encrypts."""

    by_version: dict[int, bytes]
    index_key: bytes
    signing_key: bytes

    @property
    def newest(self) -> int:
        """The version that encrypts from now on."""
        return max(self.by_version)

    def fingerprint(self) -> str:
        """Name this key file without telling its keys (for backups and the doctor)."""
        return hashlib.sha256(b"openboss-key-file" + self.index_key).hexdigest()[:16]

    def encrypt(self, plaintext: str) -> bytes:
        """Encrypt a text with the newest key; the same text never gives the same token twice."""
        head = bytes([self.newest])
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + AESGCM(self.by_version[self.newest]).encrypt(nonce, plaintext.encode(), head)

    def decrypt(self, token: bytes) -> str:
        """Read a token back. Raises UnknownKeyVersion, NotDecryptable."""
        token = bytes(token)
        if len(token) <= 1 + _NONCE_BYTES:
            raise NotDecryptable("too short")
        key = self.by_version.get(token[0])
        if key is None:
            raise UnknownKeyVersion(f"key version {token[0]}")
        nonce, sealed = token[1 : 1 + _NONCE_BYTES], token[1 + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, sealed, token[:1]).decode()
        except InvalidTag as refused:
            raise NotDecryptable(f"key version {token[0]}") from refused

    def blind_index(self, text: str) -> bytes:
        """Give 16 bytes that are equal for equal texts (NFKC, case and outer blanks ignored)."""
        plain = unicodedata.normalize("NFKC", text).strip().casefold()
        return hmac.new(self.index_key, plain.encode(), hashlib.sha256).digest()[:_INDEX_BYTES]

    def key_for(self, partner: str) -> bytes:
        """Give the key whose HMAC proves that a message is a partner's: one for each, none of them tells another."""
        return hmac.new(self.signing_key, b"openboss-partner " + partner.encode(), hashlib.sha256).digest()


def read_keyring(path: Path) -> Keyring:
    """Read a key file. Raises KeyFileUnusable."""
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        keyring = Keyring(
            by_version={int(version): base64.b64decode(key) for version, key in found["keys"].items()},
            index_key=base64.b64decode(found["index_key"]),
            signing_key=base64.b64decode(found["signing_key"]),
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as broken:
        raise KeyFileUnusable(str(path)) from broken
    if not keyring.by_version or any(len(key) != _KEY_BYTES for key in keyring.by_version.values()):
        raise KeyFileUnusable(str(path))
    return keyring


def open_keyring(path: Path) -> Keyring:
    """Read the key file, making it at the first start. Raises KeyFileUnusable."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Keyring({1: os.urandom(_KEY_BYTES)}, os.urandom(_KEY_BYTES), os.urandom(_KEY_BYTES))
        _write(path, fresh, only_if_missing=True)
    return read_keyring(path)


def add_key_version(path: Path) -> Keyring:
    """Add a new key that encrypts from now on; the old ones stay for reading. Raises KeyFileUnusable."""
    keyring = read_keyring(path)
    if keyring.newest >= _VERSIONS_MAX:
        raise KeyFileUnusable(f"{path}: all {_VERSIONS_MAX} versions are used")
    grown = Keyring(
        {**keyring.by_version, keyring.newest + 1: os.urandom(_KEY_BYTES)}, keyring.index_key, keyring.signing_key
    )
    _write(path, grown, only_if_missing=False)
    current_keyring.cache_clear()
    return grown


def retire_old_versions(path: Path) -> Keyring:
    """Forget every key but the newest, after all values were re-encrypted. Raises KeyFileUnusable."""
    keyring = read_keyring(path)
    kept = Keyring({keyring.newest: keyring.by_version[keyring.newest]}, keyring.index_key, keyring.signing_key)
    _write(path, kept, only_if_missing=False)
    current_keyring.cache_clear()
    return kept


def _write(path: Path, keyring: Keyring, *, only_if_missing: bool) -> None:
    """Write a key file that is either whole or not there, readable by its owner only, and synced to disk."""
    text = json.dumps(
        {
            "keys": {str(version): base64.b64encode(key).decode() for version, key in keyring.by_version.items()},
            "index_key": base64.b64encode(keyring.index_key).decode(),
            "signing_key": base64.b64encode(keyring.signing_key).decode(),
        },
        indent=1,
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        if only_if_missing:
            os.link(draft, path)  # two processes at their first start: one wins, the other reads the winner's
        else:
            os.replace(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@cache
def current_keyring() -> Keyring:
    """The key file of this installation (`settings.KEYS_FILE`), read once a process."""
    from django.conf import settings

    return open_keyring(Path(settings.KEYS_FILE))


def encrypt(plaintext: str) -> bytes:
    """Encrypt a text for a column."""
    return current_keyring().encrypt(plaintext)


def decrypt(token: bytes) -> str:
    """Read an encrypted column. Raises UnknownKeyVersion, NotDecryptable."""
    return current_keyring().decrypt(token)


def blind_index(text: str) -> bytes:
    """Give the value to store beside an encrypted column, to find it by equality."""
    return current_keyring().blind_index(text)


def key_for(partner: str) -> bytes:
    """Give the key shared with a partner (a bank, a payment provider), made from this installation's key file."""
    return current_keyring().key_for(partner)


# Re-encryption of one module's columns: given `re_encrypt(token) -> token`, rewrite all rows, return how many.
Rewriter = Callable[[Callable[[bytes], bytes]], int]
_rewriters: dict[str, Rewriter] = {}


def register_rewriter(name: str, rewriter: Rewriter) -> None:
    """Let a module take part in key rotation (called from its AppConfig.ready)."""
    _rewriters[name] = rewriter


def re_encrypt(token: bytes) -> bytes:
    """Move one token to the newest key; a token that is there already is returned as it is."""
    keyring = current_keyring()
    return token if bytes(token)[0] == keyring.newest else keyring.encrypt(keyring.decrypt(token))


def rewrite_all() -> dict[str, int]:
    """Re-encrypt every registered module's columns with the newest key; return the rows rewritten by module."""
    return {name: rewriter(re_encrypt) for name, rewriter in sorted(_rewriters.items())}
