"""An HTTPS server of a test's own, to which stepgate sends."""
import http.server
import ssl
import threading


class TlsReceiver:
    """Of derived classes: `take(path, headers, body)` gives the answer's status and headers, and notifies `changed`."""

    def __init__(self, port):
        self.port = port
        self.changed = threading.Condition()
        self.server = None

    def start(self, certificate, key):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                status, headers = receiver.take(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
                answer = f"status {status}".encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("localhost", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
