#!/usr/bin/env python3
"""Refuses co_await where g++ 12.2 makes wrong code of it: frames resumed after they are freed, temporaries destroyed twice.

A co_await must stand alone: `co_await f(x);`, `auto y = co_await f(x);`, `co_return co_await f(x);`. Not inside a
condition or a larger expression, and with no lambda or braced temporary among its arguments: name them first.
`--self-test` feeds the check what it must refuse and what it must not.
"""
import pathlib
import re
import sys

ALONE = re.compile(r"""^(?:\[\[maybe_unused\]\]\s*)?
    (?:co_return\s+|\(void\)\s*|(?:(?:const\s+)?[\w:<>,*&\s.\[\]>-]+=\s*))?
    co_await\s+(?P<operand>[^;]*)$""", re.X | re.S)

LAMBDA = re.compile(r"[(,]\s*\[[^\]]*\]\s*[({]")


def statements(text):
    """Yields (line number, text) of what stands between ; { and }, without comments and strings."""
    text = re.sub(r'[ \t]*//[^\n]*|"(?:\\.|[^"\\\n])*"', "", text)
    for match in re.finditer(r"[^;]*?;", text, re.S):
        start = match.start()
        chunk = match.group()[:-1]
        cut = max(chunk.rfind("{\n"), chunk.rfind("}\n")) + 1
        yield text.count("\n", 0, start + cut + len(chunk[cut:]) - len(chunk[cut:].lstrip())) + 1, chunk[cut:].strip()


def refusals(text):
    for number, statement in statements(text):
        if "co_await" not in statement:
            continue
        statement = re.sub(r"^(?:else\s+|case [\w:]+:\s*|default:\s*)+", "", statement)
        match = ALONE.match(statement)
        if not match:
            yield number, "co_await inside a condition or a larger expression: name its result first"
        elif LAMBDA.search(match["operand"]):
            yield number, "a lambda among the arguments of co_await: name it first"
        elif match["operand"].count("co_await"):
            yield number, "two co_await in one expression"


def self_test():
    refused = ["if (co_await f(x)) return;", "while (!co_await f()) g();", "co_return !co_await f();", "g(co_await f());",
               "if (const auto ec = co_await f()) co_return ec;", "co_await f([x] { return x; });", "auto y = 1 + co_await f();"]
    allowed = ["co_await f(x);", "const auto y = co_await f(x, y);", "co_return co_await f();", "(void)co_await f();",
               "const auto [a, b] = co_await stream.read();", "failed = co_await f(std::move(x));", "// if (co_await f()) x;"]
    missed = [s for s in refused if not list(refusals(s))]
    wrong = [s for s in allowed if list(refusals(s))]
    for s in missed + wrong:
        print("misjudged:", s)
    return 1 if missed or wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1])
    bad = 0
    for top in ("proxy", "challenge-web"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in (".h", ".cpp") and "co_await" in (text := file.read_text()):
                for number, sentence in refusals(text):
                    print(f"{file.relative_to(root)}:{number}: {sentence}")
                    bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
