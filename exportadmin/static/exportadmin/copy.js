// A button with data-copy="text" copies the text, one with data-copy-from="id" that element's text or value, and says so.
// Without script or clipboard the text can be selected by hand; such buttons are hidden then (see app.css).
(() => {
  document.documentElement.classList.add("ea-has-script");
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy], button[data-copy-from]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copyFrom);
    const text = source ? source.value ?? source.textContent : button.dataset.copy;
    const words = button.textContent;
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(text.trim());
    } catch {
      if (source) window.getSelection().selectAllChildren(source);
      said = "Select and copy it";
    }
    button.textContent = said;
    setTimeout(() => { button.textContent = words; }, 2000);
  });
})();
