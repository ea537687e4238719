// SPDX-License-Identifier: Apache-2.0
// The calls that the page just made, as a reader would write them. `calls` are bodies of
// POST /v1/embeddings; a key is never written out.

export function asCurl(base, calls, keyed) {
  return calls.map((body) => [
    `curl ${base}v1/embeddings \\`,
    ...(keyed ? ['  -H "Authorization: Bearer $NESTVEC_API_KEY" \\'] : []),
    '  -H "Content-Type: application/json" \\',
    `  -d ${quoteForShell(JSON.stringify(body, null, 2))}`,
  ].join("\n")).join("\n\n");
}

export function asPython(base, calls, keyed) {
  const key = keyed ? 'os.environ["NESTVEC_API_KEY"]' : '"none"';
  return [
    ...(keyed ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${base}v1", api_key=${key})`,
    ...calls.map((body) => pythonCall(body)),
  ].join("\n");
}

// The client knows these; all else is sent as its `extra_body`.
const kKnown = ["model", "input", "dimensions"];

function pythonCall(body) {
  const extra = Object.fromEntries(Object.entries(body).filter(([name]) => !kKnown.includes(name)));
  const lines = ["answer = client.embeddings.create(", `    model=${python(body.model)},`,
    `    input=${python(body.input, 4)},`];
  if (body.dimensions) lines.push(`    dimensions=${body.dimensions},`);
  if (Object.keys(extra).length) lines.push(`    extra_body=${python(extra, 4)},`);
  lines.push(")", body.chunking
    ? "chunks = [(item.start, item.end, item.embedding) for item in answer.data]"
    : "vectors = [item.embedding for item in answer.data]");
  return lines.join("\n");
}

// A value as a Python literal.
function python(value, indent = 0) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const space = " ".repeat(indent);
  const inner = `${space}    `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${inner}${python(item, indent + 4)},\n`).join("")}${space}]`;
  }
  const members = Object.entries(value).map(([name, item]) => `"${name}": ${python(item, indent)}`);
  return `{${members.join(", ")}}`;
}

function quoteForShell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
