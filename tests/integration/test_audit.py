"""What the reviewer finds: every event is there, secrets are not, and tampering shows."""
import csv
import io
import json
import re
import socket
import struct
import subprocess
import unittest

from harness import BINARY, PATIENCE, Stack, wait_for
from insider import FIELDS, TYPE, Insider, flip
from passkey import Passkey, decode, encode

SECRET = "819-41-4729"  # a customer's ssn
PREPARED, UNPARSED = "111-22-3333", "444-55-6666"  # in texts that read nothing yet, or cannot be understood


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.addClassCleanup(cls.stack.close)
        cls.demo = cls.stack.person()
        cls.directory = cls.stack.home / "audit"
        cls.story()

    @classmethod
    def story(cls):
        """One of everything that must leave a trace."""
        stack, demo = cls.stack, cls.demo
        stack.ask("SELECT 'harmless', 815")
        stack.ask("SELECT * FROM no_such_table")
        stack.ask("SELECT 1", PGPASSWORD="wrong")
        stack.ask("SELECT 1", PGUSER="tourist", PGCLIENTENCODING="LATIN1")
        with socket.create_connection(("127.0.0.1", stack.port), PATIENCE) as gone:
            gone.sendall(struct.pack(">II", 8, 80877103))
            gone.recv(1)
        with socket.create_connection(("127.0.0.1", stack.port), PATIENCE) as strange:
            strange.sendall(struct.pack(">II", 8, 80877103))
            strange.recv(1)
            strange.sendall(b"this is not TLS at all")
            strange.recv(100)
        for arguments in (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], ["-verify", "1", "-verify_return_error"]):
            subprocess.run(["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{stack.port}", *arguments],
                           stdin=subprocess.DEVNULL, capture_output=True)
        for answer in (demo.approve, demo.deny):
            process = stack.psql("-c", "DELETE FROM payments WHERE true")
            challenge = demo.wait_pending()
            if answer == demo.approve:
                cls.answer_wrongly(challenge)
            answer(challenge)
            process.communicate(timeout=PATIENCE)
        process = stack.psql("-c", f"SELECT name FROM customers WHERE ssn = '{SECRET}'")
        demo.approve(demo.wait_pending())
        process.communicate(timeout=PATIENCE)
        stack.ask(f"PREPARE q AS SELECT name FROM customers WHERE ssn = '{PREPARED}'")
        for sql in ("CREATE ROLE intern PASSWORD 'hunter2-intern'",
                    "DO $$ BEGIN EXECUTE $x$ALTER ROLE intern PASSWORD 'hunter3-intern'$x$; END $$",
                    f"SELEC name FROM customers WHERE ssn = '{UNPARSED}'"):
            process = stack.psql("-c", sql)
            process.stderr.readline()
            process.kill()
            process.communicate()

    @classmethod
    def answer_wrongly(cls, challenge):
        """A passkey's answer whose signature is of something else."""
        place = f"/challenges/{challenge['id']}/passkey"
        credential = cls.demo.passkey.sign(cls.demo.call("POST", place + "/begin", {})["options"])
        other = cls.demo.passkey.sign(cls.demo.call("POST", place + "/begin", {})["options"] | {"challenge": "AAAA"})
        credential["response"]["signature"] = other["response"]["signature"]
        status, _ = cls.demo.call("POST", place, {"credential": credential}, expect=None)
        assert status == 400, status

    def records(self, *filters):
        return self.stack.audit(*filters)

    def test_every_event_is_recorded(self):
        types = {r["type"] for r in self.records()}
        self.assertLessEqual({"start", "session_start", "session_end", "login_failed", "statement", "challenge_opened", "proof_accepted",
                              "challenge_approved", "challenge_denied", "release", "factor_enrolled"}, types)

    def test_text_says_why(self):
        self.records()
        def lines(*filters):
            return self.stack.run("audit", "search", *filters).splitlines()
        self.assertTrue(any("user=demo" in line and "reason=" in line for line in lines("--type", "login_failed", "--user", "demo")))
        refused = lines("--type", "login_failed", "--user", "tourist")
        self.assertTrue(refused and all('reason=client_encoding "LATIN1"' in line for line in refused), refused)
        errors = lines("--type", "protocol_error")
        self.assertTrue(any("reason=TLS handshake failed: the peer closed the connection" in line for line in errors), errors)
        for reason in ("wrong version number", "unsupported protocol", "tlsv1 alert unknown ca"):
            self.assertTrue(any(f"reason=TLS handshake failed: {reason}" in line for line in errors), (reason, errors))
        self.assertEqual(len(errors), 4)
        self.assertTrue(any("reason=the client said goodbye" in line for line in lines("--type", "session_end")))
        rejected = lines("--type", "proof_rejected")
        self.assertTrue(rejected and all("reason=" in line for line in rejected), rejected)
        changed = lines("--type", "user_changed")
        self.assertTrue(any("change=enrolment link by=command line" in line for line in changed), changed)
        tail = self.stack.run("audit", "tail", "-n", "1000")
        self.assertIn('"reason":"client_encoding', tail)

    def test_outcome_has_rows_sqlstate_and_duration(self):
        failed = [r for r in self.records("--text", "no_such_table")]
        self.assertTrue(any(r.get("sqlstate") == "42P01" for r in failed), failed)
        harmless = [r for r in self.records("--text", "harmless")]
        self.assertTrue(any(r.get("rows") == 1 and r.get("duration_ms") is not None for r in harmless), harmless)

    def test_held_statement_tells_why_and_how(self):
        opened = [r for r in self.records("--type", "challenge_opened") if "delete-without-where" in r.get("rules", [])]
        self.assertEqual(len(opened), 2)
        self.assertEqual([r["text"] for r in self.records("--type", "release")], ["", ""], "the statements' numbers are no text")

    def test_a_challenge_is_found_by_its_short_code(self):
        for opened in self.records("--type", "challenge_opened"):
            code = opened["details"]["code"]
            self.assertEqual(self.records("--challenge", code.lower()), self.records("--challenge", opened["challenge"]))
            self.assertIn(opened, self.records("--challenge", code))
            with self.assertRaisesRegex(Exception, "audit search --challenge"):
                self.stack.run("audit", "export", "--bundle", code)

    def test_answers_tell_from_where(self):
        for type in ("proof_accepted", "proof_rejected", "challenge_denied"):
            found = self.records("--type", type)
            self.assertTrue(found, type)
            self.assertEqual({r["details"].get("answered_from") for r in found}, {"127.0.0.1"}, type)

    def test_secrets_are_nowhere_in_the_files(self):
        wait_for(lambda: self.stack.metrics()["stepgate_audit_queued_bytes"] == 0, "the journal")
        self.records()
        for file in [*self.directory.rglob("*"), self.stack.folder / "serve.log"]:
            if not file.is_file():
                continue
            content = subprocess.run(["zstd", "-dcq", file], capture_output=True).stdout if file.suffix == ".zst" else file.read_bytes()
            for secret in (SECRET, PREPARED, UNPARSED, "hunter2-intern", "hunter3-intern", self.stack.password, "app-password"):
                self.assertNotIn(secret.encode(), content, file)

    def test_verify_is_clean_and_counts_proofs(self):
        self.records()
        out = self.stack.run("audit", "verify")
        self.assertIn(" 2 proofs (2 signed by a passkey), 2 releases", out)
        self.assertIn("the journal is intact", out)
        proofs = [line for line in self.stack.run("audit", "verify", "--proofs").splitlines() if line.startswith("proof ")]
        self.assertEqual(len(proofs), 2, proofs)
        self.assertTrue(all("by demo with passkey: the passkey's signature over the statement holds" in line for line in proofs), proofs)

    def test_a_bundle_of_one_challenge_holds_anywhere(self):
        approved = [r["challenge"] for r in self.records("--type", "challenge_approved")]
        elsewhere = self.stack.folder / "elsewhere"
        elsewhere.mkdir()
        key = elsewhere / "known.pub"
        key.write_bytes((self.directory / "audit.pub").read_bytes())
        for challenge in approved:
            file = elsewhere / f"{challenge}.json"
            file.write_text(self.stack.run("audit", "export", "--bundle", challenge))
            done = subprocess.run([BINARY, "audit", "verify", "--bundle", file.name, "--public-key", key.name], cwd=elsewhere,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(f"the bundle of challenge {challenge} holds", done.stdout)
            self.assertIn("the passkey's signature over the statement holds", done.stdout)
            types = [json.loads(line)["type"] for line in done.stdout.splitlines() if line.startswith("{")]
            self.assertEqual(types[:2], ["factor_enrolled", "challenge_opened"])
            self.assertIn("release", types)
            changed = json.loads(file.read_text())
            changed["records"].pop()
            file.write_text(json.dumps(changed))
            done = subprocess.run([BINARY, "audit", "verify", "--bundle", file], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("THE BUNDLE DOES NOT HOLD", done.stdout)

    def test_csv_export_is_a_table(self):
        rows = list(csv.reader(io.StringIO(self.stack.run("audit", "export", "--format", "csv"))))
        self.assertGreater(len(rows), 10)
        self.assertEqual(len({len(r) for r in rows}), 1)

    def test_reviewer_sees_it_in_the_browser_api(self):
        self.records()
        answer = self.demo.call("GET", "/audit/records?rule=delete-without-where&limit=10")
        self.assertTrue(answer["records"])
        sequence = answer["records"][0]["sequence"]
        self.assertEqual(self.demo.call("GET", f"/audit/records/{sequence}")["sequence"], sequence)

    def test_reader_without_the_role_is_refused_and_recorded(self):
        self.stack.run("user", "add", "curious", "--generate-password", expect=None)
        curious = self.stack.person("curious")
        status, _ = curious.call("GET", "/audit/records", expect=None)
        self.assertEqual(status, 403)

    def test_tampering_is_found(self):
        stack = Stack(cluster=self.stack.cluster).start()
        self.addCleanup(stack.close)
        for n in range(20):
            stack.ask(f"SELECT {n}")
        stack.stop()  # seals the journal to its last record
        copy = stack.home / "audit"
        segment = sorted(copy.glob("*.sgj"))[0]
        original = segment.read_bytes()
        middle = len(original) // 2
        for name, content in (("one bit", original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1:]),
                              ("cut in the middle", original[:middle]), ("a hole", original[:middle] + original[middle + 200:])):
            with self.subTest(name):
                segment.write_bytes(content)
                done = subprocess.run([BINARY, "audit", "verify", "--directory", copy], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        segment.write_bytes(original)

    def test_a_record_that_cannot_be_read_is_not_said_to_be_none(self):
        """Seen: of a damaged journal the page of a record said that there is no such record."""
        stack = Stack(cluster=self.stack.cluster).start()
        self.addCleanup(stack.close)
        reviewer = stack.person()
        stack.ask("SELECT 'find me'")
        sequence = stack.audit("--text", "find me")[0]["sequence"]
        self.assertEqual(reviewer.call("GET", f"/audit/records/{sequence}")["sequence"], sequence)
        segment = next((stack.home / "audit").glob("journal-*.sgj"))
        place = segment.read_bytes().index(b"find me")
        with segment.open("r+b") as file:
            file.seek(place - 40)
            file.write(b"\xff" * 80)
        self.assertEqual(reviewer.call("GET", f"/audit/records/{sequence}", expect=None)[0], 503)
        self.assertEqual(reviewer.call("GET", "/audit/records/999999", expect=None)[0], 404)
        self.assertIn(f"record {sequence} is damaged", (stack.folder / "serve.log").read_text())

    def test_an_export_that_does_not_fit_on_the_disk_is_an_error(self):
        """Seen: exit code 0, and a file that ended anywhere."""
        self.stack.ask("SELECT 1")
        self.stack.audit()
        for format in ("jsonl", "csv"):
            with self.subTest(format), open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, "audit", "export", "--config", self.stack.config, "--format", format],
                                      stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 2)
                self.assertIn("could be written", done.stderr)

    def test_reindex_beside_a_stepgate_that_serves_is_refused(self):
        """Seen: the program went on to feed the deleted index, and nothing that happened from then on was ever found."""
        self.stack.ask("SELECT 'before'")
        self.stack.audit()
        refused = self.stack.run("audit", "reindex", expect=None)
        self.assertEqual(refused.returncode, 2, refused.stdout)
        self.assertIn("stop it before its index is made anew", refused.stderr)
        self.stack.ask("SELECT 1 AS forgotten")  # no literal: of texts that only such part the index keeps one
        wait_for(lambda: len(self.stack.audit("--text", "forgotten")) == 1, "the statement in the index", every=0.2)

    def test_statements_of_one_shape_show_their_own_texts(self):
        """Seen: the text of another session's statement, which only literals parted from it."""
        for number in range(6):
            self.stack.ask(f"SELECT 'own text {number}' AS shown")
        self.stack.audit()
        shown = [r for r in self.stack.audit("--text", "shown") if r["type"] == "statement"]
        self.assertEqual([r["text"] for r in shown], [f"SELECT 'own text {number}' AS shown" for number in range(6)])
        self.assertEqual(len(self.stack.audit("--text", "own text 5")), 1)

    def test_reindex_answers_the_same(self):
        stack = Stack(cluster=self.stack.cluster).start()
        self.addCleanup(stack.close)
        stack.ask("SELECT 42")
        wait_for(lambda: any(r["type"] == "session_end" for r in stack.audit()), "the end of the session in the index")
        before = stack.audit("--text", "42")
        stack.stop()
        for file in (stack.home / "audit").glob("index*"):
            file.unlink()
        stack.run("audit", "reindex")
        after = stack.run("audit", "export", "--text", "42")
        self.assertEqual(sorted(json.dumps(r, sort_keys=True) for r in before),
                         sorted(json.dumps(json.loads(line), sort_keys=True) for line in after.splitlines()))


def of_evidence(key, change):
    """A change of the first passkey proof's evidence."""
    def forge(insider):
        proof = insider.fields("evidence")[0]
        evidence = json.loads(proof["evidence"])
        evidence[key] = change(evidence[key])
        proof["evidence"] = json.dumps(evidence)
    return forge


def of_client_data(key, value):
    def change(text):
        return encode(json.dumps(json.loads(decode(text)) | {key: value}).encode())
    return of_evidence("client_data_json", change)


def other_origin(insider):
    of_client_data("origin", "https://evil.example")(insider)
    of_evidence("origin", lambda _: "https://evil.example")(insider)


def proof_of_another_statement(insider):
    first, second = insider.fields("evidence")
    second["evidence"] = first["evidence"]


def no_proof(insider):
    proof = insider.fields("evidence")[0]
    proof["evidence"] = ""


def signed_by_the_insider(insider):
    """The same proof, signed with a key of the insider's own: valid in itself."""
    mine = Passkey(insider.directory, "https://localhost:1")
    proof = insider.fields("evidence")[0]
    evidence = json.loads(proof["evidence"])
    evidence |= {"algorithm": -7, "public_key": encode(mine.cose_key()),
                 "signature": encode(mine.signature(decode(evidence["authenticator_data"]), decode(evidence["client_data_json"])))}
    proof["evidence"] = json.dumps(evidence)


def shows(key, value):
    """The question that was asked, as reviewers see it; the bytes that were signed stay."""
    def forge(insider):
        insider.fields("digest_input")[0][key] = value
    return forge


def relabelled(insider):
    """As if a code had been typed: of those there is nothing to check."""
    insider.fields("evidence")[0] |= {"factor": "totp", "kind": "possession", "evidence": ""}


def relabelled_whole(insider):
    relabelled(insider)
    insider.fields("evidence")[0]["phishing_resistant"] = False


def another_user(insider):
    insider.fields("evidence")[0]["proof_user"] = "somebody"


def never_enrolled(insider):
    for record in insider.records:
        if record[TYPE] == "factor_enrolled":
            record[FIELDS]["credential"] = "another"


class Forged(unittest.TestCase):
    """An insider with the audit's key rewrites the journal whole: no hash and no signature of ours is wrong any more,
    but what a passkey signed cannot be made. (With check_passkey_evidence taken out of the verifier, those about a signature fail; with EnrolledFactors
    taken out, the last three and the one signed by the insider; with read_binding taken out, those that show something else.)"""

    def verify(self, directory):
        done = subprocess.run([BINARY, "audit", "verify", "--directory", directory], capture_output=True, text=True)
        return done.returncode, [line for line in done.stdout.splitlines() if ": record " in line], done.stdout

    def test_passkey_proofs_cannot_be_forged(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        demo = stack.person()
        for table in ("payments", "orders"):
            process = stack.psql("-c", f"DELETE FROM {table} WHERE true")
            demo.approve(demo.wait_pending())
            process.communicate(timeout=PATIENCE)
        self.assertEqual(stack.stop(), 0)
        self.assertEqual(self.verify(stack.home / "audit")[:2], (0, []))
        insider = Insider(stack.home / "audit")
        self.assertEqual(len(insider.fields("evidence")), 2)

        def rename(insider):
            insider.fields("application_name")[0]["application_name"] = "another"
        for number, (what, change) in enumerate((("nothing", lambda _: None), ("a name", rename))):
            copy = stack.folder / f"rewritten-{number}"  # the rewriting is right: nobody could tell from these files
            insider.write(copy, change)
            self.assertEqual(self.verify(copy)[:2], (0, []), what)
        forgeries = (
            ("signature", of_evidence("signature", flip), "signature does not hold"),
            ("authenticator data", of_evidence("authenticator_data", flip), "signature does not hold"),
            ("challenge", of_client_data("challenge", "AAAA"), "another challenge"),
            ("origin of the client", of_client_data("origin", "https://evil.example"), "another origin"),
            ("both origins", other_origin, "signature does not hold"),
            ("a proof of another statement", proof_of_another_statement, "another challenge"),
            ("no evidence", no_proof, "without its evidence"),
            ("signed by the insider", signed_by_the_insider, "not the one that was enrolled"),
            ("shown as harmless", shows("statements", ["SELECT 1"]), "another statement"),
            ("shown with another value", shows("parameters", ["1.$1 = 8"]), "another statement"),
            ("shown with another setting", shows("premises", ["1.search_path = public"]), "another statement"),
            ("shown as asked of somebody else", shows("role", "reader"), "another role"),
            ("shown as asking for less", shows("level", 0), "another level"),
            ("relabelled as a code", relabelled, "is said to resist phishing"),
            ("relabelled whole", relabelled_whole, "another kind of factor"),
            ("of another user", another_user, "of another user"),
            ("by nobody's factor", never_enrolled, "never enrolled"),
        )
        for number, (what, change, says) in enumerate(forgeries):
            with self.subTest(what):
                copy = stack.folder / f"forged-{number}"
                insider.write(copy, change)
                code, findings, out = self.verify(copy)
                self.assertEqual(code, 1, out)
                self.assertTrue(any(": proof: " in line and says in line for line in findings), out)
                self.assertTrue(all(": proof: " in line or ": release: " in line for line in findings), out)


class Crash(unittest.TestCase):
    def test_killed_while_held_runs_nothing_and_the_journal_holds(self):
        stack = Stack().start()
        self.addCleanup(stack.close)
        stack.person()
        process = stack.psql("-c", "DELETE FROM orders")
        process.stderr.readline()
        stack.process.kill()
        stack.process.wait()
        process.communicate(timeout=PATIENCE)
        self.assertEqual(stack.cluster.shop("SELECT count(*) FROM orders"), "800")
        stack.run("audit", "verify")
        stack.start()
        self.assertEqual(stack.ask("SELECT 1")[0], 0)
        stack.stop()
        stack.run("audit", "verify")


if __name__ == "__main__":
    unittest.main()
