-- Enrollments by the contracts of data_contracts/stored_enrollments.py: every enrollment.
WITH {barred},
repeated AS MATERIALIZED (
    SELECT contact_id FROM enrollments WHERE status IN ('active', 'paused') GROUP BY 1 HAVING count(*) > 1
),
steps AS MATERIALIZED (
    SELECT v.id AS version_id, v.sequence_id, s.position, s.kind
    FROM sequence_versions v
    CROSS JOIN LATERAL jsonb_to_recordset(v.definition -> 'steps') AS s(position int, kind text)
),
zones AS MATERIALIZED (
    SELECT DISTINCT name FROM unnest(CAST(:zones AS text[])) AS z(name)
),
under_way AS MATERIALIZED (
    SELECT enrollment_id, position FROM deliveries WHERE state IN ('claimed', 'in_flight')
    UNION
    SELECT enrollment_id, position FROM todos WHERE completed_at IS NULL AND is_blocking
)
SELECT CASE WHEN e.is_running THEN r.contact_id IS NOT NULL END AS enrolled_twice,
       NOT coalesce(CASE e.status
           WHEN 'active' THEN e.ended_at IS NULL AND e.ending IS NULL AND e.paused_at IS NULL
           WHEN 'paused' THEN e.ended_at IS NULL AND e.ending IS NULL AND e.paused_at IS NOT NULL AND e.due_at IS NULL
           WHEN 'finished' THEN e.ended_at IS NOT NULL AND e.ending IS NULL AND e.due_at IS NULL
           WHEN 'ended' THEN e.ended_at IS NOT NULL AND e.ending = ANY (CAST(:endings AS text[])) AND e.due_at IS NULL
       END, false)                                           AS status_inconsistent,
       c.id IS NULL OR v.id IS NULL OR m.id IS NULL OR u.id IS NULL OR b.id IS NULL AND e.batch_id IS NOT NULL
                                                             AS reference_broken,
       CASE WHEN e.is_running THEN s.kind IS NULL OR s.kind IS DISTINCT FROM e.next_kind END AS step_missing,
       CASE WHEN e.is_running THEN z.name IS NULL END        AS zone_invalid,
       CASE WHEN e.status = 'active' THEN                    -- with SEND_UNKNOWN it waits for a person to decide
           e.due_at IS NULL AND w.enrollment_id IS NULL AND e.held_reason IS DISTINCT FROM 'SEND_UNKNOWN'
       END                                                   AS due_missing,
       CASE WHEN e.is_due THEN
           is_free AND greatest(e.due_at, e.expected_at, e.held_until) < :now - interval '1 day'
       END                                                   AS step_overdue,
       CASE WHEN e.is_due AND x.id IS NOT NULL THEN
           is_free AND greatest(e.due_at, e.held_until) < :now - interval '1 day'
       END                                                   AS barred_overdue
FROM (
    SELECT *, status IN ('active', 'paused') AS is_running, status = 'active' AND due_at <= :now AS is_due
    FROM enrollments
) e
LEFT JOIN contacts c ON c.id = e.contact_id
LEFT JOIN sequence_versions v ON v.id = e.sequence_version_id AND v.sequence_id = e.sequence_id
LEFT JOIN mailboxes m ON m.id = e.mailbox_id
LEFT JOIN users u ON u.id = e.user_id
LEFT JOIN batches b ON b.id = e.batch_id
LEFT JOIN repeated r ON r.contact_id = e.contact_id
LEFT JOIN steps s ON s.version_id = e.sequence_version_id AND s.position = e.next_position
LEFT JOIN zones z ON z.name = e.time_zone
LEFT JOIN under_way w ON w.enrollment_id = e.id AND w.position = e.next_position
LEFT JOIN barred x ON x.id = e.contact_id
LEFT JOIN sequences q ON q.id = e.sequence_id
CROSS JOIN LATERAL (
    SELECT m.is_connected AND m.paused_at IS NULL AND q.paused_at IS NULL AS is_free
) way
