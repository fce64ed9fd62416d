"use strict";
// The page says all of this without a script too: titles of marks are tooltips of the browser.
(() => {
  const all = (selector) => document.querySelectorAll(selector);
  document.documentElement.classList.add("js");

  const tip = document.getElementById("tip");
  for (const title of all("svg .m > title")) {
    const mark = title.parentNode;
    mark.dataset.tip = title.textContent;
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  const show = (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.tip;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const below = event.clientY + 18;
    const top = below + box.height > innerHeight ? event.clientY - box.height - 10 : below;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.max(8, top) + "px";
  };
  addEventListener("pointermove", show, { passive: true });
  addEventListener("pointerdown", show, { passive: true });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  for (const chip of all(".chip")) {
    chip.addEventListener("click", () => {
      const shown = chip.getAttribute("aria-pressed") === "false";
      chip.setAttribute("aria-pressed", String(shown));
      for (const mark of all(".lanes .m.c" + chip.dataset.class)) {
        mark.style.display = shown ? "" : "none";
      }
    });
  }

  const filter = document.getElementById("filter");
  if (filter) filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of all("[data-name]")) {
      const name = item.dataset.name.toLowerCase();
      item.hidden = !words.every((word) => name.includes(word));
    }
  });
})();
