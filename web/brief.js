// SPDX-License-Identifier: Apache-2.0
// JSON for readers: indented, with long lists and long strings cut.

const kShown = 4; // of a long list of plain values
const kLong = 8;
const kCharacters = 400;

// `text` as it is if it is no JSON.
export function brief(text) {
  try {
    return write(JSON.parse(text), "");
  } catch {
    return text;
  }
}

function write(value, space) {
  if (typeof value === "string" && value.length > kCharacters) {
    const rest = (value.length - kCharacters).toLocaleString("en");
    return `${JSON.stringify(value.slice(0, kCharacters)).slice(0, -1)}… ${rest} more characters"`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${space}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object" || item === null)) return plainList(value);
    return block("[", value.map((item) => write(item, inner)), "]", space);
  }
  return block("{", Object.entries(value).map(([name, item]) =>
    `${JSON.stringify(name)}: ${write(item, inner)}`), "}", space);
}

function plainList(items) {
  const shown = items.length > kLong ? items.slice(0, kShown) : items;
  const rest = (items.length - shown.length).toLocaleString("en");
  return `[${[...shown.map((item) => write(item, "")),
    ...(shown.length < items.length ? [`… ${rest} more`] : [])].join(", ")}]`;
}

function block(open, parts, close, space) {
  if (parts.length === 0) return open + close;
  return `${open}\n${parts.map((each) => `${space}  ${each}`).join(",\n")}\n${space}${close}`;
}
