-- Campaigns and payouts: what the database itself holds of them, whoever connects. All of it follows from the records of
-- the kinds 'campaign', 'payout', 'payout rows' and 'payout stop' and from the postings, and is written by nobody's hand.
-- A campaign's terms never change, and a fund gives to nobody but to a row of a payout that was recorded, once.

CREATE TABLE zakhira.campaign (
    id text PRIMARY KEY,
    terms jsonb NOT NULL,
    state text NOT NULL,
    commodity text NOT NULL REFERENCES zakhira.commodity,
    fund text NOT NULL UNIQUE,
    budget_units bigint NOT NULL CHECK (budget_units > 0),
    most_per_payee_units bigint NOT NULL CHECK (most_per_payee_units > 0),
    lowest_units bigint NOT NULL,
    highest_units bigint NOT NULL,
    taken_units bigint NOT NULL DEFAULT 0
);
CREATE TABLE zakhira.campaign_payee (
    campaign text NOT NULL REFERENCES zakhira.campaign,
    payee text NOT NULL,
    units bigint NOT NULL,
    PRIMARY KEY (campaign, payee)
) WITH (fillfactor = 70);
CREATE TABLE zakhira.payout (
    id text PRIMARY KEY,
    campaign text NOT NULL REFERENCES zakhira.campaign,
    batch_hash text NOT NULL,
    state text NOT NULL
);
CREATE TABLE zakhira.payout_row (
    payout text NOT NULL REFERENCES zakhira.payout,
    payee text NOT NULL,
    units bigint NOT NULL CHECK (units > 0),
    tax_units bigint NOT NULL CHECK (tax_units >= 0),
    entry text NOT NULL UNIQUE, -- the one entry that it may become
    account text NOT NULL, -- where its amount goes
    is_out boolean NOT NULL DEFAULT false,
    PRIMARY KEY (payout, payee)
) WITH (fillfactor = 70);
CREATE TABLE zakhira.payout_stop (
    of text PRIMARY KEY, -- a payout, or 'all'
    is_standing boolean NOT NULL
);
-- One row. A stop writes it and what pays a row holds it shared: a payment that began before a stop, or goes on beside
-- it, is either done when the stop is, or refused.
CREATE TABLE zakhira.payout_gate (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    stops bigint NOT NULL -- how often somebody stopped payouts, or let them go on
);
INSERT INTO zakhira.payout_gate (stops) VALUES (0);
-- What a write takes from a fund, summed; judged once the write is whole.
CREATE TABLE zakhira.campaign_take (
    sequence bigint NOT NULL,
    campaign text NOT NULL REFERENCES zakhira.campaign,
    units bigint NOT NULL,
    PRIMARY KEY (sequence, campaign)
);

-- A state goes forward alone: what was refused stays so, and what is out is never prepared again.
CREATE FUNCTION zakhira.is_payout_step(earlier text, later text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT earlier = later OR (earlier, later) IN (
        ('prepared', 'approved'), ('approved', 'releasing'), ('releasing', 'released'), ('prepared', 'refused'),
        ('approved', 'refused'))
$$;

-- A fund opens empty or with the campaign's own funding, is below 0 never and above the budget never, and nothing ever
-- stood on it before: whoever opened the account beforehand in another way has opened no fund.
CREATE FUNCTION zakhira.require_fund(campaign zakhira.campaign, sequence bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number
        WHERE account.code = campaign.fund AND account.kind = 'liability' AND account.commodity = campaign.commodity
            AND account.claim IN ('', 'demand') AND account.holder = '' AND balance.floor_units = 0
            AND balance.ceiling_units = campaign.budget_units AND NOT balance.is_frozen
            AND balance.units IN (0, -campaign.budget_units)
            AND NOT EXISTS (SELECT FROM zakhira.posted AS posting WHERE posting.account = account.number
                AND posting.sequence <> require_fund.sequence);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'campaign % opens with a fund of its own: a liability in %, never used before, that goes to 0 at '
            'the least and to % at the most, and is not frozen', campaign.id, campaign.commodity, campaign.budget_units
            USING ERRCODE = 'ZK030';
    END IF;
END $$;

CREATE FUNCTION zakhira.keep_campaign() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    terms jsonb := NEW.body - '{state,words,signature,proposed_by,proposed_at,expires_at}'::text[];
    earlier text;
    kept zakhira.campaign;
BEGIN
    IF NEW.body ->> 'fund' IS DISTINCT FROM 'liabilities:campaigns:' || NEW.id || ':' || (NEW.body ->> 'asset') THEN
        RAISE EXCEPTION 'the fund of campaign % is not its own', NEW.id USING ERRCODE = 'ZK030';
    END IF;
    SELECT there.state INTO earlier FROM zakhira.campaign AS there WHERE there.id = NEW.id FOR UPDATE;
    INSERT INTO zakhira.campaign (id, terms, state, commodity, fund, budget_units, most_per_payee_units, lowest_units,
            highest_units)
        VALUES (NEW.id, terms, NEW.body ->> 'state', NEW.body ->> 'asset', NEW.body ->> 'fund',
                (NEW.body ->> 'budget')::bigint, (NEW.body ->> 'most_per_payee')::bigint,
                (NEW.body ->> 'lowest')::bigint, (NEW.body ->> 'highest')::bigint)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state WHERE campaign.terms = excluded.terms
        RETURNING campaign.* INTO kept;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the terms of campaign % never change', NEW.id USING ERRCODE = 'ZK030';
    END IF;
    IF earlier IS DISTINCT FROM kept.state THEN
        IF earlier <> 'proposed' OR kept.state NOT IN ('proposed', 'open', 'refused') THEN
            RAISE EXCEPTION 'campaign % is %, and does not become %', NEW.id, coalesce(earlier, 'not there'), kept.state
                USING ERRCODE = 'ZK030';
        END IF;
        IF kept.state = 'open' THEN
            PERFORM zakhira.require_fund(kept, NEW.sequence);
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_campaign AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'campaign') EXECUTE FUNCTION zakhira.keep_campaign();

CREATE FUNCTION zakhira.keep_payout() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    earlier text;
BEGIN
    SELECT there.state INTO earlier FROM zakhira.payout AS there WHERE there.id = NEW.id FOR UPDATE;
    INSERT INTO zakhira.payout (id, campaign, batch_hash, state)
        VALUES (NEW.id, NEW.body ->> 'campaign', NEW.body ->> 'batch_hash', NEW.body ->> 'state')
        ON CONFLICT (id) DO UPDATE SET state = excluded.state
            WHERE payout.campaign = excluded.campaign AND payout.batch_hash = excluded.batch_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payout % is another batch', NEW.id USING ERRCODE = 'ZK031';
    END IF;
    IF NOT zakhira.is_payout_step(earlier, NEW.body ->> 'state') THEN
        RAISE EXCEPTION 'payout % is %, and does not become %', NEW.id, earlier, NEW.body ->> 'state'
            USING ERRCODE = 'ZK031';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_payout AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'payout') EXECUTE FUNCTION zakhira.keep_payout();

CREATE FUNCTION zakhira.keep_payout_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    campaign zakhira.campaign;
    bad record;
BEGIN
    SELECT kept.* INTO campaign FROM zakhira.campaign AS kept JOIN zakhira.payout ON payout.campaign = kept.id
        WHERE payout.id = NEW.id AND kept.id = NEW.body ->> 'campaign';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the rows of payout % belong to no payout of a campaign', NEW.id USING ERRCODE = 'ZK031';
    END IF;
    IF EXISTS (SELECT FROM zakhira.payout_row AS kept WHERE kept.payout = NEW.id) THEN
        RAISE EXCEPTION 'the rows of payout % never change', NEW.id USING ERRCODE = 'ZK031';
    END IF;
    SELECT given.* INTO bad FROM jsonb_to_recordset(NEW.body -> 'rows')
        AS given (payee text, commodity text, units numeric, tax_units numeric)
        WHERE given.commodity IS DISTINCT FROM campaign.commodity
            OR given.units NOT BETWEEN campaign.lowest_units AND campaign.highest_units
            OR given.tax_units NOT BETWEEN 0 AND campaign.budget_units LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% least units of % for % is not what campaign % pays: % to % of %', bad.units, bad.commodity,
            bad.payee, campaign.id, campaign.lowest_units, campaign.highest_units, campaign.commodity
            USING ERRCODE = 'ZK032';
    END IF;
    SELECT given.payee INTO bad FROM jsonb_to_recordset(NEW.body -> 'rows') AS given (payee text)
        GROUP BY given.payee HAVING count(*) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payee % stands in payout % more than once', bad.payee, NEW.id USING ERRCODE = 'ZK033';
    END IF;
    -- A limit for each payee is one for each account: a payee has one spelling, and a row goes where the campaign pays.
    SELECT given.payee, given."to" AS account INTO bad
        FROM jsonb_to_recordset(NEW.body -> 'rows') AS given (payee text, "to" text)
        WHERE given.payee !~ '^[a-z0-9]+(-[a-z0-9]+)*$' OR given."to" IS DISTINCT FROM CASE campaign.terms ->> 'way'
                WHEN 'accounts' THEN 'liabilities:participants:' || given.payee || ':' || campaign.commodity
                WHEN 'bank' THEN 'liabilities:ordered:' || campaign.id || ':' || campaign.commodity
                WHEN 'coin' THEN 'expenses:campaigns:' || campaign.id || ':' || campaign.commodity END
            OR campaign.terms ->> 'way' = 'accounts' AND EXISTS (SELECT FROM zakhira.account
                WHERE account.code = given."to" AND account.holder NOT IN ('', given.payee)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payee % is not paid to %, by what campaign % says', bad.payee, bad.account, campaign.id
            USING ERRCODE = 'ZK032';
    END IF;
    SELECT entry.id INTO bad FROM jsonb_to_recordset(NEW.body -> 'rows') AS given (entry text)
        JOIN zakhira.entry ON entry.id = given.entry LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of payout % is in the books already', bad.id, NEW.id USING ERRCODE = 'ZK031';
    END IF;
    INSERT INTO zakhira.payout_row (payout, payee, units, tax_units, entry, account)
        SELECT NEW.id, given.payee, given.units, given.tax_units, given.entry, given."to"
        FROM jsonb_to_recordset(NEW.body -> 'rows')
            AS given (payee text, units bigint, tax_units bigint, entry text, "to" text);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_payout_rows AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'payout rows') EXECUTE FUNCTION zakhira.keep_payout_rows();

CREATE FUNCTION zakhira.keep_payout_stop() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO zakhira.payout_stop (of, is_standing) VALUES (NEW.id, (NEW.body ->> 'is_standing')::boolean)
        ON CONFLICT (of) DO UPDATE SET is_standing = excluded.is_standing;
    UPDATE zakhira.payout_gate SET stops = payout_gate.stops + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_payout_stop AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'payout stop') EXECUTE FUNCTION zakhira.keep_payout_stop();

-- What leaves funds with a statement, here by postings, below by transfers; where there is no campaign this costs one look
-- into an empty table.
CREATE FUNCTION zakhira.note_takes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM zakhira.campaign) THEN
        INSERT INTO zakhira.campaign_take AS kept (sequence, campaign, units)
            SELECT added.sequence, campaign.id, sum(added.units)::bigint
            FROM added JOIN zakhira.account ON account.number = added.account
                JOIN zakhira.campaign ON campaign.fund = account.code
            WHERE added.units > 0 GROUP BY added.sequence, campaign.id
            ON CONFLICT (sequence, campaign) DO UPDATE SET units = kept.units + excluded.units;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_takes AFTER INSERT ON zakhira.posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.note_takes();

-- The id of a row's entry is the row's alone, whatever else an entry says; what a transfer takes from a fund is noted.
CREATE FUNCTION zakhira.judge_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    bad record;
BEGIN
    IF EXISTS (SELECT FROM zakhira.campaign) THEN
        SELECT added.id, added.evidence INTO bad FROM added JOIN zakhira.payout_row AS kept ON kept.entry = added.id
            WHERE added.evidence <> 'payout ' || kept.payout LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'entry % is a row of a payout, and not one of %', bad.id, bad.evidence
                USING ERRCODE = 'ZK034';
        END IF;
        INSERT INTO zakhira.campaign_take AS kept (sequence, campaign, units)
            SELECT added.sequence, campaign.id, sum(abs(added.units))::bigint
            FROM added
                JOIN zakhira.account ON account.number = CASE WHEN added.units > 0 THEN added.account ELSE added.other END
                JOIN zakhira.campaign ON campaign.fund = account.code
            GROUP BY added.sequence, campaign.id
            ON CONFLICT (sequence, campaign) DO UPDATE SET units = kept.units + excluded.units;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER judge_entries AFTER INSERT ON zakhira.entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION zakhira.judge_entries();

-- An entry that says that it pays a row posts exactly that row, of a payout that may go out. The entry says how many
-- postings it has, so that none comes to it after this was asked.
CREATE FUNCTION zakhira.require_payout_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    sums record;
BEGIN
    PERFORM FROM zakhira.payout_gate FOR SHARE;
    SELECT kept.payout, kept.payee, kept.units, kept.tax_units, kept.account, payout.state, campaign.fund,
           campaign.state AS campaign_state,
           'liabilities:withheld:' || campaign.id || ':' || campaign.commodity AS tax
        INTO told FROM zakhira.payout_row AS kept JOIN zakhira.payout ON payout.id = kept.payout
            JOIN zakhira.campaign ON campaign.id = payout.campaign
        WHERE kept.entry = NEW.id;
    IF NOT FOUND OR NEW.evidence <> 'payout ' || told.payout THEN
        RAISE EXCEPTION 'entry % is no row of %', NEW.id, NEW.evidence USING ERRCODE = 'ZK034';
    END IF;
    IF told.campaign_state <> 'open' OR told.state NOT IN ('releasing', 'released') THEN
        RAISE EXCEPTION 'payout % is % and its campaign %: nothing goes out', told.payout, told.state,
            told.campaign_state USING ERRCODE = 'ZK034';
    END IF;
    IF EXISTS (SELECT FROM zakhira.payout_stop AS halt WHERE halt.is_standing AND halt.of IN ('all', told.payout)) THEN
        RAISE EXCEPTION 'payout % is stopped', told.payout USING ERRCODE = 'ZK035';
    END IF;
    SELECT count(*) AS postings,
           count(*) FILTER (WHERE account.code = told.fund AND posting.units = told.units + told.tax_units) AS taken,
           count(*) FILTER (WHERE account.code = told.account AND posting.units = -told.units) AS given,
           count(*) FILTER (WHERE account.code = told.tax AND posting.units = -told.tax_units) AS withheld
        INTO STRICT sums FROM zakhira.posted AS posting JOIN zakhira.account ON account.number = posting.account
        WHERE posting.sequence = NEW.sequence AND posting.entry_ordinal = NEW.ordinal;
    IF (sums.taken, sums.given, sums.withheld) <> (1, 1, sign(told.tax_units)::bigint)
        OR sums.postings <> 2 + sign(told.tax_units)::bigint OR sums.postings <> NEW.posting_count
    THEN
        RAISE EXCEPTION 'entry % does not post what payout % says of %', NEW.id, told.payout, told.payee
            USING ERRCODE = 'ZK034';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_payout_entry AFTER INSERT ON zakhira.entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.evidence LIKE 'payout %') EXECUTE FUNCTION zakhira.require_payout_entry();

-- At commit, or as early as somebody wants it judged: whatever left a fund went to rows, and what its payees and the campaign have got is within the terms.
CREATE FUNCTION zakhira.judge_take() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bad record;
    added bigint;
BEGIN
    -- A posting whose entry is not there yet takes for nobody: it would else be judged before there is anything to judge.
    SELECT coalesce(entry.id, 'of ' || posting.entry_ordinal) AS id INTO bad
        FROM zakhira.campaign JOIN zakhira.account ON account.code = campaign.fund
            JOIN zakhira.posted AS posting ON posting.account = account.number AND posting.sequence = NEW.sequence
            LEFT JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
            LEFT JOIN zakhira.payout_row AS kept ON kept.entry = entry.id AND entry.evidence = 'payout ' || kept.payout
        WHERE campaign.id = NEW.campaign AND posting.units > 0 AND kept.entry IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % takes from the fund of campaign % and is no row of a payout', bad.id, NEW.campaign
            USING ERRCODE = 'ZK034';
    END IF;
    WITH rows_out AS (
        UPDATE zakhira.payout_row AS kept SET is_out = true
            FROM zakhira.entry, zakhira.payout
            WHERE entry.sequence = NEW.sequence AND entry.id = kept.entry AND NOT kept.is_out
                AND payout.id = kept.payout AND payout.campaign = NEW.campaign
            RETURNING kept.payee, kept.units, kept.tax_units),
    per_payee AS (
        INSERT INTO zakhira.campaign_payee AS kept (campaign, payee, units)
            SELECT NEW.campaign, rows_out.payee, sum(rows_out.units)::bigint FROM rows_out
            GROUP BY rows_out.payee ORDER BY rows_out.payee
            ON CONFLICT (campaign, payee) DO UPDATE SET units = kept.units + excluded.units)
    SELECT coalesce(sum(rows_out.units + rows_out.tax_units), 0)::bigint INTO added FROM rows_out;
    UPDATE zakhira.campaign SET taken_units = campaign.taken_units + added WHERE campaign.id = NEW.campaign;
    SELECT campaign.budget_units, campaign.taken_units INTO bad FROM zakhira.campaign
        WHERE campaign.id = NEW.campaign AND campaign.taken_units > campaign.budget_units;
    IF FOUND THEN
        RAISE EXCEPTION 'campaign % would have paid % of its budget of %', NEW.campaign, bad.taken_units,
            bad.budget_units USING ERRCODE = 'ZK036';
    END IF;
    SELECT kept.payee, kept.units, campaign.most_per_payee_units AS most INTO bad
        FROM zakhira.campaign_payee AS kept JOIN zakhira.campaign ON campaign.id = kept.campaign
            JOIN zakhira.payout ON payout.campaign = campaign.id
            JOIN zakhira.payout_row ON payout_row.payout = payout.id AND payout_row.payee = kept.payee
            JOIN zakhira.entry ON entry.id = payout_row.entry AND entry.sequence = NEW.sequence
        WHERE kept.campaign = NEW.campaign AND kept.units > campaign.most_per_payee_units LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% would have got % of campaign %, which gives % to one payee', bad.payee, bad.units,
            NEW.campaign, bad.most USING ERRCODE = 'ZK036';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER judge_take AFTER INSERT OR UPDATE ON zakhira.campaign_take
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION zakhira.judge_take();

-- A row that was ordered from a bank and whose entry is taken back (the bank did not pay it) counts no more; its entry is
-- used up all the same. What was credited to an account counts for ever: the payee may have moved it on.
CREATE FUNCTION zakhira.take_back_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
BEGIN
    UPDATE zakhira.payout_row AS kept SET is_out = false FROM zakhira.payout
            JOIN zakhira.campaign ON campaign.id = payout.campaign
        WHERE kept.entry = NEW.reverses AND kept.is_out AND payout.id = kept.payout
            AND campaign.terms ->> 'way' = 'bank'
        RETURNING payout.campaign, kept.payee, kept.units, kept.tax_units INTO told;
    IF FOUND THEN
        UPDATE zakhira.campaign SET taken_units = campaign.taken_units - told.units - told.tax_units
            WHERE campaign.id = told.campaign;
        UPDATE zakhira.campaign_payee AS kept SET units = kept.units - told.units
            WHERE kept.campaign = told.campaign AND kept.payee = told.payee;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER take_back_row AFTER INSERT ON zakhira.entry
    FOR EACH ROW WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION zakhira.take_back_row();

-- As before, with the body taken apart once: a payout of ten thousand payees is a movement of as many parts.
CREATE OR REPLACE FUNCTION zakhira.keep_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
BEGIN
    DELETE FROM zakhira.movement AS kept WHERE kept.id = NEW.id;
    SELECT given.*, ARRAY(SELECT jsonb_array_elements_text(NEW.body -> 'lot_purposes')) AS purposes INTO STRICT told
        FROM jsonb_to_record(NEW.body) AS given
            (state text, at timestamptz, action text, commodity text, vault text, purpose text, parts jsonb);
    IF told.state <> 'ended' THEN
        INSERT INTO zakhira.movement
            (id, ordinal, at, action, commodity, units, vault, destination, purpose, lot_purposes, is_waiting)
            SELECT NEW.id, part.ordinal, told.at, told.action, told.commodity, (part.piece ->> 'units')::bigint,
                   told.vault, part.piece ->> 'destination', told.purpose, told.purposes, told.state = 'waiting'
            FROM jsonb_array_elements(told.parts) WITH ORDINALITY AS part (piece, ordinal);
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'campaign', 'campaign_payee', 'payout', 'payout_row', 'payout_stop', 'payout_gate',
        'campaign_take'] LOOP
        EXECUTE format(
            'CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()', name);
        EXECUTE format(
            'CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE ON zakhira.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand()', name);
        EXECUTE format('GRANT SELECT ON zakhira.%I TO zakhira_app', name);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION zakhira.keep_campaign(), zakhira.keep_payout(), zakhira.keep_payout_rows(),
    zakhira.keep_payout_stop(), zakhira.note_takes(), zakhira.require_payout_entry(), zakhira.judge_take(),
    zakhira.take_back_row(), zakhira.is_payout_step(text, text), zakhira.require_fund(zakhira.campaign, bigint),
    zakhira.judge_entries() FROM PUBLIC;
