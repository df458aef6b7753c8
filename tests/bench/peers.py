"""What the benchmarks of both protocols measure with: ways to a server, and the CPU time of processes."""
import os
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import free_port, wait_for  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP = 2  # seconds of each run that are not measured


def cpu_seconds(pid):
    """User and system time of a process and all its threads (proc(5), stat fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_port(port):
    def open_port():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(open_port, f"port {port}")


class Peer:
    """One way to the server: a name, where to connect and as whom, and whose CPU time to count."""

    def renew(self):
        """Called before each run, so that every peer begins it with new server connections."""

    def __init__(self, name, port, user, password, pid=None):
        self.name, self.port, self.user, self.password, self.pid = name, port, user, password, pid

    def rate_and_cost(self, seen):
        """Of (second, units a second, CPU seconds so far), one a second: units a second and CPU a unit in us, once it is warm."""
        if len(seen) < WARM_UP + 1:
            raise SystemExit(f"{self.name}: the run was too short")
        measured = seen[WARM_UP - 1:]
        done = sum(rate * (at - before) for (before, _, _), (at, rate, _) in zip(measured, measured[1:]))
        elapsed = measured[-1][0] - measured[0][0]
        return done / elapsed, (measured[-1][2] - measured[0][2]) / done * 1e6


class ProxyProcessor:
    """The processor of what is started inside `with`, once it is reserved; everything else has the others. Without it the scheduler places
    the proxy, its clients and the server's processes anew in each run, and that weighs more than what is compared.
    """

    def __init__(self):
        self.mine = self.others = os.sched_getaffinity(0)

    def reserve(self):
        self.mine = {min(self.others)}
        self.others = self.others - self.mine
        if not self.others:
            raise SystemExit("--apart needs two processors")
        os.sched_setaffinity(0, self.others)

    def __str__(self):
        return f"{os.cpu_count()} cores, " + ("shared by all" if self.mine == self.others else "one of them for the proxies alone")

    def __enter__(self):
        os.sched_setaffinity(0, self.mine)

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.others)


proxy_processor = ProxyProcessor()


def start_haproxy(folder, server_port, kind, threads):
    port = free_port()
    (folder / "haproxy.cfg").write_text(f"""global
    nbthread {threads}
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen one
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{server_port}
""")
    with proxy_processor:
        process = subprocess.Popen(["/usr/sbin/haproxy", "-f", str(folder / "haproxy.cfg"), "-db"], stderr=subprocess.DEVNULL)
    wait_port(port)
    return process, kind("haproxy", port, "app", "app-password", process.pid)
