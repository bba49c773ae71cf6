// A number that is typed means "Another time", which needs no click of its own then.
(() => {
  const amount = document.querySelector("input[name=amount]");
  const another = document.querySelector("input[name=last][value=other]");
  amount.addEventListener("input", () => {
    if (amount.value.trim()) another.checked = true;
  });
})();
