"""Runs run.mjs against a stack of its own: a real PostgreSQL, stepgate with the shipped packs as they are, two users and an admin;
and a MariaDB behind a second listener."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from harness import DRAIN, SITE_POLICY, Stack, free_port  # noqa: E402
from mail_server import Mailbox  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from push_service import PushService  # noqa: E402
from provider import Provider  # noqa: E402

TWO_PEOPLE = """
[[rule]]
id = "comment-needs-two"
when = {statement = ["comment"]}
then = {challenge = {level = 3}}
because = "Asked of two people, for the test"
[[rule]]
id = "ledger-needs-two"
when = {writes = {tables = ["shop.ledger"]}}
then = {challenge = {level = 3}}
because = "Asked of two people, for the test"
"""


MYSQL_LISTENER = """
[[listener]]
name = "shop-my"
protocol = "mysql"
listen = "127.0.0.1:{port}"
tls = {{cert = "tls/server.crt", key = "tls/server.key", mode = "prefer"}}
[listener.upstream]
host = "127.0.0.1"
port = {server}
tls = {{mode = "disable"}}
user = "app"
password = {{file = "upstream.password"}}
"""


def psql(host_port, user, password):
    return (f"env PGPASSWORD={shlex.quote(password)} psql -h 127.0.0.1 -p {host_port} -U {user} -d shop")


def main():
    mails = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test-mail."))
    messages = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test-push."))
    mailbox, provider, pushes = Mailbox(free_port(), mails), Provider(free_port()), PushService(free_port())
    (messages / "subscription").write_text(json.dumps(pushes.browser(messages).subscription()))
    mysql_folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-test-mysql."))
    mysql_folder.chmod(0o711)
    mysql = MariaDb(mysql_folder / "cluster")
    mysql.shop("CREATE TABLE ledger (id int)")
    for factor in ("passkey", "authenticator_app", "recovery_code", "PIN", "code_by_e_mail", "login_at_an_identity_provider", "message_to_a_browser"):
        mysql.shop(f"CREATE VIEW {factor} AS SELECT 1 AS one")
    # A hold is long enough for a browser on a busy machine. The one that is seen to expire is the first: it has long done so when the last step looks.
    stack = Stack(policy=SITE_POLICY + TWO_PEOPLE, hold='{timeout = "90s", in_transaction = "90s"}',
                  extra=DRAIN + mailbox.configuration(mails / "password") + provider.configuration(mails / "secret") + pushes.configuration())
    try:
        provider.start(stack)
        pushes.start(stack.home / "tls/server.crt", stack.home / "tls/server.key")
        mailbox.start(stack.home / "tls/server.crt", stack.home / "tls/server.key")
        stack.run("user", "set", "demo", "--email", "demo@example.com")
        added = stack.run("user", "add", "second", "--generate-password", "--group", "approvers")
        second_password = re.search(r"password: (\S+)", added).group(1)
        mysql_port = free_port()
        # Factors and users are changed later than that after each sign-in here, so the pages ask for the passkey again.
        stack.config.write_text(stack.config.read_text().replace("[web]\n", '[web]\nstep_up = "10s"\n'))
        stack.config.write_text(stack.config.read_text() + MYSQL_LISTENER.format(port=mysql_port, server=mysql.port))
        stack.run("user", "add", "boss", "--generate-password", "--admin", "--group", "approvers")
        stack.start()
        env = dict(os.environ,
                   STEPGATE_URL=stack.public_url,
                   STEPGATE_PSQL=psql(stack.port, "demo", stack.password),
                   STEPGATE_DIRECT_PSQL=psql(stack.cluster.port, "app", "app-password"),
                   STEPGATE_LINK=stack.run("enroll", "demo").strip(),
                   STEPGATE_USER="demo",
                   STEPGATE_PASSWORD=stack.password,
                   STEPGATE_MAIL=str(mails),
                   STEPGATE_PUSH=str(messages),
                   STEPGATE_MARIADB=f"mariadb --no-defaults --no-auto-rehash --ssl -h 127.0.0.1 -P {mysql_port} -u demo -p{shlex.quote(stack.password)} shop",
                   STEPGATE_ADMIN_LINK=stack.run("enroll", "boss").strip(),
                   STEPGATE_SECOND_PSQL=psql(stack.port, "second", second_password),
                   STEPGATE_SECOND_LINK=stack.run("enroll", "second").strip(),
                   STEPGATE_SECOND_USER="second",
                   STEPGATE_SECOND_PASSWORD=second_password)
        code = subprocess.run(["node", HERE / "run.mjs"], env=env).returncode
        if code:
            print((stack.folder / "serve.log").read_text()[-4000:], file=sys.stderr)
        return code
    finally:
        stack.close()
        mailbox.stop()
        provider.stop()
        pushes.stop()
        shutil.rmtree(mails)
        shutil.rmtree(messages)
        mysql.stop()
        shutil.rmtree(mysql_folder)


if __name__ == "__main__":
    sys.exit(main())
