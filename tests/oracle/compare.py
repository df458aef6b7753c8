"""What the server did against what stepgate said: pure functions over the witness's lines."""


import re


class Judgement:
    """Of one message. `missed`: (what, relation, columns) that the server reports and stepgate does not."""

    def __init__(self, record):
        self.record = record
        self.missed = []
        self.excused = []  # the same, where a reason is known: (category, relation)


def _matches(table, schema_known, wanted):
    """A name that stepgate could not place matches by its last part, as labels do."""
    if table == wanted:
        return True
    bare = wanted.split(".", 1)[1]
    if wanted.startswith("?.") or not schema_known:
        return table.split(".", 1)[-1] == bare
    return table.startswith("pg_temp") and wanted.startswith("pg_temp") and table.split(".", 1)[-1] == bare


def _columns(accesses, wanted, behind):
    """Columns that stepgate reports of the relation; None if it does not report it. `behind`: through system views."""
    found = None
    for access in accesses:
        if _matches(access["table"], access["known"], wanted):
            found = (found or set()) | set(access["columns"])
        elif wanted in behind.get(access["table"], ()):
            found = (found or set()) | {"*"}
    return found


# What functions of the system read of its catalogs while they run is part of what they are; their names are in `calls`.
# These relations hold secrets or data of users, so no function is excused for reading them unseen.
TELLTALE = {"pg_catalog.pg_authid", "pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data", "pg_catalog.pg_user_mapping",
            "pg_catalog.pg_subscription", "pg_catalog.pg_largeobject", "pg_catalog.pg_foreign_server"}


# REFRESH … CONCURRENTLY makes and drops these itself.
OF_REFRESH = re.compile(r"^pg_temp\.pg_temp_\d+(_2)?$")


def judge_all(records, behind):
    """In order. What COMMIT does for deferred constraints and cursors WITH HOLD belongs to the transaction's statements."""
    transactions = {}
    for record in records:
        earlier = transactions.setdefault(record["session"], [])
        kinds = {s["kind"] for s in record["statements"]}
        deferred = kinds & {"commit", "prepare_transaction"} or "constraints" in record["sql"].lower()
        yield judge(record, behind, earlier if deferred else ())
        earlier.append(record)
        if record["transaction"] == "I":
            earlier.clear()


def judge(record, behind, earlier=()):
    result = Judgement(record)
    if record["opaque"] or any(e["opaque"] for e in earlier):
        return result
    statements = [s for r in (*earlier, record) for s in r["statements"]]
    reads = [a for s in statements for a in s["reads"]]
    writes = [a for s in statements for a in s["writes"]]
    kinds = {s["kind"] for s in record["statements"]}
    system_code = any(c.startswith("pg_catalog.") for s in statements for c in s["calls"]) or any(a["table"] in behind for a in reads)
    # A relation that is gone again when its number could be asked for; pgaudit names it, and is compared by that name.
    audited = {t["table"] for t in record["truth"] if t["by"] == ["pgaudit"]}
    gone = len({t["oid"] for t in record["truth"] if not t["table"]}) <= len(audited)
    only_analysed = kinds <= {"prepare", "create", "alter"}
    for truth in record["truth"]:
        table = truth["table"]
        if only_analysed and truth["by"] == ["tree"]:
            continue  # PREPARE and CREATE FUNCTION look at a query; what they run is in plans too
        if kinds == {"refresh"} and (not table or OF_REFRESH.match(table)):
            result.excused.append(("the server's own temporary table in REFRESH CONCURRENTLY", table))
        elif not table and gone:
            result.excused.append(("made and dropped by the statement: compared by the name that pgaudit gives", ""))
        elif not table:
            result.missed.append(("unnamed", f"oid {truth['oid']}", []))
        elif truth["child"]:
            # Only the plan names it, the rewritten tree does not; counted, since labels of a parent cover its children.
            if _columns(reads + writes, table, behind) is None:
                result.excused.append(("child of a parent that is reported", table))
        else:
            # EXPLAIN plans what it does not run; its facts call that a read.
            written = writes + reads if kinds == {"explain"} and "analy" not in record["sql"].lower() else writes
            _judge_write(result, truth, written, record["statements"], behind)
            _judge_read(result, truth, reads, system_code, behind)
    return result


def _judge_write(result, truth, writes, statements, behind):
    kinds = {s["kind"] for s in statements}
    if not truth["written"] or _columns(writes, truth["table"], behind) is not None:
        return
    by = set(truth["by"])
    moves = kinds <= {"vacuum", "cluster"} or "set tablespace" in result.record["sql"].lower()
    if by == {"rewritten"} and moves:
        result.excused.append(("same rows in a new file (VACUUM FULL, CLUSTER, SET TABLESPACE)", truth["table"]))
    elif by <= {"altered", "renamed"} or (by == {"dropped"} and truth["kind"] == "v"):
        result.excused.append(("definition that goes with what is named (children, CASCADE)", truth["table"]))
    elif by == {"dropped"} and all(s["destructive"] for s in statements) and "cascade" in result.record["sql"].lower():
        # What depends on a type, a role or a column is known to the server only; the statement is destructive anyway.
        result.excused.append(("dropped by CASCADE of a statement that is destructive", truth["table"]))
    else:
        result.missed.append(("write", truth["table"], truth["by"]))


def _judge_read(result, truth, reads, system_code, behind):
    if not truth["read"]:
        return
    table = truth["table"]
    seen = _columns(reads, table, behind)
    missing = sorted(c for c in truth["columns"] if seen is not None and "*" not in seen and c not in seen)
    if seen is not None and not missing:
        return
    if truth["system"] and table not in TELLTALE and system_code:
        result.excused.append(("system catalog, inside a function or view of the system", table))
    else:
        result.missed.append(("read", table, missing or truth["columns"] or ["(no column)"]))


def words(reason):
    """An opaque reason without the names in it, for counting."""
    reason = re.sub(r"calls (?!pg_catalog\.)(\S+?\.\S+?),? ", "calls a function of users ", reason + " ")
    reason = re.sub(r"calls [^. ]+, which the search path", "calls a built-in, which the search path", reason)
    reason = re.sub(r"selects the field \S+ of", "selects a field of", reason)
    reason = re.sub(r"at character \d+|\b(public|pg_temp)\.\w+", "…", reason)
    return reason.strip()[:100]
