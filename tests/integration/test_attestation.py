"""Which authenticators may become passkeys: models whose maker's certificate vouches for them, and nothing else."""
import pathlib
import tempfile
import unittest

from harness import DRAIN, Person, Stack, wait_for
from passkey import Maker, Passkey

MODEL, OTHER = (bytes.fromhex(text.replace("-", "")) for text in
                ("ee882879-721c-4913-9775-3dfcce97072a", "2fc0579f-8113-47ea-b116-bb5a8db9202a"))


class Attestation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folders = [tempfile.TemporaryDirectory(prefix="stepgate-test-maker.") for _ in range(3)]
        for folder in folders:
            cls.addClassCleanup(folder.cleanup)
        trusted, unknown, other_model = (pathlib.Path(folder.name) for folder in folders)
        cls.maker, cls.stranger, cls.other = Maker(trusted, MODEL), Maker(unknown, MODEL), Maker(other_model, OTHER)
        cls.stack = Stack(extra=DRAIN + f'[factors.passkey]\nattestation = ["ee882879-721c-4913-9775-3dfcce97072a"]\n'
                                        f'attestation_roots = "{cls.maker.root}"\n').start()
        cls.addClassCleanup(cls.stack.close)

    def finish(self, person, passkey):
        begun = person.call("POST", "/factors/passkey/begin", {})
        self.assertEqual(begun["options"]["attestation"], "direct")
        return person.call("POST", "/factors/passkey/finish", {"ceremony": begun["ceremony"], "name": "test",
                                                               "credential": passkey.register(begun["options"])}, expect=None)

    def test_only_attested_authenticators_of_the_model_are_enrolled(self):
        person = Person(self.stack, "demo").redeem()
        for maker, aaguid in ((None, MODEL), (None, bytes(16)), (self.stranger, MODEL), (self.maker, OTHER), (self.other, MODEL), (self.other, OTHER)):
            status, refused = self.finish(person, Passkey(self.stack.folder, self.stack.public_url, maker, aaguid))
            self.assertEqual((status, refused["error"]["code"]), (400, "authenticator_refused"), (maker, aaguid))
        self.assertEqual(person.call("GET", "/factors")["factors"], [])
        person.passkey = Passkey(self.stack.folder, self.stack.public_url, self.maker, MODEL)
        self.assertEqual(self.finish(person, person.passkey)[0], 201)
        enrolled, = wait_for(lambda: self.stack.audit("--type", "factor_enrolled"), "the audit of it")
        self.assertEqual(enrolled["details"]["aaguid"], "ee882879-721c-4913-9775-3dfcce97072a")
        person.sign_in()


if __name__ == "__main__":
    unittest.main()
