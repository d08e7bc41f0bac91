// Runs before the first paint: resolves "auto" to what the system prefers, so that no page flashes in the wrong theme.
(function () {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const choice = root.dataset.themeChoice || "auto";
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new CustomEvent("boss:theme"));
  }
  apply();
  dark.addEventListener("change", apply);
  window.bossApplyTheme = apply;
})();
