barred AS MATERIALIZED (                -- contacts that may not be written to now
    SELECT c.id
    FROM contacts c
    LEFT JOIN suppressions s ON s.kind = 'address' AND s.value = c.email_normalized
                            AND (s.until IS NULL OR s.until > :now)
    LEFT JOIN (
        SELECT DISTINCT d.domain
        FROM (SELECT DISTINCT split_part(email_normalized, '@', 2) AS domain FROM contacts) d
        CROSS JOIN LATERAL generate_series(1, cardinality(string_to_array(d.domain, '.'))) AS i
        JOIN suppressions s ON s.kind = 'domain'
                           AND s.value = array_to_string((string_to_array(d.domain, '.'))[i:], '.')
                           AND (s.until IS NULL OR s.until > :now)
    ) below ON below.domain = split_part(c.email_normalized, '@', 2)
    WHERE s.id IS NOT NULL OR below.domain IS NOT NULL
       OR c.bounced_at IS NOT NULL OR c.complained_at IS NOT NULL OR c.opted_out_at IS NOT NULL
)
