"""The web API as openapi.yaml says it is: every answer that a test gets is checked against it (harness.Person does that).

OpenAPI 3.0 is nearly JSON Schema: `nullable` is spelled out, and what an answer has and the contract does not know is an error too.
"""
import functools
import pathlib
import re

import jsonschema
import yaml

FILE = pathlib.Path(__file__).resolve().parents[2] / "challenge-web/api/openapi.yaml"


def at(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def strict(node, document):
    if isinstance(node, list):
        return [strict(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    if "allOf" in node:  # one object, as its parts together
        parts = [at(document, part["$ref"]) if "$ref" in part else part for part in node["allOf"]]
        node = {"type": "object", "required": sum((part.get("required", []) for part in parts), []),
                "properties": {key: value for part in parts for key, value in part["properties"].items()}}
    node = {key: strict(value, document) for key, value in node.items()}
    if node.get("nullable") and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    if "properties" in node and node.get("type") == "object":
        node.setdefault("additionalProperties", False)
    return node


@functools.cache
def contract():
    document = yaml.safe_load(FILE.read_text())
    return strict(document, document)


def resolved(node):
    return at(contract(), node["$ref"]) if "$ref" in node else node


@functools.cache
def operations():
    """(method, pattern of the path, operation), those without parameters first."""
    found = [(method.upper(), re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$"), operation)
             for path, methods in contract()["paths"].items()
             for method, operation in methods.items() if method in ("get", "post", "put", "patch", "delete")]
    return sorted(found, key=lambda entry: "[^/]+" in entry[1].pattern)


@functools.cache
def validator(method, path, status):
    """Of the body; None: the answer has none."""
    operation = next((o for m, pattern, o in operations() if m == method and pattern.match(path)), None)
    if operation is None:
        return ERROR if status in (404, 405) else UNKNOWN
    answer = operation["responses"].get(str(status)) or operation["responses"].get("default")
    if answer is None:
        return UNKNOWN
    content = resolved(answer).get("content")
    if content is None:
        return None
    schema = content["application/json"]["schema"]
    return jsonschema.Draft4Validator({**schema, "components": contract()["components"]})


def check_schema(name, body):
    """A body that is no answer, against the schema of this name."""
    jsonschema.Draft4Validator({**contract()["components"]["schemas"][name], "components": contract()["components"]}).validate(body)


ERROR = jsonschema.Draft4Validator({**contract()["components"]["schemas"]["Error"], "components": contract()["components"]})
UNKNOWN = object()


def check(method, path, status, body):
    """AssertionError: the contract does not say so."""
    path = path.partition("?")[0]
    rules = validator(method, path, status)
    if rules is UNKNOWN:
        raise AssertionError(f"openapi.yaml has no {status} of {method} {path}")
    if rules is None:
        if body is not None:
            raise AssertionError(f"{method} {path}: {status} has a body, and none in openapi.yaml: {body}")
        return
    problem = jsonschema.exceptions.best_match(rules.iter_errors(body))
    if problem is not None:
        where = "/".join(map(str, problem.absolute_path)) or "the answer"
        raise AssertionError(f"{method} {path}: {status} is not as openapi.yaml says, at {where}: {problem.message}")
