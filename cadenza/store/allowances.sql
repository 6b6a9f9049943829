-- What is left of the day of each mailbox: CTEs, put into a statement between WITH and its own parts.
open_deliveries AS MATERIALIZED (
    SELECT enrollment_id, mailbox_id FROM deliveries WHERE state IN ('claimed', 'in_flight')
),
daily_limits AS MATERIALIZED (          -- limits of a day or more; the one with the least room left counts
    SELECT b.id AS mailbox_id, l.count, make_interval(secs => l.seconds) AS span
    FROM mailboxes b
    CROSS JOIN LATERAL jsonb_to_recordset(coalesce(b.limits, CAST(:default_limits AS jsonb)))
                       AS l(count bigint, seconds bigint)
    WHERE l.seconds >= 86400
),
allowances AS MATERIALIZED (
    SELECT l.mailbox_id, min(greatest(l.count - sent.n - leaving.n - planned.n, 0)) AS daily_left
    FROM daily_limits l
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM deliveries d
        WHERE d.mailbox_id = l.mailbox_id AND d.ended_at > :now - l.span AND d.state IN ('sent', 'rejected', 'unknown')
    ) sent
    CROSS JOIN LATERAL (SELECT count(*) AS n FROM open_deliveries o WHERE o.mailbox_id = l.mailbox_id) leaving
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM enrollments e
        WHERE e.mailbox_id = l.mailbox_id AND e.status = 'active' AND e.next_kind = 'email'
          AND e.due_at <= :now + l.span AND (e.held_until IS NULL OR e.held_until <= :now + l.span)
          AND e.id NOT IN (SELECT enrollment_id FROM open_deliveries)
    ) planned
    GROUP BY l.mailbox_id
)
