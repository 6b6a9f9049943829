"""What does the form of a request say? Only small ones are read."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

LARGEST_FORM = 8_192
MOST_FIELDS = 20
FORM_SECONDS = 10.0


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form in either encoding; RFC 8058 allows both.

    Raises:
        HTTPException: it is too large (413), takes too long (408), or is no form (400).
    """
    body = await read_body(request, LARGEST_FORM)
    try:
        return fields_of(request.headers.get("Content-Type", ""), body)
    except ValueError as error:
        raise HTTPException(400) from error


async def read_body(request: Request, largest: int) -> bytes:
    """The body of a request.

    Raises:
        HTTPException: it is larger than that (413), or takes too long (408).
    """
    body = bytearray()
    try:
        async with asyncio.timeout(FORM_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    raise HTTPException(413)
    except TimeoutError as error:
        raise HTTPException(408) from error
    return bytes(body)


def fields_of(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form; what says that it is anything but multipart is read as URL-encoded.

    Raises:
        ValueError: it has too many fields.
    """
    if content_type.strip().lower().startswith("multipart/form-data"):
        return _multipart(content_type, body)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    fields = {}
    for part in message_from_bytes(head + body).walk():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            fields[name] = value.decode("utf-8", "replace").strip()
    return fields
