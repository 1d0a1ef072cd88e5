"use strict";
// Columns sort by what their cells say, or by the number behind it; dashes stay last.
function key(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = Number(text);
  return { text, number: text === "" || Number.isNaN(number) ? null : number };
}
function compare(one, other) {
  if (one.number !== null && other.number !== null) return one.number - other.number;
  if (one.number !== null || other.number !== null) return one.number === null ? 1 : -1;
  return one.text.localeCompare(other.text, undefined, { numeric: true });
}
function sort(table, column, falling) {
  const body = table.tBodies[0];
  const empty = (row) => ["", "–"].includes(row.cells[column].textContent.trim());
  const rows = [...body.rows].map((row) => ({ row, key: key(row, column), empty: empty(row) }));
  rows.sort((a, b) => a.empty - b.empty || (falling ? -1 : 1) * compare(a.key, b.key));
  body.append(...rows.map((entry) => entry.row));
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      sort(table, column, falling);
    });
  });
}
// What is folded is printed all the same.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    addEventListener("afterprint", () => { part.open = false; }, { once: true });
  }
});
