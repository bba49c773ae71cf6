// A box with data-select-all="name" ticks all boxes of that name on the page, or none; how many are ticked stands in
// data-select-count="name", in the place of # in its data-select-text. Menus close when something beside them is clicked, and with Escape. Without script the boxes are
// ticked one by one, and menus close by what opened them.
(() => {
  const boxes = (name) => [...document.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(name)}"]`)];
  const show = () => {
    for (const place of document.querySelectorAll("[data-select-count]")) {
      const count = boxes(place.dataset.selectCount).filter((box) => box.checked).length;
      const text = place.dataset.selectText.replace("#", count);
      if (place.textContent !== text) place.textContent = text; // what is written again is read out again
    }
    for (const all of document.querySelectorAll("[data-select-all]")) {
      const ticked = boxes(all.dataset.selectAll).map((box) => box.checked);
      all.checked = ticked.length > 0 && ticked.every(Boolean);
      all.indeterminate = !all.checked && ticked.some(Boolean);
    }
  };
  document.addEventListener("change", ({ target }) => {
    const name = target.dataset.selectAll;
    if (name) for (const box of boxes(name)) box.checked = target.checked;
    show();
  });
  window.addEventListener("pageshow", show);
  show();

  const open = () => document.querySelector("details.ea-menu[open]");
  document.addEventListener("click", (event) => {
    const menu = open();
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = open();
    if (event.key !== "Escape" || !menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
})();
