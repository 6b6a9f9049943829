-- What watching real mailboxes needs: secrets, places in folders, other addresses, opt-outs of one sender.

-- Encrypted by the key of this installation; transports and IMAP settings name them.
CREATE TABLE secrets (
    name        text PRIMARY KEY,                   -- what settings of mailboxes name it by
    ciphertext  bytea NOT NULL,                     -- Fernet
    updated_at  timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE mailboxes
    ADD COLUMN imap              jsonb,             -- {"host", "port", "security", "username", …}; secrets by reference only; NULL: not watched
    ADD COLUMN sent_folder       text,              -- as found by the probe; the witness
    ADD COLUMN disconnected_by   text,              -- a person, who alone connects it again; NULL: it was refused
    ADD COLUMN paused_reason     text,              -- why: a person's words, or the guard's
    ADD COLUMN probed_at         timestamptz,
    ADD COLUMN probe             jsonb,             -- what the last probe found: sizes, aliases, clock skew
    ADD COLUMN watcher           text,              -- the process that watches it now
    ADD COLUMN watched_until     timestamptz,       -- its lease
    ADD COLUMN away_until        timestamptz,       -- it could not be read; it is not asked again before
    ADD COLUMN guard_reset_at    timestamptz;       -- the guard counts from here on: set when a person resumes
ALTER TABLE sequences
    ADD COLUMN paused_reason     text,
    ADD COLUMN guard_reset_at    timestamptz;

-- Whether a copy for the witness was taken with the mail: where it was not, its absence says nothing.
ALTER TABLE deliveries
    ADD COLUMN is_witnessed boolean NOT NULL DEFAULT true,
    ADD COLUMN missed_at    timestamptz;            -- when the witness was first asked and did not show it

-- Which database this is: its backups are the same one, only older.
CREATE TABLE installation (
    id  uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO installation DEFAULT VALUES;

-- How far each folder has been read: UIDs mean something only together with their UIDVALIDITY (RFC 3501, 2.3.1.1).
CREATE TABLE mailbox_folders (
    mailbox_id   bigint NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
    folder       text NOT NULL,
    uid_validity bigint NOT NULL,
    last_uid     bigint NOT NULL,
    read_at      timestamptz NOT NULL,
    PRIMARY KEY (mailbox_id, folder)
);

-- Other addresses of a contact, normalized: replies from them count as the contact's.
CREATE TABLE contact_addresses (
    address     text PRIMARY KEY,
    contact_id  bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    source      text NOT NULL DEFAULT ''
);
CREATE INDEX contact_addresses_of_contact ON contact_addresses (contact_id);

-- Who wants no more mails of one sender; of everything: contacts.opted_out_at and suppressions.
CREATE TABLE sender_opt_outs (
    address     text NOT NULL,                      -- normalized
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    source      text NOT NULL DEFAULT '',
    PRIMARY KEY (address, user_id)
);

-- When we learned of it: later than it happened where a mailbox could not be read for a while.
ALTER TABLE events ADD COLUMN noted_at timestamptz NOT NULL DEFAULT now();

-- A later non-delivery or an answer finds its delivery by what the server called it.
CREATE INDEX deliveries_by_provider ON deliveries (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX deliveries_to_address ON deliveries (to_address, mailbox_id);
CREATE INDEX deliveries_unknown ON deliveries (mailbox_id) WHERE state = 'unknown';
CREATE INDEX events_of_kind ON events (kind, at);
CREATE INDEX events_of_contact ON events (contact_id, at) WHERE contact_id IS NOT NULL;
