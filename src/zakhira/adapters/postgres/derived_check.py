"""What the database derives from records beside the ledger's sums: whose accounts are, campaigns, payouts, and times.

Floors, ceilings, freezes and closed periods are held against their records by ``verifying.derived``.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

# Records are compared as text: one that somebody altered says anything.
_NEWEST: LiteralString = """
WITH newest AS MATERIALIZED (
    SELECT DISTINCT ON (kind, id) kind, id, body FROM zakhira.record
    WHERE kind IN ('account', 'campaign', 'payout', 'payout rows', 'payout stop')
    ORDER BY kind, id, sequence DESC, ordinal DESC)
"""
_ACCOUNTS: LiteralString = """
SELECT 'account ' || coalesce(account.code, newest.id) || ': what it is, or whose, is not what its record says.'
FROM (SELECT id, body FROM newest WHERE kind = 'account') AS newest
FULL JOIN zakhira.account ON account.code = newest.id
WHERE coalesce(newest.body ->> 'holder', '') IS DISTINCT FROM account.holder OR newest.id IS NOT NULL AND (
    (account.commodity, account.kind) IS DISTINCT FROM (newest.body ->> 'commodity', newest.body ->> 'kind')
    OR newest.body ->> 'claim' <> 'none' AND newest.body ->> 'claim' <> account.claim
    OR newest.body ->> 'overdraft' = 'allowed' AND NOT account.is_overdraft_allowed)
ORDER BY 1
"""
_CAMPAIGNS: LiteralString = """
, due AS (
    SELECT id, body - '{state,words,signature,proposed_by,proposed_at,expires_at}'::text[], body ->> 'state',
           body ->> 'asset', body ->> 'fund', body ->> 'budget', body ->> 'most_per_payee', body ->> 'lowest',
           body ->> 'highest'
    FROM newest WHERE kind = 'campaign'
), shown AS (
    SELECT id, terms, state, commodity, fund, budget_units::text, most_per_payee_units::text, lowest_units::text,
           highest_units::text
    FROM zakhira.campaign)
SELECT DISTINCT 'campaign ' || id || ': its terms, or its state, are not what its record says.'
FROM ((TABLE due EXCEPT TABLE shown) UNION ALL (TABLE shown EXCEPT TABLE due)) AS wrong ORDER BY 1
"""
_PAYOUTS: LiteralString = """
, due AS (
    SELECT id, body ->> 'campaign', body ->> 'batch_hash', body ->> 'state' FROM newest WHERE kind = 'payout'
), shown AS (SELECT id, campaign, batch_hash, state FROM zakhira.payout)
SELECT DISTINCT 'payout ' || id || ': its batch, or its state, is not what its record says.'
FROM ((TABLE due EXCEPT TABLE shown) UNION ALL (TABLE shown EXCEPT TABLE due)) AS wrong ORDER BY 1
"""
_ROWS: LiteralString = """
, due AS (
    SELECT id, row ->> 'payee' AS payee, row ->> 'units', row ->> 'tax_units', row ->> 'entry', row ->> 'to'
    FROM newest, jsonb_path_query(body, 'lax $.rows[*]') AS told (row) WHERE kind = 'payout rows'
), shown AS (SELECT payout AS id, payee, units::text, tax_units::text, entry, account FROM zakhira.payout_row)
SELECT DISTINCT 'payout ' || id || ': its row for ' || coalesce(payee, 'nobody') || ' is not what its record says.'
FROM ((TABLE due EXCEPT ALL TABLE shown) UNION ALL (TABLE shown EXCEPT ALL TABLE due)) AS wrong ORDER BY 1
"""
_STOPS: LiteralString = """
, due AS (SELECT id, body ->> 'is_standing' FROM newest WHERE kind = 'payout stop'
), shown AS (SELECT of AS id, is_standing::text FROM zakhira.payout_stop)
SELECT DISTINCT 'stop of payouts (' || id || '): whether it stands is not what its record says.'
FROM ((TABLE due EXCEPT TABLE shown) UNION ALL (TABLE shown EXCEPT TABLE due)) AS wrong
UNION ALL
SELECT 'stops of payouts: their number is not that of their records.'
WHERE (SELECT array_agg(stops) FROM zakhira.payout_gate) IS DISTINCT FROM
    ARRAY[(SELECT count(*) FROM zakhira.record WHERE kind = 'payout stop')]
ORDER BY 1
"""
# A row is out once its entry is there. What a bank did not pay is taken back and counts no more; nothing else is.
_TAKEN: LiteralString = """
WITH told AS (
    SELECT payout.campaign, kept.payout, kept.payee, kept.units, kept.tax_units, kept.is_out,
           EXISTS (SELECT FROM zakhira.entry WHERE entry.id = kept.entry) AND NOT (campaign.terms ->> 'way' = 'bank'
               AND EXISTS (SELECT FROM zakhira.entry WHERE entry.reverses = kept.entry)) AS is_due
    FROM zakhira.payout_row AS kept JOIN zakhira.payout ON payout.id = kept.payout
        JOIN zakhira.campaign ON campaign.id = payout.campaign
), given AS (
    SELECT campaign, payee, sum(units) AS units, sum(units + tax_units) AS taken FROM told WHERE is_due
    GROUP BY campaign, payee)
SELECT 'payout ' || payout || ': whether ' || payee || ' was paid is not what the entries say.'
FROM told WHERE is_out IS DISTINCT FROM is_due
UNION ALL
SELECT 'campaign ' || campaign || ': what ' || payee || ' has got is not what the entries say.'
FROM given FULL JOIN zakhira.campaign_payee AS shown USING (campaign, payee)
WHERE coalesce(given.units, 0) <> coalesce(shown.units, 0)
UNION ALL
SELECT 'campaign ' || id || ': what was taken is not what the entries say.'
FROM zakhira.campaign
WHERE taken_units <> (SELECT coalesce(sum(given.taken), 0) FROM given WHERE given.campaign = campaign.id)
ORDER BY 1
"""
_TAKES: LiteralString = """
WITH due AS (
    SELECT posting.sequence, campaign.id AS campaign, sum(posting.units) AS units
    FROM zakhira.campaign JOIN zakhira.account ON account.code = campaign.fund
        JOIN zakhira.posted AS posting ON posting.account = account.number
    WHERE posting.units > 0 AND posting.sequence > (SELECT min(record.sequence) FROM zakhira.record
        WHERE record.kind = 'campaign' AND record.id = campaign.id)
    GROUP BY posting.sequence, campaign.id)
SELECT 'campaign ' || campaign || ': what write ' || sequence || ' took from its fund was not judged as it stands.'
FROM due FULL JOIN zakhira.campaign_take AS shown USING (sequence, campaign)
WHERE due.units IS DISTINCT FROM shown.units ORDER BY 1
"""
# Writes from before migration 9 have no transaction, and their own dates. What is later is dated by the database's
# clock, and never behind what was sealed by then.
_WRITTEN: LiteralString = """
WITH placed AS (
    SELECT sequence, key, written_at, max(written_at) OVER earlier AS latest FROM zakhira.audit
    WHERE transaction IS NOT NULL
    WINDOW earlier AS (ORDER BY sequence ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), judged AS (
    SELECT *, latest - written_at > make_interval(secs => %(tolerated_s)s) AS is_behind,
           lag(latest - written_at > make_interval(secs => %(tolerated_s)s)) OVER (ORDER BY sequence) AS was_behind
    FROM placed)
SELECT 'write ' || sequence || ' (' || key || '): it was entered by ' || latest - written_at
    || ' before what has an earlier number: the database''s clock was set back, or a time was altered.'
FROM judged WHERE is_behind AND was_behind IS NOT TRUE ORDER BY sequence
"""
_MARK: LiteralString = """
SELECT 'sealing: until when what is sealed was entered is not what the writes say.'
FROM zakhira.sealing CROSS JOIN (
    SELECT coalesce(max(written_at) FILTER (WHERE transaction IS NOT NULL), '-infinity') AS least,
           coalesce(max(written_at), '-infinity') AS most
    FROM zakhira.audit WHERE transaction IS NULL
        OR EXISTS (SELECT FROM zakhira.seal WHERE seal.sequence = audit.sequence)) AS due
WHERE sealing.written_through NOT BETWEEN due.least AND due.most
"""
_TOLERATED_S = 60.0
"""Number and time are drawn one after the other: writes that are made at once may be dated in the other order [E]."""
_OF_RECORDS: tuple[LiteralString, ...] = (_ACCOUNTS, _CAMPAIGNS, _PAYOUTS, _ROWS, _STOPS)


def read_derived_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Everything derived that is not what its records and postings say, in sentences; nothing if all is well.

    When a write was entered is hashed nowhere: times that were moved alike, with the mark of sealing, look right, and
    so does the newest write's alone. Neither is what an account without a record may hold.
    """
    found = [row[0] for question in _OF_RECORDS for row in connection.execute(_NEWEST + question)]
    for question in (_TAKEN, _TAKES, _MARK):
        found += [row[0] for row in connection.execute(question)]
    found += [row[0] for row in connection.execute(_WRITTEN, {"tolerated_s": _TOLERATED_S})]
    return tuple(found)
