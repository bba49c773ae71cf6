// Follows the system's light or dark setting, unless the person has chosen one: then the server has written it into the
// page. Runs before the first paint, so it must stay this small.
(() => {
  const root = document.documentElement;
  if (root.dataset.theme) return;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  paint();
  dark.addEventListener("change", paint);
})();
