"""Whom is a request about, and what does that person want?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from cadenza.domain.opt_out import OptOutScope
from cadenza.mail.links import read_unsubscribe_token, unsubscribe_token
from cadenza.runtime import Runtime
from cadenza.store.database import transaction
from cadenza.store.opt_outs import choice_of, choose_tracking, opt_in, opt_out
from cadenza.web.masking import masked, plain
from cadenza.web.pages import notice, page


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who has the link of a mail: it is all that is needed to speak for the person that the mail went to."""

    request: Request
    enrollment_id: int

    @property
    def runtime(self) -> Runtime:
        """What the pages run with."""
        runtime: Runtime = self.request.app.state.runtime
        return runtime

    def opt_out(self, scope: OptOutScope, source: str) -> None:
        """Write no more to this person."""
        with transaction(self.runtime.engine) as connection:
            opt_out(connection, [self.enrollment_id], scope, source, self.runtime.clock.now())

    def opt_in(self, source: str) -> None:
        """Let this person be written to again."""
        with transaction(self.runtime.engine) as connection:
            opt_in(connection, [self.enrollment_id], source, self.runtime.clock.now())

    def choose_tracking(self, is_tracked: bool, source: str) -> None:
        """Note this person's opens and clicks no more, or again."""
        with transaction(self.runtime.engine) as connection:
            choose_tracking(connection, self.enrollment_id, is_tracked, source, self.runtime.clock.now())

    def page(self, name: str, **values: Any) -> HTMLResponse:
        """A page about what this person has chosen; a kind one if we know nothing of the person any more."""
        with transaction(self.runtime.engine) as connection:
            choice = choice_of(connection, self.enrollment_id)
        if choice is None:
            return notice(self.request.headers, 200, "nobody")
        names = {"address": _isolated(masked(choice.address)), "sender": _isolated(plain(choice.sender))}
        token = unsubscribe_token(self.request.app.state.key, self.enrollment_id)
        is_tracked = (choice.tracking or self.runtime.settings.tracking).is_any
        values |= {"choice": choice, "names": names, "token": token, "is_tracked": is_tracked}
        return page(name, self.request.headers, values, choice.language)


async def _recipient(request: Request, token: str) -> Recipient:
    """The recipient that the token of the path names.

    Raises:
        LinkInvalid: it names nobody.
    """
    return Recipient(request, read_unsubscribe_token(request.app.state.key, token))


TheRecipient = Annotated[Recipient, Depends(_recipient)]


def _isolated(words: str) -> str:
    """Words whose direction of writing stays their own (FSI … PDI)."""
    return f"\u2068{words}\u2069"
