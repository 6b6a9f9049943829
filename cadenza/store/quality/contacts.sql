-- Contacts by the contracts of data_contracts/stored_contacts.py: every contact.
WITH {barred},
repeated AS MATERIALIZED (
    SELECT email_normalized FROM contacts WHERE email_normalized IS NOT NULL GROUP BY 1 HAVING count(*) > 1
),
zones AS MATERIALIZED (
    SELECT DISTINCT lower(name) AS name FROM unnest(CAST(:zones AS text[])) AS z(name)
)
SELECT split_part(c.email_normalized, '@', 1) !~ '^[a-z0-9!#$%&''*+/=?^_`{|}~-]+([.][a-z0-9!#$%&''*+/=?^_`{|}~-]+)*$'
           OR substring(c.email_normalized FROM position('@' IN c.email_normalized) + 1)
              !~ '^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]([a-z0-9-]*[a-z0-9])$'
           OR length(c.email_normalized) > 254               AS address_malformed,
       CASE WHEN c.email_normalized IS NOT NULL THEN r.email_normalized IS NOT NULL END AS address_repeated,
       c.identity_key <> 'email:' || c.email_normalized      AS address_without_identity,
       c.email_normalized IS NULL                            AS address_missing,
       CASE WHEN c.email_normalized IS NOT NULL THEN b.id IS NOT NULL END AS address_barred,
       z.name IS NULL AND c.country IS NULL AND coalesce(c.phone !~ '^[ (]*([+]|00)', true) AS zone_unknown
FROM contacts c
LEFT JOIN repeated r ON r.email_normalized = c.email_normalized
LEFT JOIN barred b ON b.id = c.id
LEFT JOIN zones z ON z.name = lower(replace(btrim(c.time_zone), ' ', '_'))
WHERE c.erased_at IS NULL
