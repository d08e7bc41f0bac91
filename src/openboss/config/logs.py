"""One log for every process: structured, and without anybody's phone or identity number in it."""

from __future__ import annotations

import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Resident identity numbers: 17 digits and a check character. Before phone numbers, which are shorter.
_IDENTITY = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
# A mobile number, bare or in E.164 with or without the plus.
_PHONE = re.compile(r"(?<!\d)((?:\+?86)?1[3-9]\d)\d{4}(\d{4})(?!\d)")


def masked(text: str) -> str:
    """Hide the middle of phone numbers and identity numbers in a text."""
    text = _IDENTITY.sub(r"\1********\2", text)
    return _PHONE.sub(r"\1****\2", text)


def _masked_value(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 10**10:
        hidden = masked(str(value))
        return value if hidden == str(value) else hidden
    if isinstance(value, dict):
        return {key: _masked_value(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked_value(inner) for inner in value]
    return value


def mask_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every value of a log event (a structlog processor)."""
    for key, value in event.items():
        event[key] = _masked_value(value)
    return event


class _MaskedFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the finished line too, so that tracebacks and foreign loggers leak nothing."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def configure_logs(*, as_json: bool, debug: bool) -> None:
    """Send structlog and the standard library's loggers to standard error, masked."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_personal_data,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if as_json:
        ending: list[Any] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        ending = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": _MaskedFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "DEBUG" if debug else "INFO"},
            "loggers": {
                "django.db.backends": {"level": "INFO"},
                "django.server": {"level": "INFO"},
                "procrastinate": {"level": "INFO" if debug else "WARNING"},
                "psycopg": {"level": "WARNING"},
                "spiff": {"level": "WARNING"},
                "numba": {"level": "WARNING"},
            },
        }
    )
