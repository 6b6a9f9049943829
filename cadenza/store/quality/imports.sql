-- Imports by the contracts of data_contracts/stored_contacts.py: every import.
WITH rejected AS MATERIALIZED (
    SELECT import_id, count(*) AS n FROM import_rows WHERE outcome = 'rejected' GROUP BY 1
)
SELECT CASE WHEN i.finished_at IS NOT NULL THEN
           n.rows IS DISTINCT FROM n.imported + n.merged + n.rejected OR n.rejected <> coalesce(r.n, 0)
       END                                                   AS import_not_conserved,
       CASE WHEN i.id = max(i.id) OVER () THEN
           coalesce(i.finished_at, i.started_at) < :now - make_interval(days => :import_days)
       END                                                   AS import_stale
FROM imports i
CROSS JOIN LATERAL jsonb_to_record(i.counts) AS n(rows bigint, imported bigint, merged bigint, rejected bigint)
LEFT JOIN rejected r ON r.import_id = i.id
