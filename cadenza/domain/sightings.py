"""Did a person open a mail or follow its link, or did a machine?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

#: Whoever looks at a mail so soon after it was handed over checks it for viruses.
TOO_SOON: Final = timedelta(seconds=2)
#: How Apple's proxy introduces itself, which fetches the pictures of every mail.
_PRIVACY_PROXY: Final = "Mozilla/5.0"
_SCANNERS: Final = re.compile(
    r"bot\b|spider|crawl|scanner|preview|headless|python-|curl/|wget/|go-http|okhttp|libwww|java/|barracuda|proofpoint"
    r"|mimecast|symantec|safelinks",
    re.IGNORECASE,
)


class Sight(StrEnum):
    """What was seen, as events call it."""

    OPEN = "open"
    CLICK = "click"


class Machine(StrEnum):
    """Who it was, if no person."""

    PRIVACY_PROXY = "privacy_proxy"
    SCANNER = "scanner"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mail's picture was fetched, or its link followed."""

    what: Sight
    enrollment_id: int
    position: int
    at: datetime
    machine: Machine | None = None
    target: str = ""

    @property
    def source_id(self) -> str:
        """What it is told by: the same picture or link counts once in an hour."""
        link = sha256(self.target.encode("utf-8", "surrogatepass")).hexdigest()[:12] if self.target else ""
        who = self.machine or "person"
        return f"{self.what}:{self.enrollment_id}.{self.position}:{link}:{who}:{self.at:%Y%m%d%H}"


def machine_of(method: str, user_agent: str) -> Machine | None:
    """Which machine a request is from; None: a person, as far as it shows."""
    if user_agent.strip() == _PRIVACY_PROXY:
        return Machine.PRIVACY_PROXY
    if method == "HEAD" or not user_agent.strip() or _SCANNERS.search(user_agent):
        return Machine.SCANNER
    return None
