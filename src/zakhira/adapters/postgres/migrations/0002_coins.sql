-- The chain as the watcher followed it: facts about blocks and coins of the vaults, appended in the same transaction as
-- their audit entry; the blocks and coins of the present follow from them and are written by nobody's hand.

ALTER TABLE zakhira.audit ADD COLUMN event_count integer NOT NULL DEFAULT 0 CHECK (event_count >= 0);
ALTER TABLE zakhira.audit ADD UNIQUE (sequence, event_count);

CREATE TABLE zakhira.chain_event (
    sequence bigint NOT NULL,
    ordinal integer NOT NULL,
    event_count integer NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'block connected', 'block disconnected', 'coin created', 'coin spent', 'coin unspent', 'coin removed')),
    height integer NOT NULL CHECK (height >= 0),
    block_hash text NOT NULL CHECK (block_hash ~ '^[0-9a-f]{64}$'),
    previous_hash text CHECK (previous_hash ~ '^[0-9a-f]{64}$'),
    outpoint text CHECK (outpoint ~ '^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$'),
    vault text CHECK (vault <> ''),
    branch smallint CHECK (branch IN (0, 1)),
    place integer CHECK (place >= 0),
    amount_sats bigint CHECK (amount_sats BETWEEN 0 AND 2100000000000000),
    script_hex text CHECK (script_hex ~ '^([0-9a-f]{2})+$'),
    is_coinbase boolean,
    spent_by text CHECK (spent_by ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (sequence, ordinal),
    CHECK (ordinal BETWEEN 1 AND event_count),
    CHECK ((kind = 'block connected') = (previous_hash IS NOT NULL)),
    CHECK ((kind LIKE 'coin %') = (outpoint IS NOT NULL)),
    CHECK (num_nonnulls(vault, branch, place, amount_sats, script_hex, is_coinbase)
        = CASE WHEN kind = 'coin created' THEN 6 ELSE 0 END),
    CHECK ((kind = 'coin spent') = (spent_by IS NOT NULL)),
    FOREIGN KEY (sequence, event_count) REFERENCES zakhira.audit (sequence, event_count)
);

CREATE TABLE zakhira.followed_block (
    height integer PRIMARY KEY,
    hash text NOT NULL UNIQUE
);

-- Every output on the followed chain that pays a vault; a spent one stays, for the block that spends it may be lost.
CREATE TABLE zakhira.coin (
    outpoint text COLLATE "C" PRIMARY KEY,
    vault text NOT NULL,
    branch smallint NOT NULL,
    place integer NOT NULL,
    amount_sats bigint NOT NULL,
    script_hex text NOT NULL,
    height integer NOT NULL,
    block_hash text NOT NULL,
    is_coinbase boolean NOT NULL,
    spent_by text,
    spent_height integer,
    spent_hash text,
    CHECK (num_nulls(spent_by, spent_height, spent_hash) IN (0, 3))
);
CREATE INDEX coin_unspent ON zakhira.coin (vault, height, outpoint) INCLUDE (amount_sats, is_coinbase)
    WHERE spent_by IS NULL;
CREATE INDEX coin_by_height ON zakhira.coin (height);
CREATE INDEX coin_by_spent_height ON zakhira.coin (spent_height) WHERE spent_height IS NOT NULL;
CREATE INDEX coin_by_place ON zakhira.coin (vault, branch, place, height, outpoint);

CREATE FUNCTION zakhira.follow_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top record;
    done bigint := 0;
BEGIN
    IF NEW.kind = 'coin created' THEN
        INSERT INTO zakhira.coin
            (outpoint, vault, branch, place, amount_sats, script_hex, height, block_hash, is_coinbase)
            SELECT NEW.outpoint, NEW.vault, NEW.branch, NEW.place, NEW.amount_sats, NEW.script_hex, NEW.height,
                   NEW.block_hash, NEW.is_coinbase
            FROM zakhira.followed_block AS block WHERE block.height = NEW.height AND block.hash = NEW.block_hash
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
    ELSIF NEW.kind = 'coin spent' THEN
        UPDATE zakhira.coin AS held
            SET spent_by = NEW.spent_by, spent_height = NEW.height, spent_hash = NEW.block_hash
            FROM zakhira.followed_block AS block
            WHERE block.height = NEW.height AND block.hash = NEW.block_hash
                AND held.outpoint = NEW.outpoint AND held.spent_by IS NULL AND held.height <= NEW.height;
        GET DIAGNOSTICS done = ROW_COUNT;
    ELSIF NEW.kind = 'coin unspent' THEN
        UPDATE zakhira.coin AS held SET spent_by = NULL, spent_height = NULL, spent_hash = NULL
            WHERE held.outpoint = NEW.outpoint AND held.spent_height = NEW.height AND held.spent_hash = NEW.block_hash;
        GET DIAGNOSTICS done = ROW_COUNT;
    ELSIF NEW.kind = 'coin removed' THEN
        DELETE FROM zakhira.coin AS held
            WHERE held.outpoint = NEW.outpoint AND held.spent_by IS NULL
                AND held.height = NEW.height AND held.block_hash = NEW.block_hash;
        GET DIAGNOSTICS done = ROW_COUNT;
    ELSE
        SELECT block.height, block.hash INTO top FROM zakhira.followed_block AS block
            ORDER BY block.height DESC LIMIT 1;
        IF NEW.kind = 'block connected' AND (
            top.height IS NULL OR (NEW.height = top.height + 1 AND NEW.previous_hash = top.hash))
        THEN
            INSERT INTO zakhira.followed_block (height, hash) VALUES (NEW.height, NEW.block_hash)
                ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS done = ROW_COUNT;
        ELSIF NEW.kind = 'block disconnected' AND NEW.height = top.height AND NEW.block_hash = top.hash
            AND NOT EXISTS (SELECT FROM zakhira.coin AS held WHERE held.height = NEW.height)
            AND NOT EXISTS (SELECT FROM zakhira.coin AS held WHERE held.spent_height = NEW.height)
        THEN
            DELETE FROM zakhira.followed_block AS block WHERE block.height = NEW.height;
            GET DIAGNOSTICS done = ROW_COUNT;
        END IF;
    END IF;
    IF done <> 1 THEN
        RAISE EXCEPTION '% at height % (%) does not follow from what the chain did before',
            NEW.kind, NEW.height, coalesce(NEW.outpoint, NEW.block_hash) USING ERRCODE = 'ZK006';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER follow_chain BEFORE INSERT ON zakhira.chain_event
    FOR EACH ROW EXECUTE FUNCTION zakhira.follow_chain();

DO $$
DECLARE
    name text;
BEGIN
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON zakhira.chain_event
        FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change();
    FOREACH name IN ARRAY ARRAY['followed_block', 'coin'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
        EXECUTE format(
            'CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE OR DELETE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand()', name);
    END LOOP;
END $$;

-- As before, and with the events of the chain counted too.
CREATE OR REPLACE FUNCTION zakhira.require_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    IF (SELECT count(*) FROM zakhira.entry WHERE entry.sequence = NEW.sequence) <> NEW.entry_count
        OR (SELECT count(*) FROM zakhira.record WHERE record.sequence = NEW.sequence) <> NEW.record_count
        OR (SELECT count(*) FROM zakhira.chain_event AS event WHERE event.sequence = NEW.sequence) <> NEW.event_count
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

REVOKE ALL ON FUNCTION zakhira.follow_chain() FROM PUBLIC;
GRANT SELECT ON zakhira.chain_event, zakhira.followed_block, zakhira.coin TO zakhira_app;
GRANT INSERT ON zakhira.chain_event TO zakhira_app;
