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
-- What a write takes from a fund, summed; judged once the write is whole.
CREATE TABLE zakhira.campaign_take (
    sequence bigint NOT NULL,
    campaign text NOT NULL REFERENCES zakhira.campaign,
    units bigint NOT NULL,
    PRIMARY KEY (sequence, campaign)
);

CREATE FUNCTION zakhira.keep_campaign() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    terms jsonb := NEW.body - '{state,words,signature,proposed_by,proposed_at,expires_at}'::text[];
BEGIN
    INSERT INTO zakhira.campaign (id, terms, state, commodity, fund, budget_units, most_per_payee_units, lowest_units,
            highest_units)
        VALUES (NEW.id, terms, NEW.body ->> 'state', NEW.body ->> 'asset', NEW.body ->> 'fund',
                (NEW.body ->> 'budget')::bigint, (NEW.body ->> 'most_per_payee')::bigint,
                (NEW.body ->> 'lowest')::bigint, (NEW.body ->> 'highest')::bigint)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state WHERE campaign.terms = excluded.terms;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the terms of campaign % never change', NEW.id USING ERRCODE = 'ZK030';
    END IF;
    IF NEW.body ->> 'fund' IS DISTINCT FROM 'liabilities:campaigns:' || NEW.id || ':' || (NEW.body ->> 'asset') THEN
        RAISE EXCEPTION 'the fund of campaign % is not its own', NEW.id USING ERRCODE = 'ZK030';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_campaign AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'campaign') EXECUTE FUNCTION zakhira.keep_campaign();

CREATE FUNCTION zakhira.keep_payout() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO zakhira.payout (id, campaign, batch_hash, state)
        VALUES (NEW.id, NEW.body ->> 'campaign', NEW.body ->> 'batch_hash', NEW.body ->> 'state')
        ON CONFLICT (id) DO UPDATE SET state = excluded.state
            WHERE payout.campaign = excluded.campaign AND payout.batch_hash = excluded.batch_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payout % is another batch', NEW.id USING ERRCODE = 'ZK031';
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
    RETURN NULL;
END $$;
CREATE TRIGGER keep_payout_stop AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'payout stop') EXECUTE FUNCTION zakhira.keep_payout_stop();

-- What leaves funds with a statement; where there is no campaign this costs one look into an empty table.
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

-- An entry that says that it pays a row posts exactly that row, of a payout that may go out.
CREATE FUNCTION zakhira.require_payout_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
    posted record;
BEGIN
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
        INTO STRICT posted FROM zakhira.posting JOIN zakhira.account ON account.number = posting.account
        WHERE posting.sequence = NEW.sequence AND posting.entry_ordinal = NEW.ordinal;
    IF (posted.taken, posted.given, posted.withheld) <> (1, 1, sign(told.tax_units)::bigint)
        OR posted.postings <> 2 + sign(told.tax_units)::bigint
    THEN
        RAISE EXCEPTION 'entry % does not post what payout % says of %', NEW.id, told.payout, told.payee
            USING ERRCODE = 'ZK034';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER require_payout_entry AFTER INSERT ON zakhira.entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.evidence LIKE 'payout %') EXECUTE FUNCTION zakhira.require_payout_entry();

-- At commit: whatever left a fund went to rows, and what its payees and the campaign have got is within the terms.
CREATE FUNCTION zakhira.judge_take() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bad record;
    added bigint;
    payees bigint;
BEGIN
    SELECT entry.id INTO bad
        FROM zakhira.campaign JOIN zakhira.account ON account.code = campaign.fund
            JOIN zakhira.posting ON posting.account = account.number AND posting.sequence = NEW.sequence
            JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
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
            ON CONFLICT (campaign, payee) DO UPDATE SET units = kept.units + excluded.units
            RETURNING kept.payee, kept.units)
    SELECT coalesce((SELECT sum(rows_out.units + rows_out.tax_units) FROM rows_out), 0)::bigint,
           (SELECT count(*) FROM per_payee)
        INTO added, payees;
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

-- A row whose entry is taken back (a bank did not pay it) counts no more; its entry is used up all the same.
CREATE FUNCTION zakhira.take_back_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told record;
BEGIN
    UPDATE zakhira.payout_row AS kept SET is_out = false FROM zakhira.payout
        WHERE kept.entry = NEW.reverses AND kept.is_out AND payout.id = kept.payout
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
        'campaign', 'campaign_payee', 'payout', 'payout_row', 'payout_stop', 'campaign_take'] LOOP
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
    zakhira.take_back_row() FROM PUBLIC;
