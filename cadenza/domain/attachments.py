"""Which files may go with a mail, and does the mail fit through the mailbox then?"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MEGABYTE: Final = 1024 * 1024
#: Of one email.
MOST_ATTACHMENTS: Final = 10
LONGEST_NAME: Final = 150

#: What mail servers throw away or bounce, whatever is in it (Gmail's and Outlook's lists of blocked types).
_REFUSED: Final = frozenset({
    "ade", "adp", "apk", "app", "application", "appx", "appxbundle", "asp", "bas", "bat", "cab", "chm", "cmd",
    "com", "cpl", "crt", "dll", "dmg", "ex", "ex_", "exe", "fxp", "gadget", "hlp", "hta", "inf", "ins", "iso",
    "isp", "jar", "jnlp", "js", "jse", "ksh", "lib", "lnk", "mad", "maf", "mam", "maq", "mar", "mas", "mat", "mau",
    "mav", "maw", "mcf", "mda", "mdb", "mde", "mdt", "mdw", "mdz", "msc", "msh", "msi", "msix", "msixbundle", "msp",
    "mst", "nsh", "ops", "pcd", "pif", "pkg", "prf", "prg", "ps1", "ps1xml", "ps2", "psc1", "psc2", "py", "reg",
    "scf", "scr", "sct", "sh", "shb", "shs", "sys", "tmp", "url", "vb", "vbe", "vbp", "vbs", "vhd", "vhdx",
    "vsmacros", "vsw", "vxd", "ws", "wsc", "wsf", "wsh", "xll", "xnk",
})  # fmt: skip
#: How programs begin, whatever their file is called: Windows, Linux, a script.
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!")

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_OPEN: Final = "application/vnd.oasis.opendocument"
#: By the end of the name; whatever else is bytes. Mails as files too: as message/rfc822 they could not be encoded.
_MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "odt": f"{_OPEN}.text",
    "ods": f"{_OPEN}.spreadsheet",
    "odp": f"{_OPEN}.presentation",
    "rtf": "application/rtf",
    "zip": "application/zip",
    "txt": "text/plain",
    "csv": "text/csv",
    "ics": "text/calendar",
    "vcf": "text/vcard",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
}

#: The largest mail that providers take from their users, in megabytes, by the end of the server's name; others say it
#: themselves (SIZE, RFC 1870). Gmail says more than it takes from people: 25 MB with attachments.
_LARGEST: Final = {
    "gmail.com": 25,
    "googlemail.com": 25,
    "office365.com": 35,
    "outlook.com": 35,
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; its bytes are kept once, by their hash."""

    name: str
    media_type: str
    #: Bytes of the file.
    size: int
    sha256: str

    @property
    def encoded_size(self) -> int:
        """Bytes that it takes in a mail, its headers included: a little more than it really is."""
        letters = 4 * -(-self.size // 3)
        return letters + 2 * (letters // 76 + 1) + 12 * len(self.name.encode()) + 300

    @property
    def words(self) -> str:
        """Name and size, for people."""
        return f"{self.name} ({megabytes(self.size)})"


def media_type_of(name: str) -> str:
    """What the end of a file's name says about it."""
    return _MEDIA_TYPES.get(_ending(name), "application/octet-stream")


def attachment_of(name: str, content: bytes) -> Attachment:
    """A file as it goes with a mail.

    Raises:
        ValueError: says why it may not.
    """
    if trouble := trouble_with(name, content):
        raise ValueError(f"{name!r}: {trouble}")
    return Attachment(name, media_type_of(name), len(content), hashlib.sha256(content).hexdigest())


def trouble_with(name: str, content: bytes | None = None) -> str | None:
    """Why a file may not go with a mail; None: nothing is wrong with it, as far as its content is known."""
    if not name.isprintable() or len(name) > LONGEST_NAME or set(name) & set('\\/:"<>|*?') or name[-1:] in (".", " "):
        return f"rename it: at most {LONGEST_NAME} characters that every system takes in a file's name."
    if _ending(name) in _REFUSED:
        return f"mail servers refuse .{_ending(name)} files, because they may do harm: send a link to it."
    if content is None:
        return None
    if content.startswith(_PROGRAMS):
        return "it is a program, whatever its name is, and mail servers refuse those: send a link to it."
    if inside := next((one for one in _packed(content) if _ending(one) in _REFUSED), None):
        return f"there is {inside!r} in it, and mail servers look inside: send a link to it."
    return None if content else "the file is empty."


def largest_mail(transport: Mapping[str, Any], said_by_server: int | None, largest_mb: int) -> int:
    """The largest mail that a mailbox may send, in bytes: what its settings say, else its provider or its server.

    ``largest_mb`` is the installation's own limit, for all mailboxes.
    """
    if (chosen := transport.get("largest_mail_mb")) is not None:
        return min(int(chosen), largest_mb) * MEGABYTE
    host = str(transport.get("host") or "").lower()
    known = next((limit for name, limit in _LARGEST.items() if host == name or host.endswith(f".{name}")), largest_mb)
    return min(min(known, largest_mb) * MEGABYTE, said_by_server or largest_mb * MEGABYTE)


def megabytes(size: int) -> str:
    """A size in words, rounded up: what is over a limit is never shown as equal to it."""
    unit, name = (MEGABYTE, "MB") if size >= MEGABYTE else (1024, "KB")
    tenths = -(-10 * size // unit)
    return f"{tenths // 10}.{tenths % 10} {name}" if tenths % 10 else f"{tenths // 10} {name}"


def _packed(content: bytes) -> list[str]:
    """The names of the files in an archive; of anything else none."""
    try:
        return zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
