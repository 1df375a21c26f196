"use strict";
// Sorting and filtering of the table of experiments. The page is complete without it.
document.documentElement.classList.add("reading");  // what comes late in a long table waits for us
addEventListener("DOMContentLoaded", () => {
  const MOST = 500;  // rows at once: thousands take seconds to lay out
  const table = document.getElementById("experiments");
  const controls = document.getElementById("controls");
  if (!table || !controls) return;
  const body = table.tBodies[0];
  let rows = Array.from(body.rows);
  const text = controls.querySelector("input");
  const decision = controls.querySelector("select");
  const shown = controls.querySelector("output");
  const more = controls.querySelector("button");
  const haystack = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let most = MOST;

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const fits = (!decision.value || row.dataset.d === decision.value) && words.every((word) => haystack.get(row).includes(word));
      count += fits;
      row.hidden = !fits || count > most;
    });
    const said = count.toLocaleString("en") + (words.length || decision.value ? " found" : " experiments");
    shown.textContent = count > most ? said + ", " + most.toLocaleString("en") + " shown" : said;
    more.hidden = count <= most;
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
    rows = keyed.map(([, row]) => row);
    body.remove();
    filter();
    body.append(...rows);
    table.append(body);
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
  more.addEventListener("click", () => { most = Infinity; filter(); });
  controls.hidden = false;
  filter();
  document.documentElement.classList.remove("reading");

  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.tagName === "DETAILS") target.open = true;
    if (target.hidden) target.hidden = false;
    if (target.tagName === "DETAILS" || target.tagName === "TR") target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
});
