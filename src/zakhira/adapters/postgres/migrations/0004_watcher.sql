-- What the watchtower may read: what officers signed, and the coordinator's sign of life. Nothing else.

-- One row, written over: a sign of life is no entry of the books and must not swell them.
CREATE TABLE zakhira.heartbeat (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    at timestamptz NOT NULL,
    height integer NOT NULL CHECK (height >= 0),
    block_hash text NOT NULL CHECK (block_hash ~ '^[0-9a-f]{64}$')
);

CREATE FUNCTION zakhira.beat(height integer, block_hash text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO zakhira.heartbeat AS kept (at, height, block_hash) VALUES (clock_timestamp(), $1, $2)
        ON CONFLICT (is_one) DO UPDATE
        SET at = excluded.at, height = excluded.height, block_hash = excluded.block_hash
$$;

-- Each step of a spend, as far as it was signed; the newest step of an id counts.
CREATE VIEW zakhira.watched_spend AS
    SELECT record.id, record.sequence, record.ordinal, jsonb_build_object(
        'instruction', record.body -> 'instruction',
        'proposal_signature', record.body -> 'proposal_signature',
        'approvals', record.body -> 'approvals',
        'vetoes', CASE WHEN jsonb_typeof(record.body -> 'rejection') = 'object'
            THEN jsonb_build_array(record.body -> 'rejection') ELSE '[]'::jsonb END,
        'execution', record.body -> 'execution') AS signed
    FROM zakhira.record WHERE record.kind = 'treasury spend';

CREATE VIEW zakhira.watched_act AS
    SELECT record.id, record.sequence, record.ordinal, record.body AS signed
    FROM zakhira.record WHERE record.kind = 'authority act';

CREATE VIEW zakhira.watched_heartbeat AS
    SELECT heartbeat.at, heartbeat.height, heartbeat.block_hash FROM zakhira.heartbeat;

REVOKE ALL ON FUNCTION zakhira.beat(integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zakhira.beat(integer, text) TO zakhira_app;
GRANT SELECT ON zakhira.heartbeat TO zakhira_app;
GRANT USAGE ON SCHEMA zakhira TO zakhira_watcher;
GRANT SELECT ON zakhira.watched_spend, zakhira.watched_act, zakhira.watched_heartbeat TO zakhira_watcher;
