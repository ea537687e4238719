// SPDX-License-Identifier: Apache-2.0
// A request to a route, to be edited, copied as code and sent.
import { brief } from "./brief.js";
import { asCurl, asJavaScript, asPython } from "./code.js";
import { browser, chosenLanguage, kLanguages, make, setUpCopy } from "./shared.js";

const kWriters = { curl: asCurl, python: asPython, javascript: asJavaScript };
const kMostShown = 20_000; // characters of an answer

export class Trial {
  static #all = [];

  // After a new key or another language.
  static rewriteAll() {
    for (const each of Trial.#all) each.#write();
  }

  #route;
  #readKey;
  #fields = []; // { parameter, input }
  #body = null;
  #wrong = make("p", { className: "error", role: "alert" });
  #language;
  #code = make("code");
  #status = make("span", { role: "status", className: "muted" });
  #answer = make("pre", { tabIndex: 0, "aria-label": "Response", hidden: true });

  // Fills `root`. `route` is { method, path, parameters, media } of openapi.json, resolved.
  constructor(root, route, readKey) {
    this.#route = route;
    this.#readKey = readKey;
    root.replaceChildren(...this.#inputs(), this.#wrong, this.#codeBar(),
      make("pre", { tabIndex: 0, "aria-label": "Code" }, this.#code), this.#sendBar(),
      this.#answer);
    root.addEventListener("input", () => this.#write());
    Trial.#all.push(this);
    this.#write();
  }

  #inputs() {
    const elements = [];
    this.#fields = this.#route.parameters.map((parameter) =>
      ({ parameter, input: inputFor(parameter) }));
    if (this.#fields.length) {
      elements.push(make("div", { className: "inputs" },
        ...this.#fields.map(({ parameter, input }) => make("label", {}, parameter.name, input))));
    }
    const { media } = this.#route;
    if (!media) return elements;
    const examples = Object.values(media.examples ?? { only: { value: media.example ?? {} } });
    this.#body = make("textarea", { spellcheck: false });
    const show = (example) => {
      this.#body.value = JSON.stringify(example.value, null, 2);
      this.#body.rows = Math.min(18, this.#body.value.split("\n").length + 1);
    };
    show(examples[0]);
    if (examples.length > 1) elements.push(this.#exampleSelect(examples, show));
    elements.push(make("label", {}, "Body", this.#body));
    return elements;
  }

  #exampleSelect(examples, show) {
    const select = make("select", {}, ...examples.map(({ summary }, i) =>
      make("option", { value: i }, summary ?? `Example ${i + 1}`)));
    select.addEventListener("change", () => {
      show(examples[Number(select.value)]);
      this.#write();
    });
    return make("label", {}, "Example", select);
  }

  #codeBar() {
    this.#language = make("select", {}, ...Object.entries(kLanguages).map(([value, name]) =>
      make("option", { value }, name)));
    this.#language.addEventListener("change", () => {
      browser.set("language", this.#language.value);
      Trial.#all.forEach((each) => { each.#language.value = this.#language.value; });
      Trial.rewriteAll();
    });
    this.#language.value = chosenLanguage();
    const copy = make("button", { type: "button", className: "quiet" }, "Copy");
    const copied = make("span", { role: "status" });
    setUpCopy(copy, this.#code, copied);
    return make("div", { className: "bar" }, make("label", {},
      make("span", { className: "hidden" }, "Language"), this.#language), copy, copied);
  }

  #sendBar() {
    const send = make("button", { type: "button", className: "go" }, "Send");
    send.addEventListener("click", async () => {
      send.setAttribute("aria-busy", "true");
      await this.#send();
      send.removeAttribute("aria-busy");
    });
    return make("div", { className: "bar" }, send, this.#status);
  }

  // { method, url, headers, body, text }; `text` is what is sent, and `body` its value.
  #request() {
    let path = this.#route.path;
    const headers = {};
    const query = new URLSearchParams();
    for (const { parameter, input } of this.#fields) {
      const value = input.value.trim();
      const { name } = parameter;
      if (parameter.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
      else if (value && parameter.in === "query") query.set(name, value);
      else if (value && parameter.in === "header") headers[name] = value;
    }
    const address = new URL(`.${path}`, new URL(".", location.href)).href;
    const url = query.toString() ? `${address}?${query}` : address;
    const text = this.#body?.value;
    return { method: this.#route.method, url, headers, text,
      body: text === undefined ? undefined : JSON.parse(text) };
  }

  #write() {
    try {
      const write = kWriters[this.#language.value];
      this.#code.textContent = write(this.#request(), this.#readKey() !== "");
      this.#wrong.textContent = "";
    } catch (error) {
      this.#wrong.textContent = `The body is not JSON: ${error.message}`;
    }
  }

  async #send() {
    this.#status.textContent = "Sending …";
    this.#answer.hidden = true;
    try {
      const { method, url, headers, text } = this.#request();
      const key = this.#readKey();
      if (key) headers.Authorization = `Bearer ${key}`;
      if (text !== undefined) headers["Content-Type"] = "application/json";
      const started = performance.now();
      const response = await fetch(url, { method, headers, body: text });
      const answer = await response.text();
      this.#show(response, answer, performance.now() - started);
    } catch (error) {
      this.#status.textContent = `No answer: ${error.message}`;
    }
  }

  #show(response, answer, milliseconds) {
    const json = /\bjson\b/.test(response.headers.get("content-type") ?? "");
    const text = json ? brief(answer) : answer;
    const rest = text.length - kMostShown;
    const size = new Blob([answer]).size.toLocaleString("en");
    this.#status.textContent = `${response.status} ${response.statusText}, ` +
      `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms, ${size} bytes.${
        response.status === 401 ? " Enter the API key at the top of the page." : ""}`;
    this.#answer.textContent = rest > 0
      ? `${text.slice(0, kMostShown)}\n… ${rest.toLocaleString("en")} more characters` : text;
    this.#answer.hidden = answer === "";
  }
}

// A field for a parameter, with its example in it if it must be there.
function inputFor({ name, required, example, schema = {} }) {
  const value = example ?? schema.example ?? schema.default ?? "";
  if (!schema.enum) return make("input", { name, value: required ? value : "", spellcheck: false });
  const choices = required ? schema.enum : ["", ...schema.enum];
  return make("select", { name }, ...choices.map((choice) => make("option", { value: choice },
    String(choice) || "(none)")));
}
