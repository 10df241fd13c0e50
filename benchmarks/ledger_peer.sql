-- A ledger after the published design of pgledger (its README and its author's articles of 2025), written anew here:
-- one PL/pgSQL call for each transfer, the balance and a version on the account's row, a row for the transfer, and two
-- entries with the balance before and after. It is what `benchmarks/ledger.py` measures ours against; no part of Zakhira.
CREATE SCHEMA peer;

-- A prefixed ULID: a UUID of version 7, its 128 bits written in Crockford's base 32. The server's own uuidv7() is at hand;
-- the rest is computed in PL/pgSQL, as the published design does.
CREATE FUNCTION peer.new_id(prefix text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    letters CONSTANT bytea := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    bits CONSTANT bit(130) := B'00' || ('x' || encode(uuid_send(uuidv7()), 'hex'))::bit(128);
    made text := prefix;
BEGIN
    FOR place IN 0..25 LOOP
        made := made || chr(get_byte(letters, substring(bits FROM 5 * place + 1 FOR 5)::bit(5)::integer));
    END LOOP;
    RETURN made;
END $$;

CREATE TABLE peer.account (
    id text PRIMARY KEY DEFAULT peer.new_id('pla_'),
    name text NOT NULL,
    currency text NOT NULL,
    balance numeric NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    allow_negative_balance boolean NOT NULL,
    allow_positive_balance boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE peer.transfer (
    id text PRIMARY KEY DEFAULT peer.new_id('plt_'),
    from_account_id text NOT NULL REFERENCES peer.account,
    to_account_id text NOT NULL REFERENCES peer.account,
    amount numeric NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    event_at timestamptz NOT NULL,
    CHECK (amount > 0 AND from_account_id <> to_account_id)
);
CREATE INDEX ON peer.transfer (from_account_id);
CREATE INDEX ON peer.transfer (to_account_id);

CREATE TABLE peer.entry (
    id text PRIMARY KEY DEFAULT peer.new_id('ple_'),
    account_id text NOT NULL REFERENCES peer.account,
    transfer_id text NOT NULL REFERENCES peer.transfer,
    amount numeric NOT NULL,
    account_previous_balance numeric NOT NULL,
    account_current_balance numeric NOT NULL,
    account_version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON peer.entry (account_id);
CREATE INDEX ON peer.entry (transfer_id);

CREATE FUNCTION peer.create_transfer(giver text, taker text, moved numeric, happened timestamptz DEFAULT now())
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    made text;
    given peer.account;
    taken peer.account;
BEGIN
    IF moved <= 0 OR giver = taker THEN
        RAISE EXCEPTION 'a transfer is of more than 0 and between two accounts: % from % to %', moved, giver, taker;
    END IF;
    PERFORM FROM peer.account WHERE account.id IN (giver, taker) ORDER BY account.id FOR UPDATE;
    INSERT INTO peer.transfer (from_account_id, to_account_id, amount, event_at)
        VALUES (giver, taker, moved, happened) RETURNING transfer.id INTO made;
    UPDATE peer.account SET balance = balance - moved, version = version + 1, updated_at = now()
        WHERE account.id = giver RETURNING * INTO STRICT given;
    UPDATE peer.account SET balance = balance + moved, version = version + 1, updated_at = now()
        WHERE account.id = taker RETURNING * INTO STRICT taken;
    IF given.currency <> taken.currency THEN
        RAISE EXCEPTION '% counts %, % counts %', giver, given.currency, taker, taken.currency;
    END IF;
    IF (given.balance < 0 AND NOT given.allow_negative_balance)
        OR (taken.balance > 0 AND NOT taken.allow_positive_balance)
    THEN
        RAISE EXCEPTION 'the balance of % or % would be beyond what the account allows', giver, taker;
    END IF;
    INSERT INTO peer.entry (
            account_id, transfer_id, amount, account_previous_balance, account_current_balance, account_version)
        VALUES
            (giver, made, -moved, given.balance + moved, given.balance, given.version),
            (taker, made, moved, taken.balance - moved, taken.balance, taken.version);
    RETURN made;
END $$;
