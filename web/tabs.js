// SPDX-License-Identifier: Apache-2.0
// The tabs of the page: what each asks for in its form, where it draws the answers, and which is open.
import { find, findAll, make } from "./shared.js";

const kTabs = [
  {
    id: "compare", name: "Compare", lead: "How close are these texts to each other?",
    fields: () => [...list("Texts", "text", 11), task(), dimensions()],
    results: () => [
      make("div", { className: "matrix" }, title("Cosine similarity"), place("div", "heat")),
      title("Map"), place("figure", "projection"),
      make("div", { className: "closest" }, title("Closest pairs"), place("ol", "ranking pairs")),
    ],
  },
  {
    id: "search", name: "Search", go: "Rank", lead: "Which documents answer the query best?",
    fields: () => [query(), ...list("Documents", "document", 10), dimensions()],
    results: () => ranking("Ranking"),
  },
  {
    id: "rerank", name: "Rerank",
    lead: "Which documents answer the query best? A reranker reads each of them together with " +
      "the query.",
    fields: () => [query(), ...list("Documents", "document", 10)],
    results: () => [make("div", { className: "rankings" },
      make("div", { className: "by-scores" }, ...ranking("By the reranker")),
      make("div", { className: "by-vectors", hidden: true }, ...ranking("By vectors alone")))],
  },
  {
    id: "passage", name: "Long text", go: "Find",
    lead: "Where in a long text is the answer? The model reads the whole text, then gives each " +
      "chunk its own vector (late chunking).",
    fields: () => [query(), area("Text", "text", 11), chunks(), dimensions()],
    results: () => [
      title("The text, shaded by similarity to the query"), place("div", "legend"),
      place("p", "chunks"), place("p", "readout muted"), ...ranking("Closest chunks"),
    ],
  },
];

// Puts the tabs and their panels at the beginning of `main`.
export function addTabs(main) {
  const tabs = kTabs.map(({ id, name }) => make("button",
    { role: "tab", id: `tab-${id}`, "aria-controls": id, type: "button" }, name));
  main.prepend(make("div", { role: "tablist", "aria-label": "What to do" }, ...tabs),
    ...kTabs.map(panel));
}

// Tabs by mouse, keyboard and address; calls `opened` when one is open, the first time at once.
export function setUpTabs(opened) {
  // No element's id: the browser would begin there, behind the header, to move the focus.
  const addressOf = (each) => `#view=${each.getAttribute("aria-controls")}`;
  const tabs = findAll("[role=tab]");
  const select = (chosen) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === chosen));
      each.tabIndex = each === chosen ? 0 : -1;
      find(`#${each.getAttribute("aria-controls")}`).hidden = each !== chosen;
    }
    history.replaceState(null, "", addressOf(chosen));
    opened();
  };
  tabs.forEach((each, i) => {
    each.addEventListener("click", () => select(each));
    each.addEventListener("keydown", (event) => {
      const next = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: -1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const step = ["ArrowLeft", "End"].includes(event.key) ? -1 : 1;
      let place = next;
      while (tabs.at(place % tabs.length).hidden) place += step;
      const chosen = tabs.at(place % tabs.length);
      select(chosen);
      chosen.focus();
    });
  });
  select(tabs.find((each) => addressOf(each) === location.hash) ?? tabs[0]);
}

function panel({ id, name, go = name, lead, fields, results }) {
  return make("section", { role: "tabpanel", id, "aria-labelledby": `tab-${id}`, hidden: true },
    make("form", {},
      make("p", { className: "lead" }, lead),
      ...fields(),
      make("button", { className: "go" }, go, " ", make("kbd", { "aria-hidden": "true" }, "Ctrl ↵")),
      make("p", { className: "status", role: "status" }),
      make("p", { className: "error", role: "alert" })),
    make("div", { className: "results", hidden: true }, ...results()));
}

// -- fields --

const query = () => make("label", {}, "Query ", make("input", { name: "query", required: true }));

const area = (label, name, rows) =>
  make("label", {}, label, make("textarea", { name, rows, required: true }));

// Several texts, and what parts them.
function list(label, noun, rows) {
  const split = (value, checked, words) =>
    make("label", {}, make("input", { type: "radio", name: "split", value, defaultChecked: checked }),
      ` ${words}`);
  return [area(label, "texts", rows),
    make("fieldset", { className: "row" }, make("legend", {}, `Each ${noun} is`),
      split("line", true, "one line"), split("block", false, "a block between blank lines"))];
}

const task = () =>
  make("label", { className: "task", hidden: true }, "Task ", make("select", { name: "task" }));

const dimensions = () => make("label", { className: "size", hidden: true }, "Dimensions ",
  make("span", { className: "slider" }, make("input", { name: "dimensions", type: "range" }), " ",
    make("output")));

function chunks() {
  const size = { name: "size", type: "number", min: 1, max: 8192, defaultValue: 1, required: true };
  return make("div", { className: "row" },
    make("label", {}, "Chunks of ", make("input", size)),
    make("label", {}, make("span", { className: "hidden" }, "Unit of chunks"),
      make("select", { name: "by" }, new Option("sentences", "sentence"),
        new Option("tokens", "tokens"))));
}

// -- results --

const title = (words) => make("h2", {}, words);
const place = (tag, className) => make(tag, { className });
const ranking = (words) => [title(words), place("p", "summary muted"), place("ol", "ranking")];
