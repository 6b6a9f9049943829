"""What happens when somebody answers?"""

from __future__ import annotations

from prefect import flow

from cadenza.store.answers import Recorded
from flows.enroll_filed import enroll_filed
from tasks.guard_senders import guard_mailboxes
from tasks.read_mailboxes import give_up, take_in
from tasks.take_filed import take_filed
from tasks.watch_mailboxes import begin_watch, finish_watch


@flow(name="watch-mailboxes")
def watch_mailboxes(seconds: int | None = None) -> Recorded:
    """Let answers, bounces, opt-outs and absences take effect within seconds, in mailboxes that nobody else watches.

    The other party of a mail that was filed into the folder of a sequence is enrolled. A mailbox in which too much
    comes back is paused. Ends after a while; its schedule has begun the next run before.
    """
    watch = begin_watch(seconds)
    enroll_filed()
    for news in watch.news(take_in, give_up, take_filed):
        if news.filed:
            enroll_filed()
        if news.recorded.bounced:
            guard_mailboxes([news.mailbox_id])
    return finish_watch(watch)
