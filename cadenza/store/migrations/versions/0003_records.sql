-- Ways into a sequence: records of other systems and their contacts, threads that are gone on with, filed mails.

CREATE TABLE records (                              -- deals, tickets, companies and any other objects
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,                      -- 'company', 'deal', 'ticket', or the name of a custom object
    external_id text NOT NULL,                      -- in the other system; where that has none, the name
    name        text NOT NULL,
    properties  jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    UNIQUE (kind, external_id)
);
CREATE INDEX records_by_name ON records (kind, lower(name));

CREATE TABLE record_contacts (
    record_id   bigint NOT NULL REFERENCES records ON DELETE CASCADE,
    contact_id  bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    is_primary  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (record_id, contact_id)
);
CREATE INDEX record_contacts_of_contact ON record_contacts (contact_id);

ALTER TABLE imports ADD COLUMN kind text;           -- of the records; NULL: contacts
-- A row of records whose contact nobody knows.
ALTER TABLE import_rows DROP CONSTRAINT import_rows_outcome_check;
ALTER TABLE import_rows ADD CHECK (outcome IN ('merged', 'rejected', 'unknown_contact'));

ALTER TABLE enrollments
    ADD COLUMN thread jsonb;                        -- what the first email answers: {"subject":, "references": [oldest first]}

CREATE TABLE filed_mails (                          -- wishes to enroll: mails filed into Cadenza/<sequence>
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mailbox_id  bigint NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
    source_id   text NOT NULL UNIQUE,               -- of mailbox, sequence and mail: filed again, it changes nothing
    sequence    text NOT NULL,                      -- its name
    contact_id  bigint REFERENCES contacts ON DELETE SET NULL,  -- the other party; NULL: there is none
    thread      jsonb NOT NULL,                     -- {"subject":, "references": [oldest first]}
    found_at    timestamptz NOT NULL,
    batch_id    bigint REFERENCES batches ON DELETE SET NULL,
    outcome     text CHECK (outcome IN ('enrolled', 'held', 'refused')),    -- NULL: nobody has looked at it yet
    code        text,                               -- why it was refused or is held
    settled_at  timestamptz
);
CREATE INDEX filed_mails_waiting ON filed_mails (mailbox_id) WHERE outcome IS NULL;
