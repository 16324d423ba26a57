"use strict";
(() => {
  const form = document.querySelector(".filter");
  const fields = ["q", "target", "law", "verdict"];
  const rows = [...document.querySelectorAll("tr[data-v]")];
  const sections = new Map([...document.querySelectorAll(".case[data-case]")].map((it) => [it.dataset.case, it]));
  const targets = [...form.target.options].slice(1).map((it) => it.value);
  const laws = [...form.law.options].slice(1).map((it) => it.value);
  const codes = Object.fromEntries([...form.verdict.options].slice(1).map((it) => [it.value, it.dataset.code]));

  const matches = (row, want) => {
    if (want.q && !want.words.every((word) => row.dataset.text.includes(word))) return false;
    if (!want.target && !want.law && !want.verdict) return true;
    const words = row.dataset.v.split(" ");
    return targets.some((target, at) => {
      if (want.target && want.target !== target) return false;
      const word = words[words.length === 1 ? 0 : at];
      const seen = want.law ? word[laws.indexOf(want.law)] || "." : word;
      return want.verdict ? seen.includes(codes[want.verdict]) : /[^.]/.test(seen);
    });
  };

  const apply = () => {
    const want = Object.fromEntries(fields.map((name) => [name, form[name].value.trim()]));
    want.words = want.q.toLowerCase().split(/\s+/);
    const active = fields.some((name) => want[name]);
    let shown = 0;
    for (const row of rows) {
      const fits = !active || matches(row, want);
      row.hidden = !fits;
      shown += fits;
      const section = sections.get(row.dataset.case);
      if (section) section.hidden = !fits;
    }
    for (const file of document.querySelectorAll(".file")) {
      const some = [...file.querySelectorAll("tr[data-v]")].some((row) => !row.hidden);
      file.hidden = !some;
      if (active) file.open = some;
    }
    for (const group of document.querySelectorAll(".told")) {
      const all = [...group.querySelectorAll(".case")];
      group.hidden = active && all.every((it) => it.hidden);
    }
    form.querySelector("output").textContent = `${shown} of ${rows.length} cases`;
  };

  const toUrl = () => {
    const query = new URLSearchParams(fields.filter((name) => form[name].value).map((name) => [name, form[name].value]));
    const text = query.toString();
    history.replaceState(null, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
  };
  const fromUrl = () => {
    const query = new URLSearchParams(location.search);
    for (const name of fields) {
      form[name].value = query.get(name) || "";
      if (form[name].selectedIndex === -1) form[name].value = "";
    }
    apply();
  };
  const reveal = () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* an id as it stands */ }
    const found = name && document.getElementById(name);
    if (!found) return;
    if (found.closest("[hidden]")) { form.reset(); toUrl(); apply(); }
    for (let it = found; it; it = it.parentElement) if (it.tagName === "DETAILS") it.open = true;
    found.scrollIntoView();
  };

  form.hidden = false;
  form.addEventListener("input", () => { toUrl(); apply(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { toUrl(); apply(); }));
  addEventListener("hashchange", reveal);
  addEventListener("popstate", () => { fromUrl(); reveal(); });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.q.focus();
      form.scrollIntoView({ block: "center" });
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='?']");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      history.pushState(null, "", link.getAttribute("href"));
      fromUrl();
      reveal();
    }
    const same = event.target.closest("a[href^='#']");
    if (same && same.hash === location.hash) reveal();
  });

  for (const box of document.querySelectorAll(".script")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the script for ${box.dataset.target}`);
    button.addEventListener("click", async () => {
      const text = box.querySelector("pre").textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(box.querySelector("pre"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.append(button);
  }
  fromUrl();
  reveal();
})();
