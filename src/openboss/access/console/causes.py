"""The causes that collection notes in English, in the language of whoever reads them."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

SEPARATOR = "; "


def _of_arrival() -> tuple[tuple[str, str], ...]:
    return (
        (r"file (\d+) is missing", _("file no. {0} of the sequence has not come")),
        (
            r"sequence numbers (\d+) to (\d+) are missing",
            _("files no. {0} to {1} of the sequence had not come before it"),
        ),
        (r"no active source is configured for this folder", _("no source has this folder")),
        (r"the same content was taken as file (\d+)", _("the same content was taken before, as file {0}")),
        (r"the name was taken as file (\d+)", _("a file of this name was taken before, as file {0}")),
        (r"sequence number (\d+) was taken as file (\d+)", _("sequence number {0} was taken before, as file {1}")),
        (
            r"sequence number (\d+) is more than (\d+) from the last, (\d+)",
            _("sequence number {0} is more than {1} away from the last one, {2}"),
        ),
        (
            r"sequence number (\d+) is not one of (\d+) to (\d+)",
            _("sequence number {0} is not one of {1} to {2}"),
        ),
        (
            r"(\d+) records came in, (\d+) are accounted for",
            _("{0} records came in, {1} are accounted for"),
        ),
        (
            r"two calls of one user at switches (\d+) and (\d+), (\d+) s at once",
            _("two calls of one user at switches {0} and {1}, {2} s at once"),
        ),
        (r"only (\d+) MiB of disk are free", _("only {0} MiB of disk are free")),
        (r"collection stopped: (.+)", _("collection stopped: {0}")),
        (r"sent again as file (\d+)", _("sent again as file {0}")),
        (r"given up: (.+)", _("given up: {0}")),
        (r"the name does not match (.+)", _("the name is not like the source's: {0}")),
        (
            r"the trailer says (\d+) records, the file has (\d+)",
            _("the trailer says {0} records, the file has {1}"),
        ),
        (
            r"the trailer says (\d+) seconds, the records sum to (\d+)",
            _("the trailer says {0} seconds, the records sum to {1}"),
        ),
        (r"the last line is not a trailer: the file was cut off", _("the file was cut off: it has no trailer")),
        (
            r"the first line is not a header of format OPENBOSS-USAGE version 1",
            _("the first line is not a header of format OPENBOSS-USAGE version 1"),
        ),
        (r"the header names source (.*), not (.+)", _("the header names the source {0}, the folder is {1}")),
        (
            r"the header's sequence is (.*), the name's (\d+)",
            _("the header has sequence number {0}, the file's name {1}"),
        ),
        (r"not UTF-8 text: .+", _("not UTF-8 text")),
        (r"the line before the trailer does not end", _("the line before the trailer does not end")),
    )


def _of_decoding() -> tuple[tuple[str, str], ...]:
    return (
        (r"the file is empty", _("the file is empty")),
        (
            r"the line of column names is longer than (\d+) bytes",
            _("the line of column names is longer than {0} bytes"),
        ),
        (r"the file became shorter while it was read", _("the file became shorter while it was read")),
        (r"a line is longer than (\d+) bytes", _("a line is longer than {0} bytes")),
        (r"not text: it holds zero bytes", _("not text: it holds zero bytes")),
        (r"not an access log of Kannel", _("not an access log of Kannel")),
        (r"not an accounting log of Kamailio", _("not an accounting log of Kamailio")),
        (r"not an accounting detail of FreeRADIUS", _("not an accounting detail of FreeRADIUS")),
        (r"an entry has more than (\d+) attributes", _("an entry has more than {0} attributes")),
        (r"a record without definite length", _("a record has no definite length")),
        (r"the last record is cut off", _("the last record is cut off")),
        (r"a record's length is cut off or absurd", _("the length of a record is cut off or absurd")),
        (r"a record is longer than (\d+) bytes", _("a record is longer than {0} bytes")),
        (r"a tag longer than five bytes", _("a tag is longer than five bytes")),
        (r"values nested deeper than (\d+)", _("values are nested deeper than {0}")),
        (r"a tag runs past the end of its value", _("a tag runs past the end of its value")),
        (r"a length runs past the end of its value", _("a length runs past the end of its value")),
        (r"a value without definite length", _("a value has no definite length")),
        (r"a value runs past the end of the one around it", _("a value runs past the end of the one around it")),
        (r"an integer of (\d+) bytes", _("an integer has {0} bytes")),
        (r"no charging record begins with tag (\w+)", _("no charging record begins with tag {0}")),
    )


def cause_text(cause: str) -> str:
    """A noted cause in the language of the request; a part nobody put into words is shown as it was noted."""
    return SEPARATOR.join(_part(part) for part in cause.split(SEPARATOR)) if cause else ""


def _part(part: str) -> str:
    for pattern, words in (*_of_arrival(), *_of_decoding()):
        if found := re.fullmatch(pattern, part):
            return words.format(*found.groups())
    return part
