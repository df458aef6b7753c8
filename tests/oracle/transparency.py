#!/usr/bin/env python3
"""Runs PostgreSQL's regression suite with pg_regress, directly and through stepgate, and compares what every test put out.

What differs is looked at in a second direct run: a test whose output differs between two direct runs says nothing.
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import time

import suite as regress

SETTINGS = {"fsync": "off", "max_prepared_transactions": "4", "timezone": "PST8PDT"}
CONFIGURATION = """
store = "sqlite:stepgate.db"
policies = ["destructive.toml", "pii.toml"]
[web]
listen = "127.0.0.1:{web}"
public_url = "https://localhost:{web}"
tls = {{cert = "web.crt", key = "web.key"}}
[[listener]]
name = "regress"
protocol = "postgres"
listen = "127.0.0.1:{port}"
mode = "observe"
auth = "passthrough"
[listener.upstream]
host = "127.0.0.1"
port = {server}
tls = {{mode = "disable"}}
"""


# Differences by design: the test, the only error that begins them, and why.
BY_DESIGN = {
    "largeobject": ("function calls by number are not available through stepgate",
                    "psql's \\lo_import, \\lo_export and \\lo_unlink send FunctionCall messages, which no statement names"),
}


class Stepgate:
    """The program in observe mode; the server's own users pass through."""

    def __init__(self, binary, folder, server):
        self.home = folder / "stepgate"
        self.home.mkdir()
        for pack in ("destructive.toml", "pii.toml"):
            (self.home / pack).write_text((regress.ROOT / "policies/packs" / pack).read_text())
        regress.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", self.home / "web.key", "-out", self.home / "web.crt")
        self.port = regress.free_port()
        config = self.home / "stepgate.toml"
        config.write_text(CONFIGURATION.format(port=self.port, web=regress.free_port(), server=server))
        self.log = open(self.home / "serve.log", "wb")
        self.process = subprocess.Popen([binary, "serve", "--config", config], stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError(f"stepgate did not start: {line}{(self.home / 'serve.log').read_text()}")

    def stop(self):
        died = self.process.poll()
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        if died is not None:
            raise RuntimeError(f"stepgate died with {died}: {(self.home / 'serve.log').read_text()[-3000:]}")

    def statements(self, binary):
        """How many statements went through, from the audit itself."""
        done = subprocess.run([binary, "audit", "verify", "--config", self.home / "stepgate.toml"], capture_output=True, text=True)
        return done.stdout.strip() or done.stderr.strip()


def run_suite(suite, binary, tests, cache):
    """Outputs of all tests, by name, and a word about the run. `binary`: None for a direct run."""
    begun = time.monotonic()
    server = regress.Server(suite, SETTINGS)
    proxy = None
    word = ""
    try:
        proxy = binary and Stepgate(binary, server.folder, server.port)
        which = tests or ["--schedule=" + str(server.suite / "parallel_schedule")]
        program = pathlib.Path(regress.run("pg_config", "--pgxs")).parents[1] / "test/regress/pg_regress"
        done = subprocess.run(
            [program, f"--inputdir={server.suite}", f"--outputdir={server.suite}", f"--bindir={regress.run('pg_config', '--bindir')}",
             f"--dlpath={server.suite / 'lib'}", "--host=127.0.0.1", f"--port={proxy.port if proxy else server.port}",
             "--user=postgres", "--max-concurrent-tests=20", *which],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=server.suite,
            env={k: v for k, v in server.environment(0).items() if not k.startswith("PG")})
        (cache / f"pg_regress.{'stepgate' if binary else 'direct'}.log").write_text(done.stdout)
        verdict = re.findall(r"^ *(All \d+ tests passed|\d+ of \d+ tests failed.*?)\.? *$", done.stdout, re.M)
        if not verdict:
            raise RuntimeError(f"pg_regress gave up:\n{done.stdout[-3000:]}")
        results = {file.stem: file.read_text(errors="replace") for file in (server.suite / "results").glob("*.out")}
        if proxy:
            proxy.stop()
            word = proxy.statements(binary)
            proxy = None
        folder = str(server.suite)
        return {name: text.replace(folder, "SUITE") for name, text in results.items()}, \
            f"{verdict[0]}, {time.monotonic() - begun:.0f} s", word
    finally:
        if proxy:
            proxy.process.kill()
        server.stop()


def lines_that_differ(one, other):
    diff = difflib.unified_diff(one.splitlines(), other.splitlines(), "direct", "stepgate", n=2, lineterm="")
    return [line[:200] for line in diff]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stepgate", required=True)
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="where the suite's source is kept")
    parser.add_argument("--tests", nargs="*", help="only these")
    options = parser.parse_args()
    suite = regress.fetch_suite(options.cache)
    if suite is None:
        print("SKIPPED: the source of PostgreSQL's regression suite cannot be fetched here")
        return regress.SKIPPED
    direct, verdict, _ = run_suite(suite, None, options.tests, options.cache)
    print(f"directly:         {verdict}", flush=True)
    through, verdict, audit = run_suite(suite, options.stepgate, options.tests, options.cache)
    print(f"through stepgate: {verdict}\naudit: {audit}", flush=True)
    names = sorted(set(direct) | set(through))
    differing = [name for name in names if direct.get(name) != through.get(name)]
    again = {}
    if differing:
        again, verdict, _ = run_suite(suite, None, options.tests, options.cache)
        print(f"directly again:   {verdict}")
    unsteady = [name for name in differing if direct.get(name) != again.get(name)]
    designed = [name for name in differing if name in BY_DESIGN and BY_DESIGN[name][0] in through.get(name, "")]
    faults = [name for name in differing if name not in unsteady + designed]
    print(f"{len(names)} tests compared: {len(names) - len(differing)} alike, {len(differing)} differ: {len(designed)} by design, "
          f"{len(unsteady)} also between two direct runs, {len(faults)} through stepgate's fault")
    for name in designed:
        print(f"{name}: {BY_DESIGN[name][1]}")
    for name in sorted(set(differing) - set(designed)):
        print(f"\n== {name}{'' if name in faults else ' (differs between direct runs too)'}")
        print("\n".join(lines_that_differ(direct.get(name, ""), through.get(name, ""))[:60]))
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
