"""What an operator may set: `openboss.toml` in the working folder, or `OPENBOSS_*` in the environment.

The environment wins over the file, the file over the defaults. Secrets are not here: they live in the key file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

OPTIONS_FILE = "openboss.toml"


class Options(BaseSettings):
    """The settings of one installation, checked when they are read."""

    model_config = SettingsConfigDict(env_prefix="OPENBOSS_", toml_file=OPTIONS_FILE, extra="forbid")

    data_dir: Path = Path("var")
    """Where the embedded database, the lake, the inboxes and the keys live."""

    database_url: str | None = Field(
        default=None, validation_alias=AliasChoices("OPENBOSS_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    """A PostgreSQL >= 15 of the operator's own; without it OpenBOSS starts an embedded one."""

    database_fsync: bool = True
    """Only ever false for throw-away test databases."""

    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8000, ge=1, le=65535)
    allowed_hosts: list[str] = []
    """Further host names the console answers to (the loopback names and `web_host` always are)."""

    https: bool = False
    """True when a TLS proxy stands in front: cookies become Secure and HSTS is sent."""

    hlr: str = "simulated"
    """The home location register that changes are delivered to: host or host:port of an osmo-hlr's control interface,
    or `simulated`, which writes down what a register would hold."""

    diameter_host: str = "127.0.0.1"
    diameter_port: int = Field(default=3868, ge=0, le=65535)
    """Where `openboss charge` listens to networks that ask before use (Gy, Ro); port 0 = it does not."""

    diameter_tls_port: int = Field(default=0, ge=0, le=65535)
    diameter_certificate: str = ""
    diameter_key: str = ""
    diameter_clients: str = ""
    """A port (5658 is the custom) for TLS on the same host: files of our certificate, its key, and the authorities that
    vouch for peers; who shows no certificate of theirs is not let in. 0 = no such port."""

    diameter_connections: int = Field(default=512, ge=1)
    diameter_connections_an_address: int = Field(default=64, ge=1)
    """How many connections of Diameter there may be, in all and from one address; more are closed at once."""

    diameter_identity: str = "charge.openboss.invalid"
    diameter_realm: str = "openboss.invalid"
    """Who we are to Diameter peers. Who may connect is written down in the console (Peers of charging)."""

    reconnect_s: int = Field(default=90, ge=0)
    """How long networks may need to find us again after the engine was away: only then their silence begins to count.
    A Diameter peer misses two watchdogs (Tw, 30 s each) and tries again within Tc, 30 s."""

    final_unit: Literal["TERMINATE", "REDIRECT", "RESTRICT"] = "TERMINATE"
    final_unit_to: str = ""
    """What a network does with a service when the last quota the money buys is used up: end it, lead it to the address
    `final_unit_to` (a page to top up on), or let through only what the network's filter of that name allows."""

    nchf_host: str = "127.0.0.1"
    nchf_port: int = Field(default=3867, ge=0, le=65535)
    """Where `openboss charge` listens to 5G session functions (Nchf_ConvergedCharging over HTTP/2); port 0 = it does
    not. Who may ask is written down in the console (Peers of charging)."""

    nchf_certificate: str = ""
    nchf_key: str = ""
    nchf_clients: str = ""
    """Files of a certificate, its key, and the authorities that vouch for clients; without a certificate the port
    speaks HTTP/2 in the clear."""

    query_host: str = "127.0.0.1"
    query_port: int = Field(default=0, ge=0, le=65535)
    """Where `openboss charge` tells channels of other machines what a user has and uses; port 0 = it does not."""

    radius_host: str = "127.0.0.1"
    radius_port: int = Field(default=1812, ge=0, le=65535)
    radius_accounting_port: int = Field(default=1813, ge=0, le=65535)
    """Where `openboss charge` listens to access servers, from the moment the first is written down in the
    console; port 0 = never."""

    test_numbers: list[str] = []
    """First digits (country code first) of the numbers of the test tenant: their users may be played with in trials of
    live charging, which costs them real money of this installation."""

    web_payments: str = ""
    """The provider through which customers pay on the web: `sandbox` for trials; empty = they cannot."""

    currency: int = Field(default=156, ge=1, le=999)
    """ISO 4217 number of the operator's money."""

    timezone: str = "Asia/Shanghai"
    language: str = "zh-hans"
    shards: int = Field(default=64, ge=1, le=4096)
    web_workers: int = Field(default=2, ge=1, le=64)
    debug: bool = False
    log_json: bool = False

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().resolve()

    @field_validator("database_url")
    @classmethod
    def _no_empty_url(cls, url: str | None) -> str | None:
        return url or None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def lake_dir(self) -> Path:
        """Usage detail, chunks, totals and bills' documents."""
        return self.data_dir / "lake"

    @property
    def inbox_dir(self) -> Path:
        """One folder a source; usage files are dropped here."""
        return self.data_dir / "inbox"

    @property
    def keys_file(self) -> Path:
        """Keys of the encrypted columns; outside the database, backed up apart from it."""
        return self.data_dir / "keys.json"

    @property
    def cluster_dir(self) -> Path:
        """The embedded PostgreSQL, when there is one."""
        return self.data_dir / "postgres"


@cache
def options() -> Options:
    """Read the options of this process once."""
    return Options()
