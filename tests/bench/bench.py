"""The benchmark behind run.sh. Prints ratios to pgbouncer of the same run; absolute times depend on the machine."""
import argparse
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from harness import Stack, free_port, wait_for  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process and all its threads (proc(5), stat fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def wait_port(port):
    def open_port():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(open_port, f"port {port}")


class Peer:
    """One way to the server: a name, where to connect and as whom, and whose CPU time to count."""

    def __init__(self, name, port, user, password, pid=None):
        self.name, self.port, self.user, self.password, self.pid = name, port, user, password, pid

    def pgbench(self, mode, clients, seconds):
        env = dict(os.environ, PGPASSWORD=self.password, PGSSLMODE="disable")
        before = cpu_seconds(self.pid) if self.pid else 0
        out = subprocess.run(["/usr/lib/postgresql/15/bin/pgbench", "-n", "-S", "-M", mode, "-c", str(clients), "-j", "1",
                              "-T", str(seconds), "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user, "shop"],
                             env=env, capture_output=True, text=True)
        if out.returncode:
            raise SystemExit(f"{self.name}: pgbench failed: {out.stderr}")
        used = (cpu_seconds(self.pid) if self.pid else 0) - before
        done = int(re.search(r"number of transactions actually processed: (\d+)", out.stdout).group(1))
        tps = float(re.search(r"tps = ([\d.]+)", out.stdout).group(1))
        return tps, used / done * 1e6


def start_pgbouncer(folder, server_port):
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
    command = ["/usr/sbin/pgbouncer", "-q", str(folder / "pgbouncer.ini")]
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        command[1:1] = ["-u", "postgres"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_port(port)
    return process, Peer("pgbouncer", port, "app", "app-password", process.pid)


def start_haproxy(folder, server_port):
    port = free_port()
    (folder / "haproxy.cfg").write_text(f"""global
    nbthread 2
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen pg
    bind 127.0.0.1:{port}
    server pg 127.0.0.1:{server_port}
""")
    process = subprocess.Popen(["/usr/sbin/haproxy", "-f", str(folder / "haproxy.cfg"), "-db"], stderr=subprocess.DEVNULL)
    wait_port(port)
    return process, Peer("haproxy", port, "app", "app-password", process.pid)


def relay(stack, arguments):
    folder = stack.folder / "peers"
    folder.mkdir(mode=0o755)
    subprocess.run(["/usr/lib/postgresql/15/bin/pgbench", "-i", "-q", "-s", "10", "-h", "127.0.0.1", "-p", str(stack.cluster.port),
                    "-U", "app", "shop"], env=dict(os.environ, PGPASSWORD="app-password"), check=True, capture_output=True)
    bouncer, bouncer_peer = start_pgbouncer(folder, stack.cluster.port)
    balancer, balancer_peer = start_haproxy(folder, stack.cluster.port)
    peers = [Peer("direct", stack.cluster.port, "app", "app-password"), bouncer_peer, balancer_peer,
             Peer("stepgate", stack.port, "demo", stack.password, stack.process.pid)]
    try:
        print(f"pgbench -S, {arguments.rounds} rounds of {arguments.seconds} s each, medians, interleaved; {os.cpu_count()} cores shared by all; "
              f"stepgate with {arguments.threads or os.cpu_count()} relay thread(s)\n")
        print(f"{'mode':9} {'clients':>7} {'':10} {'tps':>9} {'/pgbouncer':>10} {'CPU us':>7} {'/pgbouncer':>10}")
        for mode in arguments.modes.split(","):
            for clients in map(int, arguments.clients.split(",")):
                compare(peers, mode, clients, arguments)
    finally:
        for process in (bouncer, balancer):
            process.terminate()
            process.wait()


def compare(peers, mode, clients, arguments):
    runs = {peer.name: [] for peer in peers}
    for number in range(arguments.rounds):
        order = peers[number % len(peers):] + peers[:number % len(peers)]
        for peer in order:
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


def idle(stack, arguments):
    import psycopg
    connect = lambda: psycopg.connect(host="127.0.0.1", port=stack.port, user="demo", password=stack.password, dbname="shop",
                                      sslmode="disable", autocommit=True)
    warm = [connect() for _ in range(20)]
    before = resident_kib(stack.process.pid)
    sessions = [connect() for _ in range(arguments.sessions)]
    for session in sessions:
        session.execute("SELECT 1")
    time.sleep(1)
    each = (resident_kib(stack.process.pid) - before) / len(sessions)
    print(f"\nidle: {len(sessions)} sessions without TLS, {each:.1f} KiB of resident memory each")
    for session in warm + sessions:
        session.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--only", choices=("relay", "hold", "idle"))
    parser.add_argument("--holds", type=int, default=9)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1, help="relay threads of stepgate; pgbouncer has one (0: one a core)")
    arguments = parser.parse_args()
    limits = '[limits]\nconnections_per_user = 1000\nconnections_per_address = 2000\ndrain = "1s"\n'
    stack = Stack(extra=limits)
    stack.config.write_text(f"threads = {arguments.threads}\n" + stack.config.read_text())
    stack.start()
    try:
        for name, part in (("relay", relay), ("hold", hold), ("idle", idle)):
            if arguments.only in (None, name):
                part(stack, arguments)
    finally:
        stack.close()


if __name__ == "__main__":
    main()
