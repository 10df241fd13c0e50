-- The books: accounts, entries, postings, lots, records and the audit chain.
-- Whoever may write (the role zakhira_app) owns nothing here: what must never happen is refused by the database itself,
-- at the latest when the transaction commits. The program's own refusals carry SQLSTATEs of class ZK.

CREATE TABLE zakhira.commodity (
    code text PRIMARY KEY,
    decimals smallint NOT NULL CHECK (decimals BETWEEN 0 AND 18)
);
INSERT INTO zakhira.commodity (code, decimals) VALUES ('BTC', 8), ('PKR', 2), ('USD', 2);

CREATE TABLE zakhira.account (
    code text PRIMARY KEY CHECK (code <> ''),
    commodity text NOT NULL REFERENCES zakhira.commodity,
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense')),
    UNIQUE (code, commodity)
);

-- One row per write. The counts say how much the write holds, so that nothing can be added to it later: places are
-- numbered 1 to the count, each place is taken once, and at commit all of them must be taken.
CREATE TABLE zakhira.audit (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    key text NOT NULL UNIQUE CHECK (key <> ''),
    actor text NOT NULL CHECK (actor <> ''),
    action text NOT NULL CHECK (action <> ''),
    at timestamptz NOT NULL,
    content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    previous_hash text NOT NULL UNIQUE CHECK (previous_hash ~ '^[0-9a-f]{64}$'),
    hash text NOT NULL UNIQUE CHECK (hash ~ '^[0-9a-f]{64}$'),
    entry_count integer NOT NULL CHECK (entry_count >= 0),
    record_count integer NOT NULL CHECK (record_count >= 0),
    UNIQUE (sequence, entry_count),
    UNIQUE (sequence, record_count)
);

-- The head of the chain. Locking it puts all writers in one line.
CREATE TABLE zakhira.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL,
    hash text NOT NULL
);
INSERT INTO zakhira.audit_head (sequence, hash) VALUES (0, repeat('0', 64));

CREATE TABLE zakhira.entry (
    sequence bigint NOT NULL,
    ordinal integer NOT NULL,
    entry_count integer NOT NULL,
    posting_count integer NOT NULL CHECK (posting_count >= 2),
    id text NOT NULL UNIQUE CHECK (id <> ''),
    at timestamptz NOT NULL,
    narration text NOT NULL CHECK (narration <> ''),
    evidence text NOT NULL CHECK (evidence <> ''),
    PRIMARY KEY (sequence, ordinal),
    UNIQUE (sequence, ordinal, posting_count),
    CHECK (ordinal BETWEEN 1 AND entry_count),
    FOREIGN KEY (sequence, entry_count) REFERENCES zakhira.audit (sequence, entry_count)
);

CREATE TABLE zakhira.posting (
    sequence bigint NOT NULL,
    entry_ordinal integer NOT NULL,
    ordinal integer NOT NULL,
    posting_count integer NOT NULL,
    account text NOT NULL,
    commodity text NOT NULL,
    units bigint NOT NULL CHECK (units <> 0),
    lot_outpoint text CHECK (lot_outpoint ~ '^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$'),
    lot_source text CHECK (lot_source <> ''),
    PRIMARY KEY (sequence, entry_ordinal, ordinal),
    CHECK (ordinal BETWEEN 1 AND posting_count),
    CONSTRAINT posting_coin_has_lot CHECK (
        (lot_outpoint IS NULL) = (commodity <> 'BTC') AND (lot_source IS NULL) = (commodity <> 'BTC')
    ),
    FOREIGN KEY (sequence, entry_ordinal, posting_count)
        REFERENCES zakhira.entry (sequence, ordinal, posting_count),
    FOREIGN KEY (account, commodity) REFERENCES zakhira.account (code, commodity)
);

-- A document of some kind. The newest version is the one of the latest write.
CREATE TABLE zakhira.record (
    sequence bigint NOT NULL,
    ordinal integer NOT NULL,
    record_count integer NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),
    id text NOT NULL CHECK (id <> ''),
    body jsonb NOT NULL,
    PRIMARY KEY (sequence, ordinal),
    CHECK (ordinal BETWEEN 1 AND record_count),
    FOREIGN KEY (sequence, record_count) REFERENCES zakhira.audit (sequence, record_count)
);
CREATE INDEX record_by_id ON zakhira.record (kind, id, sequence, ordinal);

-- Sums of postings, kept by a trigger. What they say can be computed again from the postings at any time.
CREATE TABLE zakhira.balance (
    account text PRIMARY KEY REFERENCES zakhira.account,
    units bigint NOT NULL CHECK (abs(units::numeric) <= 9223372036854775807)
);

CREATE TABLE zakhira.lot (
    account text NOT NULL REFERENCES zakhira.account,
    outpoint text NOT NULL,
    source text NOT NULL,
    guarded boolean NOT NULL,
    units bigint NOT NULL,
    PRIMARY KEY (account, outpoint)
);

CREATE FUNCTION zakhira.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of zakhira.% is refused: the books are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'ZK001', HINT = 'Correct a mistake by a further entry.';
END $$;

-- Sums and the head follow what is appended; nobody writes them by hand.
CREATE FUNCTION zakhira.refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% of zakhira.% by hand is refused: it follows the postings', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'ZK001';
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['commodity', 'account', 'audit', 'entry', 'posting', 'record'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['audit_head', 'balance', 'lot'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
        EXECUTE format(
            'CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand()', name);
    END LOOP;
END $$;

-- The head, locked until the transaction ends.
CREATE FUNCTION zakhira.lock_head(OUT sequence bigint, OUT hash text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT head.sequence, head.hash FROM zakhira.audit_head AS head FOR UPDATE
$$;

-- An instant as the program writes it: ISO 8601, UTC, microseconds only when there are any.
CREATE FUNCTION zakhira.instant_text(instant timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || CASE WHEN extract(microseconds FROM instant)::bigint % 1000000 = 0 THEN ''
                ELSE to_char(instant AT TIME ZONE 'UTC', '.US') END
        || 'Z'
$$;

-- SHA-256 over the canonical JSON (RFC 8785) of an audit entry without its hash.
CREATE FUNCTION zakhira.audit_hash(entry zakhira.audit) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(
        '{"action":' || to_json((entry).action)::text
        || ',"actor":' || to_json((entry).actor)::text
        || ',"at":"' || zakhira.instant_text((entry).at) || '"'
        || ',"content_hash":"' || (entry).content_hash || '"'
        || ',"key":' || to_json((entry).key)::text
        || ',"previous_hash":"' || (entry).previous_hash || '"'
        || ',"sequence":' || (entry).sequence || '}', 'UTF8')), 'hex')
$$;

CREATE FUNCTION zakhira.extend_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head record;
BEGIN
    SELECT audit_head.sequence, audit_head.hash INTO STRICT head FROM zakhira.audit_head FOR UPDATE;
    IF NEW.sequence <> head.sequence + 1 OR NEW.previous_hash <> head.hash THEN
        RAISE EXCEPTION 'audit entry % does not follow the head %', NEW.sequence, head.sequence
            USING ERRCODE = 'ZK002';
    END IF;
    IF NEW.hash IS DISTINCT FROM zakhira.audit_hash(NEW) THEN
        RAISE EXCEPTION 'the hash of audit entry % is not the hash of its fields', NEW.sequence
            USING ERRCODE = 'ZK002';
    END IF;
    UPDATE zakhira.audit_head SET sequence = NEW.sequence, hash = NEW.hash;
    RETURN NEW;
END $$;
CREATE TRIGGER extend_chain BEFORE INSERT ON zakhira.audit
    FOR EACH ROW EXECUTE FUNCTION zakhira.extend_chain();

-- At commit a write is whole: every place is taken, and each entry balances in each commodity.
CREATE FUNCTION zakhira.require_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    IF (SELECT count(*) FROM zakhira.entry WHERE entry.sequence = NEW.sequence) <> NEW.entry_count
        OR (SELECT count(*) FROM zakhira.record WHERE record.sequence = NEW.sequence) <> NEW.record_count
    THEN
        RAISE EXCEPTION 'write % does not hold what it says', NEW.sequence USING ERRCODE = 'ZK003';
    END IF;
    IF NEW.entry_count = 0 THEN
        RETURN NULL;
    END IF;
    SELECT entry.id INTO bad FROM zakhira.entry
        WHERE entry.sequence = NEW.sequence AND entry.posting_count <> (
            SELECT count(*) FROM zakhira.posting
            WHERE posting.sequence = entry.sequence AND posting.entry_ordinal = entry.ordinal)
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not have all its postings', bad.id USING ERRCODE = 'ZK003';
    END IF;
    SELECT entry.id, posting.commodity, sum(posting.units) AS units INTO bad
        FROM zakhira.posting JOIN zakhira.entry
            ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
        WHERE posting.sequence = NEW.sequence
        GROUP BY entry.id, posting.commodity HAVING sum(posting.units) <> 0
        LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not balance in %: its postings sum to %', bad.id, bad.commodity, bad.units
            USING ERRCODE = 'ZK004';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_whole AFTER INSERT ON zakhira.audit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION zakhira.require_whole();

CREATE FUNCTION zakhira.keep_sums() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO zakhira.balance AS kept (account, units)
        SELECT added.account, sum(added.units)::bigint FROM added GROUP BY added.account
        ON CONFLICT (account) DO UPDATE SET units = kept.units + excluded.units;
    INSERT INTO zakhira.lot AS kept (account, outpoint, source, guarded, units)
        SELECT added.account, added.lot_outpoint,
               (array_agg(added.lot_source ORDER BY added.sequence, added.entry_ordinal, added.ordinal))[1],
               bool_or(account.kind = 'asset'),
               sum(added.units)::bigint
        FROM added JOIN zakhira.account ON account.code = added.account
        WHERE added.lot_outpoint IS NOT NULL
        GROUP BY added.account, added.lot_outpoint
        ON CONFLICT (account, outpoint) DO UPDATE SET units = kept.units + excluded.units;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_sums AFTER INSERT ON zakhira.posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.keep_sums();

-- At commit no lot of an asset account is below zero. Each posting in BTC has a lot, so no such account is either.
CREATE FUNCTION zakhira.require_covered() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held bigint;
BEGIN
    SELECT lot.units INTO STRICT held FROM zakhira.lot
        WHERE lot.account = NEW.account AND lot.outpoint = NEW.outpoint;
    IF held < 0 THEN
        RAISE EXCEPTION 'lot % of % would be at % sat', NEW.outpoint, NEW.account, held USING ERRCODE = 'ZK005';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_covered AFTER INSERT OR UPDATE ON zakhira.lot
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.guarded AND NEW.units < 0) EXECUTE FUNCTION zakhira.require_covered();

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA zakhira FROM PUBLIC;
GRANT USAGE ON SCHEMA zakhira TO zakhira_app;
GRANT SELECT ON ALL TABLES IN SCHEMA zakhira TO zakhira_app;
GRANT INSERT ON zakhira.account, zakhira.audit, zakhira.entry, zakhira.posting, zakhira.record TO zakhira_app;
GRANT EXECUTE ON FUNCTION zakhira.lock_head() TO zakhira_app;
