// SPDX-License-Identifier: Apache-2.0
// Renders openapi.json: routes by tag, with their fields, answers and an example.
import { make } from "./charts.js";

const kMethods = ["get", "post", "put", "patch", "delete"];

function anchorOf(...words) {
  return words.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

// Text with `code` in it.
function prose(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

class Renderer {
  constructor(description) {
    this.description = description;
  }

  resolve(value) {
    if (!value?.$ref) return value;
    return value.$ref.slice(2).split("/").reduce((at, name) => at[name], this.description);
  }

  routes(tag) {
    return Object.entries(this.description.paths).flatMap(([path, item]) => kMethods
      .filter((method) => item[method]?.tags.includes(tag))
      .map((method) => ({ path, method, operation: item[method] })));
  }

  // What a schema allows, in a few words; named schemas link to their table.
  type(schema) {
    if (schema.$ref) {
      const name = schema.$ref.split("/").at(-1);
      return [make("a", { href: `#${anchorOf("schema", name)}` }, name)];
    }
    const parts = schema.oneOf ?? schema.anyOf;
    if (parts) {
      return parts.flatMap((part, i) => (i ? [" or ", ...this.type(part)] : this.type(part)));
    }
    if ("const" in schema) return [make("code", {}, JSON.stringify(schema.const))];
    if (schema.enum) {
      return schema.enum.flatMap((value, i) => [i ? " | " : "",
        make("code", {}, JSON.stringify(value))]);
    }
    const types = [schema.type ?? "anything"].flat();
    return types.flatMap((type, i) => [i ? " or " : "",
      ...(type === "array" && schema.items ? ["array of ", ...this.type(schema.items)] : [type])]);
  }

  limits(schema) {
    const names = { minimum: "at least", maximum: "at most", minItems: "at least (items)",
      maxItems: "at most (items)", minLength: "at least (characters)",
      maxLength: "at most (characters)" };
    const said = Object.entries(names).filter(([name]) => name in schema)
      .map(([name, words]) => `${words} ${schema[name]}`);
    if ("default" in schema) said.push(`default ${JSON.stringify(schema.default)}`);
    return said.join(", ");
  }

  fields(schema) {
    const { properties = {}, required = [] } = this.resolve(schema);
    const rows = Object.entries(properties).map(([name, field]) => make("tr", {},
      make("td", {}, name, ...(required.includes(name)
        ? [make("span", { className: "needed" }, "required")] : [])),
      make("td", {}, ...this.type(field)),
      make("td", {}, ...prose(field.description ?? this.resolve(field).description), " ",
        make("span", { className: "muted" }, this.limits(this.resolve(field))))));
    return make("div", { className: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, ...["Field", "Type", "What it is"]
        .map((title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...rows)));
  }

  // A schema: its fields, or what it allows.
  schema(schema) {
    const resolved = this.resolve(schema);
    return resolved.properties ? this.fields(resolved) : make("p", {}, ...this.type(resolved));
  }

  answers(operation) {
    const rows = Object.entries(operation.responses).map(([status, reference]) => {
      const answer = this.resolve(reference);
      const [kind, media] = Object.entries(answer.content ?? {})[0] ?? [];
      return make("tr", {}, make("td", {}, status),
        make("td", {}, ...prose(answer.description)),
        make("td", {}, ...(kind === "application/json" ? this.type(media.schema) : [kind ?? ""])));
    });
    return make("div", { className: "scroll" }, make("table", {}, make("tbody", {}, ...rows)));
  }

  route({ path, method, operation }) {
    const body = this.resolve(operation.requestBody);
    const [kind, media] = Object.entries(body?.content ?? {})[0] ?? [];
    const parameters = (operation.parameters ?? []).map((each) => this.resolve(each));
    const article = make("article", { id: anchorOf(method, path) },
      make("h3", {}, make("span", {}, method.toUpperCase()), path),
      make("p", {}, ...prose([operation.summary, operation.description].filter(Boolean).join("\n"))));
    if (parameters.length) {
      const properties = Object.fromEntries(parameters.map((each) =>
        [each.name, { ...each.schema, description: `${each.description} (${each.in})` }]));
      const required = parameters.filter((each) => each.required).map((each) => each.name);
      article.append(make("h4", {}, "Parameters"), this.fields({ properties, required }));
    }
    if (media) article.append(make("h4", {}, `Body, ${kind}`), this.schema(media.schema));
    article.append(make("h4", {}, "Answers"), this.answers(operation));
    article.append(make("h4", {}, "Example"), this.example(path, method, media));
    return article;
  }

  example(path, method, media) {
    const url = new URL(`.${path}`, new URL(".", location.href)).href;
    const body = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
    const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${url}`];
    if (body !== undefined) {
      lines.push("  -H 'Content-Type: application/json'",
        `  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`);
    }
    const text = lines.join(" \\\n");
    const button = make("button", { type: "button", className: "quiet" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        // Without https the clipboard is closed to scripts: mark the text for the reader's own copy.
        getSelection().selectAllChildren(button.previousElementSibling);
        button.textContent = "Press Ctrl C";
      }
    });
    return make("div", { className: "example" },
      make("pre", { tabIndex: 0, "aria-label": "Example" }, text), button);
  }
}

function render(description) {
  const renderer = new Renderer(description);
  document.querySelector("#version").textContent = `version ${description.info.version}`;
  const content = [make("p", {}, description.info.description)];
  const links = [];
  for (const tag of description.tags) {
    const routes = renderer.routes(tag.name);
    content.push(make("h2", { id: anchorOf(tag.name) }, tag.name),
      make("p", { className: "muted" }, tag.description),
      ...routes.map((route) => renderer.route(route)));
    links.push(make("h2", {}, tag.name), ...routes.map(({ path, method }) =>
      make("a", { href: `#${anchorOf(method, path)}` }, `${method.toUpperCase()} ${path}`)));
  }
  content.push(make("h2", {}, "Schemas"));
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    content.push(make("article", { id: anchorOf("schema", name) },
      make("h3", { className: "schema-name" }, name),
      make("p", {}, ...prose(schema.description)), renderer.schema(schema)));
  }
  document.querySelector("main").replaceChildren(...content);
  document.querySelector("nav").replaceChildren(...links);
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`status ${response.status}`);
  render(await response.json());
} catch (error) {
  document.querySelector("main").textContent = `openapi.json cannot be read: ${error.message}`;
}
