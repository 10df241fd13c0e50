-- A spend whose every satoshi stays in its vault counts as a matter and adds nothing to amounts.

ALTER TABLE zakhira.movement DROP CONSTRAINT movement_units_check;
ALTER TABLE zakhira.movement ADD CONSTRAINT movement_units_check CHECK (units >= 0);
