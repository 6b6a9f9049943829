-- Every instant is timestamptz. Text that people typed is kept as given beside its normalized form.

CREATE TABLE users (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle          text NOT NULL UNIQUE,           -- what flows and commands name a user by: never an address
    email           text NOT NULL UNIQUE,           -- lower case
    name            text NOT NULL,
    time_zone       text,
    teams           text[] NOT NULL DEFAULT '{}',
    is_active       boolean NOT NULL DEFAULT true,
    may_enroll      boolean NOT NULL DEFAULT true,  -- HubSpot: a paid seat
    may_bulk_enroll boolean NOT NULL DEFAULT true,
    properties      jsonb NOT NULL DEFAULT '{}',    -- tokens of the sender: title, phone, meeting link …
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mailboxes (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id             bigint NOT NULL REFERENCES users,
    address             text NOT NULL UNIQUE,       -- lower case
    display_name        text NOT NULL,
    aliases             text[] NOT NULL DEFAULT '{}',
    postal_address      text NOT NULL DEFAULT '',
    transport           jsonb NOT NULL,             -- {"kind": "sink" | "smtp", …}; secrets by reference only
    limits              jsonb,                      -- [{"count": 3, "seconds": 60}, …]; NULL: as the settings say
    is_connected        boolean NOT NULL DEFAULT true,
    disconnected_reason text,
    paused_at           timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mailboxes_of_user ON mailboxes (user_id);

CREATE TABLE companies (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    domain      text,
    country     text,
    time_zone   text,
    properties  jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX companies_by_name ON companies (lower(name));

CREATE TABLE contacts (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_key     text NOT NULL UNIQUE,          -- 'email:<normalized>', else 'external:<id>', else 'row:<hash of the row>'
    external_id      text,
    email            text,                          -- as given
    email_normalized text,                          -- lower case, NFC, ascii domain; NULL: missing or not an address
    first_name       text,
    last_name        text,
    company          text,
    company_id       bigint,                        -- of companies; no foreign key, as for list_members
    job_title        text,
    phone            text,
    country          text,                          -- as given
    city             text,
    language         text,
    time_zone        text,                          -- as given, may be unknown
    owner_email      text,                          -- lower case
    properties       jsonb NOT NULL DEFAULT '{}',   -- every other column, as text
    bounced_at       timestamptz,                   -- an earlier hard bounce
    complained_at    timestamptz,
    opted_out_at     timestamptz,                   -- of everything
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contacts_by_address ON contacts (email_normalized) WHERE email_normalized IS NOT NULL;

CREATE TABLE lists (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('static', 'active')),
    filter      text,                               -- of an active list: resolved each time it is loaded
    source      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'active') = (filter IS NOT NULL))
);

CREATE TABLE list_members (
    list_id     bigint NOT NULL,
    contact_id  bigint NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (list_id, contact_id)
);
-- Not foreign keys: checking a million members one by one takes longer than storing them. The statement that adds
-- members takes them from the contacts; who goes away is taken off all lists at once.
CREATE FUNCTION take_off_lists() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'lists' THEN
        DELETE FROM list_members m USING gone WHERE m.list_id = gone.id;
    ELSE
        DELETE FROM list_members m USING gone WHERE m.contact_id = gone.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER take_off_lists AFTER DELETE ON lists
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION take_off_lists();
CREATE TRIGGER take_off_lists AFTER DELETE ON contacts
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION take_off_lists();

CREATE TABLE imports (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list_id     bigint REFERENCES lists ON DELETE SET NULL,
    source      text NOT NULL,                      -- file name or the name of a query; no secrets
    counts      jsonb NOT NULL DEFAULT '{}',        -- {"rows":, "imported":, "merged":, "rejected":}
    started_at  timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE import_rows (                          -- rows that did not become a contact of their own
    import_id   bigint NOT NULL REFERENCES imports ON DELETE CASCADE,
    line        integer NOT NULL,                   -- line of the file where the row starts, from 1
    outcome     text NOT NULL CHECK (outcome IN ('merged', 'rejected')),
    code        text NOT NULL,
    detail      text NOT NULL DEFAULT '',
    contact_id  bigint REFERENCES contacts ON DELETE CASCADE,
    PRIMARY KEY (import_id, line)
);

CREATE TABLE sequences (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    title       text NOT NULL,
    is_active   boolean NOT NULL DEFAULT true,
    paused_at   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sequence_versions (                    -- immutable: editing a sequence affects new enrollments only
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence_id bigint NOT NULL REFERENCES sequences ON DELETE CASCADE,
    number      integer NOT NULL,
    definition  jsonb NOT NULL,                     -- domain.sequence.Sequence.as_definition()
    checksum    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (sequence_id, number)
);

CREATE TABLE sequence_shares (
    sequence_id bigint NOT NULL REFERENCES sequences ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('everyone', 'team', 'user')),
    name        text NOT NULL DEFAULT '',           -- of the team, or the user's handle
    PRIMARY KEY (sequence_id, kind, name)
);

CREATE TABLE batches (                              -- one run of an enrollment
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence_version_id bigint NOT NULL REFERENCES sequence_versions,
    segment             text NOT NULL,              -- name, filter, or "n chosen contacts"
    sender              text NOT NULL,              -- handle, or "@owner"
    options             jsonb NOT NULL,
    counts              jsonb NOT NULL DEFAULT '{}',-- {"candidates":, "enrolled":, "held":, "refused":}
    flow_run_id         uuid,
    started_at          timestamptz NOT NULL,
    finished_at         timestamptz
);

CREATE TABLE enrollments (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id            bigint,                         -- of batches
    contact_id          bigint NOT NULL,
    sequence_id         bigint NOT NULL,
    sequence_version_id bigint NOT NULL,
    mailbox_id          bigint NOT NULL,
    user_id             bigint NOT NULL,                -- the sender; to-dos are his
    to_address          text NOT NULL,              -- normalized, as it was at enrollment
    status              text NOT NULL CHECK (status IN ('active', 'paused', 'finished', 'ended')),
    time_zone           text NOT NULL,              -- of every step
    time_zone_source    text NOT NULL,              -- domain.zones.ZoneSource
    country             text,                       -- ISO 3166-1 alpha-2, for public holidays
    next_position       integer NOT NULL,
    next_kind           text CHECK (next_kind IN ('email', 'todo')),
    due_at              timestamptz,                -- the instant next_position may run; NULL: waits for a to-do, or is over
    expected_at         timestamptz,                -- when the mailbox's limits will let it go, as last computed
    held_reason         text,                       -- a refusal code of phase S; the step waits until held_until
    held_until          timestamptz,
    remaining_delay     interval,                   -- while paused: what was left of the running delay
    last_ran_at         timestamptz,                -- when the step before next_position really ran
    attempts            integer NOT NULL DEFAULT 0, -- tries of next_position so far
    overrides           jsonb NOT NULL DEFAULT '{}',
    token_values        jsonb NOT NULL DEFAULT '{}',
    enrolled_at         timestamptz NOT NULL,
    paused_at           timestamptz,
    ended_at            timestamptz,
    ending              text,                       -- domain.enrollment.Ending, when status is 'ended'
    ending_reason       text,
    ended_by            text,                       -- a user's handle, or 'engine'
    CHECK ((status = 'ended') = (ending IS NOT NULL))
);
-- A contact is in one sequence at a time.
CREATE UNIQUE INDEX enrollments_one_at_a_time ON enrollments (contact_id) WHERE status IN ('active', 'paused');
-- What is due, for a mailbox in a zone (claims) and for a zone (waves).
CREATE INDEX enrollments_due_of_mailbox ON enrollments (mailbox_id, time_zone, due_at, id)
    WHERE status = 'active' AND due_at IS NOT NULL;
CREATE INDEX enrollments_due_in_zone ON enrollments (time_zone, due_at) WHERE status = 'active' AND due_at IS NOT NULL;
CREATE INDEX enrollments_of_contact ON enrollments (contact_id, enrolled_at) WHERE status IN ('finished', 'ended');
CREATE INDEX enrollments_of_batch ON enrollments (batch_id);
-- Not foreign keys: checking six of them one by one takes three times as long as storing an enrollment. Its ids come
-- from the facts of its chunk, read just before; what an enrollment names is not deleted.
CREATE FUNCTION keep_enrolled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g JOIN enrollments e ON e.contact_id = g.id AND e.status IN ('active', 'paused'))
    OR EXISTS (SELECT FROM gone g JOIN enrollments e ON e.contact_id = g.id AND e.status IN ('finished', 'ended')) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a contact that was enrolled cannot be deleted';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_enrolled AFTER DELETE ON contacts
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION keep_enrolled();

CREATE TABLE deliveries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enrollment_id   bigint NOT NULL REFERENCES enrollments,
    position        integer NOT NULL,
    mailbox_id      bigint NOT NULL REFERENCES mailboxes,
    to_address      text NOT NULL,
    from_address    text NOT NULL,
    state           text NOT NULL CHECK (state IN ('claimed', 'in_flight', 'sent', 'deferred', 'rejected', 'unknown')),
    token           uuid NOT NULL,                  -- of the present claim; every transition compares it
    lease_until     timestamptz,                    -- while claimed or in flight
    attempt         integer NOT NULL DEFAULT 1,
    message_id      text NOT NULL,                  -- stable over every try, shorter than 78 characters
    subject         text NOT NULL,
    message         bytea,                          -- the bytes of every try; emptied when no longer needed
    claimed_at      timestamptz NOT NULL,
    in_flight_at    timestamptz,
    ended_at        timestamptz,                    -- of the last try; limits count until ended_at + window
    provider_id     text,
    reply_code      integer,
    reply_status    text,
    reply_text      text NOT NULL DEFAULT '',
    UNIQUE (enrollment_id, position)
) WITH (fillfactor = 70);                           -- room for the two updates of a send on the same page
CREATE INDEX deliveries_of_mailbox ON deliveries (mailbox_id, ended_at);
CREATE INDEX deliveries_open ON deliveries (mailbox_id, lease_until) WHERE state IN ('claimed', 'in_flight');
CREATE INDEX deliveries_by_message ON deliveries (message_id);

CREATE TABLE todos (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enrollment_id   bigint NOT NULL REFERENCES enrollments,
    position        integer NOT NULL,
    user_id         bigint NOT NULL REFERENCES users,
    contact_id      bigint NOT NULL REFERENCES contacts,
    kind            text NOT NULL,
    title           text NOT NULL,
    notes           text NOT NULL DEFAULT '',
    priority        text NOT NULL DEFAULT 'none',
    is_blocking     boolean NOT NULL,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    completed_by    text,
    UNIQUE (enrollment_id, position)
);
CREATE INDEX todos_open ON todos (user_id, created_at) WHERE completed_at IS NULL;

CREATE TABLE refusals (
    batch_id    bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    ordinal     bigint NOT NULL,                    -- of the candidate in the batch, from 1
    contact_id  bigint,                             -- NULL or unknown: CONTACT_NOT_FOUND
    code        text NOT NULL,
    is_reason   boolean NOT NULL,                   -- the first by severity; the rest are the other broken rules
    outcome     text NOT NULL CHECK (outcome IN ('refused', 'held', 'enrolled')),   -- 'enrolled': a warning
    detail      text NOT NULL DEFAULT '',           -- the cause in this case; no addresses
    PRIMARY KEY (batch_id, ordinal, code)
);

CREATE TABLE events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,                    -- reply, bounce, complaint, auto_reply, opt_out, meeting, pause …
    source_id     text UNIQUE,                      -- idempotency
    contact_id    bigint REFERENCES contacts,
    enrollment_id bigint REFERENCES enrollments,
    delivery_id   bigint REFERENCES deliveries,
    at            timestamptz NOT NULL,
    actor         text NOT NULL DEFAULT 'engine',
    data          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_of_enrollment ON events (enrollment_id, at);

CREATE TABLE suppressions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('address', 'domain')),
    value       text NOT NULL,                      -- normalized
    reason      text NOT NULL,
    source      text NOT NULL DEFAULT '',
    until       timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, value)
);
