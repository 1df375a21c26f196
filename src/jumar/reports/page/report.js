"use strict";
// Sorting and filtering of the table of experiments. The page is complete without it.
(() => {
  const table = document.getElementById("experiments");
  const controls = document.getElementById("controls");
  if (!table || !controls) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const text = controls.querySelector("input");
  const decision = controls.querySelector("select");
  const shown = controls.querySelector("output");
  const haystack = rows.map((row) => row.textContent.toLowerCase());

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, n) => {
      const fits = (!decision.value || row.dataset.d === decision.value) && words.every((word) => haystack[n].includes(word));
      row.hidden = !fits;
      count += fits;
    });
    shown.textContent = count.toLocaleString("en") + " shown";
  };

  // A cell is compared as a number where it is one; cells without anything always come last.
  const key = (row, column) => {
    const said = row.cells[column].textContent.trim();
    if (!said) return null;
    const number = Number.parseFloat(said.replace(/,/g, ""));
    return Number.isNaN(number) ? said.toLowerCase() : number;
  };
  const compare = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
  const sort = (column, header) => {
    const down = header.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keyed = rows.map((row) => [key(row, column), row]);
    keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : down ? compare(b, a) : compare(a, b)));
    body.append(...keyed.map(([, row]) => row));
  };

  table.querySelectorAll("thead th").forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(column, header));
  });
  text.addEventListener("input", filter);
  decision.addEventListener("change", filter);
  controls.hidden = false;
  filter();

  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();
})();
