-- What the API needs: keys, and answers to requests that may come again.

CREATE TABLE api_keys (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,                     -- what it is for
    hash         bytea NOT NULL,                    -- SHA-256 of the whole key, which is random and long
    scopes       text[] NOT NULL,                   -- domain.access.Scope
    user_id      bigint REFERENCES users,           -- whom it acts for; NULL: each request says so
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,                       -- to the minute
    revoked_at   timestamptz,
    revoked_by   text
);

-- Answers to requests with an Idempotency-Key: the same request gets the same answer.
CREATE TABLE api_answers (
    key_id          bigint NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,                 -- of path and body
    status          integer,                        -- NULL: still being worked on
    body            jsonb,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX api_answers_by_age ON api_answers (created_at);
