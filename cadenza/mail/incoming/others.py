"""Is a mail none of a contact's: our own, a loop, a mailing list, a newsletter?"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from cadenza.domain.incoming import Incoming
from cadenza.mail.incoming.mime import Mail

_FROM_MACHINE: Final = re.compile(
    r"(?:no-?reply|do-?not-?reply|donotreply|newsletter|notifications?|news|mailer|marketing)@"
)
_MOST_HOPS: Final = 40


def is_other(mail: Mail, known: Incoming, own_addresses: Collection[str]) -> str | None:
    """Why a mail does not concern an enrollment; None: it may.

    A list's mail that answers and is to one of our addresses too is a person's answer that came by way of a list.
    """
    own = set(own_addresses)
    if known.from_address in own:
        return "from an address of our own"
    if not len(mail.headers):
        return "has no header fields"
    if len(mail.headers.get_all("received", [])) > _MOST_HOPS:
        return "came round in a loop"
    is_to_us = bool(known.answers) and not own.isdisjoint(known.to_addresses)
    if (
        mail.header("list-id") or mail.header("list-post") or mail.header("precedence").lower() == "list"
    ) and not is_to_us:
        return "of a mailing list"
    if known.answers:
        return None
    if mail.header("list-unsubscribe") or mail.header("feedback-id") or mail.header("x-campaign-id"):
        return "of a newsletter"
    if mail.header("auto-submitted").lower().startswith("auto-generated") and _FROM_MACHINE.match(
        known.from_address or ""
    ):
        return "a notification of a machine"
    return None
