-- Who may do what. Roles are groups without a login, made before the migrations run: they belong to the whole server.
-- Each later migration states its own grants; what it makes belongs to zakhira_owner, and the auditor reads it.

-- The watchtower reads as a role of its own. What follows the chain works as zakhira_watcher: it is a member of
-- zakhira_app and alone may add facts of the chain.
REVOKE ALL ON zakhira.watched_spend, zakhira.watched_act, zakhira.watched_heartbeat FROM zakhira_watcher;
REVOKE ALL ON SCHEMA zakhira FROM zakhira_watcher;
GRANT USAGE ON SCHEMA zakhira TO zakhira_watchtower;
GRANT SELECT ON zakhira.watched_spend, zakhira.watched_act, zakhira.watched_heartbeat TO zakhira_watchtower;

REVOKE INSERT ON zakhira.chain_event FROM zakhira_app;
GRANT INSERT ON zakhira.chain_event TO zakhira_watcher;
-- So does the sign of life come from what follows the chain alone.
REVOKE EXECUTE ON FUNCTION zakhira.beat(integer, text) FROM zakhira_app;
GRANT EXECUTE ON FUNCTION zakhira.beat(integer, text) TO zakhira_watcher;

-- The auditor reads everything, tables of later migrations as well, and writes nothing.
GRANT USAGE ON SCHEMA zakhira TO zakhira_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA zakhira TO zakhira_auditor;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA zakhira TO zakhira_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA zakhira GRANT SELECT ON TABLES TO zakhira_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA zakhira GRANT SELECT ON SEQUENCES TO zakhira_auditor;
GRANT EXECUTE ON FUNCTION zakhira.earlier_breaks() TO zakhira_auditor;

-- A function that a later migration forgets to close is closed: everybody may execute one by PostgreSQL's own default.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
