-- What stands behind the claims in coin: coins of the followed chain, as one row that whoever raises claims or lowers
-- backing locks. It follows from facts of the chain (the watcher's alone), from records and from postings.

-- How deep a coin must lie before it is proven: confirmations[i] from amounts_sats[i] on. Until the watcher says it, six,
-- and a hundred for a coinbase. It stays the row of the newest record of kind 'proof depth'.
CREATE TABLE zakhira.proof_depth (
    commodity text PRIMARY KEY REFERENCES zakhira.backing,
    amounts_sats bigint[] NOT NULL,
    confirmations integer[] NOT NULL,
    coinbase_confirmations integer NOT NULL CHECK (coinbase_confirmations >= 1),
    sequence bigint NOT NULL,
    tip_height integer, -- of the followed chain when this began to hold
    CHECK (cardinality(amounts_sats) >= 1 AND cardinality(amounts_sats) = cardinality(confirmations)),
    CHECK (amounts_sats[1] = 0 AND 1 <= ALL (confirmations))
);
INSERT INTO zakhira.proof_depth (commodity, amounts_sats, confirmations, coinbase_confirmations, sequence)
    VALUES ('BTC', '{0}', '{6}', 100, 0);

-- Whether a paper says where a coin is from. One of unknown origin is judged, too: what it holds is in suspense.
CREATE TABLE zakhira.coin_origin (
    outpoint text COLLATE "C" PRIMARY KEY,
    is_judged boolean NOT NULL, -- false again once it was lost
    hold_until date,
    sequence bigint NOT NULL
);

-- Transactions that a spend of ours may send.
CREATE TABLE zakhira.own_transaction (
    txid text COLLATE "C" PRIMARY KEY,
    spend text NOT NULL,
    hold_until date,
    sequence bigint NOT NULL
);
CREATE INDEX own_transaction_of_spend ON zakhira.own_transaction (spend);

-- What allowed spends take out of the vaults, fee included; `spent_height` once a transaction of theirs is on the
-- followed chain, where the coins themselves tell.
CREATE TABLE zakhira.outgoing (
    spend text PRIMARY KEY,
    units bigint NOT NULL CHECK (units >= 0),
    is_ended boolean NOT NULL,
    spent_height integer,
    sequence bigint NOT NULL
);
CREATE INDEX outgoing_now ON zakhira.outgoing (spend) INCLUDE (units) WHERE NOT is_ended AND spent_height IS NULL;
CREATE INDEX outgoing_by_height ON zakhira.outgoing (spent_height) WHERE spent_height IS NOT NULL;

CREATE TABLE zakhira.encumbrance (
    id text PRIMARY KEY,
    commodity text NOT NULL REFERENCES zakhira.backing,
    units bigint NOT NULL CHECK (units > 0),
    because text NOT NULL CHECK (because <> ''),
    is_released boolean NOT NULL,
    sequence bigint NOT NULL
);

-- Each time that the world left claims above what stands behind them, and that they were covered again (by_units 0).
CREATE TABLE zakhira.deficit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commodity text NOT NULL REFERENCES zakhira.backing,
    sequence bigint NOT NULL, -- the write that did it
    at timestamptz NOT NULL,
    claims_units bigint NOT NULL,
    available_units bigint NOT NULL,
    demand_units bigint NOT NULL,
    on_demand_units bigint NOT NULL, -- available to claims that are payable on demand
    by_units bigint NOT NULL CHECK (by_units >= 0)
);
CREATE INDEX deficit_of_commodity ON zakhira.deficit (commodity, number);

-- Once a coin was deep enough it stays proven for as long as its block is on the followed chain: a reorganisation above
-- it takes confirmations away for a moment, and takes nothing of ours.
ALTER TABLE zakhira.coin
    ADD COLUMN is_proven boolean NOT NULL DEFAULT false,
    -- What its paper says, as in coin_origin: a hundred thousand coins are added up without looking at their papers.
    ADD COLUMN is_judged boolean NOT NULL DEFAULT false,
    ADD COLUMN hold_until date;
CREATE INDEX coin_unproven ON zakhira.coin (height) WHERE NOT is_proven;
CREATE INDEX coin_by_spender ON zakhira.coin (spent_by) WHERE spent_by IS NOT NULL;

ALTER TABLE zakhira.backing
    ADD COLUMN proven_units bigint NOT NULL DEFAULT 0, -- unspent and deep enough
    ADD COLUMN unjudged_units bigint NOT NULL DEFAULT 0, -- of these, those that nobody has judged yet
    ADD COLUMN own_change_units bigint NOT NULL DEFAULT 0, -- what our own spends made for us and is not deep enough yet
    ADD COLUMN encumbered_units bigint NOT NULL DEFAULT 0,
    ADD COLUMN held_units bigint NOT NULL DEFAULT 0, -- of proven and own change: under a hold
    ADD COLUMN outgoing_units bigint NOT NULL DEFAULT 0,
    ADD COLUMN is_halted boolean NOT NULL DEFAULT false,
    ADD COLUMN is_by_world boolean NOT NULL DEFAULT true, -- who changed what stands behind the claims last
    ADD COLUMN counted_at timestamptz NOT NULL DEFAULT now();

-- A claim below zero would hide another: what is owed to one is not made less by what somebody else overdrew.
ALTER TABLE zakhira.account ADD CONSTRAINT account_claim_is_never_below_zero
    CHECK (claim = '' OR NOT is_overdraft_allowed);
CREATE FUNCTION zakhira.refuse_negative_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM zakhira.account WHERE account.code = NEW.id AND account.claim <> '') THEN
        RAISE EXCEPTION '% is a claim in coin: it is never below zero', NEW.id
            USING ERRCODE = 'ZK013', CONSTRAINT = 'account_claim_is_never_below_zero';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_negative_claim AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'account' AND NEW.body ->> 'overdraft' = 'allowed')
    EXECUTE FUNCTION zakhira.refuse_negative_claim();

-- What may stand behind any claim, and by how much claims are above it, and claims on demand above what may stand behind
-- these; below 0 there is room. Where nothing is owed nothing is above.
CREATE FUNCTION zakhira.available(one zakhira.backing) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN (one).proven_units + (one).own_change_units - (one).suspense_units - (one).unjudged_units
    - (one).encumbered_units - (one).outgoing_units;
CREATE FUNCTION zakhira.gap(one zakhira.backing) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN (one).demand_units + (one).term_units = 0 THEN least(-zakhira.available(one), 0)
            ELSE (one).demand_units + (one).term_units - zakhira.available(one) END;
CREATE FUNCTION zakhira.gap_on_demand(one zakhira.backing) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN (one).demand_units = 0 THEN least((one).held_units - zakhira.available(one), 0)
            ELSE (one).demand_units + (one).held_units - zakhira.available(one) END;

CREATE FUNCTION zakhira.confirmations_needed(rule zakhira.proof_depth, amount_sats bigint, is_coinbase boolean)
RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest((rule).confirmations[width_bucket(amount_sats, (rule).amounts_sats)],
                    CASE WHEN is_coinbase THEN (rule).coinbase_confirmations ELSE 0 END)
$$;

-- What is pledged, and what is on its way out.
CREATE FUNCTION zakhira.committed_parts(OUT encumbered bigint, OUT outgoing bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT coalesce(sum(one.units), 0)::bigint FROM zakhira.encumbrance AS one
            WHERE one.commodity = 'BTC' AND NOT one.is_released),
           (SELECT coalesce(sum(one.units), 0)::bigint FROM zakhira.outgoing AS one
            WHERE NOT one.is_ended AND one.spent_height IS NULL)
$$;

-- The parts of the row that follow from coins, papers, spends and encumbrances, added up anew; a hold until `today` is
-- over.
CREATE FUNCTION zakhira.backing_parts(
    today date, OUT proven bigint, OUT unjudged bigint, OUT own_change bigint, OUT encumbered bigint, OUT held bigint,
    OUT outgoing bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made record;
BEGIN
    SELECT coalesce(sum(coin.amount_sats), 0), coalesce(sum(coin.amount_sats) FILTER (WHERE NOT coin.is_judged), 0),
           coalesce(sum(coin.amount_sats) FILTER (WHERE coin.is_judged AND coin.hold_until > today), 0)
        INTO proven, unjudged, held
        FROM zakhira.coin WHERE coin.spent_by IS NULL AND coin.is_proven;
    IF unjudged > 0 THEN
        -- What a transaction of ours makes is known before its paper is written, if it took coins of ours.
        SELECT coalesce(sum(coin.amount_sats), 0) AS units,
               coalesce(sum(coin.amount_sats) FILTER (
                   WHERE greatest(ours.hold_until, taken.hold_until) > today), 0) AS held
            INTO made
            FROM zakhira.coin JOIN zakhira.own_transaction AS ours ON ours.txid = left(coin.outpoint, 64)
            CROSS JOIN LATERAL (
                SELECT count(*) AS number, max(one.hold_until) AS hold_until FROM zakhira.coin AS one
                WHERE one.spent_by = ours.txid
            ) AS taken
            WHERE coin.spent_by IS NULL AND coin.is_proven AND NOT coin.is_judged AND taken.number > 0;
        unjudged := unjudged - made.units;
        held := held + made.held;
    END IF;
    -- A transaction that is called ours counts for at most what it took of our coins that counted themselves, and is held
    -- for as long as any of these.
    SELECT coalesce(sum(least(fresh.units, taken.units)), 0) AS units,
           coalesce(sum(least(fresh.units, taken.units)) FILTER (
               WHERE greatest(fresh.hold_until, taken.hold_until) > today), 0) AS held
        INTO made
        FROM (
            SELECT ours.txid, ours.hold_until, sum(coin.amount_sats) AS units
            FROM zakhira.coin JOIN zakhira.own_transaction AS ours ON ours.txid = left(coin.outpoint, 64)
            WHERE coin.spent_by IS NULL AND NOT coin.is_proven GROUP BY ours.txid, ours.hold_until
        ) AS fresh
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(coin.amount_sats), 0) AS units, max(coin.hold_until) AS hold_until FROM zakhira.coin
            WHERE coin.spent_by = fresh.txid AND (coin.is_proven OR EXISTS (
                SELECT FROM zakhira.own_transaction AS before WHERE before.txid = left(coin.outpoint, 64)))
        ) AS taken;
    own_change := made.units;
    held := held + made.held;
    SELECT committed.encumbered, committed.outgoing INTO encumbered, outgoing FROM zakhira.committed_parts() AS committed;
END $$;

-- The row is written each time, also when nothing changes: who read an older state of what it follows from must lose.
CREATE FUNCTION zakhira.count_backing(is_by_world boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE zakhira.backing SET
        proven_units = parts.proven, unjudged_units = parts.unjudged, own_change_units = parts.own_change,
        encumbered_units = parts.encumbered, held_units = parts.held, outgoing_units = parts.outgoing,
        is_by_world = $1, counted_at = clock_timestamp()
        FROM zakhira.backing_parts((clock_timestamp() AT TIME ZONE 'UTC')::date) AS parts WHERE backing.commodity = 'BTC'
$$;

-- The same where no coin and no paper of one changed.
CREATE FUNCTION zakhira.count_committed(is_by_world boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE zakhira.backing SET encumbered_units = parts.encumbered, outgoing_units = parts.outgoing, is_by_world = $1
        FROM zakhira.committed_parts() AS parts WHERE backing.commodity = 'BTC'
$$;

CREATE FUNCTION zakhira.lock_backing() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM zakhira.backing WHERE backing.commodity = 'BTC' FOR UPDATE;
END $$;

-- The height of the block of the followed chain that holds a transaction of the spend, or NULL.
CREATE FUNCTION zakhira.height_of_spend(spend text) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(coin.spent_height) FROM zakhira.own_transaction AS ours
    JOIN zakhira.coin ON coin.spent_by = ours.txid WHERE ours.spend = $1
$$;

-- Mark what lies deep enough at the tip, spent or not: what a coin was before tells how far its change counts.
CREATE FUNCTION zakhira.prove_coins() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE zakhira.coin AS held SET is_proven = true
        FROM zakhira.proof_depth AS rule, (SELECT max(block.height) AS height FROM zakhira.followed_block AS block) AS tip
        WHERE rule.commodity = 'BTC' AND NOT held.is_proven
            AND tip.height - held.height + 1
                >= zakhira.confirmations_needed(rule, held.amount_sats, held.is_coinbase)
$$;

-- Facts of the chain: what they do to the backing is the world's doing, and is never refused.
CREATE FUNCTION zakhira.back_by_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM zakhira.lock_backing();
    UPDATE zakhira.coin AS held SET is_judged = origin.is_judged, hold_until = origin.hold_until
        FROM added JOIN zakhira.coin_origin AS origin ON origin.outpoint = added.outpoint
        WHERE added.kind = 'coin created' AND held.outpoint = added.outpoint;
    PERFORM zakhira.prove_coins();
    UPDATE zakhira.outgoing AS one SET spent_height = found.height
        FROM (SELECT ours.spend, min(added.height) AS height FROM added
              JOIN zakhira.own_transaction AS ours ON ours.txid = added.spent_by
              WHERE added.kind = 'coin spent' GROUP BY ours.spend) AS found
        WHERE one.spend = found.spend;
    UPDATE zakhira.outgoing AS one SET spent_height = zakhira.height_of_spend(one.spend)
        WHERE one.spent_height >= (SELECT min(added.height) FROM added WHERE added.kind = 'coin unspent');
    PERFORM zakhira.count_backing(true);
    RETURN NULL;
END $$;
CREATE TRIGGER z_back_by_chain AFTER INSERT ON zakhira.chain_event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.back_by_chain();

-- Whether the session works as what follows the chain. The setting is what SET ROLE took on, and cannot be forged.
CREATE FUNCTION zakhira.is_watcher() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_has_role(CASE WHEN current_setting('role') = 'none' THEN session_user::text
                            ELSE current_setting('role') END, 'zakhira_watcher', 'USAGE')
$$;

CREATE FUNCTION zakhira.keep_depth(body jsonb, number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT zakhira.is_watcher() THEN
        RAISE EXCEPTION 'how deep a coin must lie is said by what follows the chain' USING ERRCODE = 'ZK020';
    END IF;
    UPDATE zakhira.proof_depth AS kept SET
        amounts_sats = ARRAY(SELECT jsonb_array_elements_text(body -> 'amounts_sats')::bigint),
        confirmations = ARRAY(SELECT jsonb_array_elements_text(body -> 'confirmations')::integer),
        coinbase_confirmations = (body ->> 'coinbase_confirmations')::integer,
        sequence = number, tip_height = (SELECT max(block.height) FROM zakhira.followed_block AS block)
        WHERE kept.commodity = 'BTC';
    UPDATE zakhira.coin SET is_proven = false WHERE coin.is_proven;
    PERFORM zakhira.prove_coins();
END $$;

CREATE FUNCTION zakhira.keep_encumbrance(name text, body jsonb, number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before zakhira.encumbrance;
    wanted bigint := (body ->> 'units')::bigint;
    is_over boolean := (body ->> 'is_released')::boolean;
BEGIN
    SELECT * INTO before FROM zakhira.encumbrance WHERE encumbrance.id = name;
    IF before.id IS NOT NULL AND NOT before.is_released AND (is_over OR wanted < before.units OR is_over IS NULL)
        AND NOT zakhira.is_watcher()
    THEN
        RAISE EXCEPTION 'encumbrance % is lifted by what follows the chain alone', name USING ERRCODE = 'ZK020';
    END IF;
    INSERT INTO zakhira.encumbrance AS kept (id, commodity, units, because, is_released, sequence)
        VALUES (name, body ->> 'commodity', wanted, body ->> 'because', is_over, number)
        ON CONFLICT (id) DO UPDATE SET commodity = excluded.commodity, units = excluded.units,
            because = excluded.because, is_released = excluded.is_released, sequence = excluded.sequence;
END $$;

CREATE FUNCTION zakhira.resume_credits(commodity text, body jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_is zakhira.backing;
    newest bigint;
BEGIN
    IF NOT zakhira.is_watcher() THEN
        RAISE EXCEPTION 'credits are let in again by what follows the chain alone' USING ERRCODE = 'ZK020';
    END IF;
    SELECT * INTO now_is FROM zakhira.backing WHERE backing.commodity = $1;
    IF NOT coalesce(now_is.is_halted, false) THEN
        RAISE EXCEPTION 'credits in % are not halted', $1 USING ERRCODE = 'ZK021';
    END IF;
    IF greatest(zakhira.gap(now_is), zakhira.gap_on_demand(now_is)) > 0 THEN
        RAISE EXCEPTION 'claims in % are still above what stands behind them, by %', $1,
            greatest(zakhira.gap(now_is), zakhira.gap_on_demand(now_is)) USING ERRCODE = 'ZK021';
    END IF;
    SELECT max(deficit.number) INTO newest FROM zakhira.deficit
        WHERE deficit.commodity = $1 AND deficit.by_units > 0;
    IF (body ->> 'deficit')::bigint IS DISTINCT FROM newest OR coalesce(body ->> 'because', '') = '' THEN
        RAISE EXCEPTION 'what was said is about deficit %, and the newest in % is %', body ->> 'deficit', $1, newest
            USING ERRCODE = 'ZK021';
    END IF;
    UPDATE zakhira.backing SET is_halted = false WHERE backing.commodity = $1;
END $$;

-- What a movement takes out of the vaults: what the record says, or in books of earlier versions all that it pays.
CREATE FUNCTION zakhira.leaving_units(body jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (body ->> 'outside_units')::bigint + (body ->> 'fee_units')::bigint,
        (SELECT coalesce(sum((part.told ->> 'units')::bigint), 0)::bigint
         FROM jsonb_array_elements(body -> 'parts') AS part (told)))
$$;

-- The most that a spend took out, fee included, while it was allowed and a transaction of it was named, at the end of a
-- write before this one; NULL if never. For so much, and no more, it may confirm after it had ended.
CREATE FUNCTION zakhira.most_let_out(spend text, before bigint) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(zakhira.leaving_units(version.body)) FROM (
        SELECT judged.body, lead(judged.sequence, 1, $2) OVER (ORDER BY judged.sequence) AS until
        FROM (
            SELECT DISTINCT ON (told.sequence) told.sequence, told.body FROM zakhira.record AS told
            WHERE told.kind = 'movement' AND told.id = $1 AND told.sequence < $2
            ORDER BY told.sequence, told.ordinal DESC
        ) AS judged
    ) AS version
    WHERE version.body ->> 'state' <> 'ended' AND version.body ->> 'action' = 'spend'
        AND version.body ->> 'commodity' = 'BTC' AND EXISTS (
            SELECT FROM zakhira.own_transaction AS ours
            JOIN zakhira.record AS told ON told.kind = 'own transaction' AND told.id = ours.txid COLLATE "default"
            WHERE ours.spend = $1 AND told.body ->> 'spend' = $1 AND told.sequence < version.until)
$$;

-- A transaction is called a spend's before it is on the chain, and keeps its hold.
CREATE FUNCTION zakhira.keep_own_transaction(name text, body jsonb, number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before zakhira.own_transaction;
    wanted date := nullif(body ->> 'hold_until', '')::date;
BEGIN
    SELECT * INTO before FROM zakhira.own_transaction WHERE own_transaction.txid = name COLLATE "C";
    IF (coalesce(wanted, '-infinity') < before.hold_until
        OR (before.spend IS DISTINCT FROM body ->> 'spend'
            AND EXISTS (SELECT FROM zakhira.coin WHERE coin.spent_by = name COLLATE "C")))
        AND NOT zakhira.is_watcher()
    THEN
        RAISE EXCEPTION 'transaction % is on the chain already, or what it makes was held for longer', name
            USING ERRCODE = 'ZK020';
    END IF;
    INSERT INTO zakhira.own_transaction AS kept (txid, spend, hold_until, sequence)
        VALUES (name, body ->> 'spend', wanted, number)
        ON CONFLICT (txid) DO UPDATE SET spend = excluded.spend, hold_until = excluded.hold_until,
            sequence = excluded.sequence
            WHERE kept.sequence <= excluded.sequence;
END $$;

-- Records that the backing follows from. Raising what is lifted or held is our own doing; so is letting a spend go out,
-- but for one that had ended and can confirm again: the chain did that, to that spend and for no more than it was let
-- out for. Our own doing is counted first, by itself, so that it is judged without what the world did.
CREATE FUNCTION zakhira.back_by_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    revived text[];
    is_world boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM added WHERE added.kind IN (
        'coin paper', 'own transaction', 'movement', 'encumbrance', 'proof depth', 'credits resumed'))
    THEN
        RETURN NULL;
    END IF;
    PERFORM zakhira.lock_backing();
    revived := ARRAY(
        SELECT added.id FROM added JOIN zakhira.outgoing AS left_us ON left_us.spend = added.id AND left_us.is_ended
        WHERE added.kind = 'movement' GROUP BY added.id
        HAVING max(zakhira.leaving_units(added.body)) <= zakhira.most_let_out(added.id, min(added.sequence)));
    IF EXISTS (SELECT FROM added WHERE added.kind = 'coin paper') AND NOT zakhira.is_watcher() THEN
        RAISE EXCEPTION 'what a coin is, and until when it is held, is said by what follows the chain alone'
            USING ERRCODE = 'ZK020';
    END IF;
    INSERT INTO zakhira.coin_origin AS kept (outpoint, is_judged, hold_until, sequence)
        SELECT DISTINCT ON (added.id) added.id, (added.body ->> 'state') <> 'lost',
               nullif(added.body ->> 'hold_until', '')::date, added.sequence
        FROM added WHERE added.kind = 'coin paper' ORDER BY added.id, added.sequence DESC, added.ordinal DESC
        ON CONFLICT (outpoint) DO UPDATE SET is_judged = excluded.is_judged, hold_until = excluded.hold_until,
            sequence = excluded.sequence
            WHERE kept.sequence <= excluded.sequence;
    FOR told IN
        SELECT added.kind, added.id, added.body, added.sequence FROM added
        WHERE added.kind IN ('own transaction', 'encumbrance') ORDER BY added.sequence, added.ordinal
    LOOP
        IF told.kind = 'encumbrance' THEN
            PERFORM zakhira.keep_encumbrance(told.id, told.body, told.sequence);
        ELSE
            PERFORM zakhira.keep_own_transaction(told.id, told.body, told.sequence);
        END IF;
    END LOOP;
    UPDATE zakhira.coin AS held SET is_judged = origin.is_judged, hold_until = origin.hold_until
        FROM added JOIN zakhira.coin_origin AS origin ON origin.outpoint = added.id COLLATE "C"
        WHERE added.kind = 'coin paper' AND held.outpoint = origin.outpoint;
    UPDATE zakhira.outgoing AS one SET spent_height = zakhira.height_of_spend(one.spend)
        WHERE one.spend IN (SELECT added.body ->> 'spend' FROM added WHERE added.kind = 'own transaction');
    FOREACH is_world IN ARRAY ARRAY[false, true] LOOP
        CONTINUE WHEN is_world AND revived = '{}'
            AND NOT EXISTS (SELECT FROM added WHERE added.kind = 'proof depth');
        INSERT INTO zakhira.outgoing AS kept (spend, units, is_ended, spent_height, sequence)
            SELECT DISTINCT ON (added.id) added.id, zakhira.leaving_units(added.body), added.body ->> 'state' = 'ended',
                   zakhira.height_of_spend(added.id), added.sequence
            FROM added WHERE added.kind = 'movement' AND added.body ->> 'action' = 'spend'
                AND added.body ->> 'commodity' = 'BTC' AND (added.id = ANY (revived)) = is_world
            ORDER BY added.id, added.sequence DESC, added.ordinal DESC
            ON CONFLICT (spend) DO UPDATE SET units = excluded.units, is_ended = excluded.is_ended,
                spent_height = excluded.spent_height, sequence = excluded.sequence
                WHERE kept.sequence <= excluded.sequence;
        IF is_world THEN
            PERFORM zakhira.keep_depth(added.body, added.sequence) FROM added WHERE added.kind = 'proof depth'
                ORDER BY added.sequence, added.ordinal;
        END IF;
        IF EXISTS (SELECT FROM added WHERE added.kind IN ('coin paper', 'own transaction', 'proof depth')) THEN
            PERFORM zakhira.count_backing(is_world);
        ELSE
            PERFORM zakhira.count_committed(is_world);
        END IF;
    END LOOP;
    PERFORM zakhira.resume_credits(added.id, added.body) FROM added WHERE added.kind = 'credits resumed';
    RETURN NULL;
END $$;

CREATE TRIGGER z_back_by_records AFTER INSERT ON zakhira.record
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.back_by_records();

-- What the books say already.
INSERT INTO zakhira.coin_origin (outpoint, is_judged, hold_until, sequence)
    SELECT DISTINCT ON (record.id) record.id, (record.body ->> 'state') <> 'lost', nullif(record.body ->> 'hold_until', '')::date, record.sequence
    FROM zakhira.record WHERE record.kind = 'coin paper' ORDER BY record.id, record.sequence DESC, record.ordinal DESC;
INSERT INTO zakhira.own_transaction (txid, spend, hold_until, sequence)
    SELECT DISTINCT ON (record.id) record.id, record.body ->> 'spend', nullif(record.body ->> 'hold_until', '')::date,
           record.sequence
    FROM zakhira.record WHERE record.kind = 'own transaction'
    ORDER BY record.id, record.sequence DESC, record.ordinal DESC;
INSERT INTO zakhira.outgoing (spend, units, is_ended, spent_height, sequence)
    SELECT newest.id, zakhira.leaving_units(newest.body), newest.body ->> 'state' = 'ended',
           zakhira.height_of_spend(newest.id), newest.sequence
    FROM (
        SELECT DISTINCT ON (record.id) record.* FROM zakhira.record WHERE record.kind = 'movement'
        ORDER BY record.id, record.sequence DESC, record.ordinal DESC
    ) AS newest WHERE newest.body ->> 'action' = 'spend' AND newest.body ->> 'commodity' = 'BTC';
ALTER TABLE zakhira.coin DISABLE TRIGGER by_trigger_only;
UPDATE zakhira.coin AS held SET is_judged = origin.is_judged, hold_until = origin.hold_until
    FROM zakhira.coin_origin AS origin WHERE origin.outpoint = held.outpoint;
ALTER TABLE zakhira.backing DISABLE TRIGGER by_trigger_only;
SELECT zakhira.prove_coins();
SELECT zakhira.count_backing(true);
ALTER TABLE zakhira.backing ENABLE TRIGGER by_trigger_only;
ALTER TABLE zakhira.coin ENABLE TRIGGER by_trigger_only;

-- Judged when the transaction commits, on the row that it has locked: what it wrote counts as a whole, in whatever order.
-- Each change of the row is looked at: one of ours must not have widened a gap that is there at the end.
CREATE FUNCTION zakhira.judge_backing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_is zakhira.backing;
    gap bigint;
    gap_on_demand bigint;
    is_ours boolean;
    told bigint;
BEGIN
    IF NEW.suspense_units <> OLD.suspense_units AND NOT zakhira.is_watcher() THEN
        RAISE EXCEPTION 'what is in suspense in % is said by what follows the chain alone', NEW.commodity
            USING ERRCODE = 'ZK020';
    END IF;
    SELECT * INTO STRICT now_is FROM zakhira.backing WHERE backing.commodity = NEW.commodity;
    gap := zakhira.gap(now_is);
    gap_on_demand := zakhira.gap_on_demand(now_is);
    is_ours := CASE
        WHEN (NEW.demand_units, NEW.term_units) IS DISTINCT FROM (OLD.demand_units, OLD.term_units) THEN true
        WHEN NEW.suspense_units <> OLD.suspense_units THEN false -- somebody sent coins
        ELSE NOT NEW.is_by_world END;
    IF is_ours AND gap > 0 AND zakhira.gap(NEW) > zakhira.gap(OLD) THEN
        RAISE EXCEPTION 'claims of % in % would stand above the % that stand behind them, by %',
            now_is.demand_units + now_is.term_units, NEW.commodity,
            zakhira.available(now_is), gap USING ERRCODE = 'ZK011';
    END IF;
    IF is_ours AND gap_on_demand > 0 AND zakhira.gap_on_demand(NEW) > zakhira.gap_on_demand(OLD) THEN
        RAISE EXCEPTION 'claims of % in % that are payable on demand would stand above the % that are free of holds, by %',
            now_is.demand_units, NEW.commodity, zakhira.available(now_is) - now_is.held_units, gap_on_demand
            USING ERRCODE = 'ZK011';
    END IF;
    IF now_is.is_halted AND NEW.demand_units + NEW.term_units > OLD.demand_units + OLD.term_units THEN
        RAISE EXCEPTION 'credits in % are halted since a deficit was found', NEW.commodity USING ERRCODE = 'ZK012';
    END IF;
    SELECT deficit.by_units INTO told FROM zakhira.deficit WHERE deficit.commodity = NEW.commodity
        ORDER BY deficit.number DESC LIMIT 1;
    told := coalesce(told, 0);
    IF greatest(gap, gap_on_demand, 0) <> told AND (greatest(gap, gap_on_demand) <= 0 OR (NOT is_ours
        AND greatest(gap, gap_on_demand) > greatest(zakhira.gap(OLD), zakhira.gap_on_demand(OLD), 0)))
    THEN
        INSERT INTO zakhira.deficit
            (commodity, sequence, at, claims_units, available_units, demand_units, on_demand_units, by_units)
            VALUES (NEW.commodity, currval('zakhira.write_number'), clock_timestamp(),
                    now_is.demand_units + now_is.term_units, zakhira.available(now_is), now_is.demand_units,
                    zakhira.available(now_is) - now_is.held_units, greatest(gap, gap_on_demand, 0));
        IF greatest(gap, gap_on_demand) > 0 AND NOT now_is.is_halted THEN
            UPDATE zakhira.backing SET is_halted = true, is_by_world = true
                WHERE backing.commodity = NEW.commodity;
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER judge_backing AFTER UPDATE ON zakhira.backing
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION zakhira.judge_backing();

DO $$
DECLARE
    name text;
BEGIN
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON zakhira.deficit
        FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change();
    CREATE TRIGGER by_trigger_only BEFORE INSERT ON zakhira.deficit
        FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand();
    FOREACH name IN ARRAY ARRAY['proof_depth', 'coin_origin', 'own_transaction', 'outgoing', 'encumbrance'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
        EXECUTE format(
            'CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand()', name);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION zakhira.refuse_negative_claim(), zakhira.available(zakhira.backing), zakhira.gap(zakhira.backing), zakhira.gap_on_demand(zakhira.backing),
    zakhira.confirmations_needed(zakhira.proof_depth, bigint, boolean), zakhira.backing_parts(date),
    zakhira.committed_parts(), zakhira.count_backing(boolean), zakhira.count_committed(boolean), zakhira.lock_backing(), zakhira.height_of_spend(text), zakhira.prove_coins(),
    zakhira.back_by_chain(), zakhira.is_watcher(), zakhira.keep_depth(jsonb, bigint),
    zakhira.keep_encumbrance(text, jsonb, bigint), zakhira.resume_credits(text, jsonb), zakhira.back_by_records(),
    zakhira.most_let_out(text, bigint), zakhira.keep_own_transaction(text, jsonb, bigint), zakhira.leaving_units(jsonb), zakhira.judge_backing() FROM PUBLIC;
GRANT SELECT ON zakhira.proof_depth, zakhira.coin_origin, zakhira.own_transaction, zakhira.outgoing,
    zakhira.encumbrance, zakhira.deficit TO zakhira_app;
GRANT EXECUTE ON FUNCTION zakhira.backing_parts(date), zakhira.committed_parts(), zakhira.available(zakhira.backing), zakhira.gap(zakhira.backing),
    zakhira.gap_on_demand(zakhira.backing),
    zakhira.confirmations_needed(zakhira.proof_depth, bigint, boolean), zakhira.leaving_units(jsonb),
    zakhira.height_of_spend(text) TO zakhira_app, zakhira_auditor;
