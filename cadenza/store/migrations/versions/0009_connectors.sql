-- What comes in from other systems: all contacts of a connector, and its lists, each onto a static list here.

CREATE TABLE connector_feeds (
    connector   text NOT NULL,                      -- as cadenza.toml names it
    list_name   text NOT NULL,                      -- of the static list here
    remote_list text,                               -- of the list over there; NULL: all contacts
    is_whole    boolean NOT NULL,                   -- this pass reads everything: who does not come is taken off
    cursor      text,                               -- of the connector: behind what was imported last; NULL: nothing yet
    began_at    timestamptz NOT NULL,               -- this pass
    ended_at    timestamptz,                        -- NULL: under way
    counts      jsonb NOT NULL DEFAULT '{}',        -- of this pass: {"rows":, "imported":, "merged":, "rejected":, "removed":}
    PRIMARY KEY (connector, list_name)
);
