-- What analysts read: views with names in place of numbers, amounts in written units beside the least ones. They are a
-- promise: a column keeps its name and meaning, and what lies beneath may change. Their comments are the manual.

CREATE SCHEMA zakhira_views;
GRANT USAGE ON SCHEMA zakhira_views TO zakhira_reader, zakhira_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA zakhira_views GRANT SELECT ON TABLES TO zakhira_reader, zakhira_auditor;

CREATE VIEW zakhira_views.accounts AS
    SELECT account.code, nullif(left(account.code, -length(substring(account.code FROM ':?[^:]+$'))), '') AS parent,
           account.commodity, commodity.decimals, account.kind, nullif(account.claim, '') AS claim,
           nullif(account.holder, '') AS holder, account.is_overdraft_allowed, balance.is_frozen,
           nullif(balance.floor_units, -9223372036854775807) AS floor_units,
           nullif(balance.ceiling_units, 9223372036854775807) AS ceiling_units
    FROM zakhira.account
    JOIN zakhira.commodity ON commodity.code = account.commodity
    LEFT JOIN zakhira.balance ON balance.account = account.number;
COMMENT ON VIEW zakhira_views.accounts IS 'The chart of accounts: each account counts one commodity.';
COMMENT ON COLUMN zakhira_views.accounts.code IS 'Its name: a path whose parts are parted by colons.';
COMMENT ON COLUMN zakhira_views.accounts.parent IS 'The path above it, which need not be an account itself.';
COMMENT ON COLUMN zakhira_views.accounts.commodity IS 'What it counts: BTC, PKR, USD or WH.';
COMMENT ON COLUMN zakhira_views.accounts.decimals IS 'Decimals of the written unit: 8 for BTC, 2 for money, 0 for watt-hours.';
COMMENT ON COLUMN zakhira_views.accounts.kind IS 'asset, liability, income, expense, equity or conversion.';
COMMENT ON COLUMN zakhira_views.accounts.claim IS 'Of a liability in coin: payable on demand, at a term, or in suspense.';
COMMENT ON COLUMN zakhira_views.accounts.holder IS 'Whose account it is, where it is somebody''s.';
COMMENT ON COLUMN zakhira_views.accounts.is_overdraft_allowed IS 'Whether it was opened to go below zero in its natural sign.';
COMMENT ON COLUMN zakhira_views.accounts.is_frozen IS 'Whether postings to it are refused now.';
COMMENT ON COLUMN zakhira_views.accounts.floor_units IS 'The least that it may hold, in its natural sign; none where empty.';
COMMENT ON COLUMN zakhira_views.accounts.ceiling_units IS 'The most that it may hold, in its natural sign; none where empty.';

CREATE VIEW zakhira_views.writes AS
    SELECT audit.sequence AS number, audit.key, audit.actor, audit.action, audit.at, audit.written_at AS entered_at,
           audit.entry_count AS entries, audit.posting_count AS postings, audit.record_count AS records,
           audit.event_count AS events, audit.content_hash, audit.leaf_hash, seal.position,
           encode(seal.hash, 'hex') AS chain_hash
    FROM zakhira.audit LEFT JOIN zakhira.seal ON seal.sequence = audit.sequence;
COMMENT ON VIEW zakhira_views.writes IS 'Every write of the books with its place in the audit chain.';
COMMENT ON COLUMN zakhira_views.writes.number IS 'Its number; numbers of writes that were rolled back are missing.';
COMMENT ON COLUMN zakhira_views.writes.key IS 'What made it happen once only.';
COMMENT ON COLUMN zakhira_views.writes.actor IS 'Who did it.';
COMMENT ON COLUMN zakhira_views.writes.action IS 'What was done, in words.';
COMMENT ON COLUMN zakhira_views.writes.at IS 'When it was done, as the program says.';
COMMENT ON COLUMN zakhira_views.writes.entered_at IS 'When it was written, by the database''s clock.';
COMMENT ON COLUMN zakhira_views.writes.entries IS 'How many entries it holds.';
COMMENT ON COLUMN zakhira_views.writes.postings IS 'How many postings its entries hold.';
COMMENT ON COLUMN zakhira_views.writes.records IS 'How many records it holds.';
COMMENT ON COLUMN zakhira_views.writes.events IS 'How many facts of the chain it holds.';
COMMENT ON COLUMN zakhira_views.writes.content_hash IS 'SHA-256 of all that it holds, as docs/audit-chain.md says.';
COMMENT ON COLUMN zakhira_views.writes.leaf_hash IS 'SHA-256 of its header, which is what the chain links.';
COMMENT ON COLUMN zakhira_views.writes.position IS 'Its place in the audit chain; empty while it is not sealed.';
COMMENT ON COLUMN zakhira_views.writes.chain_hash IS 'The hash of the chain up to it.';

CREATE VIEW zakhira_views.chain_head AS
    SELECT audit_head.position, encode(audit_head.hash, 'hex') AS hash,
           (SELECT count(*) FROM zakhira.unsealed) AS unsealed
    FROM zakhira.audit_head;
COMMENT ON VIEW zakhira_views.chain_head IS 'Where the audit chain ends: one row.';
COMMENT ON COLUMN zakhira_views.chain_head.position IS 'How many writes are sealed.';
COMMENT ON COLUMN zakhira_views.chain_head.hash IS 'The hash that stands for all of them.';
COMMENT ON COLUMN zakhira_views.chain_head.unsealed IS 'How many writes are committed and not sealed yet.';

CREATE VIEW zakhira_views.entries AS
    SELECT entry.id, entry.at, (entry.at AT TIME ZONE 'UTC')::date AS day, audit.written_at AS entered_at,
           entry.narration, entry.evidence, entry.reverses, later.id AS reversed_by, audit.actor, audit.action,
           entry.sequence AS write, entry.ordinal, entry.posting_count AS postings
    FROM zakhira.entry
    JOIN zakhira.audit ON audit.sequence = entry.sequence
    LEFT JOIN zakhira.entry AS later ON later.reverses = entry.id;
COMMENT ON VIEW zakhira_views.entries IS 'Every entry of the ledger; its postings balance in each commodity.';
COMMENT ON COLUMN zakhira_views.entries.id IS 'Its name.';
COMMENT ON COLUMN zakhira_views.entries.at IS 'When it happened: the event date.';
COMMENT ON COLUMN zakhira_views.entries.day IS 'The day of that, in UTC.';
COMMENT ON COLUMN zakhira_views.entries.entered_at IS 'When it was entered: the entry date, by the database''s clock.';
COMMENT ON COLUMN zakhira_views.entries.narration IS 'What happened, in words.';
COMMENT ON COLUMN zakhira_views.entries.evidence IS 'What proves it: a transaction, a meter reading, a document.';
COMMENT ON COLUMN zakhira_views.entries.reverses IS 'The entry that it takes back.';
COMMENT ON COLUMN zakhira_views.entries.reversed_by IS 'The entry that took it back.';
COMMENT ON COLUMN zakhira_views.entries.actor IS 'Who made it.';
COMMENT ON COLUMN zakhira_views.entries.action IS 'In the course of what.';
COMMENT ON COLUMN zakhira_views.entries.write IS 'The number of its write.';
COMMENT ON COLUMN zakhira_views.entries.ordinal IS 'Its place in that write.';
COMMENT ON COLUMN zakhira_views.entries.postings IS 'How many postings it has.';

CREATE VIEW zakhira_views.postings AS
    SELECT entry.id AS entry, entry.at, posting.day, audit.written_at AS entered_at, account.code AS account,
           account.kind, posting.commodity, posting.units,
           round(posting.units / power(10::numeric, commodity.decimals), commodity.decimals) AS amount,
           posting.lot_outpoint AS lot, posting.lot_source, posting.cost_units, posting.cost_commodity,
           round(posting.cost_units / power(10::numeric, cost.decimals), cost.decimals) AS cost,
           posting.sequence AS write, posting.entry_ordinal, posting.ordinal
    FROM zakhira.posted AS posting
    JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
    JOIN zakhira.audit ON audit.sequence = posting.sequence
    JOIN zakhira.account ON account.number = posting.account
    JOIN zakhira.commodity ON commodity.code = posting.commodity
    LEFT JOIN zakhira.commodity AS cost ON cost.code = posting.cost_commodity;
COMMENT ON VIEW zakhira_views.postings IS 'Every posting: what an entry puts on an account. Debits are above zero, credits below.';
COMMENT ON COLUMN zakhira_views.postings.entry IS 'The id of its entry.';
COMMENT ON COLUMN zakhira_views.postings.at IS 'When it happened.';
COMMENT ON COLUMN zakhira_views.postings.day IS 'The day of that, in UTC.';
COMMENT ON COLUMN zakhira_views.postings.entered_at IS 'When it was entered.';
COMMENT ON COLUMN zakhira_views.postings.account IS 'The code of the account.';
COMMENT ON COLUMN zakhira_views.postings.kind IS 'The kind of the account.';
COMMENT ON COLUMN zakhira_views.postings.commodity IS 'What is counted.';
COMMENT ON COLUMN zakhira_views.postings.units IS 'In the least unit: sat, paisa, cent, watt-hour.';
COMMENT ON COLUMN zakhira_views.postings.amount IS 'The same in the written unit: BTC, rupee, dollar, watt-hour.';
COMMENT ON COLUMN zakhira_views.postings.lot IS 'Of coins: the outpoint that holds them.';
COMMENT ON COLUMN zakhira_views.postings.lot_source IS 'Of coins: where they are from.';
COMMENT ON COLUMN zakhira_views.postings.cost_units IS 'What was paid for it, in the least unit of that commodity.';
COMMENT ON COLUMN zakhira_views.postings.cost_commodity IS 'The commodity of the cost.';
COMMENT ON COLUMN zakhira_views.postings.cost IS 'The cost in its written unit.';
COMMENT ON COLUMN zakhira_views.postings.write IS 'The number of its write.';
COMMENT ON COLUMN zakhira_views.postings.entry_ordinal IS 'The place of its entry in the write.';
COMMENT ON COLUMN zakhira_views.postings.ordinal IS 'Its place in the entry.';

CREATE VIEW zakhira_views.balances AS
    SELECT account.code AS account, account.kind, account.commodity, balance.units,
           natural_sign.one * balance.units AS natural_units,
           round(natural_sign.one * balance.units / power(10::numeric, commodity.decimals), commodity.decimals) AS amount,
           balance.postings, balance.is_frozen
    FROM zakhira.account
    JOIN zakhira.balance ON balance.account = account.number
    JOIN zakhira.commodity ON commodity.code = account.commodity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN account.kind IN ('liability', 'income', 'equity') THEN -1 ELSE 1 END AS one) AS natural_sign;
COMMENT ON VIEW zakhira_views.balances IS 'What is on each account now.';
COMMENT ON COLUMN zakhira_views.balances.account IS 'The code of the account.';
COMMENT ON COLUMN zakhira_views.balances.kind IS 'The kind of the account.';
COMMENT ON COLUMN zakhira_views.balances.commodity IS 'What is counted.';
COMMENT ON COLUMN zakhira_views.balances.units IS 'Debits less credits, in the least unit; these sum to zero over all accounts of a commodity.';
COMMENT ON COLUMN zakhira_views.balances.natural_units IS 'In the natural sign: liabilities, income and equity turned.';
COMMENT ON COLUMN zakhira_views.balances.amount IS 'The natural units in the written unit.';
COMMENT ON COLUMN zakhira_views.balances.postings IS 'How many postings it has.';
COMMENT ON COLUMN zakhira_views.balances.is_frozen IS 'Whether postings to it are refused now.';

CREATE VIEW zakhira_views.lots AS
    SELECT lot.account, lot.outpoint, lot.source, lot.units, round(lot.units / 100000000::numeric, 8) AS amount
    FROM zakhira.lot WHERE lot.units <> 0;
COMMENT ON VIEW zakhira_views.lots IS 'Coins by the outpoint that holds them and the account that they stand on; those that are used up are not here.';
COMMENT ON COLUMN zakhira_views.lots.account IS 'The code of the account.';
COMMENT ON COLUMN zakhira_views.lots.outpoint IS 'Transaction and index.';
COMMENT ON COLUMN zakhira_views.lots.source IS 'Where the coins are from.';
COMMENT ON COLUMN zakhira_views.lots.units IS 'Debits less credits, in sat.';
COMMENT ON COLUMN zakhira_views.lots.amount IS 'The same in BTC.';

CREATE VIEW zakhira_views.claims AS
    SELECT account.code AS account, nullif(account.holder, '') AS holder, account.commodity, account.claim,
           -balance.units AS units,
           round(-balance.units / power(10::numeric, commodity.decimals), commodity.decimals) AS amount
    FROM zakhira.account
    JOIN zakhira.balance ON balance.account = account.number
    JOIN zakhira.commodity ON commodity.code = account.commodity
    WHERE account.claim <> '';
COMMENT ON VIEW zakhira_views.claims IS 'What is owed in coin, by account.';
COMMENT ON COLUMN zakhira_views.claims.account IS 'The code of the account.';
COMMENT ON COLUMN zakhira_views.claims.holder IS 'Whose claim it is, where it is one person''s.';
COMMENT ON COLUMN zakhira_views.claims.commodity IS 'What is owed.';
COMMENT ON COLUMN zakhira_views.claims.claim IS 'Payable on demand, at a term, or in suspense: coins that nobody has explained yet.';
COMMENT ON COLUMN zakhira_views.claims.units IS 'What is owed, in the least unit.';
COMMENT ON COLUMN zakhira_views.claims.amount IS 'The same in the written unit.';

CREATE VIEW zakhira_views.backing AS
    SELECT backing.commodity, backing.demand_units, backing.term_units, backing.suspense_units, backing.proven_units,
           backing.unjudged_units, backing.own_change_units, backing.encumbered_units, backing.held_units,
           backing.outgoing_units, sums.available AS available_units,
           sums.available - backing.demand_units - backing.term_units AS room_units,
           round((backing.demand_units + backing.term_units) / power(10::numeric, commodity.decimals),
                 commodity.decimals) AS claims,
           round(sums.available / power(10::numeric, commodity.decimals), commodity.decimals) AS available,
           backing.is_halted, backing.counted_at
    FROM zakhira.backing
    JOIN zakhira.commodity ON commodity.code = backing.commodity
    CROSS JOIN LATERAL (
        SELECT backing.proven_units + backing.own_change_units - backing.suspense_units - backing.unjudged_units
            - backing.encumbered_units - backing.outgoing_units AS available) AS sums;
COMMENT ON VIEW zakhira_views.backing IS 'What stands behind the claims in each coin, in its least unit unless it says otherwise.';
COMMENT ON COLUMN zakhira_views.backing.commodity IS 'The coin.';
COMMENT ON COLUMN zakhira_views.backing.demand_units IS 'Claims that are payable on demand.';
COMMENT ON COLUMN zakhira_views.backing.term_units IS 'Claims that fall due at a term.';
COMMENT ON COLUMN zakhira_views.backing.suspense_units IS 'Coins of unknown origin, which back nothing.';
COMMENT ON COLUMN zakhira_views.backing.proven_units IS 'Unspent coins of our vaults that lie deep enough in the followed chain.';
COMMENT ON COLUMN zakhira_views.backing.unjudged_units IS 'Of these, coins that nobody has judged yet.';
COMMENT ON COLUMN zakhira_views.backing.own_change_units IS 'What our own spends made for us and is not deep enough yet.';
COMMENT ON COLUMN zakhira_views.backing.encumbered_units IS 'What is pledged or seized.';
COMMENT ON COLUMN zakhira_views.backing.held_units IS 'Of the coins, those under a hold: they back no claim on demand.';
COMMENT ON COLUMN zakhira_views.backing.outgoing_units IS 'What allowed spends take out.';
COMMENT ON COLUMN zakhira_views.backing.available_units IS 'Proven and own change, less suspense, unjudged, encumbered and outgoing.';
COMMENT ON COLUMN zakhira_views.backing.room_units IS 'By how much that is above all claims; below zero it is a deficit.';
COMMENT ON COLUMN zakhira_views.backing.claims IS 'Claims on demand and at a term, in the written unit.';
COMMENT ON COLUMN zakhira_views.backing.available IS 'What is available, in the written unit.';
COMMENT ON COLUMN zakhira_views.backing.is_halted IS 'Whether new credits are refused since a deficit was found.';
COMMENT ON COLUMN zakhira_views.backing.counted_at IS 'When it was counted last.';

CREATE VIEW zakhira_views.deficits AS
    SELECT deficit.number, deficit.commodity, deficit.at, deficit.sequence AS write, deficit.claims_units,
           deficit.available_units, deficit.by_units,
           round(deficit.by_units / power(10::numeric, commodity.decimals), commodity.decimals) AS by_amount
    FROM zakhira.deficit JOIN zakhira.commodity ON commodity.code = deficit.commodity;
COMMENT ON VIEW zakhira_views.deficits IS 'Each time that claims were left above what stands behind them, and that they were covered again.';
COMMENT ON COLUMN zakhira_views.deficits.number IS 'Its number.';
COMMENT ON COLUMN zakhira_views.deficits.commodity IS 'The coin.';
COMMENT ON COLUMN zakhira_views.deficits.at IS 'When it was found.';
COMMENT ON COLUMN zakhira_views.deficits.write IS 'The write that told it.';
COMMENT ON COLUMN zakhira_views.deficits.claims_units IS 'Claims on demand and at a term.';
COMMENT ON COLUMN zakhira_views.deficits.available_units IS 'What stood behind them.';
COMMENT ON COLUMN zakhira_views.deficits.by_units IS 'By how much too little, in the least unit; zero: covered again.';
COMMENT ON COLUMN zakhira_views.deficits.by_amount IS 'The same in the written unit.';

-- A record's body is what a login of the application wrote: one that is in no form shows as empty, and hides no other.
CREATE FUNCTION zakhira_views.whole(told text) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
BEGIN
    RETURN told::bigint;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
CREATE FUNCTION zakhira_views.instant(told text) RETURNS timestamptz
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog AS $$
BEGIN
    RETURN CASE WHEN told ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}' THEN told::timestamptz END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;
CREATE FUNCTION zakhira_views.truth(told jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog
    RETURN CASE WHEN jsonb_typeof(told) = 'boolean' THEN told::boolean END;
REVOKE EXECUTE ON FUNCTION zakhira_views.whole(text), zakhira_views.instant(text), zakhira_views.truth(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zakhira_views.whole(text), zakhira_views.instant(text), zakhira_views.truth(jsonb)
    TO zakhira_reader, zakhira_auditor;

CREATE VIEW zakhira_views.payouts AS
    SELECT newest.id, newest.body ->> 'campaign' AS campaign, newest.body ->> 'state' AS state,
           newest.body ->> 'asset' AS commodity, zakhira_views.whole(newest.body ->> 'rows') AS payees,
           zakhira_views.whole(newest.body ->> 'released') AS released, told.total AS total_units,
           round(told.total / power(10::numeric, commodity.decimals), commodity.decimals) AS total,
           told.tax AS tax_units,
           round(told.tax / power(10::numeric, commodity.decimals), commodity.decimals) AS tax,
           newest.body ->> 'source' AS source, newest.body ->> 'proposed_by' AS proposed_by,
           zakhira_views.instant(newest.body ->> 'proposed_at') AS proposed_at, newest.sequence AS write
    FROM (SELECT DISTINCT ON (record.id) record.id, record.body, record.sequence FROM zakhira.record
          WHERE record.kind = 'payout' ORDER BY record.id, record.sequence DESC, record.ordinal DESC) AS newest
    LEFT JOIN zakhira.commodity ON commodity.code = newest.body ->> 'asset'
    CROSS JOIN LATERAL (SELECT zakhira_views.whole(newest.body ->> 'total') AS total,
                               zakhira_views.whole(newest.body ->> 'tax') AS tax) AS told;
COMMENT ON VIEW zakhira_views.payouts IS 'Every payout as its newest record tells it; who is paid what is not here, and what is in no form is empty.';
COMMENT ON COLUMN zakhira_views.payouts.id IS 'Its name.';
COMMENT ON COLUMN zakhira_views.payouts.campaign IS 'The campaign whose fund it is paid from.';
COMMENT ON COLUMN zakhira_views.payouts.state IS 'How far it is.';
COMMENT ON COLUMN zakhira_views.payouts.commodity IS 'What is paid.';
COMMENT ON COLUMN zakhira_views.payouts.payees IS 'How many are paid.';
COMMENT ON COLUMN zakhira_views.payouts.released IS 'How many of them are paid already, or on their way.';
COMMENT ON COLUMN zakhira_views.payouts.total_units IS 'What it takes from the fund, in the least unit.';
COMMENT ON COLUMN zakhira_views.payouts.total IS 'The same in the written unit.';
COMMENT ON COLUMN zakhira_views.payouts.tax_units IS 'The tax withheld, in the least unit.';
COMMENT ON COLUMN zakhira_views.payouts.tax IS 'The same in the written unit.';
COMMENT ON COLUMN zakhira_views.payouts.source IS 'The document that it is paid by.';
COMMENT ON COLUMN zakhira_views.payouts.proposed_by IS 'Who prepared it.';
COMMENT ON COLUMN zakhira_views.payouts.proposed_at IS 'When it was prepared.';
COMMENT ON COLUMN zakhira_views.payouts.write IS 'The write that last changed it.';

CREATE VIEW zakhira_views.cases AS
    SELECT newest.id, newest.body ->> 'part' AS part, newest.body ->> 'subject' AS subject,
           newest.body ->> 'what' AS what, newest.body ->> 'world' AS world, newest.body ->> 'books' AS books,
           newest.body ->> 'state' AS state, newest.body ->> 'owner' AS owner,
           zakhira_views.truth(newest.body -> 'halts') AS is_halting,
           zakhira_views.instant(newest.body ->> 'opened_at') AS opened_at,
           zakhira_views.instant(newest.body ->> 'changed_at') AS changed_at,
           nullif(newest.body ->> 'because', '') AS because, zakhira_views.whole(newest.body ->> 'times') AS times,
           newest.sequence AS write
    FROM (SELECT DISTINCT ON (record.id) record.id, record.body, record.sequence FROM zakhira.record
          WHERE record.kind = 'case' ORDER BY record.id, record.sequence DESC, record.ordinal DESC) AS newest;
COMMENT ON VIEW zakhira_views.cases IS 'Every difference that reconciliation found, as its newest record tells it; what is in no form is empty.';
COMMENT ON COLUMN zakhira_views.cases.id IS 'Its name.';
COMMENT ON COLUMN zakhira_views.cases.part IS 'What was compared: chain, meters or bank.';
COMMENT ON COLUMN zakhira_views.cases.subject IS 'What it is about.';
COMMENT ON COLUMN zakhira_views.cases.what IS 'What differs, in words.';
COMMENT ON COLUMN zakhira_views.cases.world IS 'What the world says, with its unit.';
COMMENT ON COLUMN zakhira_views.cases.books IS 'What the books say, with its unit.';
COMMENT ON COLUMN zakhira_views.cases.state IS 'open, accepted or closed.';
COMMENT ON COLUMN zakhira_views.cases.owner IS 'The role, or the officer, who must act.';
COMMENT ON COLUMN zakhira_views.cases.is_halting IS 'Whether it is large or grave enough to stop payouts by itself.';
COMMENT ON COLUMN zakhira_views.cases.opened_at IS 'When it was opened last.';
COMMENT ON COLUMN zakhira_views.cases.changed_at IS 'When it was accepted or closed; whether the signatures hold is not asked here.';
COMMENT ON COLUMN zakhira_views.cases.because IS 'Why it was accepted, or by what it was closed.';
COMMENT ON COLUMN zakhira_views.cases.times IS 'How often it was opened.';
COMMENT ON COLUMN zakhira_views.cases.write IS 'The write that last changed it.';

CREATE VIEW zakhira_views.closed_periods AS
    SELECT closed_period.first_day, closed_period.last_day, audit.actor AS closed_by, audit.written_at AS closed_at
    FROM zakhira.closed_period JOIN zakhira.audit ON audit.sequence = closed_period.sequence;
COMMENT ON VIEW zakhira_views.closed_periods IS 'Periods that are closed: no entry is dated into them any more.';
COMMENT ON COLUMN zakhira_views.closed_periods.first_day IS 'The first day; empty: everything before.';
COMMENT ON COLUMN zakhira_views.closed_periods.last_day IS 'The last day.';
COMMENT ON COLUMN zakhira_views.closed_periods.closed_by IS 'Who closed it.';
COMMENT ON COLUMN zakhira_views.closed_periods.closed_at IS 'When it was closed.';

-- The auditor computes everything anew, too.
GRANT EXECUTE ON FUNCTION zakhira.number_before(timestamptz) TO zakhira_auditor;
