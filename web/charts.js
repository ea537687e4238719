// SPDX-License-Identifier: Apache-2.0
// Draws results. Each function fills the element that it is given.

const kSvg = "http://www.w3.org/2000/svg";
const kNumbersUpTo = 14; // texts of a heat map whose cells are large enough for their value

// An element with properties, and children that are elements or strings (never markup).
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes, ...children) {
  const element = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const excerpt = (text, length = 60) => {
  const line = text.replace(/\s+/g, " ").trim();
  const characters = Array.from(line);
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : line;
};

// Maps values to 0..1 over their own range: cosines of one model crowd into a part of -1..1.
function rangeOf(values) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (high - low < 0.05) {
    low -= 0.025;
    high += 0.025;
  }
  const place = (value) => Math.min(1, Math.max(0, (value - low) / (high - low)));
  return { low, high, place };
}

function tint(element, t) {
  element.style.setProperty("--t", t.toFixed(3));
  element.classList.toggle("half", t > 0.485);
  element.classList.toggle("most", t > 0.755);
}

function legend({ low, high }) {
  return [low.toFixed(2), make("i", { "aria-hidden": "true" }), high.toFixed(2)];
}

export function drawHeatMap(root, texts, matrix, onRow) {
  const off = matrix.flatMap((row, i) => row.filter((_, k) => k !== i));
  const range = rangeOf(off);
  const readout = make("p", { className: "readout muted" },
    "Point at a cell, or move through the table with the arrow keys.");
  const table = make("table", { role: "grid", "aria-label": "Cosine similarity of each pair of texts" });
  const numbers = texts.map((_, k) => make("th", { scope: "col" }, String(k + 1)));
  const many = texts.length > kNumbersUpTo;
  table.append(make("thead", {}, make("tr", {}, make("th", { scope: "col" },
    make("span", { className: "hidden" }, "Text")), ...(many ? [] : numbers))));
  const rows = matrix.map((row, i) => make("tr", {},
    make("th", { scope: "row", title: texts[i] }, `${i + 1}  ${excerpt(texts[i])}`),
    ...row.map((value, k) => {
      const cell = make("td", { role: "gridcell", tabIndex: -1 }, value.toFixed(2));
      cell.dataset.row = i;
      cell.dataset.column = k;
      cell.setAttribute("aria-label", `${i + 1} and ${k + 1}: ${value.toFixed(3)}`);
      tint(cell, range.place(value));
      return cell;
    })));
  table.append(make("tbody", {}, ...rows));
  const show = (cell) => {
    const [i, k] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    readout.replaceChildren(make("b", {}, matrix[i][k].toFixed(4)),
      `  ${i + 1} “${excerpt(texts[i], 90)}” and ${k + 1} “${excerpt(texts[k], 90)}”`);
    onRow(i);
  };
  moveByKeys(table, texts.length, show);
  root.classList.toggle("small", many);
  root.replaceChildren(table, make("div", { className: "legend" }, ...legend(range)), readout);
}

// One cell can be reached by Tab; arrows, Home and End go on from there.
function moveByKeys(table, size, show) {
  const cells = [...table.querySelectorAll("td")];
  let current = cells[0];
  current.tabIndex = 0;
  const focus = (cell) => {
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
  };
  table.addEventListener("pointerover", ({ target }) => target.matches("td") && show(target));
  table.addEventListener("focusin", ({ target }) => {
    if (!target.matches("td")) return;
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

// Points with their numbers, and their texts where there is room. Returns a function that marks
// one of them.
export function drawProjection(root, texts, { points, shares }) {
  const [width, height] = root.clientWidth < 480 ? [400, 320] : [720, 400];
  const margin = 28;
  const reach = Math.max(1e-9, ...points.flat().map(Math.abs));
  const scale = Math.min(width, height) / 2 - margin;
  const spread = Math.max(1e-9, ...points.map(([x]) => Math.abs(x)));
  const wide = Math.min((width / 2 - margin) / spread, (1.5 * scale) / reach);
  const place = ([x, y]) => [width / 2 + x * wide, height / 2 - (y * scale) / reach];
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Map of ${texts.length} texts; close ones are alike` },
  makeSvg("line", { x1: 0, y1: height / 2, x2: width, y2: height / 2 }),
  makeSvg("line", { x1: width / 2, y1: 0, x2: width / 2, y2: height }));
  const taken = points.map(place).map(([x, y]) => [x - 7, y - 7, x + 7, y + 7]);
  const groups = points.map((point, i) => {
    const [x, y] = place(point);
    const group = makeSvg("g", {}, makeSvg("title", {}, `${i + 1} ${texts[i]}`),
      makeSvg("circle", { cx: x, cy: y, r: 6 }));
    const label = fitLabel(`${i + 1} ${excerpt(texts[i], 26)}`, x, y, width, taken) ??
      fitLabel(String(i + 1), x, y, width, taken);
    if (label) group.append(label);
    svg.append(group);
    return group;
  });
  const percent = shares.map((share) => `${Math.round(100 * share)} %`);
  root.replaceChildren(svg, make("figcaption", {}, "Principal components: the axes carry " +
    `${percent[0]} and ${percent[1]} of the variance. Distances are approximate.`));
  return (index) => groups.forEach((group, i) => group.classList.toggle("on", i === index));
}

// A label right or left of its point, above or below it; null where each place is taken.
function fitLabel(text, x, y, width, taken) {
  const length = [...text].reduce((sum, c) => sum + (c > "\u2e80" ? 13 : 7), 0);
  for (const [left, baseline] of [[x + 11, y + 4], [x - 11 - length, y + 4],
    [x - length / 2, y - 12], [x - length / 2, y + 20]]) {
    const box = [left, baseline - 11, left + length, baseline + 3];
    const free = taken.every((other) => box[2] < other[0] || box[0] > other[2] ||
      box[3] < other[1] || box[1] > other[3]);
    if (!free || box[0] < 4 || box[2] > width - 4) continue;
    taken.push(box);
    return makeSvg("text", { x: left, y: baseline }, text);
  }
  return null;
}

// `items` are { text, score, note }, best first.
export function drawRanking(root, items) {
  const range = rangeOf([0, ...items.map(({ score }) => score)]);
  root.replaceChildren(...items.map(({ text, score, note }) => {
    const bar = make("i", { "aria-hidden": "true" });
    bar.style.setProperty("--t", range.place(score).toFixed(3));
    const words = make("span", {}, excerpt(text, 280));
    if (note) words.append(" ", make("span", { className: "muted" }, note));
    return make("li", {}, make("b", {}, score.toFixed(3)), words, bar);
  }));
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
  readout.textContent = "Point at a chunk, or move through them with Tab.";
}
