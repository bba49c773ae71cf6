// Of the options of all formats those of the one that is chosen are shown; a browser may fill the choice in itself.
(() => {
  const show = () => {
    const chosen = document.getElementById("convert-format")?.value;
    for (const options of document.querySelectorAll(".rp-of-format")) {
      options.classList.toggle("is-chosen", options.dataset.format === chosen);
    }
  };
  document.addEventListener("change", show);
  addEventListener("pageshow", show);
})();
