// A part of the page that asks for itself again and again says so when it gets no answer; the next answer replaces it.
(() => {
  const tell = (event) => {
    const note = event.target.querySelector?.(".ea-stale");
    if (note) note.hidden = false;
  };
  document.addEventListener("htmx:sendError", tell);
  document.addEventListener("htmx:responseError", tell);
  document.addEventListener("htmx:timeout", tell);
})();
