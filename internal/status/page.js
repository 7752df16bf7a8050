// Fetches the page again and swaps what it shows. Without scripts the page
// reloads itself.
(() => {
  const lost = document.getElementById("lost");
  const every = 2000;
  let timer;

  async function refresh() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        await swap();
        recovered();
      } catch {
        alarm();
      }
      timer = setTimeout(refresh, every);
    }
  }

  async function swap() {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = fresh.querySelector("main");
    const old = document.querySelector("main");
    if (now.dataset.build !== old.dataset.build) return location.reload();
    document.title = fresh.title;
    document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
    if (selecting(old) || typing(old)) return; // an id that is being copied stays, and a form that is being filled
    for (const open of old.querySelectorAll("details[open]")) now.querySelector("#" + open.id)?.setAttribute("open", "");
    const focused = document.activeElement?.closest("details")?.id;
    old.replaceWith(now);
    if (focused) now.querySelector("#" + focused + " summary")?.focus();
  }

  function selecting(main) {
    const s = getSelection();
    return !s.isCollapsed && main.contains(s.anchorNode);
  }

  function typing(main) {
    return document.activeElement?.matches("input") && main.contains(document.activeElement);
  }

  function recovered() {
    lost.hidden = true;
    document.body.classList.remove("stale");
  }

  function alarm() {
    if (!lost.hidden) return;
    lost.textContent = "The exporter does not answer. This page shows its state at " +
      document.querySelector("main").dataset.at + " UTC.";
    lost.hidden = false;
    document.body.classList.add("stale");
    document.title = "No answer · airudder-exporter";
  }

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, every);
})();
