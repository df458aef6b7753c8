#!/usr/bin/env python3
"""Replays PostgreSQL's regression suite and lets the server judge what stepgate saw in each statement. See README.md."""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import time

import compare
import suite as regress
from report import print_counts

# Settings that make the server say what it does, and that keep other writers out of its log.
SETTINGS = {
    "log_line_prefix": "%p|", "log_destination": "stderr", "debug_print_rewritten": "on", "debug_print_plan": "on",
    "debug_pretty_print": "off", "log_min_error_statement": "panic", "autovacuum": "off", "jit": "off",
    "max_prepared_transactions": "4", "plan_cache_mode": "force_custom_plan", "timezone": "PST8PDT", "fsync": "off",
}
PGAUDIT = {"shared_preload_libraries": "pgaudit", "pgaudit.log": "read,write", "pgaudit.log_relation": "on",
           "pgaudit.log_catalog": "on", "pgaudit.log_parameter": "off", "pgaudit.log_statement": "off"}
# Its error has a line of context for each of thousands of nested calls, in every one of thousands of log entries.
LEFT_OUT = {"infinite_recurse"}
LIMIT = 2.0  # per cent of accepted statements of the whole suite that may be opaque


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--witness", required=True)
    parser.add_argument("--cache", required=True, help="where the suite's source is kept")
    parser.add_argument("--tests", nargs="*", help="only these, and what they build on must be among them")
    parser.add_argument("--no-catalog", action="store_true")
    parser.add_argument("--keep", help="write the witness's lines to this file")
    parser.add_argument("--limit", type=float, default=LIMIT, help="per cent of accepted statements that may be opaque")
    parser.add_argument("--show", type=int, default=40, help="so many misses in full")
    options = parser.parse_args()

    suite = regress.fetch_suite(options.cache)
    if suite is None:
        print("SKIPPED: the source of PostgreSQL's regression suite cannot be fetched here")
        return regress.SKIPPED
    names = options.tests or regress.schedule(suite)
    started = time.monotonic()
    server = start_server(suite)
    try:
        records, failed, cut = replay(server, names, options)
        behind = system_views(server)
    finally:
        server.stop()
    status = report(records, failed, behind, options, time.monotonic() - started)
    if cut:
        print(f"\ncut short, so not all of them was compared: {' '.join(cut)}")
    return 1 if cut else status


def start_server(suite):
    has_pgaudit = (pathlib.Path(regress.run("pg_config", "--pkglibdir")) / "pgaudit.so").exists()
    if not has_pgaudit:
        print("without pgaudit: postgresql-15-pgaudit is not installed")
    server = regress.Server(suite, {**SETTINGS, **(PGAUDIT if has_pgaudit else {})})
    server.create_database()
    return server


def replay(server, names, options):
    out = pathlib.Path(options.keep) if options.keep else server.folder / "witness.jsonl"
    out.write_text("")
    witness = subprocess.Popen(
        [options.witness, f"--server=host=127.0.0.1 port={server.port} user=postgres dbname=postgres sslmode=disable",
         f"--server-log={server.log}", f"--out={out}", *(["--no-catalog"] if options.no_catalog else [])],
        stdout=subprocess.PIPE, text=True, env=server.environment(server.port))
    failed, cut = [], []
    names = [name for name in names if name not in LEFT_OUT]
    try:
        port = int(witness.stdout.readline())
        for name in names:
            begun = time.monotonic()
            try:
                server.run_test(name, port, timeout=600)
            except subprocess.TimeoutExpired:
                print(f"{name}: gave up after 600 s")
                cut.append(name)
            if witness.poll() is not None:
                raise RuntimeError(f"the witness died in {name} with {witness.returncode}")
            server.wait_for_sessions()  # the witness may be reading what the last statement left in the log
            if not server.as_expected(name):
                failed.append(name)
            if time.monotonic() - begun > 20:
                print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
            with open(server.log, "r+") as log:  # it grows by gigabytes, and is read as it grows
                log.truncate(0)
    finally:
        witness.terminate()
        witness.wait()
    with open(out) as lines:
        return [json.loads(line) for line in lines], failed, cut


def system_views(server):
    """The relations behind every view of the system, views expanded."""
    rows = server.psql("-F", "\t", "-c", (regress.HERE / "system_views.sql").read_text(), database="template1")
    behind = collections.defaultdict(set)
    for row in rows.splitlines():
        view, table = row.split("\t")
        behind[view].add(table)
    return behind


def report(records, failed, behind, options, seconds):
    accepted = [r for r in records if r["accepted"]]
    opaque = [r for r in accepted if r["opaque"]]
    judged = list(compare.judge_all(records, behind))
    compared = [j for j in judged if not j.record["opaque"] and j.record["truth"]]
    missed = [j for j in judged if j.missed]
    share = 100 * len(opaque) / max(1, len(accepted))

    print(f"\n{len(records)} statements sent by psql in {len(set(r['file'] for r in records))} test files, {seconds:.0f} s")
    print(f"{len(accepted)} accepted by the server, {len(opaque)} of them opaque: {share:.2f} % (limit {options.limit} %)")
    print(f"{len(compared)} compared with relations that the server reports")
    print(f"output differs from the suite's in {len(failed)}: {' '.join(failed)}")
    print_counts("opaque, by reason:", (compare.words(reason) for r in opaque for reason in set(r["opaque_reasons"])))
    print_counts("not reported, and why that is no miss:", (category for j in judged for category, _ in j.excused))
    print(f"\nMISSED in {len(missed)} statements:")
    for what, count in collections.Counter(kind for j in missed for kind, _, _ in j.missed).most_common():
        print(f"  {count:6} {what}")
    for j in missed[:options.show]:
        text = " ".join(j.record["sql"].split())
        print(f"- {j.record['file']}: {text[:300]}")
        for kind, table, detail in j.missed:
            print(f"    {kind} {table} {', '.join(detail)}")
    return 1 if missed or share > options.limit or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
