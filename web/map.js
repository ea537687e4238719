// SPDX-License-Identifier: Apache-2.0
// The map: a point for each text, close ones are alike.
import { excerpt } from "./charts.js";
import { make } from "./shared.js";

const kSvg = "http://www.w3.org/2000/svg";
const kNumbered = 100; // up to so many texts each point has at least its number
const kMargin = 28;

function makeSvg(tag, attributes, ...children) {
  const element = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Draws `plane`, the principal plane, with as many labels as there is room for. `nearest` is the
// closest text of each, { index, score }. Returns a function that marks one point.
export function drawMap(root, texts, { points, shares }, nearest) {
  const many = texts.length > kNumbered;
  const [width, height] = root.clientWidth < 480 ? [400, 320] : [760, many ? 520 : 420];
  const [[middle, level], ...places] = place([[0, 0], ...points], width, height);
  const radius = many ? 4 : 6;
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Map of ${texts.length} texts; points that are close are alike` },
  makeSvg("line", { x1: 0, y1: level, x2: width, y2: level }),
  makeSvg("line", { x1: middle, y1: 0, x2: middle, y2: height }));
  const taken = places.map(([x, y]) => [x - radius - 1, y - radius - 1, x + radius + 1,
    y + radius + 1]);
  const groups = places.map(([x, y], i) => {
    const group = makeSvg("g", { class: many ? "many" : "" },
      makeSvg("title", {}, `${i + 1} ${texts[i]}`),
      makeSvg("circle", { cx: x, cy: y, r: radius }));
    const label = fitLabel(`${i + 1} ${excerpt(texts[i], 26)}`, x, y, width, taken) ??
      (many ? null : fitLabel(String(i + 1), x, y, width, taken));
    if (label) group.append(label);
    svg.append(group);
    return group;
  });
  const mark = (index) => groups.forEach((group, i) => group.classList.toggle("on", i === index));
  const readout = make("p", { className: "readout muted" }, "Hover over a point to read its text.");
  svg.addEventListener("pointerover", ({ target }) => {
    const index = groups.indexOf(target.parentNode);
    if (index < 0) return;
    mark(index);
    const { index: other, score } = nearest[index];
    readout.replaceChildren(`${index + 1} “${excerpt(texts[index], 90)}”, closest to ` +
      `${other + 1} “${excerpt(texts[other], 90)}” `, make("b", {}, score.toFixed(3)));
  });
  const percent = shares.map((share) => `${Math.round(100 * share)}%`);
  root.replaceChildren(svg, readout, make("figcaption", {}, "The first two principal components, " +
    `with ${percent[0]} and ${percent[1]} of the variance. Distances are approximate.`));
  return mark;
}

// Points of the plane to places of the picture. Each axis fills its side, unless it would be
// stretched too far beyond the other.
function place(points, width, height) {
  const axes = [width, height].map((side, axis) => {
    const values = points.map((point) => point[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return { side, centre: (low + high) / 2,
      scale: (side - 2 * kMargin) / Math.max(1e-9, high - low) };
  });
  const most = 1.6 * Math.min(...axes.map(({ scale }) => scale));
  return points.map((point) => axes.map(({ side, centre, scale }, axis) =>
    side / 2 + (axis ? -1 : 1) * (point[axis] - centre) * Math.min(scale, most)));
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
