"""How do answers change enrollments, contacts and suppressions? Each once, however often a mail is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from cadenza.domain.answers import COLLEAGUE_REPLIED, ENDINGS, AnswerPolicy, Change, Effect, is_answer
from cadenza.domain.suppression import COMPLAINT, HARD_BOUNCE, Kind
from cadenza.store.absences import hold
from cadenza.store.colleagues import colleagues_of
from cadenza.store.database import driver_connection
from cadenza.store.enrollments import unenroll
from cadenza.store.opt_outs import opt_out
from cadenza.store.suppressions import suppress

ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the answers of one reading changed: numbers of enrollments."""

    noted: int = 0
    ended: int = 0
    held: int = 0
    #: Mails that came back for good, and complaints: the guard looks at these.
    bounced: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(
            self.noted + other.noted, self.ended + other.ended, self.held + other.held, self.bounced + other.bounced
        )


def record(connection: Connection, effects: Sequence[Effect], policy: AnswerPolicy, now: datetime) -> Recorded:
    """Note what came in and let it take effect; what was noted before changes nothing again.

    What has been sent and counted stays as it is, and an enrollment that is over keeps its ending.
    """
    fresh = _noted(connection, effects, now)
    if not fresh:
        return Recorded()
    by_change: dict[Change, list[Effect]] = defaultdict(list)
    for effect in fresh:
        by_change[effect.change].append(effect)
    soft = by_change.pop(Change.SOFT_BOUNCE, [])
    too_soft = _too_soft(connection, soft, policy, now)
    hard = by_change[Change.HARD_BOUNCE]
    _suppress(connection, "bounced_at", HARD_BOUNCE, hard, now)
    _suppress(connection, "bounced_at", "soft_bounces", too_soft, now)
    _suppress(connection, "complained_at", COMPLAINT, by_change[Change.COMPLAINT], now)
    colleagues = colleagues_of(connection, [effect for effect in fresh if is_answer(effect.match, effect.change)], now)
    ending = {change: _enrollments(by_change[change]) for change in ENDINGS}
    opted_out = _enrollments(by_change[Change.OPT_OUT])
    _give_back(connection, [*(id_ for ids in ending.values() for id_ in ids), *opted_out, *colleagues])
    ended = opt_out(connection, opted_out, policy.opt_out_scope, "mail", now)
    for change, (kind, code) in ENDINGS.items():
        ended += unenroll(connection, ending[change], ENGINE, now, ending=kind, reason=code)
    ended += unenroll(
        connection,
        _enrollments(too_soft),
        ENGINE,
        now,
        ending=ENDINGS[Change.HARD_BOUNCE][0],
        reason="SOFT_BOUNCE_LIMIT",
    )
    kind, code = COLLEAGUE_REPLIED
    ended += unenroll(connection, colleagues, ENGINE, now, ending=kind, reason=code)
    waiting = {effect.match.enrollment_id: effect.held_until for effect in by_change[Change.HOLD] if effect.held_until}
    bounced = len(hard) + len(by_change[Change.COMPLAINT])
    return Recorded(len(fresh), ended, hold(connection, waiting, now), bounced)


def _enrollments(effects: Sequence[Effect]) -> list[int]:
    return sorted({effect.match.enrollment_id for effect in effects})


def _noted(connection: Connection, effects: Sequence[Effect], now: datetime) -> list[Effect]:
    """Keep the effects as events; returns those that were not there yet."""
    if not effects:
        return []
    rows = driver_connection(connection).execute(
        """
        INSERT INTO events (kind, source_id, contact_id, enrollment_id, delivery_id, at, noted_at, actor, data)
        SELECT kind, source_id, contact_id, enrollment_id, delivery_id, at, %(now)s, %(actor)s, data
        FROM unnest(%(kind)s::text[], %(source_id)s::text[], %(contact_id)s::bigint[], %(enrollment_id)s::bigint[],
                    %(delivery_id)s::bigint[], %(at)s::timestamptz[], %(data)s::jsonb[])
             AS e(kind, source_id, contact_id, enrollment_id, delivery_id, at, data)
        ORDER BY source_id
        ON CONFLICT (source_id) DO NOTHING
        RETURNING source_id
        """,
        {
            "kind": [effect.event for effect in effects],
            "source_id": [effect.source_id for effect in effects],
            "contact_id": [effect.match.contact_id for effect in effects],
            "enrollment_id": [effect.match.enrollment_id for effect in effects],
            "delivery_id": [effect.match.delivery_id for effect in effects],
            "at": [effect.happened_at for effect in effects],
            "data": [Jsonb(effect.data) for effect in effects],
            "now": now,
            "actor": ENGINE,
        },
    )
    fresh = {row[0] for row in rows}
    # A mail that was read twice at once is there twice: the first counts.
    return [effect for effect in {effect.source_id: effect for effect in effects}.values() if effect.source_id in fresh]


def _too_soft(connection: Connection, soft: Sequence[Effect], policy: AnswerPolicy, now: datetime) -> list[Effect]:
    """Those whose contact has had so many soft bounces lately that the next one is not waited for."""
    counts = connection.execute(
        text("""
            SELECT contact_id FROM events
            WHERE contact_id = ANY (:contacts) AND kind = 'bounce' AND data ->> 'change' = :soft AND at > :since
            GROUP BY 1 HAVING count(*) >= :most
        """),
        {
            "contacts": [effect.match.contact_id for effect in soft],
            "soft": Change.SOFT_BOUNCE.value,
            "since": now - timedelta(days=policy.soft_bounce_days),
            "most": policy.soft_bounces_until_hard,
        },
    )
    over = set(counts.scalars())
    return [effect for effect in soft if effect.match.contact_id in over]


def _suppress(connection: Connection, column: str, reason: str, effects: Sequence[Effect], now: datetime) -> None:
    """Write never again to the addresses that our mails went to; contacts keep the day if it is still theirs."""
    if not effects:
        return
    given = {
        "ids": [effect.match.contact_id for effect in effects],
        "addresses": [effect.match.to_address for effect in effects],
        "now": now,
    }
    connection.execute(
        text(f"""
            UPDATE contacts c SET {column} = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:addresses AS text[])) AS u(id, address)
            WHERE c.id = u.id AND c.email_normalized = u.address AND c.{column} IS NULL
        """),  # noqa: S608
        given,
    )
    sources = {effect.match.to_address: effect.source_id for effect in effects}
    suppress(connection, Kind.ADDRESS, sources, reason, now)


def _give_back(connection: Connection, enrollment_ids: Sequence[int]) -> None:
    """Take mails that are claimed but not under way from their workers: none of them goes out any more."""
    if enrollment_ids:
        connection.execute(
            text("""
                UPDATE deliveries SET state = 'deferred', token = gen_random_uuid(), lease_until = NULL
                WHERE enrollment_id = ANY (:ids) AND state = 'claimed'
            """),
            {"ids": list(enrollment_ids)},
        )
