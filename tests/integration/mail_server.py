"""A real mail server (aiosmtpd) for tests: STARTTLS with stepgate's own test authority, a login, and every message that it was given."""
import asyncio
import email
import email.policy
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from harness import PATIENCE

USER, PASSWORD = b"stepgate", b"mail password"


def text_of(message):
    return message.get_content().replace("\r\n", "\n")


class Mailbox:
    def __init__(self, port, folder=None):
        self.port = port
        self.folder = folder  # each message's text goes into a file there: "1.txt", …
        self.messages = []  # (recipient, parsed message), oldest first
        self.refused = set()  # recipients
        self.silent = False  # says nothing to them while this is set
        self.changed = threading.Condition()
        self.logins = 0
        self.controller = None

    def configuration(self, password_file):
        password_file.write_bytes(PASSWORD + b"\n")
        return (f'[mail]\nserver = "localhost"\nport = {self.port}\nca = "tls/ca.crt"\nfrom = "stepgate@example.com"\nuser = "{USER.decode()}"\n'
                f'password = {{file = "{password_file}"}}\n')

    def start(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.controller = Controller(self, hostname="localhost", port=self.port, tls_context=context, require_starttls=True,
                                     auth_required=True, authenticator=self.login)
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()

    def login(self, server, session, envelope, mechanism, data):
        right = (data.login, data.password) == (USER, PASSWORD)
        self.logins += right
        return AuthResult(success=right)

    async def handle_RCPT(self, server, session, envelope, address, options):
        while self.silent:
            await asyncio.sleep(0.05)
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self.changed:
            self.messages += [(address, message) for address in envelope.rcpt_tos]
            if self.folder:
                part = self.folder / "part"
                part.write_text(f"{message['Subject']}\n\n{text_of(message)}")
                part.rename(self.folder / f"{len(self.messages)}.txt")
            self.changed.notify_all()
        return "250 taken"

    def wait(self, count):
        """The newest of `count` messages, once there are so many."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.messages) >= count, PATIENCE):
                raise AssertionError(f"{len(self.messages)} messages came, not {count}")
            return self.messages[count - 1]
