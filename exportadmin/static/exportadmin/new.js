// The live plan of the form: what went wrong is said where the plan stands, and only a plan is ever put there.
(() => {
  const show = (text) => {
    const line = document.getElementById("plan-failed");
    line.textContent = text;
    line.hidden = !text;
  };
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id !== "plan") return;
    const requested = new URL(detail.pathInfo.finalRequestPath ?? detail.pathInfo.requestPath, location.href).pathname;
    const answered = new URL(detail.xhr.responseURL || requested, location.href).pathname;
    const signedOut = detail.xhr.status === 200 && answered !== requested;
    if (signedOut) detail.shouldSwap = false;
    show(signedOut ? "You are signed out. Sign in again in another tab: what you typed stays here."
      : detail.xhr.status >= 400 ? `The plan could not be made (${detail.xhr.status}). What you typed stays here; run it or try again.` : "");
  });
  document.addEventListener("htmx:sendError", ({ detail }) => {
    if (detail.target.id === "plan") show("The server cannot be reached. What you typed stays here.");
  });
})();
