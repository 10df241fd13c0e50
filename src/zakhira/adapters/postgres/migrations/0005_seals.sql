-- Writers no longer stand in one line: a write commits with the hash of its header (its leaf), and sealing chains what is
-- committed afterwards. The chain that was made in one line is verified, kept, and carried over into seals.

-- What was chained before is sound, or this migration stops.
DO $$
DECLARE
    one zakhira.audit;
    head record;
    due bigint := 0;
    before text := repeat('0', 64);
BEGIN
    FOR one IN SELECT * FROM zakhira.audit ORDER BY audit.sequence LOOP
        due := due + 1;
        IF one.sequence <> due OR one.previous_hash <> before OR one.hash <> zakhira.audit_hash(one) THEN
            RAISE EXCEPTION 'the audit chain is broken at entry % (%)', one.sequence, one.key USING ERRCODE = 'ZK002';
        END IF;
        before := one.hash;
    END LOOP;
    SELECT audit_head.sequence, audit_head.hash INTO STRICT head FROM zakhira.audit_head;
    IF head.sequence <> due OR head.hash <> before THEN
        RAISE EXCEPTION 'the audit chain ends at entry %, its head is at %', due, head.sequence USING ERRCODE = 'ZK002';
    END IF;
END $$;

-- The chain as it was, for whoever holds a hash of it.
CREATE TABLE zakhira.earlier_link (
    sequence bigint PRIMARY KEY REFERENCES zakhira.audit,
    previous_hash text NOT NULL,
    hash text NOT NULL
);
INSERT INTO zakhira.earlier_link SELECT audit.sequence, audit.previous_hash, audit.hash FROM zakhira.audit;

DROP TABLE zakhira.audit_head;
DROP TRIGGER extend_chain ON zakhira.audit;
DROP FUNCTION zakhira.extend_chain();
DROP FUNCTION zakhira.lock_head();
DROP FUNCTION zakhira.audit_hash(zakhira.audit);
ALTER TABLE zakhira.audit DROP COLUMN previous_hash, DROP COLUMN hash;
ALTER TABLE zakhira.audit ADD COLUMN leaf_hash text CHECK (leaf_hash ~ '^[0-9a-f]{64}$');
-- By the database's clock, for how long a write waits for its seal; NULL for what was written before.
ALTER TABLE zakhira.audit ADD COLUMN written_at timestamptz;

-- SHA-256 over the canonical JSON (RFC 8785) of the header of a write.
CREATE FUNCTION zakhira.leaf_hash(entry zakhira.audit) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(
        '{"action":' || to_json((entry).action)::text
        || ',"actor":' || to_json((entry).actor)::text
        || ',"at":"' || zakhira.instant_text((entry).at) || '"'
        || ',"content_hash":"' || (entry).content_hash || '"'
        || ',"key":' || to_json((entry).key)::text || '}', 'UTF8')), 'hex')
$$;

-- The hash that an entry had in the earlier chain.
CREATE FUNCTION zakhira.earlier_hash(entry zakhira.audit, previous_hash text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(
        '{"action":' || to_json((entry).action)::text
        || ',"actor":' || to_json((entry).actor)::text
        || ',"at":"' || zakhira.instant_text((entry).at) || '"'
        || ',"content_hash":"' || (entry).content_hash || '"'
        || ',"key":' || to_json((entry).key)::text
        || ',"previous_hash":"' || previous_hash || '"'
        || ',"sequence":' || (entry).sequence || '}', 'UTF8')), 'hex')
$$;

-- The numbers of writes where the earlier chain does not hold any more.
CREATE FUNCTION zakhira.earlier_breaks() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT link.sequence FROM (
        SELECT earlier.sequence, earlier.hash, earlier.previous_hash,
               zakhira.earlier_hash(audit, earlier.previous_hash) AS due_hash,
               lag(earlier.hash, 1, repeat('0', 64)) OVER (ORDER BY earlier.sequence) AS due_previous
        FROM zakhira.earlier_link AS earlier LEFT JOIN zakhira.audit ON audit.sequence = earlier.sequence
    ) AS link
    WHERE link.hash IS DISTINCT FROM link.due_hash OR link.previous_hash <> link.due_previous
    ORDER BY link.sequence
$$;

ALTER TABLE zakhira.audit DISABLE TRIGGER append_only;
UPDATE zakhira.audit SET leaf_hash = zakhira.leaf_hash(audit);
ALTER TABLE zakhira.audit ENABLE TRIGGER append_only;
ALTER TABLE zakhira.audit ALTER COLUMN leaf_hash SET NOT NULL;

-- Numbers are drawn by the insert itself, in its own transaction: nobody chooses one, and none is used later.
CREATE SEQUENCE zakhira.write_number;
SELECT setval('zakhira.write_number', greatest(max(audit.sequence), 1), count(*) > 0) FROM zakhira.audit;

CREATE FUNCTION zakhira.begin_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.leaf_hash IS DISTINCT FROM zakhira.leaf_hash(NEW) THEN
        RAISE EXCEPTION 'the leaf hash of write % is not the hash of its header', NEW.key USING ERRCODE = 'ZK002';
    END IF;
    -- The transaction has its id before the number is drawn: seal() concludes from ids which numbers are still open.
    PERFORM pg_current_xact_id();
    NEW.sequence := nextval('zakhira.write_number');
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER begin_write BEFORE INSERT ON zakhira.audit
    FOR EACH ROW EXECUTE FUNCTION zakhira.begin_write();

-- The chain: hash = SHA-256 over the bytes of previous_hash and of the leaf hash.
CREATE TABLE zakhira.seal (
    position bigint PRIMARY KEY CHECK (position > 0),
    -- No foreign key, which would lock each audit row: extend_chain() looks whether the write is there.
    sequence bigint NOT NULL UNIQUE,
    previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE zakhira.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO zakhira.audit_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Where sealing looks for writes: everything up to number done_through is sealed or was rolled back. The numbers up to
-- open_through were drawn by transactions with ids below open_until: when all of those have ended, that is settled too.
CREATE TABLE zakhira.sealing (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    done_through bigint NOT NULL DEFAULT 0,
    open_through bigint NOT NULL DEFAULT 0,
    open_until xid8 NOT NULL DEFAULT '0'
);
INSERT INTO zakhira.sealing DEFAULT VALUES;

CREATE VIEW zakhira.unsealed AS
    SELECT audit.sequence, audit.leaf_hash, audit.written_at FROM zakhira.audit
    WHERE audit.sequence > (SELECT sealing.done_through FROM zakhira.sealing)
        AND NOT EXISTS (SELECT FROM zakhira.seal WHERE seal.sequence = audit.sequence);

-- Whoever writes seals, only the next links fit.
CREATE FUNCTION zakhira.extend_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head record;
    bad record;
BEGIN
    SELECT audit_head.position, audit_head.hash INTO STRICT head FROM zakhira.audit_head FOR UPDATE;
    SELECT linked.position INTO bad FROM (
        SELECT added.position, added.previous_hash, added.hash, audit.leaf_hash,
               row_number() OVER links AS place, lag(added.hash) OVER links AS before
        FROM added LEFT JOIN zakhira.audit ON audit.sequence = added.sequence
        WINDOW links AS (ORDER BY added.position)
    ) AS linked
    WHERE linked.position <> head.position + linked.place
        OR linked.previous_hash <> coalesce(linked.before, head.hash)
        OR linked.hash IS DISTINCT FROM sha256(linked.previous_hash || decode(linked.leaf_hash, 'hex'))
    ORDER BY linked.position LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'seal % does not follow the head %', bad.position, head.position USING ERRCODE = 'ZK002';
    END IF;
    UPDATE zakhira.audit_head SET position = added.position, hash = added.hash
        FROM added WHERE added.position = (SELECT max(added.position) FROM added);
    RETURN NULL;
END $$;
CREATE TRIGGER extend_chain AFTER INSERT ON zakhira.seal
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.extend_chain();

-- Chain what is committed and not sealed yet, by number, and say how many writes that were; at most `most` in one turn.
-- One turn at a time. A write that commits late with a small number is chained by a later turn; nobody waits for it.
CREATE FUNCTION zakhira.seal(most integer DEFAULT 20000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    drawn bigint;
    is_first boolean := pg_current_xact_id_if_assigned() IS NULL;
    oldest_open xid8;
    state zakhira.sealing;
    head zakhira.audit_head;
    one record;
    link bytea;
    numbers bigint[] := '{}';
    links bytea[] := '{}';
    found bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(2053861741);
    -- The order of these statements matters: first the numbers drawn, then our own id, which is behind all of theirs.
    SELECT CASE WHEN write_number.is_called THEN write_number.last_value ELSE 0 END INTO STRICT drawn
        FROM zakhira.write_number;
    IF NOT EXISTS (SELECT FROM zakhira.unsealed) THEN
        RETURN 0;
    END IF;
    SELECT * INTO STRICT head FROM zakhira.audit_head FOR UPDATE;
    SELECT * INTO STRICT state FROM zakhira.sealing FOR UPDATE;
    oldest_open := pg_snapshot_xmin(pg_current_snapshot());
    link := head.hash;
    FOR one IN
        SELECT unsealed.sequence, unsealed.leaf_hash FROM zakhira.unsealed ORDER BY unsealed.sequence LIMIT most
    LOOP
        link := sha256(link || decode(one.leaf_hash, 'hex'));
        found := found + 1;
        numbers[found] := one.sequence;
        links[found] := link;
    END LOOP;
    IF found > 0 THEN
        INSERT INTO zakhira.seal (position, sequence, previous_hash, hash)
            SELECT head.position + given.place, given.number, lag(given.link, 1, head.hash) OVER (ORDER BY given.place),
                   given.link
            FROM unnest(numbers, links) WITH ORDINALITY AS given (number, link, place);
    END IF;
    -- Ids behind our own are those of another server, from which this database was restored.
    IF is_first AND found < most AND (state.open_until <= oldest_open OR state.open_until > pg_current_xact_id()) THEN
        UPDATE zakhira.sealing SET
            done_through = CASE WHEN state.open_until <= oldest_open THEN state.open_through ELSE state.done_through END,
            open_through = drawn, open_until = pg_current_xact_id()
            WHERE drawn > state.open_through;
    END IF;
    RETURN found;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['seal', 'earlier_link'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit_head', 'sealing'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
    END LOOP;
    CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE ON zakhira.audit_head
        FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand();
END $$;

-- What was chained before is sealed in the same order.
DO $$
BEGIN
    WHILE zakhira.seal() > 0 LOOP END LOOP;
END $$;

-- Sums. A lot is touched in the order of numbers, so that no write spends what a later number brings. Rows are locked in
-- one order.
ALTER TABLE zakhira.lot ADD COLUMN last_sequence bigint NOT NULL DEFAULT 0;
CREATE OR REPLACE FUNCTION zakhira.keep_sums() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due bigint;
    done bigint;
BEGIN
    INSERT INTO zakhira.balance AS kept (account, units)
        SELECT added.account, sum(added.units)::bigint FROM added GROUP BY added.account ORDER BY added.account
        ON CONFLICT (account) DO UPDATE SET units = kept.units + excluded.units;
    SELECT count(*) INTO due FROM (
        SELECT DISTINCT added.account, added.lot_outpoint FROM added WHERE added.lot_outpoint IS NOT NULL) AS lots;
    INSERT INTO zakhira.lot AS kept (account, outpoint, source, guarded, units, last_sequence)
        SELECT added.account, added.lot_outpoint,
               (array_agg(added.lot_source ORDER BY added.sequence, added.entry_ordinal, added.ordinal))[1],
               bool_or(account.kind = 'asset'),
               sum(added.units)::bigint,
               max(added.sequence)
        FROM added JOIN zakhira.account ON account.code = added.account
        WHERE added.lot_outpoint IS NOT NULL
        GROUP BY added.account, added.lot_outpoint
        ORDER BY added.account, added.lot_outpoint
        ON CONFLICT (account, outpoint) DO UPDATE
            SET units = kept.units + excluded.units, last_sequence = excluded.last_sequence
            WHERE kept.last_sequence <= excluded.last_sequence;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> due THEN
        RAISE EXCEPTION 'a later write was faster at a lot' USING ERRCODE = 'ZK007';
    END IF;
    RETURN NULL;
END $$;

-- Facts of the chain stay in one line, and in the order of numbers: each follows from what the chain did before.
CREATE FUNCTION zakhira.stand_in_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(2053861742);
    RETURN NULL;
END $$;
CREATE TRIGGER a_stand_in_line BEFORE INSERT ON zakhira.chain_event
    FOR EACH STATEMENT EXECUTE FUNCTION zakhira.stand_in_line();

CREATE FUNCTION zakhira.keep_order() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT min(added.sequence) FROM added) < (SELECT max(event.sequence) FROM zakhira.chain_event AS event) THEN
        RAISE EXCEPTION 'a later write was faster at the chain' USING ERRCODE = 'ZK007';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_order AFTER INSERT ON zakhira.chain_event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.keep_order();

REVOKE ALL ON FUNCTION zakhira.leaf_hash(zakhira.audit), zakhira.earlier_hash(zakhira.audit, text),
    zakhira.earlier_breaks(), zakhira.begin_write(), zakhira.extend_chain(), zakhira.seal(integer), zakhira.stand_in_line(), zakhira.keep_order()
    FROM PUBLIC;
GRANT SELECT ON zakhira.seal, zakhira.audit_head, zakhira.sealing, zakhira.unsealed, zakhira.earlier_link
    TO zakhira_app;
GRANT SELECT ON SEQUENCE zakhira.write_number TO zakhira_app;
GRANT EXECUTE ON FUNCTION zakhira.seal(integer), zakhira.earlier_breaks() TO zakhira_app;
