-- Batches by the contracts of data_contracts/stored_enrollments.py: those that started in the time looked at.
WITH opened AS MATERIALIZED (
    SELECT batch_id, count(*) AS n FROM enrollments WHERE batch_id IS NOT NULL GROUP BY 1
),
reasons AS MATERIALIZED (
    SELECT batch_id, count(*) FILTER (WHERE outcome = 'held') AS held,
           count(*) FILTER (WHERE outcome = 'refused') AS refused
    FROM refusals WHERE is_reason GROUP BY 1
)
SELECT CASE WHEN b.finished_at IS NOT NULL THEN
           n.candidates IS DISTINCT FROM n.enrolled + n.held + n.refused
           OR n.enrolled + n.held <> coalesce(o.n, 0)
           OR n.held <> coalesce(r.held, 0) OR n.refused <> coalesce(r.refused, 0)
       END                                                   AS batch_not_conserved,
       b.finished_at IS NULL AND b.started_at < :now - interval '1 day' AS batch_unfinished
FROM batches b
CROSS JOIN LATERAL jsonb_to_record(b.counts) AS n(candidates bigint, enrolled bigint, held bigint, refused bigint)
LEFT JOIN opened o ON o.batch_id = b.id
LEFT JOIN reasons r ON r.batch_id = b.id
WHERE {scope}
