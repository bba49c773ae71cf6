// Counts down what has data-seconds-left, in the words of exportadmin/lib/formatting.py. At the end it says so, and
// what stands in the same [data-ends] as an ".ea-state" becomes "Expired".
(() => {
  const words = (s) =>
    s < 60 ? `${s} s`
      : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s`
        : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
          : `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  const began = Date.now();
  const running = [...document.querySelectorAll("[data-seconds-left]")].map((element) => [element, Number(element.dataset.secondsLeft)]);
  const tick = () => {
    const gone = Math.floor((Date.now() - began) / 1000);
    for (const pair of running.slice()) {
      const [element, seconds] = pair;
      const left = seconds - gone;
      const said = left > 0 ? `${words(left)} left` : "time is up";
      if (element.textContent !== said) element.textContent = said;
      if (left > 0) continue;
      running.splice(running.indexOf(pair), 1);
      const state = element.closest("[data-ends]")?.querySelector(".ea-state");
      if (state) {
        state.className = "ea-state";
        state.textContent = "Expired";
        state.title = "Its time is over.";
      }
    }
    if (running.length) setTimeout(tick, 1000);
  };
  tick();
})();
