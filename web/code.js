// SPDX-License-Identifier: Apache-2.0
// Requests as code. A request is { method, url, headers, body }, where `body` is a value or
// undefined; a key is never written out.

const kKey = "NESTVEC_API_KEY"; // the environment variable that holds it

export function asCurl({ method, url, headers = {}, body }, keyed) {
  const lines = [`curl ${method === (body === undefined ? "GET" : "POST") ? "" : `-X ${method} `}${
    quoteForShell(url)}`];
  if (keyed) lines.push(`-H "Authorization: Bearer $${kKey}"`);
  if (body !== undefined) lines.push('-H "Content-Type: application/json"');
  for (const [name, value] of Object.entries(headers)) {
    lines.push(`-H ${quoteForShell(`${name}: ${value}`)}`);
  }
  if (body !== undefined) lines.push(`-d ${quoteForShell(JSON.stringify(body, null, 2))}`);
  return lines.join(" \\\n  ");
}

export function asPython({ method, url, headers = {}, body }, keyed) {
  const all = Object.entries(headers).map(([name, value]) => `${python(name)}: ${python(value)}`);
  if (keyed) all.unshift(`"Authorization": f"Bearer {os.environ['${kKey}']}"`);
  return [
    ...(keyed ? ["import os", ""] : []),
    "import requests",
    "",
    `answer = requests.${method.toLowerCase()}(`,
    `    ${python(url)},`,
    ...(all.length ? [`    headers={${all.join(", ")}},`] : []),
    ...(body === undefined ? [] : [`    json=${python(body, 4)},`]),
    ")",
    "print(answer.status_code, answer.text)",
  ].join("\n");
}

export function asJavaScript({ method, url, headers = {}, body }, keyed, name = "answer") {
  const all = Object.entries(headers).map(([key, value]) =>
    `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  if (body !== undefined) all.unshift('"Content-Type": "application/json"');
  if (keyed) all.unshift(`Authorization: \`Bearer \${process.env.${kKey}}\``);
  const options = [
    ...(method === "GET" ? [] : [`  method: ${JSON.stringify(method)},`]),
    ...(all.length ? [`  headers: { ${all.join(", ")} },`] : []),
    ...(body === undefined ? []
      : [`  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),`]),
  ];
  const address = JSON.stringify(url);
  return [
    options.length ? `const ${name} = await fetch(${address}, {\n${options.join("\n")}\n});`
      : `const ${name} = await fetch(${address});`,
    `console.log(${name}.status, await ${name}.text());`,
  ].join("\n");
}

// The calls of the page, which are bodies of POST /v1/embeddings and /v1/rerank, in a language.
export function asCode(language, base, bodies, keyed) {
  const pathOf = (body) => (body.documents ? "v1/rerank" : "v1/embeddings");
  if (language === "python" && !bodies.some((body) => body.documents)) {
    return asOpenAi(base, bodies, keyed);
  }
  const requests = bodies.map((body) => ({ method: "POST", url: base + pathOf(body), body }));
  const write = { curl: asCurl, python: asPython, javascript: asJavaScript }[language];
  return requests.map((request, i) =>
    write(request, keyed, requests.length > 1 ? `answer${i + 1}` : "answer")).join("\n\n");
}

function asOpenAi(base, bodies, keyed) {
  const key = keyed ? `os.environ["${kKey}"]` : '"none"';
  return [
    ...(keyed ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${base}v1", api_key=${key})`,
    ...bodies.map((body) => openAiCall(body)),
  ].join("\n");
}

// The client knows these; all else is sent as its `extra_body`.
const kKnown = ["model", "input", "dimensions"];

function openAiCall(body) {
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
  const members = Object.entries(value).map(([name, item]) =>
    `${JSON.stringify(name)}: ${python(item, indent)}`);
  return `{${members.join(", ")}}`;
}

function quoteForShell(text) {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
