"""A real OpenID provider (clients/provider.mjs) for tests, and the browser that goes there and comes back."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import urllib.parse

from harness import PATIENCE, ROOT

SECRET = "a secret"


class Provider:
    def __init__(self, port):
        self.port = port
        self.process = None

    def configuration(self, secret_file, more=""):
        secret_file.write_text(SECRET)
        return (f'[[identity_provider]]\nname = "corp"\nissuer = "https://localhost:{self.port}"\nclient_id = "stepgate"\n'
                f'client_secret = {{file = "{secret_file}"}}\nca = "tls/ca.crt"\nacr_values = ["phr", "pwd"]\nphishing_resistant_acr = ["phr"]\n'
                f'sign_in = true\n{more}\n')

    def start(self, stack):
        self.context = ssl.create_default_context(cafile=stack.folder / "stepgate/tls/ca.crt")
        self.redirect = stack.public_url + "/provider"
        installed = pathlib.Path(os.environ.get("STEPGATE_CLIENTS", ROOT / "build/dev/tests/integration/clients"))
        script = installed / "provider.mjs"  # beside its packages
        if (ROOT / "tests/integration/clients/provider.mjs").read_bytes() != script.read_bytes():
            shutil.copy(ROOT / "tests/integration/clients/provider.mjs", script)
        self.process = subprocess.Popen(["node", script, str(self.port), stack.home / "tls/server.crt", stack.home / "tls/server.key", self.redirect],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the provider did not start")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def ask(self, method, path, body=None, cookies=None):
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Cookie": "; ".join(f"{k}={v}" for k, v in (cookies or {}).items())})
            answer = connection.getresponse()
            answer.read()
            for line in answer.headers.get_all("Set-Cookie") or ():
                name, value = line.split(";")[0].split("=", 1)
                if cookies is not None:
                    cookies[name] = value
            return answer.getheader("Location")

    def log_in(self, url, account="demo", acr="pwd", age=0, refuse=False):
        """Follows the browser's way from stepgate's address; what the page /provider gets: {"state": …, "code": …, "iss": …}."""
        self.ask("POST", "/test", json.dumps({"account": account, "acr": acr, "age": age, "refuse": refuse}))
        cookies = {}
        for _ in range(10):
            if url is None:
                raise AssertionError("the provider leads nowhere")
            if url.startswith(self.redirect):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
            parts = urllib.parse.urlsplit(url)
            url = self.ask("GET", parts.path + (f"?{parts.query}" if parts.query else ""), cookies=cookies)
        raise AssertionError("the provider leads in circles")
