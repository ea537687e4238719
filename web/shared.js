// SPDX-License-Identifier: Apache-2.0
// What both pages have: small tools for elements, what is kept, the API key, code to copy.

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

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

// Values that outlive a reload: `tab` keeps them until the tab is closed, `browser` for good.
// A browser may block storage; then nothing is kept and nothing fails.
class Storage {
  constructor(open) {
    this.open = open;
  }

  get(name) {
    try {
      return this.open().getItem(`nestvec-${name}`) ?? "";
    } catch {
      return "";
    }
  }

  set(name, value) {
    try {
      this.open().setItem(`nestvec-${name}`, value);
    } catch { /* blocked, or full */ }
  }
}

export const tab = new Storage(() => sessionStorage);
export const browser = new Storage(() => localStorage);

// The field for the API key. The key lives as long as the tab. `changed` is called with each new
// key. Returns a function that reads the key.
export function setUpKey(changed) {
  const field = find("#key");
  const read = () => field.value.trim();
  field.value = tab.get("key");
  field.addEventListener("change", () => {
    tab.set("key", read());
    changed();
  });
  return read;
}

export const kLanguages = { curl: "curl", python: "Python", javascript: "JavaScript" };

// The language of code that was chosen last, here or on the other page.
export function chosenLanguage() {
  const language = browser.get("language");
  return Object.hasOwn(kLanguages, language) ? language : "curl";
}

// Makes `button` copy the text of `code`, and `said` report it.
export function setUpCopy(button, code, said) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied.";
    } catch {
      // Browsers close the clipboard to pages without https: select the text instead.
      getSelection().selectAllChildren(code);
      said.textContent = "Selected. Press Ctrl+C to copy.";
    }
  });
}

// Waits until the server answers requests. Meanwhile calls `tell` with a sentence about it, and with
// what the server does now where that is known.
export async function untilReady(tell) {
  for (;;) {
    try {
      const response = await fetch("ready", { cache: "no-store" });
      if (response.ok) return;
      const { status, progress, step } = await loadState(response);
      const percent = progress > 0 && progress < 1 ? ` ${Math.floor(100 * progress)}%` : "";
      tell(status === "draining" ? "The server is shutting down …"
        : `The model is loading …${percent}`, step);
    } catch {
      tell("The server does not answer. Trying again …");
    }
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

// { status, progress, step }; {} for what a proxy says in place of the server.
async function loadState(response) {
  const text = await response.text();
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
