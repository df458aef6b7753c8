-- Which relations stand behind each view of the system. Their dependencies are not recorded, so they are read from the
-- stored trees.
WITH RECURSIVE direct AS (
    SELECT DISTINCT v.oid AS view, m[1]::oid AS relation
      FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.oid < 16384
           CROSS JOIN LATERAL regexp_matches(r.ev_action::text, ':relid ([0-9]+) ', 'g') m
     WHERE m[1]::oid <> v.oid AND m[1] <> '0'
), behind AS (
    SELECT view, relation FROM direct
    UNION
    SELECT b.view, d.relation FROM behind b JOIN direct d ON d.view = b.relation
)
SELECT vn.nspname || '.' || v.relname, tn.nspname || '.' || t.relname
  FROM behind JOIN pg_class v ON v.oid = view JOIN pg_namespace vn ON vn.oid = v.relnamespace
       JOIN pg_class t ON t.oid = relation JOIN pg_namespace tn ON tn.oid = t.relnamespace
