-- Folders, variants and their winners, who paused and why, what was deleted, who is not tracked.

ALTER TABLE sequences
    ADD COLUMN folder       text NOT NULL DEFAULT '',   -- where people look for it: "Sales/Inbound"; '': in none
    ADD COLUMN deleted_at   timestamptz;                -- nobody can be enrolled; what was counted stays
ALTER TABLE enrollments
    ADD COLUMN paused_by     text,                      -- while paused: who did it, and why
    ADD COLUMN paused_reason text;
ALTER TABLE contacts
    ADD COLUMN untracked_at  timestamptz,               -- wants neither opens nor clicks to be noted
    ADD COLUMN erased_at     timestamptz;               -- only numbers are left
ALTER TABLE deliveries
    ADD COLUMN variant text;                            -- of the step's texts, by name; NULL: it has only one

-- A step's variants as long as they say the same, over all versions of the sequence.
CREATE TABLE variant_tests (
    sequence_id bigint NOT NULL REFERENCES sequences ON DELETE CASCADE,
    test        text NOT NULL,                          -- domain.variants.key_of
    looks       integer NOT NULL DEFAULT 0,             -- how often the numbers were compared so far
    winner      text,                                   -- whose text everybody gets
    decided_at  timestamptz,
    decided_by  text,                                   -- 'engine', or who decided; then the engine leaves it alone
    reason      text,
    PRIMARY KEY (sequence_id, test)
);
CREATE INDEX deliveries_of_variants ON deliveries (enrollment_id, position, variant) WHERE variant IS NOT NULL;
