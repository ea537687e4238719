// SPDX-License-Identifier: Apache-2.0
// Wires the page: forms to calls, answers to charts.
import { Api, ServerError } from "./api.js";
import { drawChunks, drawHeatMap, drawProjection, drawRanking } from "./charts.js";
import { asCurl, asPython } from "./code.js";
import { examples } from "./examples.js";
import { cosine, cosines, principalPlane } from "./vectors.js";

const kCompareLimit = 100; // texts of a heat map
const kShown = 50; // entries of a ranking

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

const keyField = find("#key");
const api = new Api(() => keyField.value.trim());
let model = null;

class InputError extends Error {}

// -- what each form asks and draws. Each returns the bodies of the calls that it made. --

async function compare(form, results) {
  const texts = textsOf(form);
  if (texts.length < 2) throw new InputError("Two texts at least, to compare them.");
  if (texts.length > kCompareLimit) {
    throw new InputError(`${texts.length} texts; this page draws up to ${kCompareLimit}.`);
  }
  const body = request(form, texts, form.task.value);
  const answer = await api.embed(body);
  const vectors = answer.data.map((entry) => entry.embedding);
  results.hidden = false;
  const mark = drawProjection(find(".projection", results), texts, principalPlane(vectors));
  drawHeatMap(find(".heat", results), texts, cosines(vectors), mark);
  return { calls: [body], answers: [answer] };
}

async function search(form, results) {
  const texts = textsOf(form);
  const query = form.query.value.trim();
  const bodies = [request(form, [query], taskNamed("retrieval.query")),
    request(form, texts, taskNamed("retrieval.passage"))];
  const answers = await Promise.all(bodies.map((body) => api.embed(body)));
  const [asked] = answers[0].data;
  const ranked = answers[1].data
    .map((entry) => ({ text: texts[entry.index], score: cosine(asked.embedding, entry.embedding) }))
    .sort((a, b) => b.score - a.score);
  results.hidden = false;
  drawRanking(find(".ranking", results), ranked.slice(0, kShown));
  return { calls: bodies, answers };
}

async function findInPassage(form, results) {
  const passage = form.text.value;
  const chunking = { by: form.by.value, size: Number(form.size.value) };
  const bodies = [request(form, [form.query.value.trim()], taskNamed("retrieval.query")),
    { ...request(form, [passage], taskNamed("retrieval.passage")), late_chunking: true, chunking }];
  const answers = await Promise.all(bodies.map((body) => api.embed(body)));
  const [asked] = answers[0].data;
  const characters = Array.from(passage); // offsets count code points
  let end = 0;
  const chunks = answers[1].data.map((entry) => {
    // White space behind a chunk belongs to it, but is not to be coloured.
    const text = characters.slice(entry.start, entry.end).join("").trimEnd();
    const before = characters.slice(end, entry.start).join("");
    end = entry.start + Array.from(text).length;
    return { text, before, score: cosine(asked.embedding, entry.embedding),
      note: `chunk ${entry.chunk + 1}` };
  });
  results.hidden = false;
  drawChunks(find(".chunks", results), find(".legend", results), find(".readout", results), chunks);
  drawRanking(find(".ranking", results),
    [...chunks].sort((a, b) => b.score - a.score).slice(0, 3));
  return { calls: bodies, answers };
}

function textsOf(form) {
  const separator = form.split.value === "line" ? /\n/ : /\n\s*\n/;
  return form.texts.value.split(separator).map((text) => text.trim()).filter(Boolean);
}

function request(form, input, task) {
  const body = { model: model?.id ?? "default", input };
  if (task) body.task = task;
  const dimensions = sizeOf(form);
  if (dimensions && dimensions !== model.dimensions) body.dimensions = dimensions;
  return body;
}

const taskNamed = (name) => (model?.tasks.length ? name : "");
const sizeOf = (form) => model?.sizes[Number(form.dimensions.value)];

// -- a run: busy state, status, errors, code --

async function run(form, work) {
  const button = find(".go", form);
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  tell("Embedding …");
  try {
    if (!model) await describeModel();
    const { calls, answers } = await work(form, find(".results", form.parentElement));
    tell(summary(answers));
    callsOf.set(form.parentElement.id, calls);
    writeCode();
  } catch (error) {
    fail(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function summary(answers) {
  const vectors = answers.reduce((sum, answer) => sum + answer.data.length, 0);
  const tokens = answers.reduce((sum, answer) => sum + answer.usage.total_tokens, 0);
  const width = answers[0].data[0].embedding.length;
  const milliseconds = Math.max(...answers.map((answer) => answer.milliseconds));
  const cut = answers.reduce((sum, answer) => sum + (answer.truncated?.length ?? 0), 0);
  return `${vectors} vectors of ${width} dimensions, ${tokens} tokens, ` +
    `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms.` +
    (cut ? ` ${cut} text${cut > 1 ? "s were" : " was"} too long and cut.` : "");
}

const openPanel = () => find("[role=tabpanel]:not([hidden])");

function tell(message, error = "") {
  find(".status", openPanel()).textContent = message;
  find(".error", openPanel()).textContent = error;
}

function fail(error) {
  if (!(error instanceof ServerError || error instanceof InputError)) throw error;
  tell("", error.message);
  if (error.status === 401) keyField.focus();
}

const callsOf = new Map(); // the last calls of each panel

function writeCode() {
  const calls = callsOf.get(openPanel().id);
  find("#code").hidden = !calls;
  if (!calls) return;
  const base = new URL(".", location.href).href;
  const write = find("#language").value === "curl" ? asCurl : asPython;
  find("#code code").textContent = write(base, calls, Boolean(keyField.value.trim()));
}

async function copyCode() {
  const text = find("#code code").textContent;
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied.");
  } catch {
    // Without https the clipboard is closed to scripts: mark the text for the reader's own copy.
    getSelection().selectAllChildren(find("#code code"));
    tell("Marked: press Ctrl C to copy.");
  }
}

// -- the parts of the page --

async function describeModel() {
  model = await api.model();
  find("#model").textContent = `${model.id} · ${model.detail}`;
  tell("");
  for (const select of findAll("select[name=task]")) {
    const usual = model.defaultTask ? `default (${model.defaultTask})` : "default";
    const names = [...new Set([...model.tasks, "none"])];
    select.replaceChildren(new Option(usual, ""), ...names.map((name) => new Option(name, name)));
    select.closest("label").hidden = model.tasks.length === 0;
  }
  for (const slider of findAll("input[name=dimensions]")) {
    slider.max = model.sizes.length - 1;
    slider.value = slider.max;
    slider.closest("label").hidden = model.sizes.length < 2;
    showSize(slider);
  }
}

function showSize(slider) {
  const size = String(model?.sizes[Number(slider.value)] ?? "");
  slider.nextElementSibling.textContent = size;
  slider.setAttribute("aria-valuetext", size);
}

function setUpForms() {
  const work = { compare, search, passage: findInPassage };
  for (const form of findAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form, work[form.parentElement.id]);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    find("[name=dimensions]", form).addEventListener("input", ({ target }) => showSize(target));
  }
  find("#compare form").texts.value = examples.compare;
  find("#search form").query.value = examples.query;
  find("#search form").texts.value = examples.documents;
  find("#passage form").query.value = examples.question;
  find("#passage form").text.value = examples.passage;
}

function setUpTabs() {
  // No element's id: the browser would begin there, behind the header, to move the focus.
  const addressOf = (tab) => `#view=${tab.getAttribute("aria-controls")}`;
  const tabs = findAll("[role=tab]");
  const select = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
      find(`#${other.getAttribute("aria-controls")}`).hidden = other !== tab;
    }
    history.replaceState(null, "", addressOf(tab));
    writeCode();
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      select(next);
      next.focus();
    });
  });
  select(tabs.find((tab) => addressOf(tab) === location.hash) ?? tabs[0]);
}

// The key lives as long as the tab. Storage may be closed to the page; then it lives as long as
// the page.
function setUpKey() {
  try {
    keyField.value = sessionStorage.getItem("nestvec-key") ?? "";
  } catch { /* see above */ }
  keyField.addEventListener("change", () => {
    try {
      sessionStorage.setItem("nestvec-key", keyField.value.trim());
    } catch { /* see above */ }
    writeCode();
    describeModel().catch(fail);
  });
}

function setUpTheme() {
  const root = document.documentElement;
  const button = find("#theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");
  const show = () => { button.textContent = current() === "dark" ? "Light mode" : "Dark mode"; };
  button.addEventListener("click", () => {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    show();
  });
  dark.addEventListener("change", show);
  show();
}

setUpTheme();
setUpKey();
setUpForms();
setUpTabs();
find("#language").addEventListener("change", writeCode);
find("#copy").addEventListener("click", copyCode);
describeModel().catch((error) => {
  find("#model").textContent = "";
  fail(error);
});
