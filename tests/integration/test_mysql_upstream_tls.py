"""TLS from stepgate to a MySQL or MariaDB server: whose certificates it takes, in each mode."""
import subprocess
import unittest

from harness import free_port
from mariadb import MySqlStack

GOOD, OTHER = "server.crt", "stepgate/tls/ca.crt"  # the server's own certificate, and one that has not signed it


class TlsStack(MySqlStack):
    """A server with a certificate for "localhost", and a listener for each way to look at it."""
    # name: host, mode, authority, whether it may be talked to
    LISTENERS = {"name and authority": ("localhost", "verify-full", GOOD, True),
                 "another name": ("127.0.0.1", "verify-full", GOOD, False),
                 "another name, not looked at": ("127.0.0.1", "verify-ca", GOOD, True),
                 "another authority": ("localhost", "verify-full", OTHER, False),
                 "another authority, name not looked at": ("127.0.0.1", "verify-ca", OTHER, False),
                 "nothing looked at": ("127.0.0.1", "require", None, True)}

    def make_cluster(self):
        key, certificate = self.folder / "server.key", self.folder / GOOD
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        key.chmod(0o644)
        self.settings = (f"--ssl-ca={certificate}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
        return super().make_cluster()

    def configure(self, *args):
        super().configure(*args)
        self.ports = {name: free_port() for name in self.LISTENERS}
        with self.config.open("a") as config:
            for name, (host, mode, authority, _) in self.LISTENERS.items():
                ca = f', ca = "{self.folder / authority}"' if authority else ""
                config.write(f'\n[[listener]]\nname = "{self.ports[name]}"\nprotocol = "mysql"\nlisten = "127.0.0.1:{self.ports[name]}"\n'
                             f'[listener.upstream]\nhost = "{host}"\nport = {self.cluster.port}\ntls = {{mode = "{mode}"{ca}}}\n'
                             'user = "app"\npassword = {file = "upstream.password"}\n')


class UpstreamTls(unittest.TestCase):
    def test_modes(self):
        stack = TlsStack()
        self.addCleanup(stack.close)
        stack.start()
        for name, (_, _, _, may) in stack.LISTENERS.items():
            with self.subTest(name):
                stack.port = stack.ports[name]
                code, out, error = stack.ask("SHOW STATUS LIKE 'Ssl_version'", tls=False)
                if may:
                    self.assertEqual((code, out[:15]), (0, "Ssl_version\tTLS"), error)
                else:
                    self.assertEqual(code, 1)
                    self.assertIn("ERROR 1429", error)
        log = (stack.folder / "serve.log").read_text()
        self.assertIn("TLS handshake failed", log)


if __name__ == "__main__":
    unittest.main()
