-- Applied at every start: it creates what is missing and changes nothing.

-- One row a call: (account, task_id, call_id) is its identity. An account without a
-- name is the empty text, since a part of a key cannot be null.
CREATE TABLE IF NOT EXISTS calls (
    account text NOT NULL,
    task_id text NOT NULL,
    call_id text NOT NULL,
    revision bigint NOT NULL, -- 0: the event; else the number of the CallRevised that the row shows
    task_sequence bigint NOT NULL,
    row_id bigint,
    call_times bigint,
    occurred_at timestamptz NOT NULL,
    customer text, -- "comments": your own reference
    intention text,
    intention_description text,
    talk_round bigint,
    hangup_type text,
    duration_ms bigint,
    PRIMARY KEY (account, task_id, call_id)
);
CREATE INDEX IF NOT EXISTS calls_by_customer ON calls (account, customer, occurred_at);

-- The last call of each customer, over all tasks: what a CRM shows.
CREATE TABLE IF NOT EXISTS last_results (
    account text NOT NULL,
    customer text NOT NULL,
    task_id text NOT NULL,
    call_id text NOT NULL,
    revision bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    attempts bigint NOT NULL,
    intention text,
    intention_description text,
    changed_at timestamptz NOT NULL DEFAULT now(), -- when this row last changed: what an export to elsewhere reads by
    PRIMARY KEY (account, customer)
);

-- How far each partition is read, written in the transaction that writes the calls.
-- Whoever is assigned a partition raises its epoch; who holds an older one is fenced.
CREATE TABLE IF NOT EXISTS consumer_offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint, -- null: nothing is read yet
    epoch bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
