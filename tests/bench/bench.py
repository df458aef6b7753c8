"""The benchmark behind run.sh. Prints ratios to pgbouncer of the same run; absolute times depend on the machine."""
import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
sys.path.insert(0, str(ROOT / "tests/integration"))
from clients import Client  # noqa: E402
from mysql_bench import mysql  # noqa: E402
from peers import Peer, WARM_UP, cpu_seconds, proxy_processor, start_haproxy, wait_port  # noqa: E402
from proofs import measure_proofs  # noqa: E402
from harness import Stack, free_port  # noqa: E402


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


class PgPeer(Peer):
    def pgbench(self, mode, clients, seconds):
        """Transactions a second, and CPU per transaction in us, of the seconds after logins and warm-up."""
        env = dict(os.environ, PGPASSWORD=self.password, PGSSLMODE="disable")
        run = subprocess.Popen([PGBENCH, "-n", "-S", "-M", mode, "-c", str(clients), "-j", "1", "-P", "1",
                                "-T", str(seconds + WARM_UP), "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "shop"],
                               env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        seen = []
        for line in run.stderr:
            if found := re.match(r"progress: ([\d.]+) s, ([\d.]+) tps", line):
                seen.append((float(found[1]), float(found[2]), cpu_seconds(self.pid) if self.pid else 0))
        if run.wait():
            raise SystemExit(f"{self.name}: pgbench failed")
        return self.rate_and_cost(seen)


class PgBouncer(PgPeer):
    """Started anew for each run. It would keep its server connections, and a server process that has the whole table mapped already
    needs 5 to 10 us less a statement than the new ones that all other peers get.
    """

    def __init__(self, configuration, port):
        super().__init__("pgbouncer", port, "app", "app-password")
        self.command = ["/usr/sbin/pgbouncer", *(["-u", "postgres"] if os.geteuid() == 0 else []), "-q", str(configuration)]
        self.process = None

    def renew(self):
        self.stop()
        with proxy_processor:
            self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        wait_port(self.port)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


def pgbouncer(folder, server_port):
    port = free_port()
    (folder / "users.txt").write_text('"app" "app-password"\n')
    (folder / "pgbouncer.ini").write_text(f"""[databases]
shop = host=127.0.0.1 port={server_port} dbname=shop user=app password=app-password
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = session
max_client_conn = 2000
default_pool_size = 200
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
""")
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    return PgBouncer(folder / "pgbouncer.ini", port)


def fill_pgbench(stack, scale):
    """pgbench's tables, 100,000 accounts for each 1 of `scale`, made on the server itself."""
    subprocess.run([PGBENCH, "-i", "-q", "-s", str(scale), "-h", "127.0.0.1", "-p", str(stack.cluster.port),
                    "-U", "app", "shop"], env=dict(os.environ, PGPASSWORD="app-password"), check=True, capture_output=True)


def relay(stack, arguments):
    folder = stack.folder / "peers"
    folder.mkdir(mode=0o755)
    fill_pgbench(stack, scale=10)
    bouncer = pgbouncer(folder, stack.cluster.port)
    threads = relay_threads(arguments) or len(proxy_processor.mine)
    balancer, balancer_peer = start_haproxy(folder, stack.cluster.port, PgPeer, threads)
    peers = [PgPeer("direct", stack.cluster.port, "app", "app-password"), bouncer, balancer_peer,
             PgPeer("stepgate", stack.port, "demo", stack.password, stack.process.pid)]
    try:
        print(f"pgbench -S, {arguments.rounds} rounds of {arguments.seconds} s each, medians, interleaved; {proxy_processor}; "
              f"stepgate and haproxy with {threads} thread(s)\n")
        print(f"{'mode':9} {'clients':>7} {'':10} {'tps':>9} {'/pgbouncer':>10} {'CPU us':>7} {'/pgbouncer':>10}")
        for mode in arguments.modes.split(","):
            for clients in map(int, arguments.clients.split(",")):
                compare(peers, mode, clients, arguments)
    finally:
        bouncer.stop()
        balancer.terminate()
        balancer.wait()


def compare(peers, mode, clients, arguments):
    runs = {peer.name: [] for peer in peers}
    for number in range(arguments.rounds):
        order = peers[number % len(peers):] + peers[:number % len(peers)]
        for peer in order:
            peer.renew()
            runs[peer.name].append(peer.pgbench(mode, clients, arguments.seconds))
    middle = {name: tuple(statistics.median(r[i] for r in results) for i in (0, 1)) for name, results in runs.items()}
    base = middle["pgbouncer"]
    for peer in peers:
        tps, cpu = middle[peer.name]
        cpu_text = f"{cpu:7.1f} {cpu / base[1]:10.2f}" if peer.pid else f"{'-':>7} {'-':>10}"
        print(f"{mode:9} {clients:7} {peer.name:10} {tps:9.0f} {tps / base[0]:10.2f} {cpu_text}", flush=True)


def hold(stack, arguments):
    """Statement sent to notice received, and approval answered to first byte of the result."""
    import psycopg
    demo = stack.person()
    notice_ms, release_ms = [], []
    with psycopg.connect(host="127.0.0.1", port=stack.port, user="demo", password=stack.password, dbname="shop", sslmode="disable",
                         autocommit=True) as connection:
        raw = socket.socket(fileno=os.dup(connection.fileno()))
        raw.setblocking(True)
        text = b"DELETE FROM orders WHERE true AND false\0"
        for _ in range(arguments.holds):
            begin = time.perf_counter()
            raw.sendall(b"Q" + (len(text) + 4).to_bytes(4, "big") + text)
            raw.recv(1, socket.MSG_PEEK)
            notice_ms.append((time.perf_counter() - begin) * 1e3)
            challenge = demo.wait_pending()
            raw.recv(65536)
            release_ms.append(approve_and_wait(demo, challenge, raw))
    print(f"\nhold: {arguments.holds} statements")
    for name, values in (("statement sent -> notice at the client", notice_ms),
                         ("approval sent -> first result byte", release_ms)):
        print(f"  {name:40} median {statistics.median(values):6.2f} ms   worst {max(values):6.2f} ms")


def approve_and_wait(demo, challenge, raw):
    """Milliseconds from sending the signed approval (with its TLS handshake) to the first byte of the result."""
    arrived = []

    def receive():
        data = b""
        while b"DELETE 0" not in data:  # the "approved" notice comes first
            data += raw.recv(65536)
        arrived.append(time.perf_counter())

    thread = threading.Thread(target=receive)
    thread.start()
    path = f"/challenges/{challenge['id']}/passkey"
    signed = demo.passkey.sign(demo.call("POST", path + "/begin", {})["options"])
    sent = time.perf_counter()
    demo.call("POST", path, {"credential": signed})
    thread.join()
    return (arrived[0] - sent) * 1e3


@contextlib.contextmanager
def scripted(arguments, limits=""):
    """A stepgate whose server is the scripted one: it takes more sessions than a real one would."""
    server = subprocess.Popen([ROOT / "build/release/bin/scripted_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack = prepared(arguments, limits)
    try:
        port = server.stdout.readline().strip()
        text = stack.config.read_text()
        stack.config.write_text(re.sub(rf"^port = {stack.cluster.port}$", f"port = {port}", text, flags=re.M))
        stack.cluster.stop()
        stack.start()
        yield stack
    finally:
        stack.close()
        server.stdin.close()
        server.wait()


def connected(stack, count):
    return [Client(stack.port, "demo", stack.password) for _ in range(count)]


def idle(arguments):
    with scripted(arguments) as stack:
        warm = connected(stack, 20)
        before = resident_kib(stack.process.pid)
        sessions = connected(stack, affordable(arguments.sessions) - len(warm))
        for session in sessions:
            session.ask("SELECT 1")
            session.finish()
        time.sleep(1)
        each = (resident_kib(stack.process.pid) - before) / len(sessions)
        used = cpu_seconds(stack.process.pid)
        time.sleep(5)
        used = cpu_seconds(stack.process.pid) - used
        print(f"\nidle: {len(sessions)} sessions without TLS: {each:.1f} KiB of resident memory each (at most 32); "
              f"{used * 1e3 / 5:.1f} ms of CPU a second for all of them", flush=True)
        for session in warm + sessions:
            session.close()


def held(arguments):
    with scripted(arguments, f"challenges = {arguments.held + 10}\nchallenges_per_user = {arguments.held + 10}\n") as stack:
        sessions = connected(stack, arguments.held)
        for session in sessions:
            session.ask("DELETE FROM orders WHERE true AND false")
        for session in sessions:
            kind, text = session.receive()
            if kind != b"N" or b"STATEMENT HELD" not in text:
                raise SystemExit(f"not held: {kind} {text}")
        time.sleep(1)
        used = cpu_seconds(stack.process.pid)
        time.sleep(10)
        used = cpu_seconds(stack.process.pid) - used
        print(f"\nheld: {len(sessions)} statements wait: {used * 1e3:.0f} ms of CPU in 10 s", flush=True)
        for session in sessions:
            session.close()


def proofs(arguments):
    with scripted(arguments, f"challenges = {arguments.held + 10}\nchallenges_per_user = {arguments.held + 10}\n") as stack:
        measure_proofs(stack, arguments.held, browsers=200, answers=200)


def facts(_):
    print()
    for program, pattern, unit in (("facts_bench", ".", 1e3), ("audit_bench", ".", 1e3)):
        out = subprocess.run([ROOT / "build/release/bin" / program, "--benchmark_format=json", f"--benchmark_filter={pattern}"],
                             check=True, capture_output=True, text=True).stdout
        for line in json.loads(out)["benchmarks"]:
            limit = {"new_statement": " (at most 6)", "repeated_shape": " (at most 1)"}.get(line["name"], "")
            print(f"{line['name']:20} {line['cpu_time'] / unit:8.2f} us{limit}", flush=True)


def raise_descriptor_limit():
    """For clients, proxy and server, which all inherit it. Who has the privilege raises the hard limit too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except ValueError:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def affordable(sessions):
    """Of so many sessions, those that the limit of open files allows: two descriptors each in the proxy, which keeps some for the pages and itself."""
    return min(sessions, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1300) // 2)


def prepared(arguments, limits=""):
    """A stack that is configured and not started."""
    stack = Stack(extra='[limits]\nconnections = 20000\nconnections_per_user = 20000\nconnections_per_address = 20000\n'
                        f'drain = "1s"\n{limits}')
    stack.config.write_text(f"threads = {relay_threads(arguments)}\n" + stack.config.read_text())
    return stack


def relay_threads(arguments):
    return 1 if arguments.threads is None else arguments.threads


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--only", choices=("relay", "hold", "idle", "held", "proofs", "facts", "mysql"))
    parser.add_argument("--holds", type=int, default=9)
    parser.add_argument("--sessions", type=int, default=10000, help="idle ones")
    parser.add_argument("--held", type=int, default=1000)
    parser.add_argument("--threads", type=int, help="of stepgate for relaying, and of haproxy (0: one a core); without it one on "
                        "PostgreSQL, as pgbouncer has, and one a core on MySQL, as MySQL Router has")
    parser.add_argument("--apart", action="store_true", help="relay, mysql: one processor for the proxies alone; repeats better")
    arguments = parser.parse_args()
    raise_descriptor_limit()
    if arguments.apart:
        proxy_processor.reserve()
    if arguments.only in (None, "relay", "hold"):
        stack = prepared(arguments)
        with proxy_processor:
            stack.start()
        try:
            for name, part in (("relay", relay), ("hold", hold)):
                if arguments.only in (None, name):
                    part(stack, arguments)
        finally:
            stack.close()
    for name, part in (("idle", idle), ("held", held), ("proofs", proofs), ("facts", facts), ("mysql", mysql)):
        if arguments.only in (None, name):
            part(arguments)


if __name__ == "__main__":
    main()
