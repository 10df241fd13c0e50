-- An act of authority is written once. Every other record may get a newer version, which is the one that counts; the
-- first version of the policy is signed by nobody, and whoever could put a newer one in its place would be the law.

CREATE UNIQUE INDEX authority_act_once ON zakhira.record (id) WHERE kind = 'authority act';
