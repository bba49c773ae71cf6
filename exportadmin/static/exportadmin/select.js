// A button with data-select-all="name" ticks all boxes of that name, or none where all are ticked; how many are
// ticked stands in data-select-count. Without script the boxes are ticked one by one.
(() => {
  const boxes = (name) => [...document.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(name)}"]`)];
  const show = () => {
    for (const place of document.querySelectorAll("[data-select-count]")) {
      const count = boxes(place.dataset.selectCount).filter((box) => box.checked).length;
      place.textContent = count ? ` (${count})` : "";
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-select-all]");
    if (!button) return;
    const all = boxes(button.dataset.selectAll);
    const tick = all.some((box) => !box.checked);
    for (const box of all) box.checked = tick;
    show();
  });
  document.addEventListener("change", show);
  show();
})();
