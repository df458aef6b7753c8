#!/usr/bin/env python3
"""Replays statements of MariaDB's own test suite and lets MariaDB, or Oracle's MySQL, judge what stepgate saw in each. See README.md."""
import argparse
import base64
import fcntl
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback

import explained
import mysqltest
from report import SKIPPED, print_counts

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 5.0  # per cent of accepted statements that may be opaque
SYSTEM = {"mysql", "information_schema", "performance_schema", "sys"}
# What these statements do is no fact about tables: they stop the server, wait, or reach outside of it.
LEFT_OUT = re.compile(rb"^\s*(shutdown|kill|select\s+sleep|do\s+sleep|flush\s+tables\s+with|change\s+master|start\s+slave|stop\s+slave|"
                      rb"reset\s+(master|slave)|install|uninstall|load\s+data|set\s+password|xa\b|lock\s+tables?.*\bwrite)|"
                      rb"outfile|dumpfile|get_lock|debug_sync|benchmark\s*\(|sleep\s*\(|"
                      rb"server_audit|set\s+(@@)?global\b", re.I)
CHANGES = re.compile(rb"\b(create|alter|drop|rename|call|execute|begin)\b", re.I)
# What begins like this changes no definition, whatever words follow, if it is one statement.
KEEPS = re.compile(rb"^\s*\(*\s*(select|with|values|table|show|insert|replace|update|delete|explain|desc|describe|prepare|deallocate|truncate|analyze|repair|"
                   rb"optimize|check|checksum|flush|grant|revoke|use|commit|rollback|start|handler|do|help|unlock|set(?!\s+statement))\b[^;]*$", re.I)
# What these do does not depend on what the catalogs say now; the next statement looks again.
REGARDLESS = re.compile(rb"^\s*(drop\s+(temporary\s+)?(table|view|database|schema|procedure|function|user|role|sequence)\b|set\b|use\b|"
                        rb"flush\b|create\s+(database|schema|user|role)\b|show\s+(warnings|errors|status|variables)\b|"
                        rb"create\s+(temporary\s+)?table\b(?!.*\b(select|with|like|references|values|merge|mrg_myisam|next|nextval)\b))", re.I | re.S)
# After these the server is asked for its sql_mode.
MAY_SET_MODE = re.compile(rb"\b(set|call|execute|begin)\b", re.I)
# The server's bookkeeping: of statistics, routines, accounts and time zones.
BOOKKEEPING = {"table_stats", "column_stats", "index_stats", "proc", "event", "func", "innodb_table_stats", "innodb_index_stats", "global_priv",
               "db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv", "roles_mapping", "user", "servers", "plugin", "gtid_slave_pos",
               "time_zone", "time_zone_name", "time_zone_transition", "time_zone_transition_type", "time_zone_leap_second", "general_log",
               "slow_log", "host", "help_topic", "help_category", "help_relation", "help_keyword", "transaction_registry"}

PERIOD = {"row_start", "row_end"}  # names that nobody has chosen

# What stands in their bodies is not run.
DEFINES_PROGRAM = re.compile(r"\s*(create|alter|drop)\b[^(]*\b(procedure|function|event|trigger|package)\b", re.I)


class Server:
    """A MariaDB whose audit plugin writes down every table that a statement touches."""

    DIALECT, SCRIPT, PASSWORD = "mariadb", ROOT / "compose/mariadb.sh", "-proot"
    OTHERS = "FROM mysql.global_priv WHERE User NOT IN ('judge', 'root', 'mariadb.sys', 'PUBLIC')"

    def __init__(self, suite):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-oracle."))
        self.folder.chmod(0o777)
        self.audit = self.folder / "audit.log"
        lock = open(suite / "starting", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)  # servers that start at once find the same port free
        try:
            started = subprocess.run([self.SCRIPT, "start", self.folder / "server", "--lock-wait-timeout=1", "--innodb-lock-wait-timeout=1",
                                      "--event-scheduler=OFF", "--secure-file-priv=", "--log-bin-trust-function-creators=ON", "--innodb-stats-persistent=OFF",
                                      *self.options(suite)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
            if started.returncode == SKIPPED:
                raise NotHere("this server cannot be had here")
            started.check_returncode()
            self.port = int(started.stdout.split()[-1])
            self.admin("CREATE USER judge@'%' IDENTIFIED BY 'judge'; GRANT ALL ON *.* TO judge@'%' WITH GRANT OPTION")
            self.prepare()
        except BaseException:
            self.stop()
            raise
        finally:
            lock.close()

    def options(self, suite):
        return (f"--plugin-dir={suite / 'usr/lib/mysql/plugin'}", "--plugin-maturity=unknown", "--plugin-load-add=server_audit", "--server-audit-logging=ON",
                "--server-audit-events=TABLE", f"--server-audit-file-path={self.audit}", "--server-audit-file-rotate-size=9000000000",
                "--performance-schema=OFF", "--max-statement-time=5", "--use-stat-tables=never")

    def prepare(self):
        self.admin("DROP DATABASE IF EXISTS sys")

    def admin(self, sql):
        subprocess.run(["mariadb", "--no-defaults", f"--socket={self.folder}/server/socket", "-uroot", self.PASSWORD, "-e", sql], check=True)

    def last_words(self):
        return "\n".join((self.folder / "server/server.log").read_text(errors="replace").splitlines()[-15:])

    def is_alive(self):
        try:
            os.kill(int((self.folder / "server/pid").read_text()), 0)
            return True
        except (OSError, ValueError):
            return False

    def stop(self):
        subprocess.run([self.SCRIPT, "stop", self.folder / "server"], check=False)
        subprocess.run(["rm", "-rf", self.folder], check=False)


class OracleServer(Server):
    """It has no audit plugin: only what it explains is compared."""

    DIALECT, SCRIPT, PASSWORD = "mysql", ROOT / "tests/support/mysql_server.sh", "--skip-password"
    OTHERS = "FROM mysql.user WHERE User NOT IN ('judge', 'root', 'mysql.sys', 'mysql.session', 'mysql.infoschema')"

    def options(self, suite):
        return ("--max-execution-time=5000",)

    def prepare(self):
        self.audit.touch()


class Truth:
    """What the audit plugin has written since the last look, of one thread."""

    def __init__(self, path):
        self.file = open(path, "rb")

    def tables(self, thread):
        touched = set()
        for line in self.file:
            parts = line.decode("utf8", "replace").rstrip("\n").split(",")
            if len(parts) >= 9 and parts[4] == str(thread):
                touched.add((parts[6], parts[7], parts[8].partition("|")[0]))
        return touched


class NotHere(Exception):
    pass


class CatalogsUnreadable(Exception):
    pass


class ServerGone(Exception):
    pass


class Stepgate:
    """The analyzer, with the catalogs as they are before each statement."""

    def __init__(self, binary, server):
        self.binary, self.home = binary, server.folder / "stepgate"
        done = subprocess.run([binary, "init", "--upstream", f"mysql://judge@127.0.0.1:{server.port}/mysql", "--directory", self.home,
                               "--listen", "127.0.0.1:0", "--user", "judge"],
                              env=dict(os.environ, MYSQL_PWD="judge"), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.config = next(self.home.glob("*.toml"))
        self.explain = subprocess.Popen([binary, "explain", "--dialect", server.DIALECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.dumps, self.stale, self.seconds = 0, True, 0.0

    def look(self):
        """Reads the catalogs again, if something may have changed."""
        if not self.stale:
            return
        begun = time.monotonic()
        old, self.dumps = self.home / f"{self.dumps}.json", self.dumps + 1
        for attempt in range(3): # the server may be busy ending what ran too long
            with open(self.home / f"{self.dumps}.json", "wb") as out:
                done = subprocess.run([self.binary, "catalog", "dump", "--config", self.config], stdout=out, stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                break
        else:
            raise CatalogsUnreadable(done.stderr.strip())
        old.unlink(missing_ok=True)
        self.stale = False
        self.seconds += time.monotonic() - begun

    def stop(self):
        self.explain.terminate()
        self.explain.wait()

    def facts(self, session, sql, sql_mode, version):
        line = {"session": session, "sql_base64": base64.b64encode(sql).decode(), "database": "test", "sql_mode": sql_mode,
                "server_version": version, "catalog": str(self.home / f"{self.dumps}.json")}
        self.explain.stdin.write(json.dumps(line).encode() + b"\n")
        self.explain.stdin.flush()
        answer = json.loads(self.explain.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["facts"]


class Replay:
    def __init__(self, server, stepgate, latest):
        self.latest = latest
        self.seconds, self.dumps = 0.0, 0
        self.given_up, self.last = [], ""
        self.go_on(server, stepgate)
        self.connections, self.modes, self.records, self.refused = {}, {}, [], 0
        self.files = 0
        self.live = None  # where misses and opaque statements are written as they come

    def go_on(self, server, stepgate):
        """With a server that knows nothing of what went before."""
        self.server, self.stepgate, self.truth = server, stepgate, Truth(server.audit)
        self.connections, self.modes = {}, {}

    def leave(self):
        self.seconds += self.stepgate.seconds
        self.dumps += self.stepgate.dumps
        self.stepgate.stop()
        for connection in self.connections.values():
            connection._force_close()

    def connect(self, name):
        import pymysql
        from pymysql.constants import CLIENT
        if name not in self.connections:
            connection = pymysql.connect(host="127.0.0.1", port=self.server.port, user="judge", password="judge", database="test",
                                         client_flag=CLIENT.MULTI_STATEMENTS, read_timeout=15, charset="utf8mb4", autocommit=None)
            connection.encoding = "latin-1"  # no bytes break an answer off
            connection.ask = connection.thread_id()
            self.connections[name] = connection
        return self.connections[name]

    def ask(self, connection, sql):
        """Runs it to its end. False: the server refused."""
        import pymysql
        try:
            connection._execute_command(3, sql)  # COM_QUERY, with the bytes as they are
            latest = time.monotonic() + 20
            connection._read_query_result()
            while connection._result is not None and connection._result.has_next:
                if time.monotonic() > latest:
                    raise TimeoutError("results without an end")  # of a procedure that loops
                connection._read_query_result()
            return True
        except pymysql.err.MySQLError as problem:
            if problem.args and problem.args[0] in (2006, 2013, 0):
                self.connections = {k: v for k, v in self.connections.items() if v is not connection}
            return False
        except Exception:  # an answer that the driver cannot read: the session is given up
            connection._force_close()
            self.connections = {k: v for k, v in self.connections.items() if v is not connection}
            return False

    def sql_mode(self, connection):
        if connection.ask not in self.modes:
            with connection.cursor() as cursor:
                cursor.execute("SELECT CONVERT(@@session.sql_mode USING utf8mb4) LIMIT 1")
                mode = cursor.fetchone()[0]
                self.modes[connection.ask] = mode.decode() if isinstance(mode, bytes) else mode
        return self.modes[connection.ask]

    def begin_file(self):
        import pymysql
        for connection in self.connections.values():
            try:
                connection.close()
            except pymysql.err.MySQLError:
                pass
        self.connections, self.modes = {}, {}
        self.files += 1
        with pymysql.connect(host="127.0.0.1", port=self.server.port, user="judge", password="judge", autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SHOW DATABASES")
                for (name,) in cursor.fetchall():
                    if name not in SYSTEM:
                        cursor.execute("DROP DATABASE `%s`" % name.replace("`", "``"))
                cursor.execute("SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) " + self.server.OTHERS)
                for (name,) in cursor.fetchall():
                    try:
                        cursor.execute("DROP USER " + name)
                    except pymysql.err.MySQLError:
                        pass  # a role
                cursor.execute("CREATE DATABASE test CHARACTER SET latin1")
        self.stepgate.stale = True

    def run_file(self, path, most):
        import pymysql
        self.begin_file()
        for statement in mysqltest.statements(path.read_bytes())[:most]:
            if time.monotonic() > self.latest:
                break
            if len(statement.sql) > 200_000 or LEFT_OUT.search(statement.sql):
                continue
            self.last = " ".join(statement.sql.decode("utf8", "replace").split())[:200]
            try:
                self.run(path.stem, statement)
            except BrokenPipeError:
                raise
            except (OSError, pymysql.err.MySQLError):
                self.connections.pop(statement.connection, None)
            if statement.connection not in self.connections and not self.server.is_alive():
                raise ServerGone("the server ended")

    def run(self, file, statement):
        if self.stepgate.dumps == 0 or not REGARDLESS.search(statement.sql):
            self.stepgate.look()
        connection = self.connect(statement.connection)
        session = f"{self.files}/{statement.connection}/{connection.ask}"
        mode = self.sql_mode(connection)
        columns = explained.ask(connection, statement.sql, self.server.DIALECT)
        self.truth.tables(0)
        accepted = self.ask(connection, statement.sql)
        if CHANGES.search(statement.sql) and not KEEPS.search(statement.sql):
            self.stepgate.stale = True
        if MAY_SET_MODE.search(statement.sql):
            self.modes.pop(connection.ask, None)
        if not accepted:
            self.refused += 1
            return
        facts = self.stepgate.facts(session, statement.sql, mode, connection.server_version)
        self.stepgate.stale = self.stepgate.stale or facts["opaque"]
        record = {"file": file, "sql": statement.sql.decode("utf8", "replace"), "facts": facts,
                  "touched": sorted(self.truth.tables(connection.ask)), "columns": sorted(columns)}
        record["missed"], record["excused"] = judge(record)
        self.records.append(record)
        if self.live is not None and (record["missed"] or facts["opaque"]):
            print(json.dumps(record), file=self.live, flush=True)
        facts["statements"] = []  # judged, and 150,000 of them are kept
        if not facts["opaque"] and not record["missed"]:
            record["sql"] = ""


def reported(facts):
    return {a["table"] for s in facts["statements"] for a in (*s["reads"], *s["writes"])}


def judge(record):
    """(missed, excused): tables that the server touched, and columns that it names, which stepgate does not report."""
    facts, missed, excused = record["facts"], [], []
    if facts["opaque"]:
        return missed, excused
    known = reported(facts)
    drops = any(s["destructive"] for s in facts["statements"]) and re.search(r"\b(database|schema)\b", record["sql"], re.I)
    for operation, database, table in record["touched"]:
        if f"{database}.{table}" in known or table in known:
            continue
        named = re.search(rf"\bmysql`?\s*\.\s*`?{table}\b", record["sql"], re.I) and not DEFINES_PROGRAM.match(record["sql"])
        if database == "mysql" and table in BOOKKEEPING and not named:
            excused.append("the server's own tables, which no text names (statistics, routines, accounts, time zones)")
        elif operation == "DROP" and drops:
            excused.append("dropped with its database")
        elif table.startswith("#sql"):
            excused.append("the server's own temporary table")
        else:
            missed.append((operation, f"{database}.{table}"))
    for database, tables, column in record["columns"]:
        if database in SYSTEM or any(reports(facts, database, table, column) for table in tables):
            continue
        if column.lower() in PERIOD:
            excused.append("the period that the server adds to a table with system versioning")
        else:
            missed.append(("COLUMN", f"{database}.{' or '.join(tables)}.{column}"))
    return missed, excused


def reports(facts, database, table, column):
    return any(access["table"] in (f"{database}.{table}", table) and ("*" in access["columns"] or column.lower() in access["columns"])
               for statement in facts["statements"] for access in (*statement["reads"], *statement["writes"]))


def words(reason):
    """A reason without the names in it, for counting."""
    reason = re.sub(r"reaches (the view|the trigger|the MERGE table|the values of columns of) \S+, which", r"behind \1: ", reason)
    reason = re.sub(r"reaches \S+, which", "behind a routine: ", reason)
    reason = re.sub(r"names \S+,", "names a table,", reason)
    reason = re.sub(r"calls \S+,", lambda m: "calls a stored one," if "." in m.group() else m.group(), reason)
    reason = re.sub(r"executes \S+,", "executes a", reason)
    return re.sub(r"at byte \d+", "at byte …", reason)[:110]


def report(parts, options, seconds):
    records, given_up = ([one for part in parts for one in part[name]] for name in ("records", "given_up"))
    refused, files, reading, dumps = (sum(part[name] for part in parts) for name in ("refused", "files", "seconds", "dumps"))
    opaque = [r for r in records if r["facts"]["opaque"]]
    missed = [(r, r["missed"]) for r in records if r["missed"]]
    understood = [r for r in records if not r["facts"]["opaque"]]
    compared = [r for r in understood if r["touched"]]
    named = [r for r in understood if r["columns"]]
    share = 100 * len(opaque) / max(1, len(records))
    print(f"\n{len(records) + refused} statements of {files} test files, {seconds:.0f} s"
          f" ({reading:.0f} s for {dumps} snapshots of the catalogs)")
    print(f"{len(records)} accepted by the server, {len(opaque)} of them opaque: {share:.2f} % (limit {options.limit} %)")
    print(f"{len(compared)} compared with tables that the server reports, {len(named)} with {sum(len(r['columns']) for r in named)} columns that it names")
    print_counts("opaque, by reason:", (words(reason) for r in opaque for reason in set(r["facts"]["opaque_reasons"])))
    print_counts("not reported, and why that is no miss:", (category for r in records for category in r["excused"]))
    for name in given_up:
        print(f"given up: the rest of {name}")
    print(f"\nMISSED in {len(missed)} statements")
    for record, tables in missed[:options.show]:
        print(f"- {record['file']}: {' '.join(record['sql'].split())[:300]}")
        for operation, table in tables:
            print(f"    {operation} {table}")
    if options.opaque:
        for record in opaque:
            print(f"? {record['file']}: {' '.join(record['sql'].split())[:200]}\n    {'; '.join(record['facts']['opaque_reasons'][:3])}")
    return 1 if missed or share > options.limit or not named else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--dialect", choices=["mariadb", "mysql"], default="mariadb", help="whose server judges")
    parser.add_argument("--cache", required=True, help="where the suite is kept")
    parser.add_argument("--tests", nargs="*", help="only these files of the main suite")
    parser.add_argument("--limit", type=float, default=LIMIT, help="per cent of accepted statements that may be opaque")
    parser.add_argument("--show", type=int, default=40, help="so many misses in full")
    parser.add_argument("--opaque", action="store_true", help="print every opaque statement")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long, wherever it is")
    parser.add_argument("--most", type=int, help="no more than so many statements of a file")
    parser.add_argument("--live", help="append misses and opaque statements to this file as they come, as JSON lines")
    parser.add_argument("--jobs", type=int, default=1, help="so many servers at once, each with its part of the files")
    options = parser.parse_args()
    fetched = subprocess.run([ROOT / "tests/oracle/mariadb_source.sh", options.cache], capture_output=True, text=True)
    if fetched.returncode:
        print(f"SKIPPED: MariaDB's test suite cannot be had here: {fetched.stderr.strip()}")
        return SKIPPED
    suite = pathlib.Path(fetched.stdout.strip())
    files = sorted((suite / "usr/share/mysql/mysql-test/main").glob("*.test"))
    if options.tests:
        files = [f for f in files if f.stem in options.tests]
    begun = time.monotonic()
    try:
        parts = replay_all(options, suite, files)
    except NotHere as problem:
        print(f"SKIPPED: {problem}")
        return SKIPPED
    return report(parts, options, time.monotonic() - begun)


def replay_all(options, suite, files):
    if options.jobs == 1:
        return [run(options, suite, files)]
    with multiprocessing.Pool(options.jobs) as pool:
        return pool.starmap(run, [(options, suite, files[i::options.jobs]) for i in range(options.jobs)])


def run(options, suite, files):
    """All that was seen in these files; an error shows at once, while other parts go on."""
    try:
        return replayed(options, suite, files)
    except NotHere:
        raise
    except BaseException:
        traceback.print_exc()
        raise


def replayed(options, suite, files):
    """A server that a statement ends is replaced; what follows in that file would find nothing of what it had made."""
    import pymysql
    begun = time.monotonic()
    make = OracleServer if options.dialect == "mysql" else Server
    server = make(suite)
    replay = Replay(server, Stepgate(options.stepgate, server), begun + options.seconds)
    replay.live = open(options.live, "a") if options.live else None
    try:
        for file in files:
            if time.monotonic() > replay.latest:
                print(f"no time for {file.stem} and what follows")
                break
            started = time.monotonic()
            try:
                replay.run_file(file, options.most)
            except Exception as problem:
                if not isinstance(problem, (CatalogsUnreadable, ServerGone, pymysql.err.MySQLError)):
                    traceback.print_exc()
                replay.given_up.append(f"{file.stem}: {problem} after: {replay.last}")
                print(f"{replay.given_up[-1]}\n{server.last_words()}", flush=True)
                replay.leave()
                server.stop()
                server = make(suite)
                replay.go_on(server, Stepgate(options.stepgate, server))
            if time.monotonic() - started > 20:
                print(f"{file.stem}: {time.monotonic() - started:.0f} s", flush=True)
    finally:
        replay.leave()
        server.stop()
    return {name: getattr(replay, name) for name in ("records", "refused", "files", "seconds", "dumps", "given_up")}


if __name__ == "__main__":
    sys.exit(main())
