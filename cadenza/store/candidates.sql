-- The facts of one chunk of candidates: one row a candidate, one column a fact. What stands in braces is put in by
-- candidates.py; every value is a bound parameter.
WITH asked AS MATERIALIZED (
    {asked}
),
people AS MATERIALIZED (
    SELECT a.ordinal, a.contact_id, a.is_repeated,
           {is_found}                                    AS is_found,
           coalesce(btrim(c.email) <> '', false)         AS has_email,
           c.email_normalized,
           split_part(c.email_normalized, '@', 2)        AS domain,
           split_part(split_part(lower(c.email_normalized), '@', 1), '+', 1) AS local_part,
           c.bounced_at, c.complained_at, c.opted_out_at,
           nullif(lower(btrim(c.owner_email)), '')       AS owner_email,
           c.time_zone, c.phone, c.country,
           k.country                                     AS company_country,
           k.time_zone                                   AS company_time_zone,
           {missing_tokens}                              AS missing_tokens,
           {own_columns}                                 AS own_columns
           {of_record}
    FROM asked a
    LEFT JOIN contacts c ON c.id = a.contact_id
    LEFT JOIN companies k ON k.id = c.company_id
),
suppressed_domains AS MATERIALIZED (    -- of the addresses' domains: those on the list, and those below one on it
    SELECT DISTINCT d.domain
    FROM (SELECT DISTINCT domain FROM people WHERE domain <> '') d
    CROSS JOIN LATERAL generate_series(1, cardinality(string_to_array(d.domain, '.'))) AS i
    JOIN suppressions s
      ON s.kind = 'domain'
     AND s.value = array_to_string((string_to_array(d.domain, '.'))[i:], '.')
     AND (s.until IS NULL OR s.until > :now)
),
earlier AS (
    SELECT e.contact_id, max(coalesce(e.ended_at, e.last_ran_at, e.enrolled_at)) AS last_ended_at
    FROM enrollments e
    WHERE e.status IN ('finished', 'ended') AND e.contact_id IN (SELECT contact_id FROM asked)
    GROUP BY e.contact_id
),
{allowances},
senders AS MATERIALIZED (
    SELECT u.id, u.email, u.is_active, u.time_zone,
           u.may_enroll AND coalesce(asker.may_enroll AND asker.is_active, :enrolled_by IS NULL)   AS may_enroll,
           coalesce(asker.may_bulk_enroll, u.may_bulk_enroll AND :enrolled_by IS NULL)             AS may_bulk_enroll,
           EXISTS (
               SELECT FROM sequence_shares s
               WHERE s.sequence_id = :sequence_id
                 AND (s.kind = 'everyone' OR s.kind = 'team' AND s.name = ANY (u.teams)
                                          OR s.kind = 'user' AND s.name = u.handle)
           )                                             AS is_shared,
           b.id AS mailbox_id, b.is_connected, b.user_id = u.id AS is_own_mailbox, a.daily_left
    FROM users u
    LEFT JOIN users asker ON asker.handle = :enrolled_by
    LEFT JOIN LATERAL (
        SELECT id, user_id, is_connected FROM mailboxes
        WHERE CASE WHEN CAST(:mailbox_id AS bigint) IS NULL THEN user_id = u.id ELSE id = :mailbox_id END
        ORDER BY is_connected DESC, paused_at IS NOT NULL, id
        LIMIT 1
    ) b ON true
    LEFT JOIN allowances a ON a.mailbox_id = b.id
    WHERE :sender = :contact_owner OR u.handle = :sender
)
SELECT p.ordinal, p.contact_id, p.is_found, p.is_repeated AS is_duplicate,
       p.has_email, p.email_normalized,
       p.email_normalized IS NOT NULL                    AS is_email_valid,
       coalesce(p.local_part = ANY (CAST(:role_addresses AS text[])), false) AS is_role_address,
       p.bounced_at, p.complained_at, p.opted_out_at,
       refused.at                                        AS sender_opted_out_at,
       address.id IS NOT NULL                            AS address_suppressed,
       domain.domain IS NOT NULL                         AS domain_suppressed,
       running.id                                        AS active_enrollment_id,
       running.sequence_id                               AS active_sequence_id,
       earlier.last_ended_at,
       p.missing_tokens, p.own_columns,
       :sender <> :contact_owner OR p.owner_email IS NOT NULL AS is_sender_named,
       sender.id                                         AS user_id,
       coalesce(sender.is_active, false)                 AS user_is_active,
       coalesce(sender.may_enroll, false)                AS user_may_enroll,
       coalesce(sender.may_bulk_enroll, false)           AS user_may_bulk,
       coalesce(sender.is_shared, false)                 AS sequence_shared,
       sender.mailbox_id,
       coalesce(sender.is_own_mailbox, false)            AS is_own_mailbox,
       coalesce(sender.is_connected, false)              AS mailbox_connected,
       sender.daily_left                                 AS mailbox_daily_left,
       p.time_zone, p.phone, p.country, p.company_country, p.company_time_zone,
       sender.time_zone                                  AS sender_time_zone
       {of_record}
FROM people p
LEFT JOIN suppressions address
       ON address.kind = 'address' AND address.value = p.email_normalized
      AND (address.until IS NULL OR address.until > :now)
LEFT JOIN suppressed_domains domain ON domain.domain = p.domain
LEFT JOIN enrollments running ON running.contact_id = p.contact_id AND running.status IN ('active', 'paused')
LEFT JOIN earlier ON earlier.contact_id = p.contact_id
LEFT JOIN senders sender ON {sender_of_person}
LEFT JOIN sender_opt_outs refused ON refused.address = p.email_normalized AND refused.user_id = sender.id
ORDER BY p.ordinal
