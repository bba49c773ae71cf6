// What is typed into a form with data-draft (its address) stays in this tab, so that neither "back" nor signing in again
// loses it. Each entry of the tab's history has a draft of its own; a draft is filled in again for its own person alone.
(() => {
  const { user, signIn } = document.currentScript.dataset;
  const nameOf = (id) => `draft.${user}.${id}`;
  const read = (id) => JSON.parse(sessionStorage.getItem(nameOf(id)) ?? "null");
  const write = (id, value) => {
    try {
      sessionStorage.setItem(nameOf(id), JSON.stringify(value));
    } catch { /* full: then it is not kept */ }
  };
  const forget = (id) => sessionStorage.removeItem(nameOf(id));
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const form = document.querySelector("form[data-draft]");
  const signedInAgain = document.referrer !== "" && new URL(document.referrer).pathname === signIn;
  const last = signedInAgain || read("goes-on") ? read("last") : null;
  forget("goes-on");
  if (!form) { // the choice of a project, which comes between signing in and the form
    if (last) {
      write("goes-on", true);
      location.replace(last.address);
    }
    return;
  }

  const address = form.dataset.draft;
  const key = form.elements.namedItem("key");
  let id = history.state?.draft ?? (last?.address === address ? last.id : null);
  const draft = id && read(id);
  let isSent = false;
  if (!draft) forget("last");

  const isTicked = (control) => ["checkbox", "radio"].includes(control.type);
  const tell = (control) => `${control.name}\n${isTicked(control) ? control.value : ""}`;
  const controls = () => [...form.elements].filter(({ name, type }) => name && !["hidden", "password", "submit"].includes(type));

  const keep = () => {
    id ??= random();
    history.replaceState({ ...history.state, draft: id }, "");
    const typed = controls().map((control) => [tell(control), isTicked(control) ? control.checked : control.value]);
    write(id, { typed, key: key.value, isSent });
    write("last", { id, address });
  };

  form.addEventListener("input", () => {
    if (isSent) key.value = random(); // it is another request from now on
    isSent = false;
    keep();
  });
  form.addEventListener("submit", () => {
    isSent = true;
    keep();
  });

  if (!draft) return;
  const typed = new Map(draft.typed);
  const fillIn = () => {
    let changes = 0;
    for (const control of controls()) {
      const state = typed.get(tell(control)), property = isTicked(control) ? "checked" : "value";
      if (state === undefined || control[property] === state) continue;
      control[property] = state;
      control.closest("details")?.setAttribute("open", "");
      changes += 1;
    }
    return changes;
  };
  fillIn();
  key.value = draft.key;
  isSent = draft.isSent;
  keep();
  document.getElementById("draft-filled-in").hidden = false;
  // a browser may fill in what it remembers itself, after this; a page that it kept whole is as it was left
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted && fillIn()) document.getElementById("plan")?.dispatchEvent(new Event("restored"));
  });
})();
