-- Deliveries by the contracts of data_contracts/stored_deliveries.py: those of the time looked at, and every open one.
-- A mail counts as sent at its claim: what becomes known later can no longer stop it. Two transactions that wait for
-- each other may have read their clocks in the other order, hence :race.
WITH judged AS MATERIALIZED (
    SELECT d.id, d.enrollment_id, d.position, d.mailbox_id, d.to_address, d.state, d.lease_until, d.claimed_at,
           d.message_id, d.claimed_at - :race AS known_before, d.state IN ('sent', 'in_flight', 'unknown') AS is_send,
           d.state NOT IN ('claimed', 'deferred') AND d.in_flight_at IS NOT NULL AS was_on_wire,
           CASE WHEN d.message IS NOT NULL THEN
               position(convert_to(E'\nMessage-ID: ' || d.message_id || E'\r', 'UTF8') IN d.message) = 0
           END AS is_unstable
    FROM deliveries d
    WHERE {scope}
),
repeated_steps AS MATERIALIZED (
    SELECT enrollment_id, position FROM deliveries WHERE state = 'sent' GROUP BY 1, 2 HAVING count(*) > 1
),
repeated_ids AS MATERIALIZED (
    SELECT message_id FROM deliveries GROUP BY 1 HAVING count(*) > 1
),
limits AS MATERIALIZED (
    SELECT m.id AS mailbox_id, l.count, make_interval(secs => l.seconds) AS span
    FROM mailboxes m
    CROSS JOIN LATERAL jsonb_to_recordset(coalesce(m.limits, CAST(:default_limits AS jsonb)))
                       AS l(count int, seconds int)
),
crowded AS MATERIALIZED (               -- mails that left less than a window after the limit's number of mails before
    SELECT DISTINCT id
    FROM (
        SELECT d.id, d.in_flight_at, l.span, lag(d.in_flight_at, l.count) OVER mails_of_limit AS before
        FROM deliveries d JOIN limits l ON l.mailbox_id = d.mailbox_id
        WHERE d.state NOT IN ('claimed', 'deferred') AND d.in_flight_at >= :since - l.span
        WINDOW mails_of_limit AS (PARTITION BY l.mailbox_id, l.span, l.count ORDER BY d.in_flight_at, d.id)
    ) mails
    WHERE in_flight_at < before + span
),
first_steps AS MATERIALIZED (
    SELECT enrollment_id, min(position) AS position
    FROM (SELECT enrollment_id, position FROM deliveries WHERE state = 'sent'
          UNION ALL SELECT enrollment_id, position FROM todos) ran
    GROUP BY 1
),
policies AS MATERIALIZED (
    SELECT id AS version_id, definition #>> '{follow_ups,eligible_days}' AS days,
           CAST(definition #>> '{follow_ups,window,0}' AS int) AS opens,
           CAST(definition #>> '{follow_ups,window,1}' AS int) AS closes
    FROM sequence_versions
),
zones AS MATERIALIZED (
    SELECT name FROM pg_timezone_names
),
holidays AS MATERIALIZED (
    SELECT DISTINCT country, day FROM unnest(CAST(:countries AS text[]), CAST(:days AS date[])) AS h(country, day)
),
barred_domains AS MATERIALIZED (
    SELECT d.domain, s.created_at, s.until
    FROM (SELECT DISTINCT split_part(to_address, '@', 2) AS domain FROM judged) d
    CROSS JOIN LATERAL generate_series(1, cardinality(string_to_array(d.domain, '.'))) AS i
    JOIN suppressions s ON s.kind = 'domain' AND s.value = array_to_string((string_to_array(d.domain, '.'))[i:], '.')
),
barred AS MATERIALIZED (                -- sends to addresses that were not to be written to when they were claimed
    SELECT j.id FROM judged j
    JOIN suppressions s ON s.kind = 'address' AND s.value = j.to_address
                       AND s.created_at < j.known_before AND (s.until IS NULL OR s.until > j.claimed_at)
    WHERE j.is_send
    UNION
    SELECT j.id FROM judged j
    JOIN barred_domains s ON s.domain = split_part(j.to_address, '@', 2)
                         AND s.created_at < j.known_before AND (s.until IS NULL OR s.until > j.claimed_at)
    WHERE j.is_send
    UNION
    SELECT j.id FROM judged j
    JOIN enrollments e ON e.id = j.enrollment_id
    LEFT JOIN contacts c ON c.id = e.contact_id
    LEFT JOIN sender_opt_outs o ON o.address = j.to_address AND o.user_id = e.user_id
    WHERE j.is_send AND least(c.bounced_at, c.complained_at, c.opted_out_at, o.at) < j.known_before
),
answers AS MATERIALIZED (               -- what ends an enrollment; without one it is about those that its contact is in
    SELECT enrollment_id, contact_id, greatest(at, noted_at) AS known_at FROM events
    WHERE coalesce(data ->> 'change', kind) IN ('reply', 'meeting', 'hard_bounce', 'bounce', 'complaint', 'opt_out')
),
answered AS MATERIALIZED (
    SELECT j.id FROM judged j JOIN answers a ON a.enrollment_id = j.enrollment_id AND a.known_at < j.known_before
    UNION
    SELECT j.id FROM judged j
    JOIN enrollments e ON e.id = j.enrollment_id
    JOIN answers a ON a.enrollment_id IS NULL AND a.contact_id = e.contact_id
                  AND a.known_at < j.known_before AND a.known_at >= e.enrolled_at
)
SELECT CASE WHEN j.state = 'sent' THEN s.position IS NOT NULL END AS step_sent_twice,
       i.message_id IS NOT NULL                              AS message_id_repeated,
       j.is_unstable                                         AS message_id_changed,
       CASE WHEN j.was_on_wire THEN r.id IS NOT NULL END     AS limit_exceeded,
       CASE WHEN j.is_send AND f.position < j.position THEN
           p.days <> 'everyday' AND extract(isodow FROM local.at) > 5
           OR h.day IS NOT NULL
           OR NOT coalesce(extract(hour FROM local.at) * 60 + extract(minute FROM local.at) >= p.opens
                           AND extract(hour FROM local.at) * 60 + extract(minute FROM local.at) < p.closes, true)
       END                                                   AS window_missed,
       CASE WHEN j.is_send THEN b.id IS NOT NULL END         AS sent_to_barred,
       CASE WHEN j.is_send THEN a.id IS NOT NULL END         AS sent_after_answer,
       CASE WHEN j.is_send THEN coalesce(e.ended_at < j.known_before, false) END AS sent_after_ending,
       CASE j.state WHEN 'claimed' THEN coalesce(j.lease_until < :now - :claim_patience, true)
                    WHEN 'in_flight' THEN coalesce(j.lease_until < :now - :flight_patience, true)
       END                                                   AS lease_forgotten,
       CASE WHEN j.is_send THEN j.state = 'unknown' AND e.status IN ('active', 'paused') END AS fate_unknown
FROM judged j
LEFT JOIN enrollments e ON e.id = j.enrollment_id
LEFT JOIN repeated_steps s ON s.enrollment_id = j.enrollment_id AND s.position = j.position
LEFT JOIN repeated_ids i ON i.message_id = j.message_id
LEFT JOIN crowded r ON r.id = j.id
LEFT JOIN first_steps f ON f.enrollment_id = j.enrollment_id
LEFT JOIN policies p ON p.version_id = e.sequence_version_id
LEFT JOIN zones z ON z.name = e.time_zone
CROSS JOIN LATERAL (SELECT j.claimed_at AT TIME ZONE z.name AS at) local
LEFT JOIN holidays h ON p.days = 'business_days' AND h.country = e.country AND h.day = CAST(local.at AS date)
LEFT JOIN barred b ON b.id = j.id
LEFT JOIN answered a ON a.id = j.id
