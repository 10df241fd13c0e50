-- The ledger for a country: accounts as a tree with bounds and claims, postings in whole rows of integers, entries that
-- reverse others, periods that close. What a row must agree with is checked for a whole statement at once, or for a
-- whole write at commit, and no longer row by row: that is what makes it fast.

INSERT INTO zakhira.commodity (code, decimals) VALUES ('WH', 0);

-- Accounts. The number stands in postings in place of the code. A liability in coin is somebody's claim: on demand
-- unless it says otherwise, or of unknown origin and in suspense.
ALTER TABLE zakhira.account DISABLE TRIGGER append_only;
ALTER TABLE zakhira.account
    ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN claim text NOT NULL DEFAULT '',
    ADD COLUMN holder text NOT NULL DEFAULT '',
    ADD COLUMN is_overdraft_allowed boolean NOT NULL DEFAULT false,
    ADD COLUMN ceiling_units bigint CHECK (ceiling_units >= 0),
    DROP CONSTRAINT account_kind_check,
    ADD CONSTRAINT account_kind_check
        CHECK (kind IN ('asset', 'liability', 'income', 'expense', 'equity', 'conversion')),
    ADD CONSTRAINT account_code_is_a_path CHECK (code ~ '^[^:]+(:[^:]+)*$');
UPDATE zakhira.account SET claim = CASE WHEN code = 'liabilities:suspense' THEN 'suspense' ELSE 'demand' END
    WHERE kind = 'liability' AND commodity = 'BTC';
ALTER TABLE zakhira.account ENABLE TRIGGER append_only;
ALTER TABLE zakhira.account ADD CONSTRAINT account_claim_is_a_liability_in_coin CHECK (
    CASE WHEN kind = 'liability' AND commodity = 'BTC' THEN claim IN ('demand', 'term', 'suspense') ELSE claim = '' END);
-- Nothing that is owed hides under another name: the first part of the code tells the kind, what somebody holds is a
-- liability, coins of unknown origin have one account, and an account of coins is never below zero.
ALTER TABLE zakhira.account
    ADD CONSTRAINT account_kind_is_its_branch CHECK (kind = CASE split_part(code, ':', 1)
        WHEN 'assets' THEN 'asset' WHEN 'liabilities' THEN 'liability' WHEN 'income' THEN 'income'
        WHEN 'expenses' THEN 'expense' WHEN 'equity' THEN 'equity' WHEN 'conversion' THEN 'conversion' ELSE '' END),
    ADD CONSTRAINT account_held_is_a_liability CHECK (holder = '' OR kind = 'liability'),
    ADD CONSTRAINT account_suspense_is_one CHECK (
        claim <> 'suspense' OR (code = 'liabilities:suspense' AND holder = '')),
    ADD CONSTRAINT account_of_coins_has_a_floor CHECK (
        NOT (is_overdraft_allowed AND kind = 'asset' AND commodity = 'BTC'));
CREATE INDEX account_by_code ON zakhira.account (code COLLATE "C");
CREATE INDEX account_by_holder ON zakhira.account (holder) WHERE holder <> '';

-- What is on an account now, and what it may hold in its natural sign (`sign` -1: shown with the sign turned). The row is
-- made when the account is opened. The bounds keep -2^63, which has no counterpart, out as well.
ALTER TABLE zakhira.balance RENAME TO earlier_balance;
CREATE TABLE zakhira.balance (
    account integer PRIMARY KEY,
    units bigint NOT NULL,
    postings bigint NOT NULL,
    floor_units bigint NOT NULL DEFAULT 0,
    ceiling_units bigint NOT NULL DEFAULT 9223372036854775807,
    sign smallint NOT NULL,
    is_frozen boolean NOT NULL DEFAULT false,
    -- What postings need to know of the account: what it counts, and 'c' coins in a vault, 'd' a claim on demand, 't' at
    -- a term, 's' in suspense, '-' none of these.
    class "char" NOT NULL DEFAULT '-',
    commodity text NOT NULL,
    CONSTRAINT balance_floor CHECK (units * sign >= floor_units),
    CONSTRAINT balance_ceiling CHECK (units * sign <= ceiling_units)
) WITH (fillfactor = 50);

-- Rows of balances follow accounts and postings; nobody writes them by hand.
CREATE FUNCTION zakhira.open_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.kind = 'liability' AND NEW.commodity = 'BTC' AND NEW.claim = '' THEN
        NEW.claim := 'demand';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER open_account BEFORE INSERT ON zakhira.account
    FOR EACH ROW EXECUTE FUNCTION zakhira.open_account();

CREATE FUNCTION zakhira.floor_of(kind text, is_overdraft_allowed boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN kind IN ('asset', 'liability') AND NOT is_overdraft_allowed THEN 0
                ELSE -9223372036854775807 END
$$;

CREATE FUNCTION zakhira.class_of(kind text, commodity text, claim text) RETURNS "char"
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN claim <> '' THEN left(claim, 1) WHEN kind = 'asset' AND commodity = 'BTC' THEN 'c' ELSE '-' END::"char"
$$;

CREATE FUNCTION zakhira.begin_balance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO zakhira.balance (account, commodity, class, units, postings, sign, floor_units, ceiling_units)
        SELECT added.number, added.commodity, zakhira.class_of(added.kind, added.commodity, added.claim), 0, 0, CASE WHEN added.kind IN ('liability', 'income', 'equity') THEN -1 ELSE 1 END,
               zakhira.floor_of(added.kind, added.is_overdraft_allowed),
               coalesce(added.ceiling_units, 9223372036854775807)
        FROM added;
    -- Plans that were made for a few accounts are bad for many: they are made anew each time that the number has doubled.
    IF EXISTS (SELECT FROM added WHERE added.number >= 32 AND added.number & (added.number - 1) = 0) THEN
        ANALYZE zakhira.account, zakhira.balance;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER begin_balance AFTER INSERT ON zakhira.account
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.begin_balance();

-- What was allowed before stays as it is: an account that is below zero now may be, from here on.
ALTER TABLE zakhira.account DISABLE TRIGGER append_only;
UPDATE zakhira.account SET is_overdraft_allowed = true FROM zakhira.earlier_balance AS earlier
    WHERE earlier.account = account.code AND account.claim = '' AND (
        account.kind = 'asset' AND account.commodity <> 'BTC' AND earlier.units < 0
        OR account.kind = 'liability' AND earlier.units > 0);
ALTER TABLE zakhira.account ENABLE TRIGGER append_only;
INSERT INTO zakhira.balance (account, commodity, class, units, postings, sign, floor_units, ceiling_units)
    SELECT account.number, account.commodity, zakhira.class_of(account.kind, account.commodity, account.claim), coalesce(earlier.units, 0),
           (SELECT count(*) FROM zakhira.posting WHERE posting.account = account.code),
           CASE WHEN account.kind IN ('liability', 'income', 'equity') THEN -1 ELSE 1 END,
           least(zakhira.floor_of(account.kind, account.is_overdraft_allowed), coalesce(earlier.units, 0)
               * CASE WHEN account.kind IN ('liability', 'income', 'equity') THEN -1 ELSE 1 END),
           9223372036854775807
    FROM zakhira.account LEFT JOIN zakhira.earlier_balance AS earlier ON earlier.account = account.code;
DROP TABLE zakhira.earlier_balance;

-- Entries: `at` is when it happened (the event date), the write says when it was entered.
ALTER TABLE zakhira.posting RENAME TO earlier_posting;
ALTER TABLE zakhira.earlier_posting DROP CONSTRAINT posting_sequence_entry_ordinal_posting_count_fkey;
ALTER TABLE zakhira.entry
    DROP CONSTRAINT entry_sequence_entry_count_fkey,
    DROP CONSTRAINT entry_sequence_ordinal_posting_count_key,
    DROP COLUMN entry_count,
    ADD COLUMN reverses text,
    -- Of a transfer, which stands in its entry whole: what the account gets and the other gives.
    ADD COLUMN account integer,
    ADD COLUMN other integer,
    ADD COLUMN units bigint,
    ADD COLUMN commodity text;
-- By shelves of 32 writes each: what an account has on one shelf is kept as one key with a list of places. Every transfer is
-- added to both, so that they are to be small.
CREATE INDEX entry_of_account ON zakhira.entry (account, (sequence >> 5)) WHERE account IS NOT NULL;
CREATE INDEX entry_of_other ON zakhira.entry (other, (sequence >> 5)) WHERE other IS NOT NULL;
-- A constraint is read anew for every statement. On tables that each write adds to, its trigger says the same (begin_write,
-- require_entries, keep_sums), which costs a tenth.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT conrelid::regclass AS relation, conname FROM pg_constraint
        WHERE conrelid IN ('zakhira.audit'::regclass, 'zakhira.entry'::regclass) AND contype = 'c'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.relation, one.conname);
    END LOOP;
END $$;
CREATE UNIQUE INDEX entry_reversed_once ON zakhira.entry (reverses) WHERE reverses IS NOT NULL;
ALTER TABLE zakhira.record DROP CONSTRAINT record_sequence_record_count_fkey;
ALTER TABLE zakhira.chain_event DROP CONSTRAINT chain_event_sequence_event_count_fkey;
ALTER TABLE zakhira.audit
    DROP CONSTRAINT audit_sequence_entry_count_key,
    DROP CONSTRAINT audit_sequence_record_count_key,
    DROP CONSTRAINT audit_sequence_event_count_key;
ALTER TABLE zakhira.audit ADD COLUMN posting_count integer NOT NULL DEFAULT 0;
-- The transaction that made the write, where something may be added to it: only it can.
ALTER TABLE zakhira.audit ADD COLUMN transaction xid8;

-- Postings of entries that are no transfers. Fixed fields first, the rarely used last: a posting in rupees takes 76 bytes.
CREATE TABLE zakhira.posting (
    sequence bigint NOT NULL,
    units bigint NOT NULL CHECK (units <> 0),
    entry_ordinal integer NOT NULL,
    ordinal integer NOT NULL,
    account integer NOT NULL,
    day date NOT NULL, -- of the entry's event, in UTC
    commodity text NOT NULL,
    lot_outpoint text,
    lot_source text,
    cost_units bigint,
    cost_commodity text,
    CONSTRAINT posting_pkey_of_write PRIMARY KEY (sequence, entry_ordinal, ordinal)
);
INSERT INTO zakhira.posting (sequence, units, entry_ordinal, ordinal, account, day, commodity, lot_outpoint, lot_source)
    SELECT earlier.sequence, earlier.units, earlier.entry_ordinal, earlier.ordinal, account.number,
           (entry.at AT TIME ZONE 'UTC')::date, earlier.commodity, earlier.lot_outpoint, earlier.lot_source
    FROM zakhira.earlier_posting AS earlier
    JOIN zakhira.account ON account.code = earlier.account
    JOIN zakhira.entry ON entry.sequence = earlier.sequence AND entry.ordinal = earlier.entry_ordinal
    ORDER BY earlier.sequence, earlier.entry_ordinal, earlier.ordinal;
DROP TABLE zakhira.earlier_posting;
CREATE INDEX posting_of_account ON zakhira.posting (account, sequence) INCLUDE (day, units);
CREATE INDEX posting_of_lot ON zakhira.posting (lot_outpoint) WHERE lot_outpoint IS NOT NULL;

-- Every posting, wherever it stands.
CREATE VIEW zakhira.posted AS
    SELECT every.* FROM (
        SELECT posting.sequence, posting.units, posting.entry_ordinal, posting.ordinal, posting.account, posting.day,
               posting.commodity, posting.lot_outpoint, posting.lot_source, posting.cost_units, posting.cost_commodity
        FROM zakhira.posting
        UNION ALL
        SELECT entry.sequence, entry.units, entry.ordinal, 1, entry.account, (entry.at AT TIME ZONE 'UTC')::date,
               entry.commodity, NULL::text, NULL::text, NULL::bigint, NULL::text
        FROM zakhira.entry
        UNION ALL
        SELECT entry.sequence, -entry.units, entry.ordinal, 2, entry.other, (entry.at AT TIME ZONE 'UTC')::date,
               entry.commodity, NULL::text, NULL::text, NULL::bigint, NULL::text
        FROM zakhira.entry) AS every
    WHERE every.account IS NOT NULL;

-- An account's postings in the writes from `first` on and before `behind` (NULL: without end), by the indexes that there are.
-- It is read into what asks; what follows is asked of these rows, and not before them.
CREATE FUNCTION zakhira.posted_between(wanted integer, first bigint, behind bigint) RETURNS SETOF zakhira.posted
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT posting.* FROM zakhira.posted AS posting
    WHERE posting.account = wanted AND posting.sequence >= first
        AND posting.sequence < coalesce(behind, 9223372036854775807)
        AND posting.sequence >> 5 >= first >> 5
        AND posting.sequence >> 5 <= (coalesce(behind, 9223372036854775807) - 1) >> 5
    OFFSET 0;
END;

ALTER TABLE zakhira.audit DISABLE TRIGGER append_only;
UPDATE zakhira.audit SET posting_count = counted.postings, written_at = coalesce(audit.written_at, audit.at)
    FROM (SELECT audit.sequence, count(posting.sequence) AS postings
          FROM zakhira.audit LEFT JOIN zakhira.posting ON posting.sequence = audit.sequence
          GROUP BY audit.sequence) AS counted
    WHERE counted.sequence = audit.sequence;
ALTER TABLE zakhira.audit ENABLE TRIGGER append_only;

-- When a write was entered never goes back behind what is sealed, whatever the clock does.
ALTER TABLE zakhira.sealing ADD COLUMN written_through timestamptz NOT NULL DEFAULT '-infinity';
UPDATE zakhira.sealing SET written_through =
    coalesce((SELECT max(audit.written_at) FROM zakhira.audit WHERE audit.written_at <= clock_timestamp()), '-infinity');
-- What must not be in a header. Years are those that every reader of the books can tell; what is beyond them no program
-- could read back.
CREATE FUNCTION zakhira.is_no_header(
    key text, actor text, action text, at timestamptz, content_hash text, least_count integer) RETURNS boolean
LANGUAGE sql STABLE
RETURN '' IN (key, actor, action) OR at < '0001-01-02 00:00:00+00' OR at >= '9999-12-31 00:00:00+00'
    OR length(content_hash) <> 64 OR translate(content_hash, '0123456789abcdef', '') <> '' OR least_count < 0;

-- As zakhira.leaf_hash() and zakhira.instant_text() say it, without three calls: it is read into what asks.
CREATE FUNCTION zakhira.leaf_of(key text, actor text, action text, at timestamptz, content_hash text) RETURNS text
LANGUAGE sql STABLE
RETURN encode(sha256(convert_to(format(
    '{"action":%s,"actor":%s,"at":"%sZ","content_hash":"%s","key":%s}', to_json(action), to_json(actor),
    replace(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', ''), content_hash,
    to_json(key)), 'UTF8')), 'hex');

CREATE OR REPLACE FUNCTION zakhira.begin_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF zakhira.is_no_header(NEW.key, NEW.actor, NEW.action, NEW.at, NEW.content_hash,
        least(NEW.entry_count, NEW.posting_count, NEW.record_count, NEW.event_count))
    THEN
        RAISE EXCEPTION 'a write has a key, an actor, an action, a date, a content and counts'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_is_whole';
    END IF;
    IF NEW.leaf_hash IS DISTINCT FROM
        zakhira.leaf_of(NEW.key, NEW.actor, NEW.action, NEW.at, NEW.content_hash)
    THEN
        RAISE EXCEPTION 'the leaf hash of write % is not the hash of its header', NEW.key USING ERRCODE = 'ZK002';
    END IF;
    -- The transaction has its id before the number is drawn: seal() concludes from ids which numbers are still open.
    NEW.transaction := pg_current_xact_id();
    NEW.sequence := nextval('zakhira.write_number');
    SELECT greatest(clock_timestamp(), sealing.written_through) INTO STRICT NEW.written_at FROM zakhira.sealing;
    RETURN NEW;
END $$;

DROP TRIGGER begin_write ON zakhira.audit;
CREATE TRIGGER begin_write BEFORE INSERT ON zakhira.audit
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 OR current_user <> 'zakhira_owner')
    EXECUTE FUNCTION zakhira.begin_write();

-- What is known before an instant is told by when writes were begun: nothing is held back for long.
CREATE FUNCTION zakhira.require_fresh() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF clock_timestamp() - NEW.written_at > interval '5 minutes' THEN
        RAISE EXCEPTION 'write % was begun at %, and comes too late', NEW.sequence, NEW.written_at
            USING ERRCODE = 'ZK007', HINT = 'Make it anew.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_fresh AFTER INSERT ON zakhira.audit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transaction IS NOT NULL)
    EXECUTE FUNCTION zakhira.require_fresh();

-- As before; it says of seals, too, where they are to be looked for.
CREATE OR REPLACE VIEW zakhira.unsealed AS
    SELECT audit.sequence, audit.leaf_hash, audit.written_at FROM zakhira.audit
    WHERE audit.sequence > (SELECT sealing.done_through FROM zakhira.sealing) AND NOT EXISTS (
        SELECT FROM zakhira.seal WHERE seal.sequence = audit.sequence
            AND seal.sequence > (SELECT sealing.done_through FROM zakhira.sealing));

-- As before, and it remembers until when what it seals was written. It never looks through all writes.
CREATE OR REPLACE FUNCTION zakhira.seal(most integer DEFAULT 20000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
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
        -- Nothing was written since: what was drawn by the last time is done when nobody is at it any more. Both are asked
        -- of one snapshot, so that nothing is committed in between.
        UPDATE zakhira.sealing SET done_through = sealing.open_through
            WHERE sealing.done_through < sealing.open_through
                AND sealing.open_until <= pg_snapshot_xmin(pg_current_snapshot())
                AND NOT EXISTS (SELECT FROM zakhira.unsealed);
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
        UPDATE zakhira.sealing SET written_through = sealed.written_at
            FROM (SELECT max(audit.written_at) AS written_at FROM zakhira.audit
                  WHERE audit.sequence = ANY (numbers)) AS sealed
            WHERE sealed.written_at > sealing.written_through;
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

-- Nor does what checks its seals: a plan that was made for few writes reads every write there is.
ALTER FUNCTION zakhira.extend_chain() SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;

-- Claims in each coin, in their natural sign. One row, locked by whoever changes a sum; what stands behind them comes
-- with the next migration.
CREATE TABLE zakhira.backing (
    commodity text PRIMARY KEY REFERENCES zakhira.commodity,
    demand_units bigint NOT NULL,
    term_units bigint NOT NULL,
    suspense_units bigint NOT NULL
);
INSERT INTO zakhira.backing (commodity, demand_units, term_units, suspense_units)
    SELECT 'BTC', coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'demand'), 0),
           coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'term'), 0),
           coalesce(sum(-balance.units) FILTER (WHERE account.claim = 'suspense'), 0)
    FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number WHERE account.claim <> '';

-- Plans are kept for as long as a session lives, and a session may begin with empty tables: zakhira.write(), within
-- which all this runs, and what runs at commit say themselves which ways are good however much there is.

-- Sums. A lot is touched in the order of numbers, so that no write spends what a later number brings. Rows are locked in
-- one order.
CREATE FUNCTION zakhira.keep_lots(added_lots jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done bigint;
BEGIN
    INSERT INTO zakhira.lot AS kept (account, outpoint, source, guarded, units, last_sequence)
        SELECT lots.account, lots.outpoint, lots.source, lots.guarded, lots.units, lots.last_sequence
        FROM jsonb_to_recordset(added_lots) AS lots
            (account text, outpoint text, source text, guarded boolean, units bigint, last_sequence bigint)
        ORDER BY lots.account, lots.outpoint
        ON CONFLICT (account, outpoint) DO UPDATE
            SET units = kept.units + excluded.units, last_sequence = excluded.last_sequence
            WHERE kept.last_sequence <= excluded.last_sequence;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(added_lots) THEN
        RAISE EXCEPTION 'a later write was faster at a lot' USING ERRCODE = 'ZK007';
    END IF;
END $$;

-- Something was added to what is no write of this very transaction, or to several at once.
CREATE FUNCTION zakhira.refuse_stray(number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'something is added to write %, which this transaction does not make', number
        USING ERRCODE = 'ZK003', HINT = 'Write one write after another, each whole.';
END $$;

-- What moved on accounts of other classes than claims on demand: a coin in a vault has a lot, and claims at a term and in
-- suspense are counted.
CREATE FUNCTION zakhira.count_others(moved jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
BEGIN
    SELECT coalesce(sum(given.bare) FILTER (WHERE balance.class = 'c'), 0) AS bare,
           coalesce(sum(given.units) FILTER (WHERE balance.class = 't'), 0)::bigint AS term,
           coalesce(sum(given.units) FILTER (WHERE balance.class = 's'), 0)::bigint AS suspense
        INTO STRICT told FROM jsonb_to_recordset(moved) AS given (account integer, units bigint, bare bigint)
        JOIN zakhira.balance ON balance.account = given.account;
    IF told.bare > 0 THEN
        RAISE EXCEPTION 'a coin in a vault has no lot' USING ERRCODE = 'ZK013', CONSTRAINT = 'posting_coin_has_lot';
    END IF;
    IF told.term <> 0 OR told.suspense <> 0 THEN
        UPDATE zakhira.backing SET term_units = backing.term_units - told.term,
            suspense_units = backing.suspense_units - told.suspense WHERE backing.commodity = 'BTC';
    END IF;
END $$;

-- Whether a part of a posting's lot or of its cost is missing, or says nothing.
CREATE FUNCTION zakhira.is_torn(one zakhira.posting) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT CASE
            WHEN (one).lot_outpoint IS NULL THEN (one).lot_source IS NULL
            ELSE coalesce((one).lot_source, '') <> '' AND (one).commodity = 'BTC'
                AND (one).lot_outpoint ~ '^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$' END
        OR NOT CASE
            WHEN (one).cost_units IS NULL THEN (one).cost_commodity IS NULL
            ELSE coalesce((one).cost_commodity, '') IN ('BTC', 'PKR', 'USD')
                AND (one).cost_commodity <> (one).commodity END
$$;

-- The write that is being made by this very transaction, and no other.
CREATE FUNCTION zakhira.require_open(first bigint, last bigint) RETURNS zakhira.audit
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
    there zakhira.audit;
BEGIN
    SELECT * INTO there FROM zakhira.audit
        WHERE audit.sequence = first AND first = last AND audit.transaction = pg_current_xact_id();
    IF there.sequence IS NULL THEN
        PERFORM zakhira.refuse_stray(last);
    END IF;
    RETURN there;
END $$;

CREATE OR REPLACE FUNCTION zakhira.keep_sums() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    left_over integer;
BEGIN
    -- Two that touch very much touch the same: they stand in line here, and not at every row.
    IF EXISTS (SELECT FROM added OFFSET 200) THEN
        PERFORM pg_advisory_xact_lock(2053861745);
    END IF;
    -- One statement with few sums: most of what a small write costs is that they are made ready. `more` counts what most
    -- postings do not have: parts of lots and costs.
    WITH given AS MATERIALIZED (
        SELECT added.account, added.commodity, sum(added.units)::bigint AS units, count(*) AS postings
        FROM added GROUP BY added.account, added.commodity ORDER BY added.account),
    kept AS (
        UPDATE zakhira.balance AS kept
            SET units = kept.units + given.units, postings = kept.postings + given.postings
            FROM given WHERE kept.account = given.account AND kept.commodity = given.commodity AND NOT kept.is_frozen
            RETURNING kept.class, given.units, given.postings)
    SELECT every.*, done.* INTO STRICT told FROM
        (SELECT min(added.sequence) AS first, max(added.sequence) AS last, count(*) AS postings,
                sum(num_nonnulls(added.lot_outpoint, added.lot_source, added.cost_units, added.cost_commodity)) AS more
         FROM added) AS every,
        (SELECT sum(kept.postings) AS done, count(*) AS accounts, sum(kept.units) FILTER (WHERE kept.class = 'd') AS demand,
                bool_or(kept.class IN ('c', 't', 's')) AS has_others FROM kept) AS done;
    IF told.first IS NULL THEN
        RETURN NULL;
    END IF;
    -- Whoever has a write checked before the end can still add nothing: all its places are taken then.
    SELECT audit.posting_count - (SELECT count(*) FROM zakhira.posted AS posting WHERE posting.sequence = told.first)
        INTO left_over FROM zakhira.audit
        WHERE audit.sequence = told.first AND told.first = told.last AND audit.transaction = pg_current_xact_id();
    IF left_over IS NULL THEN
        PERFORM zakhira.refuse_stray(told.last);
    ELSIF left_over < 0 THEN
        RAISE EXCEPTION 'write % does not hold so many postings', told.first USING ERRCODE = 'ZK003';
    END IF;
    IF told.done IS DISTINCT FROM told.postings THEN
        PERFORM zakhira.refuse_posting(added.account, added.commodity, added.units) FROM added;
        RAISE EXCEPTION 'a posting does not stand on its account'
            USING ERRCODE = 'ZK013', CONSTRAINT = 'posting_account_is_there';
    END IF;
    IF told.more > 0 THEN
        IF EXISTS (SELECT FROM added WHERE zakhira.is_torn(added)) THEN
            RAISE EXCEPTION 'a lot or a cost in write % is not told whole', told.first
                USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_is_whole';
        END IF;
        PERFORM zakhira.keep_lots(jsonb_agg(to_jsonb(lots))) FROM (
            SELECT account.code AS account, added.lot_outpoint AS outpoint,
                   (array_agg(added.lot_source ORDER BY added.entry_ordinal, added.ordinal))[1] AS source,
                   bool_or(account.kind = 'asset') AS guarded, sum(added.units)::bigint AS units,
                   max(added.sequence) AS last_sequence
            FROM added JOIN zakhira.account ON account.number = added.account
            WHERE added.lot_outpoint IS NOT NULL GROUP BY account.code, added.lot_outpoint) AS lots
            HAVING count(*) > 0;
    END IF;
    IF told.has_others THEN
        PERFORM zakhira.count_others(jsonb_agg(to_jsonb(moved))) FROM (
            SELECT added.account, sum(added.units) AS units, count(*) - count(added.lot_outpoint) AS bare
            FROM added GROUP BY added.account) AS moved;
    END IF;
    IF told.demand <> 0 THEN
        UPDATE zakhira.backing SET demand_units = backing.demand_units - told.demand WHERE backing.commodity = 'BTC';
    END IF;
    RETURN NULL;
END $$;

-- Says what is wrong with a posting, where something is.
CREATE FUNCTION zakhira.refuse_posting(account integer, commodity text, units bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    there record;
BEGIN
    SELECT named.code, named.commodity, balance.is_frozen INTO there
        FROM zakhira.account AS named JOIN zakhira.balance ON balance.account = named.number WHERE named.number = $1;
    IF there.commodity <> $2 THEN
        RAISE EXCEPTION '% least units of % cannot stand on %, which counts %', $3, $2, there.code, there.commodity
            USING ERRCODE = 'ZK013', CONSTRAINT = 'posting_commodity_of_account';
    ELSIF there.is_frozen THEN
        RAISE EXCEPTION '% is frozen', there.code USING ERRCODE = 'ZK009';
    END IF;
END $$;

CREATE TRIGGER keep_sums AFTER INSERT ON zakhira.posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0 OR current_user <> 'zakhira_owner') EXECUTE FUNCTION zakhira.keep_sums();

-- Records and facts of the chain are added to a write by the transaction that makes it, and say themselves how many
-- there are.
CREATE FUNCTION zakhira.require_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    write zakhira.audit;
BEGIN
    SELECT min(added.sequence) AS first, max(added.sequence) AS last, min(added.record_count) AS low,
           max(added.record_count) AS high INTO told FROM added;
    IF told.first IS NOT NULL THEN
        write := zakhira.require_open(told.first, told.last);
        IF told.low <> write.record_count OR told.high <> write.record_count THEN
            RAISE EXCEPTION 'write % does not hold so many records', told.first USING ERRCODE = 'ZK003';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a_require_records AFTER INSERT ON zakhira.record
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.require_records();

CREATE FUNCTION zakhira.require_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    write zakhira.audit;
BEGIN
    SELECT min(added.sequence) AS first, max(added.sequence) AS last, min(added.event_count) AS low,
           max(added.event_count) AS high INTO told FROM added;
    IF told.first IS NOT NULL THEN
        write := zakhira.require_open(told.first, told.last);
        IF told.low <> write.event_count OR told.high <> write.event_count THEN
            RAISE EXCEPTION 'write % does not hold so many facts of the chain', told.first USING ERRCODE = 'ZK003';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a_require_events AFTER INSERT ON zakhira.chain_event
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.require_events();

-- Closed periods. Whoever posts holds the line shared, whoever closes holds it alone: nothing is posted into a period
-- while it closes.
CREATE TABLE zakhira.closed_period (
    last_day date PRIMARY KEY,
    first_day date NOT NULL CHECK (first_day <= last_day),
    sequence bigint NOT NULL
);
CREATE TABLE zakhira.closing (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    through date NOT NULL DEFAULT '-infinity'
);
INSERT INTO zakhira.closing DEFAULT VALUES;

CREATE FUNCTION zakhira.is_entry(
    ordinal integer, id text, at timestamptz, narration text, evidence text, posting_count integer) RETURNS boolean
LANGUAGE sql STABLE
RETURN ordinal >= 1 AND id <> '' AND narration <> '' AND evidence <> '' AND posting_count >= 2
    AND at >= '0001-01-02 00:00:00+00' AND at < '9999-12-31 00:00:00+00';

CREATE FUNCTION zakhira.require_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    is_held boolean;
    closed date;
    bad record;
BEGIN
    SELECT every.*, audit.entry_count - every.high AS left_over INTO STRICT told
        FROM (SELECT min(added.sequence) AS first, max(added.sequence) AS last, max(added.ordinal) AS high,
                     (min(added.at) AT TIME ZONE 'UTC')::date AS first_day,
                     bool_and(zakhira.is_entry(added.ordinal, added.id, added.at, added.narration, added.evidence,
                             added.posting_count)
                         AND num_nonnulls(added.account, added.other, added.units, added.commodity) = 0
                         AND coalesce(added.reverses <> '' AND added.reverses <> added.id, true)) AS is_whole
              FROM added) AS every
        LEFT JOIN zakhira.audit ON audit.sequence = every.first AND every.first = every.last
            AND audit.transaction = pg_current_xact_id();
    IF told.first IS NULL THEN
        RETURN NULL;
    END IF;
    IF told.left_over IS NULL THEN
        PERFORM zakhira.refuse_stray(told.last);
    ELSIF told.left_over < 0 THEN
        RAISE EXCEPTION 'write % does not hold so many entries', told.first USING ERRCODE = 'ZK003';
    ELSIF NOT told.is_whole THEN
        RAISE EXCEPTION 'an entry of write % has no place, id, narration, evidence, date or counterpart, reverses itself, '
            'or says what only zakhira.transfers says', told.first
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_whole';
    END IF;
    is_held := pg_advisory_xact_lock_shared(2053861743) IS NOT NULL; -- as an expression it needs no plan
    IF current_setting('transaction_isolation') = 'read committed' THEN
        SELECT closing.through INTO STRICT closed FROM zakhira.closing;
    ELSE -- an older snapshot does not show what was closed since: the lock tells
        SELECT closing.through INTO STRICT closed FROM zakhira.closing FOR SHARE;
    END IF;
    IF told.first_day <= closed THEN
        SELECT added.id, (added.at AT TIME ZONE 'UTC')::date AS day INTO bad FROM added
            WHERE (added.at AT TIME ZONE 'UTC')::date <= closed LIMIT 1;
        RAISE EXCEPTION 'entry % of % falls into a closed period: everything through % is closed', bad.id, bad.day,
            closed USING ERRCODE = 'ZK008';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER require_entries AFTER INSERT ON zakhira.entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0 OR current_user <> 'zakhira_owner') EXECUTE FUNCTION zakhira.require_entries();

CREATE FUNCTION zakhira.close_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before date;
    first_day date := (NEW.body ->> 'first')::date;
BEGIN
    PERFORM pg_advisory_xact_lock(2053861743);
    SELECT closing.through INTO STRICT before FROM zakhira.closing FOR UPDATE;
    IF NEW.id !~ '^\d{4}-\d\d-\d\d$' OR first_day IS NULL OR NEW.id::date <= before
        OR (isfinite(before) AND first_day <> before + 1)
    THEN
        RAISE EXCEPTION 'a period from % to % does not follow the one that closed with %', first_day, NEW.id, before
            USING ERRCODE = 'ZK008', CONSTRAINT = 'period_in_order';
    END IF;
    IF NEW.id::date >= (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'the period to % is not over', NEW.id USING ERRCODE = 'ZK008', CONSTRAINT = 'period_is_over';
    END IF;
    INSERT INTO zakhira.closed_period (last_day, first_day, sequence) VALUES (NEW.id::date, first_day, NEW.sequence);
    UPDATE zakhira.closing SET through = NEW.id::date;
    RETURN NULL;
END $$;
CREATE TRIGGER close_period AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'period') EXECUTE FUNCTION zakhira.close_period();

-- Records of kind 'account' open an account, and say what it may hold and whether it is frozen.
CREATE FUNCTION zakhira.keep_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told jsonb := NEW.body;
    wanted text := CASE WHEN NEW.body ->> 'claim' = 'none' THEN '' ELSE NEW.body ->> 'claim' END;
    there zakhira.account;
BEGIN
    INSERT INTO zakhira.account (code, commodity, kind, claim, holder, is_overdraft_allowed, ceiling_units)
        VALUES (NEW.id, told ->> 'commodity', told ->> 'kind', wanted, told ->> 'holder',
                told ->> 'overdraft' = 'allowed', (told ->> 'ceiling_units')::bigint)
        ON CONFLICT (code) DO NOTHING;
    SELECT * INTO STRICT there FROM zakhira.account WHERE account.code = NEW.id;
    IF there.commodity <> told ->> 'commodity' OR there.kind <> told ->> 'kind' OR there.holder <> told ->> 'holder'
        OR (wanted <> '' AND there.claim <> wanted)
    THEN
        RAISE EXCEPTION '% is a % in % of %: that cannot change', there.code, there.kind, there.commodity,
            coalesce(nullif(there.holder, ''), 'the programme') USING ERRCODE = 'ZK013', CONSTRAINT = 'account_is_another';
    END IF;
    IF (told ->> 'is_frozen')::boolean AND there.kind = 'asset' AND there.commodity = 'BTC' THEN
        RAISE EXCEPTION '% shows coins on the chain: the world moves them, it cannot be frozen here', there.code
            USING ERRCODE = 'ZK013', CONSTRAINT = 'account_is_of_the_chain';
    END IF;
    IF told ->> 'overdraft' = 'allowed' AND EXISTS (
        SELECT FROM zakhira.balance WHERE balance.account = there.number
            AND balance.floor_units > zakhira.floor_of(there.kind, true))
    THEN
        RAISE EXCEPTION '% was opened without an overdraft: a floor is taken away from no account', there.code
            USING ERRCODE = 'ZK013', CONSTRAINT = 'account_is_another';
    END IF;
    UPDATE zakhira.balance SET is_frozen = (told ->> 'is_frozen')::boolean,
        floor_units = zakhira.floor_of(there.kind, told ->> 'overdraft' = 'allowed'),
        ceiling_units = coalesce((told ->> 'ceiling_units')::bigint, 9223372036854775807)
        WHERE balance.account = there.number;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_account AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'account') EXECUTE FUNCTION zakhira.keep_account();

-- A reversal takes back one whole entry, exactly and once.
CREATE FUNCTION zakhira.require_reversal(number bigint, place integer, reversed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    there zakhira.entry;
BEGIN
    SELECT * INTO there FROM zakhira.entry WHERE entry.id = reversed;
    IF there.id IS NULL OR there.reverses IS NOT NULL THEN
        RAISE EXCEPTION 'there is no entry % that could be taken back', reversed USING ERRCODE = 'ZK014';
    END IF;
    IF there.at > (SELECT entry.at FROM zakhira.entry WHERE entry.sequence = number AND entry.ordinal = place) THEN
        RAISE EXCEPTION 'the reversal of entry % is dated before it', reversed USING ERRCODE = 'ZK014';
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT posting.account, posting.units, posting.lot_outpoint, 1 AS side FROM zakhira.posted AS posting
                WHERE posting.sequence = there.sequence AND posting.entry_ordinal = there.ordinal
            UNION ALL
            SELECT posting.account, -posting.units, posting.lot_outpoint, -1 FROM zakhira.posting
                WHERE posting.sequence = number AND posting.entry_ordinal = place
        ) AS both_ways GROUP BY account, units, lot_outpoint HAVING sum(side) <> 0)
    THEN
        RAISE EXCEPTION 'the reversal of entry % does not take back what it posted', reversed USING ERRCODE = 'ZK014';
    END IF;
END $$;

-- At commit a write is whole: every place is taken, and each entry balances in each commodity.
CREATE OR REPLACE FUNCTION zakhira.require_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF NEW.record_count > 0 OR NEW.event_count > 0 THEN
        IF (SELECT count(*) FROM zakhira.record WHERE record.sequence = NEW.sequence) <> NEW.record_count
            OR (SELECT count(*) FROM zakhira.chain_event AS event WHERE event.sequence = NEW.sequence) <> NEW.event_count
        THEN
            RAISE EXCEPTION 'write % does not hold what it says', NEW.sequence USING ERRCODE = 'ZK003';
        END IF;
    END IF;
    IF NEW.entry_count = 1 AND NEW.posting_count = 2 THEN
        -- What require_each_entry() asks, of the one entry with its two postings that most writes have. There are no
        -- others: keep_sums() lets in no more than the write says.
        PERFORM FROM zakhira.entry, zakhira.posting AS one, zakhira.posting AS other
            WHERE entry.sequence = NEW.sequence AND entry.ordinal = 1 AND entry.posting_count = 2
                AND entry.reverses IS NULL
                AND one.sequence = NEW.sequence AND one.entry_ordinal = 1 AND one.ordinal = 1
                AND other.sequence = NEW.sequence AND other.entry_ordinal = 1 AND other.ordinal = 2
                AND one.commodity = other.commodity AND one.units = -other.units AND one.day = other.day
                AND one.day = (entry.at AT TIME ZONE 'UTC')::date;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM zakhira.require_each_entry(NEW.sequence, NEW.entry_count, NEW.posting_count);
    RETURN NULL;
END $$;

DROP TRIGGER require_whole ON zakhira.audit;
CREATE CONSTRAINT TRIGGER require_whole AFTER INSERT ON zakhira.audit DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 OR current_user <> 'zakhira_owner')
    EXECUTE FUNCTION zakhira.require_whole();

CREATE FUNCTION zakhira.require_each_entry(number bigint, entry_count integer, posting_count integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET enable_nestloop = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    told record;
    bad record;
BEGIN
    WITH summed AS MATERIALIZED (
        SELECT posting.entry_ordinal, count(*) AS postings, sum(posting.units) AS units,
               min(posting.commodity) AS low, max(posting.commodity) AS high,
               min(posting.day) AS first_day, max(posting.day) AS last_day,
               min(posting.ordinal) AS first, max(posting.ordinal) AS last
        FROM zakhira.posting WHERE posting.sequence = number GROUP BY posting.entry_ordinal)
    SELECT count(*) AS entries, max(entry.ordinal) AS last, coalesce(sum(summed.postings), 0) AS postings,
           (SELECT coalesce(sum(every.postings), 0) FROM summed AS every) AS all_postings,
           count(*) FILTER (WHERE summed.postings IS DISTINCT FROM entry.posting_count OR summed.first <> 1
               OR summed.last <> entry.posting_count OR summed.first_day <> summed.last_day
               OR summed.first_day <> (entry.at AT TIME ZONE 'UTC')::date) AS torn,
           count(*) FILTER (WHERE summed.low = summed.high AND summed.units <> 0) AS unbalanced,
           bool_or(summed.low <> summed.high) AS is_mixed, count(entry.reverses) AS reversals
        INTO told FROM zakhira.entry LEFT JOIN summed ON summed.entry_ordinal = entry.ordinal
        WHERE entry.sequence = number;
    IF told.entries <> entry_count OR (told.last IS NOT NULL AND told.last <> entry_count)
        OR told.postings <> posting_count OR told.all_postings <> posting_count OR told.torn > 0
    THEN
        RAISE EXCEPTION 'write % does not hold what it says, or an entry does not have all its postings', number
            USING ERRCODE = 'ZK003';
    END IF;
    IF told.unbalanced > 0 OR told.is_mixed THEN
        SELECT entry.id, posting.commodity, sum(posting.units) AS units INTO bad
            FROM zakhira.posting JOIN zakhira.entry
                ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
            WHERE posting.sequence = number
            GROUP BY entry.id, posting.commodity HAVING sum(posting.units) <> 0
            LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'entry % does not balance in %: its postings sum to %', bad.id, bad.commodity, bad.units
                USING ERRCODE = 'ZK004';
        END IF;
    END IF;
    IF told.reversals > 0 THEN
        PERFORM zakhira.require_reversal(entry.sequence, entry.ordinal, entry.reverses)
            FROM zakhira.entry WHERE entry.sequence = number AND entry.reverses IS NOT NULL;
    END IF;
END $$;

-- Sums of busy accounts up to a number: with these a balance as of any two dates reads a few rows, not millions. They
-- follow from the postings and are drawn up behind the seals, where nothing is added any more.
CREATE TABLE zakhira.rollup (
    account integer NOT NULL,
    through bigint NOT NULL, -- the last number of a write that is in it; the one before it tells the first
    day date NOT NULL,
    units numeric NOT NULL, -- of one day and one side it may be beyond what any balance is
    postings integer NOT NULL,
    PRIMARY KEY (account, through, day)
);
CREATE TABLE zakhira.rolled (
    account integer PRIMARY KEY,
    through bigint NOT NULL,
    postings bigint NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE zakhira.sealing ADD COLUMN rolled_through bigint NOT NULL DEFAULT 0;

-- Between which instants the entries of each stretch of writes lie: with these a month reads a month, whatever was booked
-- before it and since. Drawn up behind the seals, too; what lies behind the last of them is always looked at.
CREATE TABLE zakhira.stretch (
    first bigint NOT NULL, -- the first number behind the stretch before
    through bigint PRIMARY KEY,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL
);

-- Draw up the stretches to a number, of about `fewest` postings each; a write without any counts as one, so that what waits
-- to fill a stretch is never much.
CREATE FUNCTION zakhira.draw_stretches(due bigint, fewest bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH written AS (
        SELECT audit.sequence, sum(greatest(audit.posting_count, 1)) OVER (ORDER BY audit.sequence)
                   - greatest(audit.posting_count, 1) AS before, greatest(audit.posting_count, 1) AS size
        FROM zakhira.audit
        WHERE audit.sequence > (SELECT coalesce(max(stretch.through), 0) FROM zakhira.stretch)
            AND audit.sequence <= due),
    piece AS (
        SELECT max(written.sequence) AS through,
               sum(written.size) >= fewest OR lead(true) OVER (ORDER BY written.before / fewest) AS is_full
        FROM written GROUP BY written.before / fewest)
    INSERT INTO zakhira.stretch (first, through, first_at, last_at)
        SELECT span.first, span.through, coalesce(dated.first_at, 'infinity'), coalesce(dated.last_at, '-infinity')
        FROM (SELECT coalesce(lag(piece.through) OVER (ORDER BY piece.through), (
                         SELECT max(stretch.through) FROM zakhira.stretch), 0) + 1 AS first, piece.through
              FROM piece WHERE piece.is_full) AS span
        CROSS JOIN LATERAL (
            SELECT min(entry.at) AS first_at, max(entry.at) AS last_at FROM zakhira.entry
            WHERE entry.sequence >= span.first AND entry.sequence <= span.through) AS dated;
$$;

-- Roll up what `busy` or more postings were added to since the last time, for at most so many writes, and draw up stretches
-- of at least so many postings; says how far it is. Where thousands of accounts are busy alike, those with the most behind
-- them come first, and no more than there are writes; the others come when they are touched again. The accounts of a
-- million postings are told apart in memory.
CREATE FUNCTION zakhira.roll_up(most integer, busy integer, fewest integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' AS $$
DECLARE
    state zakhira.sealing;
    due bigint;
    one record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(2053861744) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO STRICT state FROM zakhira.sealing;
    due := least(state.done_through, state.rolled_through + most);
    IF due <= state.rolled_through THEN
        RETURN NULL;
    END IF;
    FOR one IN
        SELECT touched.account, coalesce(rolled.through, 0) AS through, coalesce(rolled.postings, 0) AS postings
        FROM (SELECT DISTINCT posting.account FROM zakhira.posted AS posting
              WHERE posting.sequence > state.rolled_through AND posting.sequence <= due) AS touched
        JOIN zakhira.balance ON balance.account = touched.account
        LEFT JOIN zakhira.rolled ON rolled.account = touched.account
        WHERE balance.postings - coalesce(rolled.postings, 0) >= busy
        ORDER BY balance.postings - coalesce(rolled.postings, 0) DESC, touched.account LIMIT most
    LOOP
        WITH summed AS (
            INSERT INTO zakhira.rollup (account, through, day, units, postings)
                SELECT one.account, due, posting.day, sum(posting.units), count(*)
                FROM zakhira.posted_between(one.account, one.through + 1, due + 1) AS posting
                GROUP BY posting.day
                RETURNING rollup.postings)
        INSERT INTO zakhira.rolled AS kept (account, through, postings)
            SELECT one.account, due, one.postings + coalesce(sum(summed.postings), 0) FROM summed
            ON CONFLICT (account) DO UPDATE SET through = excluded.through, postings = excluded.postings;
    END LOOP;
    -- What waits to fill a stretch is looked through each time: once for the turns that follow one another.
    IF due = state.done_through OR due - (SELECT coalesce(max(stretch.through), 0) FROM zakhira.stretch) >= fewest THEN
        PERFORM zakhira.draw_stretches(due, fewest);
    END IF;
    UPDATE zakhira.sealing SET rolled_through = due;
    RETURN due;
END $$;

-- What a writer may have rolled up, a turn at a time.
CREATE FUNCTION zakhira.roll_up() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT zakhira.roll_up(500, 4096, 16384) $$;

-- The last number that was written before an instant: times grow with the numbers, so it is found by halving.
CREATE FUNCTION zakhira.number_before(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    low bigint := 0;
    high bigint;
    there record;
BEGIN
    SELECT coalesce(max(audit.sequence), 0) INTO high FROM zakhira.audit;
    WHILE low < high LOOP -- everything up to low was written before, nothing behind high
        SELECT audit.sequence, audit.written_at INTO there FROM zakhira.audit
            WHERE audit.sequence > (low + high) / 2 AND audit.sequence <= high ORDER BY audit.sequence LIMIT 1;
        IF NOT FOUND THEN
            high := (low + high) / 2;
        ELSIF there.written_at < instant THEN
            low := there.sequence;
        ELSE
            high := (low + high) / 2;
        END IF;
    END LOOP;
    RETURN low;
END $$;

-- Wait until nobody else writes what these names stand for (NULL: very much), and keep others from it to the end.
CREATE FUNCTION zakhira.lock_touched(names integer[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF names IS NULL THEN
        PERFORM pg_advisory_xact_lock(8022892, 0);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(8022892, 0);
        PERFORM pg_advisory_xact_lock(8022894, given.name) FROM unnest(names) AS given (name);
    END IF;
END $$;

-- One write in one call: the locks, the look whether it was done before, and every row of it. Entries and postings come
-- as columns, the account of a posting as its number; columns at the end that no row uses may be NULL. Says the number,
-- or what stands under the key already.
CREATE FUNCTION zakhira.write(
    key text, actor text, action text, at timestamptz, content_hash text, leaf_hash text, names integer[],
    entry_count integer, posting_count integer, record_count integer, event_count integer,
    ids text[], instants timestamptz[], narrations text[], evidences text[], counts integer[], reversed text[],
    places integer[], ordinals integer[], accounts integer[], units bigint[], days date[], commodities text[],
    outpoints text[], sources text[], cost_units bigint[], cost_commodities text[],
    records json, events json,
    OUT number bigint, OUT found_content text, OUT found_leaf text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    is_held boolean;
BEGIN
    IF names = '{}' THEN -- as an expression it needs no plan
        is_held := pg_advisory_xact_lock_shared(8022892, 0) IS NOT NULL;
    ELSE
        PERFORM zakhira.lock_touched(names);
    END IF;
    IF event_count > 0 THEN
        PERFORM pg_advisory_xact_lock(2053861742);
    END IF;
    SELECT audit.content_hash, audit.leaf_hash INTO found_content, found_leaf FROM zakhira.audit WHERE audit.key = $1;
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO zakhira.audit (
        key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, record_count, event_count)
        VALUES ($1, $2, $3, $4, $5, $6, $8, $9, $10, $11)
        ON CONFLICT ON CONSTRAINT audit_key_key DO NOTHING RETURNING audit.sequence INTO number;
    IF NOT FOUND THEN -- somebody else was making it at this very moment
        SELECT audit.content_hash, audit.leaf_hash INTO STRICT found_content, found_leaf
            FROM zakhira.audit WHERE audit.key = $1;
        RETURN;
    END IF;
    IF entry_count = 1 THEN -- most writes: unpacking columns costs more than their one row
        INSERT INTO zakhira.entry (sequence, ordinal, id, at, narration, evidence, posting_count, reverses)
            VALUES (number, 1, ids[1], instants[1], narrations[1], evidences[1], counts[1], nullif(reversed[1], ''));
    ELSIF entry_count > 0 THEN
        INSERT INTO zakhira.entry (sequence, ordinal, id, at, narration, evidence, posting_count, reverses)
            SELECT number, given.ordinal, given.id, given.at, given.narration, given.evidence, given.posting_count,
                   nullif(given.reverses, '')
            FROM unnest(ids, instants, narrations, evidences, counts, reversed) WITH ORDINALITY
                AS given (id, at, narration, evidence, posting_count, reverses, ordinal);
    END IF;
    IF posting_count BETWEEN 1 AND 8 THEN
        INSERT INTO zakhira.posting (
            sequence, entry_ordinal, ordinal, account, units, day, commodity, lot_outpoint, lot_source, cost_units,
            cost_commodity)
            SELECT number, places[i], ordinals[i], accounts[i], units[i], days[i], commodities[i], outpoints[i], sources[i],
                   cost_units[i], cost_commodities[i]
            FROM generate_series(1, posting_count) AS i;
    ELSIF posting_count > 0 THEN
        INSERT INTO zakhira.posting (
            sequence, entry_ordinal, ordinal, account, units, day, commodity, lot_outpoint, lot_source, cost_units,
            cost_commodity)
            SELECT number, unnest(places), unnest(ordinals), unnest(accounts), unnest(units), unnest(days),
                   unnest(commodities), unnest(outpoints), unnest(sources), unnest(cost_units),
                   unnest(cost_commodities);
    END IF;
    IF record_count > 0 THEN
        INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body)
            SELECT number, $10, given.* FROM json_to_recordset(records)
                AS given (ordinal integer, kind text, id text, body jsonb);
    END IF;
    IF event_count > 0 THEN
        INSERT INTO zakhira.chain_event (
            sequence, event_count, ordinal, kind, height, block_hash, previous_hash, outpoint, vault, branch, place,
            amount_sats, script_hex, is_coinbase, spent_by)
            SELECT number, $11, given.* FROM json_to_recordset(events) AS given (
                ordinal integer, kind text, height integer, block_hash text, previous_hash text, outpoint text,
                vault text, branch smallint, place integer, amount_sats bigint, script_hex text, is_coinbase boolean,
                spent_by text)
            ORDER BY given.ordinal;
    END IF;
END $$;

-- Transfers: entries that move an amount from one account to another, without a lot or a cost, and take nothing back.
-- Most are such. One row of this view, which is always empty, makes one write of them or several, each with its own key
-- and its own place in the chain; they are of one commodity. Its trigger says once for all of them what begin_write,
-- require_entries, keep_sums and require_whole say of what comes otherwise: these look away when the owner's own
-- trigger is at work, and never when a hand is. What is not in order, or could not stand in any order, is refused here
-- as a whole, and told why by zakhira.write().
--
-- Behind the hashes every array is of entries: which write, its how manieth, and what it says; then the account of the
-- first posting with its units, and that of the second, which gets them with the sign turned.
CREATE VIEW zakhira.transfers AS
    SELECT NULL::text[] AS keys, NULL::text[] AS actors, NULL::text[] AS actions, NULL::timestamptz[] AS ats,
           NULL::text[] AS content_hashes, NULL::text[] AS leaf_hashes, NULL::integer[] AS entry_counts,
           NULL::integer[] AS writes, NULL::integer[] AS ordinals, NULL::text[] AS ids, NULL::timestamptz[] AS instants,
           NULL::text[] AS narrations, NULL::text[] AS evidences,
           NULL::integer[] AS accounts, NULL::integer[] AS others, NULL::bigint[] AS units, NULL::text AS commodity
    WHERE false;

CREATE FUNCTION zakhira.make_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_nestloop = off AS $$
DECLARE
    is_held boolean := pg_advisory_xact_lock_shared(8022892, 0) IS NOT NULL
        AND pg_advisory_xact_lock_shared(2053861743) IS NOT NULL;
    -- The transaction has its id before a number is drawn: seal() concludes from ids which numbers are still open.
    this xid8 := pg_current_xact_id();
    numbers bigint[];
    headers boolean;
    due bigint;
    entered bigint;
    sums record;
BEGIN
    WITH made AS (
        INSERT INTO zakhira.audit AS made (
            sequence, transaction, written_at, key, actor, action, at, content_hash, leaf_hash, entry_count,
            posting_count, record_count, event_count)
            -- Nothing is added to any of them. That they come in time is asked of the first for all.
            SELECT nextval('zakhira.write_number'), CASE i WHEN 1 THEN this END,
                   greatest(clock_timestamp(), sealing.written_through), NEW.keys[i], NEW.actors[i], NEW.actions[i],
                   NEW.ats[i], NEW.content_hashes[i], NEW.leaf_hashes[i], NEW.entry_counts[i], 2 * NEW.entry_counts[i], 0, 0
            FROM zakhira.sealing CROSS JOIN generate_series(1, cardinality(NEW.keys)) AS i
            RETURNING made.sequence, made.entry_count, made.leaf_hash = zakhira.leaf_of(
                made.key, made.actor, made.action, made.at, made.content_hash) AND NOT zakhira.is_no_header(
                made.key, made.actor, made.action, made.at, made.content_hash, made.entry_count) AS is_sound)
    SELECT array_agg(made.sequence), bool_and(made.is_sound), sum(made.entry_count) INTO numbers, headers, due FROM made;
    -- What says something, falls into no closed period and has a place that its write knows of. No two have one place: so
    -- many as all writes say are all of each.
    INSERT INTO zakhira.entry (
        sequence, ordinal, id, at, narration, evidence, posting_count, account, other, units, commodity)
        SELECT numbers[given.write], given.ordinal, given.id, given.at, given.narration, given.evidence, 2,
               given.account, given.other, given.units, NEW.commodity
        FROM (SELECT unnest(NEW.writes) AS write, unnest(NEW.ordinals) AS ordinal, unnest(NEW.ids) AS id,
                     unnest(NEW.instants) AS at, unnest(NEW.narrations) AS narration, unnest(NEW.evidences) AS evidence,
                     unnest(NEW.accounts) AS account, unnest(NEW.others) AS other, unnest(NEW.units) AS units
             ) AS given
        WHERE given.ordinal <= NEW.entry_counts[given.write] AND given.units <> 0
            AND zakhira.is_entry(given.ordinal, given.id, given.at, given.narration, given.evidence, 2)
            AND given.at >= (SELECT (closing.through + 1)::timestamp AT TIME ZONE 'UTC' FROM zakhira.closing);
    GET DIAGNOSTICS entered = ROW_COUNT;
    -- Two that touch very much touch the same: they stand in line here, and not at every row.
    IF cardinality(NEW.ids) > 100 THEN
        PERFORM pg_advisory_xact_lock(2053861745);
    END IF;
    WITH kept AS (
        UPDATE zakhira.balance AS kept
            SET units = kept.units + moved.units, postings = kept.postings + moved.postings
            FROM (
                SELECT given.account, sum(given.units)::bigint AS units, count(*) AS postings,
                       coalesce(sum(given.units) FILTER (WHERE given.units > 0), 0) AS added,
                       min(given.write) <> max(given.write) AS are_shared
                FROM (SELECT unnest(NEW.writes) AS write, unnest(NEW.accounts) AS account, unnest(NEW.units) AS units
                      UNION ALL
                      SELECT unnest(NEW.writes), unnest(NEW.others), -unnest(NEW.units)) AS given
                GROUP BY given.account ORDER BY given.account) AS moved
            -- Both sides come in the order of accounts, one through the index in one go: nobody waits for whoever waits.
            WHERE kept.account = moved.account AND kept.account = ANY (NEW.accounts || NEW.others)
                AND kept.commodity = NEW.commodity AND NOT kept.is_frozen
            -- Each write could stand before any other: with all that is added and nothing that is taken, or the other way
            -- round, no account is beyond a bound.
            RETURNING kept.class, moved.units, moved.postings, moved.are_shared IS FALSE OR (
                (kept.units - moved.added) * kept.sign BETWEEN kept.floor_units AND kept.ceiling_units
                AND (kept.units - moved.units + moved.added) * kept.sign BETWEEN kept.floor_units AND kept.ceiling_units
                ) AS is_apart)
    SELECT sum(kept.postings) = 2 * cardinality(NEW.ids) AND bool_and(kept.is_apart AND kept.class <> 'c') AS are_kept,
           coalesce(sum(kept.units) FILTER (WHERE kept.class = 'd'), 0)::bigint AS demand,
           coalesce(sum(kept.units) FILTER (WHERE kept.class = 't'), 0)::bigint AS term,
           coalesce(sum(kept.units) FILTER (WHERE kept.class = 's'), 0)::bigint AS suspense
        INTO STRICT sums FROM kept;
    IF (headers AND due = entered AND entered = cardinality(NEW.ids) AND sums.are_kept
        AND current_setting('transaction_isolation') = 'read committed') IS NOT TRUE
    THEN
        RAISE EXCEPTION 'not everything is in order with the transfers of %', NEW.keys[1]
            USING ERRCODE = 'ZK007', HINT = 'Make each write by zakhira.write().';
    END IF;
    IF sums.demand <> 0 OR sums.term <> 0 OR sums.suspense <> 0 THEN
        UPDATE zakhira.backing SET demand_units = backing.demand_units - sums.demand,
            term_units = backing.term_units - sums.term, suspense_units = backing.suspense_units - sums.suspense
            WHERE backing.commodity = 'BTC';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER make_transfers INSTEAD OF INSERT ON zakhira.transfers
    FOR EACH ROW EXECUTE FUNCTION zakhira.make_transfers();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['posting', 'closed_period', 'stretch'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['balance', 'backing', 'closing', 'rollup', 'rolled'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['balance', 'backing', 'closing'] LOOP
        EXECUTE format(
            'CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE ON zakhira.%I FOR EACH STATEMENT '
            'WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION zakhira.refuse_by_hand()', name);
    END LOOP;
    CREATE TRIGGER by_trigger_only BEFORE INSERT ON zakhira.closed_period
        FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand();
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA zakhira FROM PUBLIC;
GRANT SELECT ON zakhira.account, zakhira.balance, zakhira.posting, zakhira.posted, zakhira.backing, zakhira.closed_period,
    zakhira.closing, zakhira.rollup, zakhira.rolled, zakhira.stretch TO zakhira_app;
GRANT INSERT ON zakhira.posting TO zakhira_app;
REVOKE INSERT ON zakhira.entry FROM zakhira_app;
GRANT INSERT (sequence, ordinal, id, at, narration, evidence, posting_count, reverses) ON zakhira.entry TO zakhira_app;
REVOKE INSERT ON zakhira.account FROM zakhira_app;
GRANT INSERT (code, commodity, kind, claim, holder, is_overdraft_allowed, ceiling_units) ON zakhira.account
    TO zakhira_app;
GRANT EXECUTE ON FUNCTION zakhira.posted_between(integer, bigint, bigint) TO zakhira_app, zakhira_auditor;
GRANT EXECUTE ON FUNCTION zakhira.roll_up(),
    zakhira.number_before(timestamptz), zakhira.lock_touched(integer[]),
    zakhira.write(text, text, text, timestamptz, text, text, integer[], integer, integer, integer, integer, text[],
        timestamptz[], text[], text[], integer[], text[], integer[], integer[], integer[], bigint[], date[], text[],
        text[], text[], bigint[], text[], json, json)
    TO zakhira_app;
GRANT INSERT ON zakhira.transfers TO zakhira_app;
