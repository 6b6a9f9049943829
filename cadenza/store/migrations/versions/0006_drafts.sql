-- Drafts: enrollments that are prepared, reviewed and changed before they begin. Each part that is enrolled is a batch.
CREATE TABLE drafts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence_id  bigint NOT NULL REFERENCES sequences ON DELETE CASCADE,
    sender       text NOT NULL,                     -- handle, or "@owner"
    segment      text NOT NULL,                     -- name, filter, or "n chosen contacts"
    options      jsonb NOT NULL,                    -- as of batches
    created_by   text,                              -- who it was, for the record
    created_at   timestamptz NOT NULL,
    discarded_at timestamptz
);
CREATE TABLE draft_contacts (
    draft_id     bigint NOT NULL REFERENCES drafts ON DELETE CASCADE,
    contact_id   bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    ordinal      bigint NOT NULL,                   -- from 1, in the order in which they were chosen
    overrides    jsonb NOT NULL DEFAULT '{}',       -- what is different for this contact: domain.overrides
    removed_at   timestamptz,
    enrolled_at  timestamptz,                       -- tried: enrolled, held or refused; its batch says which
    batch_id     bigint REFERENCES batches,
    PRIMARY KEY (draft_id, contact_id)
);
CREATE INDEX draft_contacts_of_contact ON draft_contacts (contact_id);
