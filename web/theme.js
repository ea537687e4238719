// SPDX-License-Identifier: Apache-2.0
// The colours that were chosen last. This is no module: it runs before the page is painted, so
// that a dark page never flashes white.
{
  const kName = "nestvec-theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");
  const other = () => (current() === "dark" ? "light" : "dark");
  try {
    const chosen = localStorage.getItem(kName);
    if (["light", "dark"].includes(chosen)) root.dataset.theme = chosen;
  } catch { /* storage may be blocked: then the system's theme it is */ }

  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("#theme");
    if (!button) return;
    const show = () => { button.textContent = other() === "dark" ? "Dark mode" : "Light mode"; };
    button.addEventListener("click", () => {
      root.dataset.theme = other();
      try {
        localStorage.setItem(kName, root.dataset.theme);
      } catch { /* see above */ }
      show();
    });
    dark.addEventListener("change", show);
    show();
  });
}
