"""Say what mails are taken for, and why: ``python -m cadenza.mail.incoming FILE …``."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from cadenza.domain.incoming import BouncedRecipient, Incoming
from cadenza.mail.incoming import classify


def explain(incoming: Incoming) -> str:
    """What was read from a mail, a line for each thing that it says."""
    lines = [str(incoming.kind)]
    for field in fields(incoming)[1:]:
        value = getattr(incoming, field.name)
        if value not in (None, "", (), False):
            values = value if isinstance(value, tuple) else (value,)
            lines += [f"  {field.name.replace('_', ' ')}: {_said(each)}" for each in values]
    return "\n".join(lines)


def _said(value: object) -> str:
    if isinstance(value, BouncedRecipient):
        return f"{value.address or 'somebody'}, {value.kind} {value.status or ''}: {value.reason}"
    return str(value)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {explain(classify(Path(name).read_bytes()))}")
