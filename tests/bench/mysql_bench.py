"""sysbench directly, through haproxy (TCP), MySQL Router where it can be had, and stepgate with policy and audit on; ratios of one run."""
import os
import pathlib
import re
import statistics
import subprocess
import sys

from peers import Peer, WARM_UP, cpu_seconds, proxy_processor, start_haproxy, wait_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from harness import free_port  # noqa: E402
from mariadb import MariaDb, MySqlStack, OracleMySql  # noqa: E402

MYSQL_SERVER = ROOT / "tests/support/mysql_server.sh"
TABLES = ("--db-driver=mysql", "--tables=4", "--table-size=10000", "--mysql-db=shop", "--mysql-ssl=off", "--mysql-host=127.0.0.1")


class MySqlPeer(Peer):
    def sysbench(self, workload, *arguments):
        return ["sysbench", workload, *TABLES, f"--mysql-port={self.port}", f"--mysql-user={self.user}",
                f"--mysql-password={self.password}", *arguments]

    def run(self, workload, clients, seconds):
        """Statements a second, and CPU per statement in us, of the seconds after logins and warm-up."""
        run = subprocess.Popen(self.sysbench(workload, f"--threads={clients}", f"--time={seconds + WARM_UP + 1}", "--report-interval=1", "run"),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seen, said = [], ""
        for line in run.stdout:
            said += line
            if found := re.match(r"\[ (\d+)s \].* qps: ([\d.]+)", line):
                seen.append((float(found[1]), float(found[2]), cpu_seconds(self.pid) if self.pid else 0))
        if run.wait():
            raise SystemExit(f"{self.name}: sysbench failed: {said}")
        return self.rate_and_cost(seen)


def start_router(folder, server_port, server_tls):
    """MySQL Router of the same place as MySQL, or nothing where it cannot be had. `server_tls`: as its server_ssl_mode."""
    made = subprocess.run([MYSQL_SERVER, "router"], capture_output=True, text=True)
    if made.returncode:
        return None, None
    port = free_port()
    folders = "".join(f"{kind}_folder = {folder}\n" for kind in ("logging", "runtime", "data", "config"))
    (folder / "router.conf").write_text(f"""[DEFAULT]
plugin_folder = {made.stdout.strip()}
{folders}[routing:one]
bind_address = 127.0.0.1
bind_port = {port}
destinations = 127.0.0.1:{server_port}
routing_strategy = first-available
protocol = classic
client_ssl_mode = DISABLED
server_ssl_mode = {server_tls}
""")
    with proxy_processor:
        process = subprocess.Popen([MYSQL_SERVER, "run", "mysqlrouter", "-c", folder / "router.conf"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
    wait_port(port)
    return process, MySqlPeer("router", port, "app", "app-password", process.pid)


class BenchStack(MySqlStack):
    def __init__(self, kind):
        self.kind = kind
        super().__init__(listener="")

    def make_cluster(self):
        return self.kind(self.folder / "cluster")


def mysql(arguments):
    """MariaDB, to which nobody speaks TLS; then MySQL, to which stepgate and MySQL Router do, as they both would unasked."""
    beside(MariaDb, arguments)
    if subprocess.run([MYSQL_SERVER, "root"], capture_output=True).returncode == 0:
        beside(OracleMySql, arguments)


def beside(kind, arguments):
    stack = BenchStack(kind)
    others = []
    try:
        direct = MySqlPeer("direct", stack.cluster.port, "app", "app-password")
        subprocess.run(direct.sysbench("oltp_read_write", "prepare"), check=True, stdout=subprocess.DEVNULL)
        threads = arguments.threads or len(proxy_processor.mine)  # as MySQL Router has them
        stack.config.write_text(f"threads = {threads}\n" + stack.config.read_text())
        with proxy_processor:
            stack.start()
        folder = stack.folder / "peers"
        folder.mkdir()
        balancer, haproxy = start_haproxy(folder, stack.cluster.port, MySqlPeer, threads)
        others.append(balancer)
        peers = [direct, haproxy, MySqlPeer("stepgate", stack.port, "demo", stack.password, stack.process.pid)]
        router, router_peer = start_router(folder, stack.cluster.port, "REQUIRED" if kind is OracleMySql else "DISABLED")
        if router:
            others.append(router)
            peers.insert(2, router_peer)
        print(f"\nsysbench, {kind.__name__}, {arguments.rounds} rounds of {arguments.seconds} s each, medians, interleaved; "
              f"{proxy_processor}; stepgate and haproxy with {threads} thread(s)\n")
        print(f"{'':18} {'clients':>7} {'':10} {'stmt/s':>9} {'/haproxy':>9} {'CPU us':>7} {'/haproxy':>9}" + (f" {'/router':>8}" if router else ""))
        for workload in ("oltp_point_select", "oltp_read_write"):
            for clients in map(int, arguments.clients.split(",")):
                compare(peers, workload, clients, arguments)
    finally:
        for process in others:
            process.terminate()
            process.wait()
        stack.close()


def compare(peers, workload, clients, arguments):
    runs = {peer.name: [] for peer in peers}
    for number in range(arguments.rounds):
        turn = number % len(peers)
        for peer in peers[turn:] + peers[:turn]:
            runs[peer.name].append(peer.run(workload, clients, arguments.seconds))
    middle = {name: tuple(statistics.median(r[i] for r in results) for i in (0, 1)) for name, results in runs.items()}
    for peer in peers:
        rate, cpu = middle[peer.name]
        line = f"{workload:18} {clients:7} {peer.name:10} {rate:9.0f} {rate / middle['haproxy'][0]:9.2f}"
        if peer.pid:
            line += f" {cpu:7.1f} {cpu / middle['haproxy'][1]:9.2f}"
            if "router" in middle:
                line += f" {cpu / middle['router'][1]:8.2f}"
        print(line, flush=True)
