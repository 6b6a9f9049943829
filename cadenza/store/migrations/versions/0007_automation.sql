-- Rules that enroll and unenroll contacts by themselves, what they listen to, and what each of them did.

CREATE TABLE automation_rules (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence_id     bigint NOT NULL REFERENCES sequences ON DELETE CASCADE,
    name            text NOT NULL,
    definition      jsonb NOT NULL,                 -- domain.automation.Rule.as_definition(); below: what is matched by
    trigger         text NOT NULL,                  -- domain.automation.TriggerKind
    names           text[] NOT NULL,                -- forms, lists, properties, events; empty: any
    patterns        text[] NOT NULL,                -- of pages, for LIKE
    from_value      text,
    to_value        text,
    action          text NOT NULL CHECK (action IN ('enroll', 'unenroll')),
    delay           interval NOT NULL,
    is_repeating    boolean NOT NULL,
    sender          text,                           -- a user's handle, or NULL: the contact's property says it
    sender_property text,
    fallback_sender text,
    is_from_file    boolean NOT NULL,               -- loading the sequence's file replaces it
    is_on           boolean NOT NULL,
    on_since        timestamptz,                    -- what came before does not count
    removed_at      timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (sequence_id, name)
);

CREATE TABLE signals (                              -- what a contact or a visitor did
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,                      -- domain.automation.TriggerKind
    source_id   text UNIQUE,                        -- idempotency; NULL: noticed by ourselves, once
    name        text NOT NULL,                      -- of the form, list, property or event; a page's normalized URL
    visitor     text,                               -- a browser's id, of a page that may know it
    address     text,                               -- normalized; emptied when the contact is known
    contact_id  bigint,                             -- NULL: an unknown visitor
    data        jsonb NOT NULL DEFAULT '{}',        -- {"fields":} of a form; {"from":, "to":} of a property
    at          timestamptz NOT NULL,               -- as the sender says
    received_at timestamptz NOT NULL,
    taken_at    timestamptz                         -- rules have looked at it
);
CREATE INDEX signals_new ON signals (id) WHERE taken_at IS NULL;
CREATE INDEX signals_of_unknown ON signals (visitor) WHERE contact_id IS NULL AND visitor IS NOT NULL;
CREATE INDEX signals_by_age ON signals (received_at);

CREATE TABLE visitors (                             -- which contact a browser's id belongs to
    visitor     text PRIMARY KEY,
    contact_id  bigint NOT NULL REFERENCES contacts ON DELETE CASCADE,
    tied_at     timestamptz NOT NULL
);
CREATE INDEX visitors_of_contact ON visitors (contact_id);

CREATE TABLE automation_firings (                   -- what a rule does about a signal
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id     bigint NOT NULL REFERENCES automation_rules ON DELETE CASCADE,
    signal_id   bigint NOT NULL,                    -- of signals, which are forgotten some day
    contact_id  bigint NOT NULL,
    fired_at    timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'enrolled', 'refused', 'cancelled', 'unenrolled')),
    code        text,                               -- why, of domain.refusals
    batch_id    bigint,                             -- which judged it
    settled_at  timestamptz,
    UNIQUE (rule_id, signal_id),
    CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX automation_firings_due ON automation_firings (due_at) WHERE state = 'waiting';
CREATE INDEX automation_firings_of_contact ON automation_firings (contact_id, rule_id);

-- Lists and properties that rules ask about, as they were when last looked at.
CREATE TABLE watches (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL CHECK (kind IN ('list', 'property')),
    name    text NOT NULL,
    seen    bigint,                                 -- changes to the tables, as counted when last looked at
    UNIQUE (kind, name)
);
CREATE TABLE watched (
    watch_id    bigint NOT NULL REFERENCES watches ON DELETE CASCADE,
    contact_id  bigint NOT NULL,
    value       text NOT NULL,                      -- of the property; empty for a list
    PRIMARY KEY (watch_id, contact_id)
);

-- How far the events of Prefect were read.
CREATE TABLE event_marks (
    name    text PRIMARY KEY,
    read_to timestamptz NOT NULL
);
