"""PostgreSQL's regression suite and a server to run it on, as pg_regress would set them up.

Only the standard library. A Server has its own data directory and port; `stop` removes both.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from report import SKIPPED

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "postgresql-15"


def run(*args, **more):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, **more).stdout.strip()


def free_port():
    return int(run(pathlib.Path(__file__).resolve().parents[2] / "compose/free_port.sh"))


def fetch_suite(cache):
    """The folder src/test/regress of the server's source, with regress.so built; None if it cannot be had."""
    done = subprocess.run([HERE / "source.sh", PACKAGE, cache, "src/test/regress/*"], capture_output=True, text=True)
    if done.returncode == SKIPPED:
        print(done.stderr.strip())
        return None
    if done.returncode:
        raise RuntimeError(done.stderr)
    folder = pathlib.Path(done.stdout.strip()) / "src/test/regress"
    library = folder / "lib/regress.so"
    if not library.exists():
        library.parent.mkdir(exist_ok=True)
        run("gcc", "-shared", "-fPIC", "-O1", "-w", "-I" + run("pg_config", "--includedir-server"), "-I" + run("pg_config", "--includedir"),
            "-o", library, folder / "regress.c")
        for name in ("refint.so", "autoinc.so"):  # of contrib/spi; the server's package has them
            shutil.copy(pathlib.Path(run("pg_config", "--pkglibdir")) / name, library.parent)
    return folder


def schedule(suite):
    """Names of the tests, in the order in which they build on each other."""
    lines = re.findall(r"^test:(.*)$", (suite / "parallel_schedule").read_text(), re.M)
    return [name for line in lines for name in line.split()]


class Server:
    """A PostgreSQL of our own; the suite is copied beside it, where the server may read and write."""

    def __init__(self, suite, settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-oracle."))
        self.folder.chmod(0o755)
        self.log = self.folder / "cluster/server.log"
        try:
            self.port = int(run(ROOT / "compose/cluster.sh", "start", self.folder / "cluster").split()[-1])
            data = self.folder / "cluster/data"
            # The suite connects as roles that it makes, none of which has a password.
            (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
            with open(data / "postgresql.conf", "a") as conf:
                conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
            self.restart()
            self.suite = self.folder / "suite"
            shutil.copytree(suite, self.suite)
            for place in ("results", "testtablespace"):
                (self.suite / place).mkdir(exist_ok=True)
            if os.geteuid() == 0:
                run("chown", "-R", "postgres", self.suite)
        except BaseException:
            print(self.log.read_text() if self.log.exists() else "no server log")
            self.stop()
            raise

    def restart(self):
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        control = [*user, pathlib.Path(run("pg_config", "--bindir")) / "pg_ctl", "-D", self.folder / "cluster/data", "-w"]
        for action in (["-m", "fast", "stop"], ["-l", self.log, "start"]):
            subprocess.run([*control, *action], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def psql(self, *args, database="postgres", port=None):
        return run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", port or self.port, "-U", "postgres", "-d", database,
                   *args)

    def create_database(self, name="regression"):
        self.psql("-c", f'CREATE DATABASE "{name}" TEMPLATE template0')
        for setting in ("lc_messages", "lc_monetary", "lc_numeric", "lc_time"):
            self.psql("-c", f"ALTER DATABASE \"{name}\" SET {setting} TO 'C'")
        self.psql("-c", f"ALTER DATABASE \"{name}\" SET bytea_output TO 'hex'",
                  "-c", f"ALTER DATABASE \"{name}\" SET timezone_abbreviations TO 'Default'")

    def environment(self, port):
        """What pg_regress gives to psql."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {**kept, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGTZ": "PST8PDT",
                "PGDATESTYLE": "Postgres, MDY", "PGOPTIONS": "-c intervalstyle=postgres_verbose", "PGSSLMODE": "disable",
                "PG_ABS_SRCDIR": str(self.suite), "PG_ABS_BUILDDIR": str(self.suite), "PG_LIBDIR": str(self.suite / "lib"),
                "PG_DLSUFFIX": ".so", "LC_MESSAGES": "C", "LANG": "C.UTF-8"}

    def run_test(self, name, port, timeout):
        """One script of the suite with the real psql; its output goes where pg_regress would put it."""
        env = {**self.environment(port), "PGAPPNAME": name}
        with open(self.suite / "sql" / f"{name}.sql") as script, open(self.suite / "results" / f"{name}.out", "w") as out:
            subprocess.run(["psql", "-X", "-a", "-q", "-d", "regression", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on"],
                           stdin=script, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=self.suite, timeout=timeout)

    def wait_for_sessions(self, seconds=60):
        """Until nobody is connected."""
        until = time.monotonic() + seconds
        busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        while self.psql("-c", busy).strip() != "0":
            if time.monotonic() > until:
                raise RuntimeError(f"sessions are still there after {seconds} s")
            time.sleep(0.02)

    def as_expected(self, name):
        """Whether the output is one of those that the suite accepts."""
        got = (self.suite / "results" / f"{name}.out").read_bytes()
        return any(got == wanted.read_bytes() for wanted in self.suite.glob(f"expected/{name}*.out")
                   if re.fullmatch(re.escape(name) + r"(_\d)?\.out", wanted.name))

    def stop(self):
        subprocess.run([ROOT / "compose/cluster.sh", "stop", self.folder / "cluster"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
