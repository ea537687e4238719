// SPDX-License-Identifier: Apache-2.0
// Wires the page: forms to calls, answers to charts.
import { Api, ServerError, parts } from "./api.js";
import { describeRanking, drawChunks, drawHeatMap, drawPairs, drawRanking } from "./charts.js";
import { asCode } from "./code.js";
import { englishExamples, multilingualExamples } from "./examples.js";
import { drawMap } from "./map.js";
import { browser, chosenLanguage, find, findAll, kLanguages, setUpCopy, setUpKey, tab,
  untilReady, make } from "./shared.js";
import { addTabs, setUpTabs } from "./tabs.js";
import { closest, cosine, cosines, principalPlane } from "./vectors.js";

const kMostTexts = 1000; // of a map
const kMostSquares = 100; // texts of a heat map
const kPairsFrom = 15; // texts from which on the closest pairs are listed
const kPairs = 10;
const kRanked = 50; // entries of a ranking that are drawn
const kUnasked = 20_000; // characters that are embedded without a press of a button

class InputError extends Error {}

const readKey = setUpKey(onNewKey);
const api = new Api(readKey);
let model = null;

// -- what each form asks and draws. Each returns the requests that it made, and the answers. --

async function compare(form, results, call) {
  const texts = textsOf(form);
  if (texts.length < 2) throw new InputError("Enter at least two texts.");
  if (texts.length > kMostTexts) {
    throw new InputError(`You entered ${count(texts.length)} texts. This page compares up to ${
      count(kMostTexts)}.`);
  }
  const request = requestOf(form, texts, form.task.value);
  const answer = await call(request, (i) => `text ${i + 1}`);
  const vectors = answer.data.map((entry) => entry.embedding);
  if (texts.length > kMostSquares) await painted("Drawing …", form);
  const { nearest, pairs } = closest(vectors, kPairs);
  const plane = principalPlane(vectors);
  results.hidden = false;
  const mark = drawMap(find(".projection", results), texts, plane, nearest);
  find(".matrix", results).hidden = texts.length > kMostSquares;
  if (texts.length <= kMostSquares) {
    drawHeatMap(find(".heat", results), texts, cosines(vectors), mark);
  }
  find(".closest", results).hidden = texts.length < kPairsFrom;
  drawPairs(find(".pairs", results), texts, pairs);
  return { requests: [request], answers: [answer] };
}

async function search(form, results, call) {
  const texts = textsOf(form);
  if (texts.length === 0) throw new InputError("Enter at least one document.");
  const requests = [requestOf(form, [queryOf(form)], taskNamed("retrieval.query")),
    requestOf(form, texts, taskNamed("retrieval.passage"))];
  const answers = await Promise.all([call(requests[0], () => "the query"),
    call(requests[1], (i) => `document ${i + 1}`)]);
  const [asked] = answers[0].data;
  const ranked = byScore(answers[1].data.map((entry) =>
    ({ text: texts[entry.index], score: cosine(asked.embedding, entry.embedding) })));
  results.hidden = false;
  find(".summary", results).textContent = describeRanking(ranked, "documents", kRanked);
  drawRanking(find(".ranking", results), ranked, kRanked);
  return { requests, answers };
}

async function findInPassage(form, results, call) {
  const passage = form.text.value;
  if (!passage.trim()) throw new InputError("Enter a text.");
  const chunking = { by: form.by.value, size: Number(form.size.value) };
  const requests = [requestOf(form, [queryOf(form)], taskNamed("retrieval.query")),
    { ...requestOf(form, [passage], taskNamed("retrieval.passage")), late_chunking: true,
      chunking }];
  const answers = await Promise.all([call(requests[0], () => "the query"),
    call(requests[1], () => "the text")]);
  const chunks = chunksOf(passage, answers[1].data, answers[0].data[0].embedding);
  const kBest = 3;
  const ranked = byScore(chunks);
  results.hidden = false;
  drawChunks(find(".chunks", results), find(".legend", results), find(".readout", results), chunks);
  find(".summary", results).textContent = describeRanking(ranked, "chunks", kBest);
  drawRanking(find(".ranking", results), ranked, kBest);
  return { requests, answers };
}

async function rerank(form, results, call) {
  const texts = textsOf(form);
  if (texts.length === 0) throw new InputError("Enter at least one document.");
  const query = queryOf(form);
  const requests = [{ model: model.reranker, query, documents: texts }];
  const calls = [call.rerank(requests[0], (i) => `document ${i + 1}`)];
  if (model.embedder) {
    requests.push(requestOf(form, [query], taskNamed("retrieval.query")),
      requestOf(form, texts, taskNamed("retrieval.passage")));
    calls.push(call(requests[1], () => "the query"),
      call(requests[2], (i) => `document ${i + 1}`));
  }
  const [scored, asked, embedded] = await Promise.all(calls);
  results.hidden = false;
  const show = (place, ranked) => {
    find(`${place} .summary`, results).textContent =
      describeRanking(ranked, "documents", kRanked);
    drawRanking(find(`${place} .ranking`, results), ranked, kRanked);
  };
  const byVectors = model.embedder ? byScore(embedded.data.map((entry) => ({ index: entry.index,
    text: texts[entry.index], score: cosine(asked.data[0].embedding, entry.embedding) }))) : [];
  const placeOf = new Map(byVectors.map(({ index }, i) => [index, i + 1]));
  show(".by-scores", scored.results.map(({ index, relevance_score: score }) =>
    ({ text: texts[index], score,
      note: placeOf.has(index) ? `place ${placeOf.get(index)} by vectors` : "" })));
  find(".by-vectors", results).hidden = !model.embedder;
  if (model.embedder) show(".by-vectors", byVectors);
  return { requests, answers: [scored] };
}

// { text, before, score, note } of each chunk, in reading order.
function chunksOf(passage, entries, query) {
  const characters = Array.from(passage); // offsets count code points
  let end = 0;
  return entries.map((entry) => {
    // White space behind a chunk belongs to it, but is not to be coloured.
    const text = characters.slice(entry.start, entry.end).join("").trimEnd();
    const before = characters.slice(end, entry.start).join("");
    end = entry.start + Array.from(text).length;
    return { text, before, score: cosine(query, entry.embedding),
      note: `chunk ${entry.chunk + 1}` };
  });
}

const byScore = (items) => [...items].sort((a, b) => b.score - a.score);
const count = (number) => number.toLocaleString("en");

function textsOf(form) {
  const separator = form.split.value === "line" ? /\n/ : /\n\s*\n/;
  return form.texts.value.split(separator).map((text) => text.trim()).filter(Boolean);
}

function queryOf(form) {
  const query = form.query.value.trim();
  if (!query) throw new InputError("Enter a query.");
  return query;
}

function requestOf(form, input, task) {
  const body = { model: model.embedder, input };
  if (task) body.task = task;
  const dimensions = model.sizes[Number(form.dimensions?.value)];
  if (dimensions && dimensions !== model.dimensions) body.dimensions = dimensions;
  return body;
}

const taskNamed = (name) => (model.tasks.length ? name : "");

// -- a run: busy state, status, errors, code --

const kWork = { compare, search, rerank, passage: findInPassage };
const runs = new Map(); // from a panel to the AbortController of its last run
const requestsOf = new Map(); // the requests that each panel shows the answers of

// Embeds what is in the form and draws it, instead of what the panel was doing. `asked` is false
// where nobody pressed a button.
async function run(form, asked) {
  const panel = form.parentElement;
  const results = find(".results", panel);
  const button = find(".go", form);
  runs.get(panel)?.abort();
  const control = new AbortController();
  const { signal } = control;
  runs.set(panel, control);
  button.setAttribute("aria-busy", "true");
  tell(form, panel.id === "rerank" ? "Scoring …" : "Embedding …");
  const call = (request, nameOf) =>
    api.embed(request, { mostInputs: model.mostInputs, signal, nameOf,
      progress: (done) =>
        tell(form, `Embedding … ${count(done)} of ${count(request.input.length)}`),
    });
  call.rerank = (request, nameOf) => api.rerank(request, { signal, nameOf });
  try {
    await describeModel();
    if (tabOf(panel).hidden) control.abort(); // of another kind of model
    signal.throwIfAborted();
    const { requests, answers } = await kWork[panel.id](form, results, call);
    tell(form, summary(answers));
    requestsOf.set(panel, requests);
    if (asked) bringIntoView(results);
  } catch (error) {
    if (signal.aborted) return;
    results.hidden = true;
    requestsOf.delete(panel);
    fail(form, error);
  } finally {
    if (!signal.aborted) button.removeAttribute("aria-busy");
  }
  writeCode();
}

function summary(answers) {
  const sum = (name) => answers.reduce((total, answer) => total + answer[name], 0);
  const milliseconds = Math.max(...answers.map((answer) => answer.milliseconds));
  const cut = sum("cut");
  return `${whatCame(answers)}, ${count(sum("tokens"))} tokens, ` +
    `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms.` +
    (cut ? ` ${cut} text${cut > 1 ? "s were" : " was"} too long and truncated.` : "");
}

function whatCame(answers) {
  const [{ results, data }] = answers;
  if (results) return `${count(results.length)} score${results.length > 1 ? "s" : ""}`;
  const vectors = answers.reduce((total, answer) => total + answer.data.length, 0);
  return `${count(vectors)} vectors of ${data[0].embedding.length} dimensions`;
}

// On a phone results are below the form.
function bringIntoView(results) {
  if (results.getBoundingClientRect().top < 0.7 * innerHeight) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  results.scrollIntoView({ behavior: still ? "auto" : "smooth" });
}

// Shows a message and lets the browser paint it before work that keeps the page busy.
async function painted(message, form) {
  tell(form, message);
  await new Promise((resolve) => { setTimeout(resolve, 20); });
}

const openPanel = () => find("[role=tabpanel]:not([hidden])");
const openForm = () => find("form", openPanel());
const tabOf = (panel) => find(`#tab-${panel.id}`);

function tell(form, message, error = "") {
  find(".status", form).textContent = message;
  find(".error", form).textContent = error;
}

function fail(form, error) {
  if (!(error instanceof ServerError || error instanceof InputError)) {
    tell(form, "", `The page failed: ${error.message}`);
    throw error;
  }
  tell(form, "", error.message);
  if (error.status === 401) find("#key").focus();
}

function writeCode() {
  const requests = requestsOf.get(openPanel());
  find("#code").hidden = !requests;
  find("#copied").textContent = "";
  if (!requests) return;
  const bodies = requests.flatMap((request) =>
    parts(request, model.mostInputs).map(([, body]) => body));
  const base = new URL(".", location.href).href;
  find("#code code").textContent = asCode(find("#language").value, base, bodies, readKey() !== "");
}

// -- the model --

let describing = null;

// Asks the server what it is, once. Waits for as long as its model is loading, and says so.
function describeModel() {
  if (model) return Promise.resolve();
  describing ??= askForModel().finally(() => { describing = null; });
  return describing;
}

async function askForModel() {
  const report = (message, step) => {
    find("#model").textContent = message;
    tell(openForm(), step ? `${message}\n${step}` : message);
  };
  for (;;) {
    try {
      showModel(await api.model());
      return;
    } catch (error) {
      if (error.status !== 503) {
        find("#model").textContent = "";
        throw error;
      }
      await untilReady(report);
    }
  }
}

function showModel(described) {
  model = described;
  find("#model").textContent = model.names.join("; ");
  showExamples(model.multilingual ? multilingualExamples : englishExamples);
  for (const form of findAll("form")) {
    const usual = model.defaultTask ? `default (${model.defaultTask})` : "default";
    const names = [...new Set([...model.tasks, "none"])];
    form.task?.replaceChildren(new Option(usual, ""),
      ...names.map((name) => new Option(name, name)));
    if (form.dimensions) {
      form.dimensions.max = model.sizes.length - 1;
      form.dimensions.value = form.dimensions.max;
    }
    restoreFields(form);
    if (form.dimensions) showSize(form.dimensions);
  }
  showTabs();
  for (const label of findAll("label.task")) label.hidden = model.tasks.length === 0;
  for (const label of findAll("label.size")) label.hidden = model.sizes.length < 2;
}

// Those of what the server has.
function showTabs() {
  for (const each of findAll("[role=tab]")) {
    each.hidden = !(each.id === "tab-rerank" ? model.reranker : model.embedder);
  }
  const usable = findAll("[role=tab]:not([hidden])");
  if (usable.length > 0 && tabOf(openPanel()).hidden) usable[0].click();
}

function showSize(slider) {
  const size = String(model?.sizes[Number(slider.value)] ?? "");
  slider.nextElementSibling.textContent = size;
  slider.setAttribute("aria-valuetext", size);
}

// -- the parts of the page --

// What stands in a form outlives a reload, as long as the tab.
function keepFields(form) {
  tab.set(`form-${form.parentElement.id}`, JSON.stringify(Object.fromEntries(new FormData(form))));
}

function restoreFields(form) {
  let kept = {};
  try {
    kept = JSON.parse(tab.get(`form-${form.parentElement.id}`)) ?? {};
  } catch { /* nothing was kept */ }
  for (const [name, value] of Object.entries(kept)) {
    const field = form.elements[name];
    const unknown = field instanceof HTMLSelectElement &&
      ![...field.options].some((option) => option.value === value);
    if (field && !unknown) field.value = value;
  }
}

// In fields that nobody has changed or is in: there the default value is the value.
function showExamples(examples) {
  const show = (field, text) => {
    if (field !== document.activeElement) field.defaultValue = text;
  };
  show(find("#compare form").texts, examples.compare);
  show(find("#search form").query, examples.query);
  show(find("#search form").texts, examples.documents);
  show(find("#rerank form").query, examples.query);
  show(find("#rerank form").texts, examples.documents);
  show(find("#passage form").query, examples.question);
  show(find("#passage form").text, examples.passage);
}

function setUpForms() {
  showExamples(englishExamples);
  for (const form of findAll("form")) {
    restoreFields(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form, true);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    form.addEventListener("input", () => keepFields(form));
    form.dimensions?.addEventListener("input", ({ target }) => showSize(target));
  }
}

// Draws what is in the open panel, so that it is not empty. A long text waits for its reader.
function drawUnasked() {
  const form = openForm();
  const length = (form.texts ?? form.text).value.length;
  if (length <= kUnasked) {
    if (!runs.has(openPanel())) run(form, false);
  } else if (!model) {
    describeModel().then(() => tell(form, ""), (error) => fail(form, error));
  }
}

function onNewKey() {
  model = null;
  for (const form of findAll("form")) {
    const panel = form.parentElement;
    if (!find(".results", panel).hidden) continue;
    runs.get(panel)?.abort(); // it may work now
    runs.delete(panel);
    find(".go", form).removeAttribute("aria-busy");
    tell(form, "");
  }
  drawUnasked();
  writeCode();
}

function setUpCode() {
  const language = find("#language");
  language.append(...Object.entries(kLanguages).map(([value, name]) =>
    make("option", { value }, name)));
  language.value = chosenLanguage();
  language.addEventListener("change", () => {
    browser.set("language", language.value);
    writeCode();
  });
  setUpCopy(find("#copy"), find("#code code"), find("#copied"));
}

addTabs(find("main"));
setUpForms();
setUpCode();
setUpTabs(() => {
  writeCode();
  drawUnasked();
});
