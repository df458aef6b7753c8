"""The judge is judged: what it must call a miss, and what not."""
import unittest

import compare

BEHIND = {"pg_catalog.pg_stats": {"pg_catalog.pg_statistic"}}


def record(reads=(), writes=(), truth=(), kind="select", opaque=False, calls=(), **more):
    def accesses(list_):
        return [{"table": t, "known": True, "columns": list(c)} for t, c in list_]
    return {"sql": "", "session": 1, "transaction": "I", "opaque": opaque, "truth": list(truth),
            "statements": [{"kind": kind, "reads": accesses(reads), "writes": accesses(writes), "calls": list(calls),
                            "destructive": kind == "drop"}], **more}


def touched(table, columns=(), read=True, written=False, by=("plan",), **more):
    return {"table": table, "oid": 1, "kind": "r", "system": table.startswith("pg_catalog."), "child": False, "read": read,
            "written": written, "columns": list(columns), "by": list(by), **more}


def missed(*records):
    return [miss[:2] for judgement in compare.judge_all(records, BEHIND) for miss in judgement.missed]


class Judge(unittest.TestCase):
    def test_a_column_that_is_not_reported_is_missed(self):
        truth = [touched("public.t", ["a", "ssn"])]
        self.assertEqual(missed(record([("public.t", ["a"])], truth=truth)), [("read", "public.t")])
        self.assertEqual(missed(record([("public.t", ["a", "ssn"])], truth=truth)), [])
        self.assertEqual(missed(record([("public.t", ["*"])], truth=truth)), [])
        self.assertEqual(missed(record([("public.other", ["*"])], truth=truth)), [("read", "public.t")])

    def test_what_is_gone_again_is_compared_by_the_name_that_pgaudit_gives(self):
        gone = touched("", oid=7, written=True)
        audited = touched("pg_temp.t", oid=0, by=("pgaudit",), written=True)
        self.assertEqual(missed(record(truth=[gone])), [("unnamed", "oid 7")])
        self.assertEqual(missed(record([("pg_temp.t", ["*"])], [("pg_temp.t", ["*"])], truth=[gone, audited])), [])
        self.assertIn(("write", "pg_temp.t"), missed(record(truth=[gone, audited])))
        other = touched("", oid=8)
        self.assertIn(("unnamed", "oid 8"), missed(record([("pg_temp.t", ["*"])], truth=[gone, other, audited])))

    def test_the_whole_row_is_more_than_its_columns(self):
        self.assertEqual(missed(record([("public.t", ["a"])], truth=[touched("public.t", ["*"])])), [("read", "public.t")])

    def test_opaque_statements_are_held_anyway(self):
        self.assertEqual(missed(record(opaque=True, truth=[touched("public.t", ["a"])])), [])

    def test_a_write_is_not_a_read(self):
        truth = [touched("public.t", written=True, read=False)]
        self.assertEqual(missed(record([("public.t", ["*"])], truth=truth)), [("write", "public.t")])
        self.assertEqual(missed(record(writes=[("public.t", [])], truth=truth, kind="delete")), [])

    def test_a_schema_that_was_not_known_matches_by_name(self):
        guess = record([("public.t", ["a"])], truth=[touched("pg_temp.t", ["a"])])
        self.assertEqual(missed(guess), [("read", "pg_temp.t")])
        guess["statements"][0]["reads"][0]["known"] = False
        self.assertEqual(missed(guess), [])

    def test_a_relation_without_a_name_is_missed(self):
        self.assertEqual(missed(record(truth=[touched("")])), [("unnamed", "oid 1")])

    def test_system_views_stand_for_what_they_read(self):
        truth = [touched("pg_catalog.pg_statistic", ["stavalues1"])]
        self.assertEqual(missed(record([("pg_catalog.pg_stats", ["*"])], truth=truth)), [])
        self.assertEqual(missed(record(calls=["pg_catalog.now"], truth=truth)), [("read", "pg_catalog.pg_statistic")])

    def test_functions_of_the_system_read_harmless_catalogs(self):
        truth = [touched("pg_catalog.pg_description", ["description"])]
        self.assertEqual(missed(record(calls=["pg_catalog.obj_description"], truth=truth)), [])
        self.assertEqual(missed(record(truth=truth)), [("read", "pg_catalog.pg_description")])

    def test_commit_does_what_its_transaction_put_off(self):
        insert = record(writes=[("public.child", ["a"])], reads=[("public.parent", ["id"])], kind="insert", transaction="T")
        commit = record(kind="commit", truth=[touched("public.parent", ["id"])])
        self.assertEqual(missed(insert, commit), [])
        self.assertEqual(missed(commit), [("read", "public.parent")])
        self.assertEqual(missed(insert, record(kind="commit"), commit), [("read", "public.parent")])

    def test_prepare_runs_nothing(self):
        self.assertEqual(missed(record(kind="prepare", truth=[touched("public.t", ["a"], by=["tree"])])), [])
        self.assertEqual(missed(record(kind="prepare", truth=[touched("public.t", ["a"], by=["plan"])])), [("read", "public.t")])

    def test_dropped_tables_count_and_views_that_go_with_them_do_not(self):
        gone = touched("public.part", read=False, written=True, by=["dropped"])
        self.assertEqual(missed(record(kind="drop", truth=[gone])), [("write", "public.part")])
        self.assertEqual(missed(record(kind="drop", truth=[{**gone, "kind": "v"}])), [])
        self.assertEqual(missed({**record(kind="drop", truth=[gone]), "sql": "drop domain d CASCADE"}), [])
        self.assertEqual(missed({**record(kind="alter", truth=[gone]), "sql": "alter x CASCADE"}), [("write", "public.part")])

    def test_explain_writes_only_with_analyze(self):
        planned = record([("public.t", ["*"])], truth=[touched("public.t", ["*"], written=True)], kind="explain")
        self.assertEqual(missed(planned), [])
        self.assertEqual(missed({**planned, "sql": "EXPLAIN (ANALYZE) delete from t"}), [("write", "public.t")])


if __name__ == "__main__":
    unittest.main()
