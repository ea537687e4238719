// SPDX-License-Identifier: Apache-2.0
// Renders openapi.json: routes by tag that unfold to their fields, answers and an example to send.
import { find, findAll, make, setUpKey, untilReady } from "./shared.js";
import { Trial } from "./trial.js";

const kMethods = ["get", "post", "put", "patch", "delete"];

const readKey = setUpKey(() => Trial.rewriteAll());

function anchorOf(...words) {
  return words.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

// Text with `code` in it.
function prose(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

function between(least, most, unit) {
  const number = most ?? least;
  if (number === undefined) return "";
  const end = `${number}${unit}${unit && number !== 1 ? "s" : ""}`;
  if (least === undefined) return `at most ${end}`;
  return most === undefined ? `at least ${end}` : `${least} to ${end}`;
}

// Wide tables scroll, with the arrow keys, too.
function table(name, titles, rows) {
  const heads = titles.map((title) => make("th", { scope: "col" }, title));
  return make("div", { className: "scroll", role: "group", "aria-label": name, tabIndex: 0 },
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
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
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices) {
      return choices.flatMap((each, i) => (i ? [" or ", ...this.type(each)] : this.type(each)));
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
    const kinds = { imum: "", Items: " item", Length: " character" };
    const said = Object.entries(kinds).map(([kind, unit]) =>
      between(schema[`min${kind}`], schema[`max${kind}`], unit)).filter(Boolean);
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
    return table("Fields", ["Field", "Type", "Description"], rows);
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
    return table("Responses", ["Status", "Description", "Type"], rows);
  }

  route({ path, method, operation }) {
    const body = this.resolve(operation.requestBody);
    const [kind, media] = Object.entries(body?.content ?? {})[0] ?? [];
    const parameters = (operation.parameters ?? []).map((each) => this.resolve(each));
    const content = [];
    if (operation.description) content.push(make("p", {}, ...prose(operation.description)));
    if (parameters.length) {
      const properties = Object.fromEntries(parameters.map((each) =>
        [each.name, { ...each.schema, description: `${each.description} (${each.in})` }]));
      const required = parameters.filter((each) => each.required).map((each) => each.name);
      content.push(make("h4", {}, "Parameters"), this.fields({ properties, required }));
    }
    if (media) content.push(make("h4", {}, `Body, ${kind}`), this.schema(media.schema));
    content.push(make("h4", {}, "Responses"), this.answers(operation));
    const trial = make("div", { className: "trial" });
    const folded = make("details", {},
      make("summary", {}, make("h3", {}, make("span", {}, method.toUpperCase()), path),
        make("span", { className: "muted" }, ...prose(operation.summary))),
      make("h4", {}, "Try it"), trial, ...content);
    // Built when it is first seen: there are dozens of routes.
    folded.addEventListener("toggle", () => {
      new Trial(trial, { method: method.toUpperCase(), path, parameters, media }, readKey);
    }, { once: true });
    return make("article", { id: anchorOf(method, path), className: "route" }, folded);
  }

  namedSchema([name, schema]) {
    return make("article", { id: anchorOf("schema", name) },
      make("h3", { className: "schema-name" }, name),
      make("p", {}, ...prose(schema.description)), this.schema(schema));
  }
}

function render(description) {
  const renderer = new Renderer(description);
  find("#version").textContent = `version ${description.info.version}`;
  const groups = description.tags.map(({ name, description: words }) =>
    make("section", { id: anchorOf(name), className: "group" }, make("h2", {}, name),
      make("p", { className: "muted" }, ...prose(words)),
      ...renderer.routes(name).map((route) => renderer.route(route))));
  const schemas = make("section", { id: "schemas" }, make("details", {},
    make("summary", {}, make("h2", {}, "Schemas"),
      make("span", { className: "muted" }, "The types that the routes name.")),
    ...Object.entries(description.components.schemas).map((each) => renderer.namedSchema(each))));
  find("main").replaceChildren(make("p", {}, ...prose(description.info.description)), filterField(),
    ...groups, schemas);
  find("nav").replaceChildren(...[...groups, schemas].map((group) =>
    make("a", { href: `#${group.id}` }, find("h2", group).textContent)));
}

// A field that hides the routes that do not have all of its words.
function filterField() {
  const found = make("span", { role: "status", className: "muted" });
  const field = make("input", { type: "search", placeholder: "embed, ollama, tokens …",
    spellcheck: false });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const group of findAll("section.group")) {
      const routes = findAll("article", group);
      for (const route of routes) {
        const text = `${group.id} ${find("summary", route).textContent}`.toLowerCase();
        route.hidden = !words.every((word) => text.includes(word));
      }
      const left = routes.filter((route) => !route.hidden).length;
      group.hidden = left === 0;
      shown += left;
    }
    const all = findAll("section.group article").length;
    found.textContent = words.length ? `${shown} of ${all} routes` : "";
  });
  return make("div", { className: "filter" }, make("label", {}, "Filter routes ", field), found);
}

// Unfolds what the address names, and all that it is in.
function unfold() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  const within = target.matches(".group") ? null : find("details", target);
  for (let at = within ?? target; at; at = at.parentElement) {
    if (at instanceof HTMLDetailsElement) at.open = true;
    if (at.hidden) at.hidden = false;
  }
  target.scrollIntoView();
}

async function readDescription() {
  for (;;) {
    const response = await fetch("openapi.json");
    if (response.ok) return response.json();
    if (response.status !== 503) throw new Error(`status ${response.status}`);
    await untilReady((message, step = "") => {
      find("main [role=status]").textContent = `${message} ${step}`.trim();
    });
  }
}

try {
  render(await readDescription());
  unfold();
  addEventListener("hashchange", unfold);
} catch (error) {
  find("main").textContent = `Cannot read openapi.json: ${error.message}`;
}
