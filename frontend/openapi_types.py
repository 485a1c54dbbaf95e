"""The interface's answers as TypeScript types, from its OpenAPI document.

    curl .../plugins/lifecycle/api/v1/openapi.json | python3 openapi_types.py > tests/contract/answers.d.ts

`npm run typecheck` holds the types of the page against them: see tests/contract/fits.ts.
"""

import json
import sys

HEAD = """\
/* Made by openapi_types.py from the interface's own OpenAPI document: not to be changed by hand. */

"""


def typed(schema, document, indent):
    """One schema as a type."""
    if "$ref" in schema:
        found = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            found = found[part]
        return typed(found, document, indent)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(typed(each, document, indent) for each in schema[several])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(typed({**schema, "type": each}, document, indent) for each in kind)
    if kind == "array":
        if "prefixItems" in schema:
            return "[" + ", ".join(typed(s, document, indent) for s in schema["prefixItems"]) + "]"
        return f"({typed(schema.get('items', {}), document, indent)})[]"
    if kind == "object":
        if not schema.get("properties"):
            return "Record<string, unknown>"
        # rows can be cut down to some fields, and then name none as required: the page takes them whole
        required = schema.get("required", list(schema["properties"]))
        pad = "  " * (indent + 1)
        fields = [
            f"{pad}{json.dumps(name)}{'' if name in required else '?'}: {typed(of, document, indent + 1)};\n"
            for name, of in schema["properties"].items()
        ]
        return "{\n" + "".join(fields) + "  " * indent + "}"
    known = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}
    return known.get(kind, "unknown")


def types(document):
    """All answers, by method and path."""
    lines = [HEAD, "export interface Answers {\n"]
    for path, methods in sorted(document["paths"].items()):
        for method, operation in sorted(methods.items()):
            answer = operation.get("responses", {}).get("200", {}).get("content", {}).get("application/json")
            if answer is not None and path != "/openapi.json":
                name = json.dumps(f"{method.upper()} {path}")
                lines.append(f"  {name}: {typed(answer['schema'], document, 1)};\n")
    return "".join([*lines, "}\n"])


if __name__ == "__main__":
    sys.stdout.write(types(json.load(sys.stdin)))
