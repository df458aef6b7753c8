#!/usr/bin/env python3
"""Refuses an #include against the direction in which the folders may know each other (ARCHITECTURE.md).

A folder may include itself and what ALLOWED names for it; a name covers its subfolders. FORBIDDEN_SYSTEM lists
libraries a folder must not touch. `--self-test` feeds forbidden includes to the same check and must see each refused.
"""
import pathlib
import re
import sys

ALLOWED = {
    "protocols/wire": [],
    "protocols/postgres": ["protocols/wire"],
    "protocols/mysql": ["protocols/wire"],
    "policies/statement": [],
    "policies/catalog": [],
    "policies/postgres": ["policies/statement", "policies/catalog"],
    "policies/mysql": ["policies/statement", "policies/catalog"],
    "policies/sensitivity": ["policies/statement", "policies/catalog"],
    "policies/rules": ["policies"],
    "challenge-web/accounts": [],
    "challenge-web/challenges": ["policies/rules"],
    "challenge-web/factors": ["challenge-web/accounts", "challenge-web/challenges"],
    "challenge-web/server": ["challenge-web", "policies/rules"],
    "challenge-web/ui": [],
    "proxy/net": [],
    "proxy/audit": ["policies/rules", "policies/statement", "challenge-web/accounts", "challenge-web/challenges"],
    "proxy/store": ["challenge-web/accounts"],
    "proxy/outbound": [],
    "proxy/notify": ["proxy/outbound", "challenge-web/accounts"],
    "proxy/upstream": ["protocols", "policies/catalog", "policies/sensitivity", "proxy/net"],
    "proxy/session": ["protocols", "policies", "challenge-web/accounts", "challenge-web/challenges", "proxy/net",
                      "proxy/audit", "proxy/upstream"],
    "proxy/app": ["protocols", "policies", "challenge-web", "proxy"],
}
# Libraries with one home: only the folders named may include them.
HOMES = {
    r"boost/(asio|beast)": ["proxy/net", "proxy/session", "proxy/upstream", "proxy/app", "challenge-web/server"],
    r"pg_query|postgres\.h|nodes/": ["policies/postgres"],
    r"fido\b|fido/|fido\.h": ["challenge-web/factors"],
    r"libpq|libpq-fe": ["proxy/upstream"],
    r"mysql": ["proxy/upstream"],
    r"SQLiteCpp|sqlite3": ["proxy/store", "proxy/audit"],
    r"CLI/": ["proxy/app"],
    r"cjose/": ["challenge-web/factors"],
    r"curl/": ["proxy/outbound"],
    r"prometheus/": ["proxy/app"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    return next((f for f in sorted(ALLOWED, key=len, reverse=True) if path == f or path.startswith(f + "/")), None)


def refusals(path, text):
    """Yields (line number, sentence) for every include of `text` that the file at `path` must not have."""
    folder = folder_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, target = match.group(1) == '"', match.group(2)
        if quoted:
            other = folder_of(target)
            if other is None:
                if "/" in target and target.split("/")[0] in ("tests", "compose"):
                    yield number, f"includes {target}: the program must not know its tests"
                continue
            known = [folder, *ALLOWED[folder]]
            if not any(other == k or other.startswith(k + "/") for k in known):
                yield number, f"{folder} must not know {other} ({target})"
        else:
            for pattern, homes in HOMES.items():
                if re.match(pattern, target) and folder not in homes:
                    yield number, f"{folder} must not include <{target}>; its home is {', '.join(homes)}"


def self_test():
    forbidden = [
        ("protocols/wire/a.h", '#include "policies/statement/facts.h"'),
        ("policies/rules/a.h", '#include "protocols/postgres/messages.h"'),
        ("policies/postgres/a.cpp", "#include <boost/asio/post.hpp>"),
        ("challenge-web/server/a.cpp", '#include "proxy/audit/record.h"'),
        ("proxy/session/a.cpp", '#include "challenge-web/server/server.h"'),
        ("proxy/session/a.cpp", "#include <SQLiteCpp/SQLiteCpp.h>"),
        ("challenge-web/challenges/a.h", '#include "proxy/store/store.h"'),
        ("proxy/app/a.cpp", '#include "tests/support/fake.h"'),
    ]
    missed = [(p, t) for p, t in forbidden if not list(refusals(p, t))]
    for path, text in missed:
        print(f"not refused: {path}: {text}")
    allowed = list(refusals("proxy/session/a.cpp", '#include "policies/rules/judge.h"\n#include <vector>'))
    return 1 if missed or allowed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1])
    count = bad = 0
    for folder in ALLOWED:
        if not (root / folder / "README.md").is_file():
            print(f"{folder}: no README.md that says where to start")
            bad += 1
    for top in ("protocols", "policies", "proxy", "challenge-web"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cpp") or "node_modules" in file.parts:
                continue
            count += 1
            path = file.relative_to(root).as_posix()
            if folder_of(path) is None:
                print(f"{path}:1: a folder that ALLOWED does not name")
                bad += 1
                continue
            text = file.read_text()
            if file.suffix == ".h" and "#pragma once" not in text:
                print(f"{path}:1: no #pragma once")
                bad += 1
            for number, sentence in refusals(path, text):
                print(f"{path}:{number}: {sentence}")
                bad += 1
    print(f"{count} files, {bad} findings")
    return 1 if bad or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
