"""Proof accepted to first result byte, while many challenges wait and many browsers listen."""
import http.client
import re
import socket
import ssl
import statistics
import threading
import time

from clients import Client
from harness import PATIENCE, Person

STREAMS = 8  # that one user may open (streams_per_user)


class Browser(Person):
    """A person at an address of their own, on a connection that stays open, as browsers keep theirs."""

    def __init__(self, stack, name, address):
        super().__init__(stack, name)
        self.address, self.kept = address, None

    def context(self):
        return ssl.create_default_context(cafile=self.stack.folder / "stepgate/tls/ca.crt")

    def connect(self):
        if not self.kept:
            self.kept = http.client.HTTPSConnection("localhost", self.stack.web_port, context=self.context(), timeout=PATIENCE,
                                                    source_address=(self.address, 0))
            self.kept.close = lambda: None
        return self.kept

    def listen(self):
        """A page that is open: its stream of events."""
        raw = socket.create_connection(("127.0.0.1", self.stack.web_port), PATIENCE, source_address=(self.address, 0))
        stream = self.context().wrap_socket(raw, server_hostname="localhost")
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost:{self.stack.web_port}\r\nCookie: {self.cookie}\r\n\r\n".encode())
        if b" 200 " not in stream.recv(4096):
            raise SystemExit("no stream of events")
        return stream


def person(stack, number):
    name = f"engineer{number}"
    added = stack.run("user", "add", name, "--generate-password")
    return Browser(stack, name, f"127.0.1.{number + 1}").enrol(), added.split("password: ")[1].split()[0]


def hold(stack, name, password):
    """A session with a held statement, and its challenge's id."""
    session = Client(stack.port, name, password)
    session.ask("DELETE FROM orders WHERE true AND false")
    kind, text = session.receive()
    found = re.search(rb"/c/([\w-]{22})", text)
    if kind != b"N" or not found:
        raise SystemExit(f"not held: {kind} {text}")
    return session, found.group(1).decode()


def answer(browser, session, challenge):
    """Milliseconds from sending the signed proof to the first byte of the result."""
    arrived = []

    def receive():
        while session.receive()[0] == b"N":  # the "approved" notice comes first
            pass
        arrived.append(time.perf_counter())

    path = f"/challenges/{challenge}/passkey"
    signed = browser.passkey.sign(browser.call("POST", path + "/begin", {})["options"])
    thread = threading.Thread(target=receive)
    thread.start()
    sent = time.perf_counter()
    browser.call("POST", path, {"credential": signed})
    thread.join()
    return (arrived[0] - sent) * 1e3


def measure_proofs(stack, held, browsers, answers):
    people = [person(stack, number) for number in range(browsers // STREAMS)]
    time.sleep(2)  # a running stepgate looks for new users every second
    streams = [browser.listen() for browser, _ in people for _ in range(STREAMS)]
    waiting = [(browser, *hold(stack, browser.name, password))
               for _ in range(held // len(people)) for browser, password in people]
    times = sorted(answer(*waiting.pop()) for _ in range(answers))
    print(f"\nproofs: {held} challenges pending, {len(streams)} browsers connected, {answers} proofs answered\n"
          f"  {'proof sent -> first result byte':40} p50 {statistics.median(times):6.2f} ms   p99 {times[int(len(times) * .99)]:6.2f} ms",
          flush=True)
    for stream in streams:
        stream.close()
    for _, session, _ in waiting:
        session.close()
