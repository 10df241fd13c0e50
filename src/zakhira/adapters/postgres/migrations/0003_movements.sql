-- What has been allowed to move and counts against rolling windows: it follows from the records of kind 'movement', of
-- which the newest of a matter holds, and is written by nobody's hand. A matter that ended without paying is not here.

CREATE TABLE zakhira.movement (
    id text NOT NULL,
    ordinal integer NOT NULL,
    at timestamptz NOT NULL,
    action text NOT NULL CHECK (action <> ''),
    commodity text NOT NULL REFERENCES zakhira.commodity,
    units bigint NOT NULL CHECK (units > 0),
    vault text NOT NULL,
    destination text NOT NULL,
    purpose text NOT NULL,
    lot_purposes text[] NOT NULL,
    is_waiting boolean NOT NULL, -- its coins are still where they were
    PRIMARY KEY (id, ordinal),
    UNIQUE (id, destination)
);
CREATE INDEX movement_by_time ON zakhira.movement (commodity, at) INCLUDE (units, ordinal, id);
CREATE INDEX movement_by_vault ON zakhira.movement (commodity, vault, at) INCLUDE (units, ordinal, id);
CREATE INDEX movement_by_destination ON zakhira.movement (commodity, destination, at) INCLUDE (units, ordinal, id);
CREATE INDEX movement_by_purpose ON zakhira.movement (commodity, purpose, at) INCLUDE (units, ordinal, id);
CREATE INDEX movement_of_lots ON zakhira.movement (commodity, at) INCLUDE (units, ordinal, id, lot_purposes)
    WHERE action = 'spend';
CREATE INDEX movement_waiting ON zakhira.movement (commodity, vault) WHERE is_waiting;

CREATE FUNCTION zakhira.keep_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM zakhira.movement AS kept WHERE kept.id = NEW.id;
    IF NEW.body ->> 'state' <> 'ended' THEN
        INSERT INTO zakhira.movement
            (id, ordinal, at, action, commodity, units, vault, destination, purpose, lot_purposes, is_waiting)
            SELECT NEW.id, part.ordinal, (NEW.body ->> 'at')::timestamptz, NEW.body ->> 'action',
                   NEW.body ->> 'commodity', (part.told ->> 'units')::bigint, NEW.body ->> 'vault',
                   part.told ->> 'destination', NEW.body ->> 'purpose',
                   ARRAY(SELECT jsonb_array_elements_text(NEW.body -> 'lot_purposes')),
                   NEW.body ->> 'state' = 'waiting'
            FROM jsonb_array_elements(NEW.body -> 'parts') WITH ORDINALITY AS part (told, ordinal);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_movement AFTER INSERT ON zakhira.record
    FOR EACH ROW WHEN (NEW.kind = 'movement') EXECUTE FUNCTION zakhira.keep_movement();

CREATE TRIGGER kept BEFORE TRUNCATE ON zakhira.movement
    FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change();
CREATE TRIGGER by_trigger_only BEFORE INSERT OR UPDATE OR DELETE ON zakhira.movement
    FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_by_hand();

REVOKE ALL ON FUNCTION zakhira.keep_movement() FROM PUBLIC;
GRANT SELECT ON zakhira.movement TO zakhira_app;
