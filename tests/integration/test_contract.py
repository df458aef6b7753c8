"""The check of answers (contract.py) refuses what openapi.yaml does not say; the pages have words for all that the audit records."""
import re
import unittest

import contract
from harness import ROOT

ERROR = {"error": {"code": "not_found", "message": "There is no such page."}}


class Contract(unittest.TestCase):
    def test_what_the_contract_says_passes(self):
        contract.check("DELETE", "/session", 204, None)
        contract.check("GET", "/session", 401, ERROR)
        contract.check("GET", "/no/such/place", 404, ERROR)
        contract.check("GET", "/challenges?state=pending", 200, {"challenges": []})

    def test_anything_else_does_not(self):
        for what, answer in (("a body where none is", ("DELETE", "/session", 204, {})), ("an operation that is not there", ("GET", "/secrets", 200, {})),
                             ("a field that is not there", ("GET", "/challenges", 200, {"challenges": [], "more": 1})),
                             ("a field that is missing", ("GET", "/challenges", 200, {})),
                             ("another type", ("GET", "/challenges", 200, {"challenges": {}})),
                             ("another error", ("GET", "/session", 401, {"error": "no"}))):
            with self.subTest(what), self.assertRaises(AssertionError):
                contract.check(*answer)

    def test_every_event_of_the_audit_has_words(self):
        header, page = ((ROOT / path).read_text() for path in ("proxy/audit/record.h", "challenge-web/ui/src/text.ts"))
        types = re.search(r"enum class Type[^{]*\{(.*?)\n\};", header, re.S)[1]
        words = re.search(r"\n    types: \{(.*?)\n    \}", page, re.S)[1]
        self.assertEqual(sorted(re.findall(r"^    (\w+),", types, re.M)), sorted(re.findall(r"(\w+): '", words)))


if __name__ == "__main__":
    unittest.main()
