// SPDX-License-Identifier: Apache-2.0
// Draws results. Each function fills the element that it is given.
import { make } from "./shared.js";

export const excerpt = (text, length = 60) => {
  const characters = Array.from(text.slice(0, 4 * length + 1000).replace(/\s+/g, " ").trim());
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…`
    : characters.join("");
};

// Maps values to 0..1 over their own range: cosines of one model crowd into a part of -1..1.
// Differences below `least` are not blown up.
function rangeOf(values, least = 0.02) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const missing = Math.max(0, least - (high - low)) / 2;
  low -= missing;
  high += missing;
  return { low, high, place: (value) => Math.min(1, Math.max(0, (value - low) / (high - low))) };
}

function tint(element, t) {
  element.style.setProperty("--t", t.toFixed(3));
  element.classList.toggle("half", t > 0.485);
  element.classList.toggle("most", t > 0.755);
}

function legend({ low, high }) {
  const digits = high - low < 0.1 ? 3 : 2;
  return [low.toFixed(digits), make("i", { "aria-hidden": "true" }), high.toFixed(digits)];
}

// -- the heat map --

// A square for each pair of texts. The diagonal, where each text meets itself, has no colour and
// does not count for the range. `onRow(i)` is called when the reader looks at a cell of row i.
export function drawHeatMap(root, texts, matrix, onRow) {
  const range = rangeOf(matrix.flatMap((row, i) => row.filter((_, k) => k !== i)));
  const size = texts.length;
  const readout = make("p", { className: "readout muted" },
    "Hover over a cell, or use the arrow keys.");
  const heads = texts.map((_, k) => make("th", { scope: "col" }, tick(k, size)));
  const rows = matrix.map((row, i) => make("tr", {},
    make("th", { scope: "row", title: texts[i] }, tick(i, size),
      make("span", {}, ` ${excerpt(texts[i])}`)),
    ...row.map((value, k) => heatCell(value, i, k, range))));
  const table = make("table",
    { role: "grid", "aria-label": "Cosine similarity of each pair of texts" },
    make("colgroup", {}, make("col", { className: "label" }), make("col", { span: size })),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" },
      make("span", { className: "hidden" }, "Text")), ...heads)),
    make("tbody", {}, ...rows));
  const show = (cell) => {
    const [i, k] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    readout.replaceChildren(make("b", {}, matrix[i][k].toFixed(4)),
      `  ${i + 1} “${excerpt(texts[i], 90)}” and ${k + 1} “${excerpt(texts[k], 90)}”`);
    onRow(i);
  };
  moveByKeys(table, size, show);
  root.replaceChildren(table, make("div", { className: "legend" }, ...legend(range)), readout);
  fitCells(root, size);
}

// The number of a row or column. Where cells are tiny only each tenth is shown.
function tick(index, size) {
  const shown = (index + 1) % (size > 50 ? 10 : 5) === 0 || index === 0;
  return make("b", { className: shown ? "tick" : "" }, String(index + 1));
}

function heatCell(value, i, k, range) {
  const cell = make("td", { role: "gridcell", tabIndex: -1 }, value.toFixed(2));
  cell.dataset.row = i;
  cell.dataset.column = k;
  cell.setAttribute("aria-label", `${i + 1} and ${k + 1}: ${value.toFixed(2)}`);
  if (i === k) cell.className = "self";
  else tint(cell, range.place(value));
  return cell;
}

// Sizes the cells so that the whole map fits the screen, and again whenever its width changes.
const watched = new WeakMap(); // from the root of a heat map to its observer

function fitCells(root, size) {
  const fit = () => {
    if (root.clientWidth === 0) return; // hidden
    const layout = layoutOf(root.clientWidth, window.innerHeight, size);
    root.classList.toggle("tiny", !layout.texts);
    root.classList.toggle("blank", layout.cell < 30);
    root.style.setProperty("--cell", `${layout.cell}px`);
    root.style.setProperty("--label", `${layout.label}px`);
    root.style.setProperty("--gap", `${layout.gap}px`);
    root.style.setProperty("--count", size);
  };
  watched.get(root)?.disconnect();
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    fit();
  });
  watched.set(root, observer);
  observer.observe(root);
  fit();
}

// All in CSS pixels: { cell, label, gap }, and whether there is room for `texts`.
export function layoutOf(width, height, size) {
  const kPadding = 6; // of .heat
  const gap = size > 50 ? 0 : size > 14 ? 1 : 2;
  const tallest = Math.max(320, 0.8 * height) / (size + 1);
  const cellBeside = (label) =>
    Math.floor(Math.min(64, tallest, (width - kPadding - 2 * gap - label) / size) - gap);
  const label = Math.floor(Math.min(280, width * (width < 480 ? 0.28 : 0.36)));
  const cell = cellBeside(label);
  if (cell >= 15) return { cell, label, gap, texts: true };
  const kNumber = 30;
  return { cell: Math.max(3, cellBeside(kNumber)), label: kNumber, gap, texts: false };
}

// One cell can be reached by Tab; from there the arrows, Home and End move.
function moveByKeys(table, size, show) {
  const cells = [...table.querySelectorAll("[role=gridcell]")];
  let current = cells[0];
  current.tabIndex = 0;
  const focus = (cell) => {
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
  };
  const isCell = (target) => target.matches("[role=gridcell]");
  table.addEventListener("pointerover", ({ target }) => isCell(target) && show(target));
  table.addEventListener("focusin", ({ target }) => {
    if (!isCell(target)) return;
    focus(target);
    show(target);
  });
  table.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
      Home: [0, -size], End: [0, size] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const clamp = (x) => Math.min(size - 1, Math.max(0, x));
    const row = clamp(Number(current.dataset.row) + step[0]);
    const column = clamp(Number(current.dataset.column) + step[1]);
    cells[row * size + column].focus();
  });
}

// -- lists --

// `items` are { text, score, note }, best first; `shown` of them are drawn. Bars span the scores
// of all items, so that the difference shows where a model's scores are all alike.
export function drawRanking(root, items, shown = items.length) {
  const range = rangeOf(items.map(({ score }) => score));
  const rows = items.slice(0, shown).map(({ text, score, note }) => {
    const bar = make("i", { "aria-hidden": "true" });
    bar.style.setProperty("--t", range.place(score).toFixed(3));
    const words = make("span", {}, excerpt(text, 280));
    if (note) words.append(" ", make("span", { className: "muted" }, note));
    return make("li", {}, make("b", {}, score.toFixed(3)), words, bar);
  });
  root.replaceChildren(...rows);
}

// What a ranking says in a sentence or two.
export function describeRanking(items, noun, shown = items.length) {
  const [best, second] = items;
  if (!second) return `Score: ${best.score.toFixed(3)}.`;
  const gap = best.score - second.score;
  const lead = gap < 0.0005 ? "level with the second" : `${gap.toFixed(3)} above the second`;
  const rest = items.length > shown ? ` The first ${shown} of ${items.length} are shown.` : "";
  return `Best: ${best.score.toFixed(3)}, ${lead}. Bars run from the lowest score of all ` +
    `${noun}, ${items.at(-1).score.toFixed(3)}, to the highest.${rest}`;
}

// The closest pairs of texts, [{ first, second, score }].
export function drawPairs(root, texts, pairs) {
  root.replaceChildren(...pairs.map(({ first, second, score }) => make("li", {},
    make("b", {}, score.toFixed(3)),
    make("span", {}, make("span", { className: "muted" }, `${first + 1} `),
      excerpt(texts[first], 120), make("br"),
      make("span", { className: "muted" }, `${second + 1} `), excerpt(texts[second], 120)))));
}

// The text with its chunks coloured. `chunks` are { text, before, score } in reading order, where
// `before` is what stands between a chunk and the one in front of it.
export function drawChunks(root, legendRoot, readout, chunks) {
  const range = rangeOf(chunks.map(({ score }) => score));
  legendRoot.replaceChildren(...legend(range));
  root.replaceChildren(...chunks.flatMap(({ text, before, score }, i) => {
    const label = `Chunk ${i + 1}: similarity ${score.toFixed(3)}`;
    const mark = make("mark", { tabIndex: 0, title: score.toFixed(3), role: "group",
      "aria-label": label }, text);
    tint(mark, range.place(score));
    for (const event of ["pointerover", "focus"]) {
      mark.addEventListener(event, () => { readout.textContent = label; });
    }
    return [before, mark];
  }));
  readout.textContent = "Hover over a chunk, or press Tab to move through them.";
}
