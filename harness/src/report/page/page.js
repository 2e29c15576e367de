// What the page can do beyond being read: theme, sorting, filtering, opening what a link leads to. Plain, and nothing is fetched.
"use strict";
(() => {
  const root = document.documentElement;
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Theme: the system's, until the reader says otherwise. A file opened from disk may have no storage.
  const store = {
    get: () => { try { return localStorage.getItem("lockstep-theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("lockstep-theme", theme); } catch { /* it lasts as long as the page */ } },
  };
  const isDark = () => {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const chosen = store.get();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  const theme = make("button", { type: "button", className: "theme", id: "theme" });
  const showTheme = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store.set(root.dataset.theme);
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();
  document.querySelector("header .title").append(theme);

  // Sorting: a button in each column's head. Numbers by value, what has none last; words as people sort them.
  const words = new Intl.Collator("en", { numeric: true });
  const sortable = (table) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    if (body.rows.length < 2) return;
    const key = (row, column) => {
      const cell = row.cells[column];
      const value = cell.dataset.value;
      return { number: value === undefined ? null : Number(value), text: cell.textContent.trim() };
    };
    const sort = (column, ascending) => {
      const direction = ascending ? 1 : -1;
      const numeric = heads[column].classList.contains("number");
      const rows = [...body.rows].map((row) => ({ row, key: key(row, column) }));
      rows.sort((a, b) => {
        if (!numeric) return direction * words.compare(a.key.text, b.key.text);
        if (a.key.number === null || b.key.number === null) return (a.key.number === null) - (b.key.number === null);
        return direction * (a.key.number - b.key.number);
      });
      body.append(...rows.map((r) => r.row));
    };
    heads.forEach((head, column) => {
      head.setAttribute("aria-sort", "none");
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Numbers start with the highest, words with the first.
        const before = head.getAttribute("aria-sort");
        const ascending = before === "none" ? !head.classList.contains("number") : before === "descending";
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        sort(column, ascending);
      });
    });
  };

  // Filtering: long tables show the rows that hold all the words typed.
  let filters = 0;
  const filterable = (region) => {
    const rows = [...region.querySelectorAll("tbody tr")];
    const id = `filter-${++filters}`;
    const caption = region.querySelector("caption").textContent;
    const input = make("input", { type: "search", id, autocomplete: "off", spellcheck: false, placeholder: "Filter rows" });
    const status = make("span", { className: "status", role: "status" });
    const label = make("label", { htmlFor: id, className: "hidden", textContent: `Filter: ${caption}` });
    region.before(make("p", { className: "filter" }, label, input, status));
    const apply = () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !wanted.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      status.textContent = wanted.length ? `${shown} of ${rows.length} rows` : "";
    };
    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { input.value = ""; apply(); }
    });
  };

  // Parts: a link into a closed one opens it; an opened one can be linked to.
  const lead = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
    (target.querySelector(":scope > summary") ?? target).focus({ preventScroll: true });
  };
  const openable = (section) => {
    const parts = [...section.querySelectorAll("details.part")];
    if (parts.length < 2) return;
    const button = make("button", { type: "button", className: "all" });
    const show = () => { button.textContent = parts.every((p) => p.open) ? "Close all" : "Open all"; };
    button.addEventListener("click", () => {
      const open = !parts.every((p) => p.open);
      parts.forEach((p) => { p.open = open; });
      show();
    });
    parts.forEach((p) => p.addEventListener("toggle", show));
    show();
    parts[0].before(button);
  };

  document.querySelectorAll("table").forEach(sortable);
  document.querySelectorAll(".scroll[data-filter]").forEach(filterable);
  document.querySelectorAll("main > section").forEach(openable);
  // Only what scrolls needs to be reached with the keyboard.
  const reach = () => document.querySelectorAll(".scroll").forEach((region) => {
    if (region.scrollWidth > region.clientWidth + 1) region.tabIndex = 0; else region.removeAttribute("tabindex");
  });
  document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", reach));
  addEventListener("resize", reach);
  reach();
  // Paper cannot be opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")].filter((p) => p.querySelectorAll("tr").length < 40);
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
  addEventListener("hashchange", lead);
  lead();
})();
