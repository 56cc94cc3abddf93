"use strict";
// The league table: a header sorts its column, then turns it round; filters hide rows.
(() => {
  const table = document.getElementById("league-table");
  const form = document.getElementById("filters");
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];

  const order = (row, column) => {
    const said = row.cells[column].dataset.order;
    return said === undefined ? null : Number(said);
  };

  const sort = (column) => {
    const header = headers[column];
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sorted = [...rows].sort((left, right) => {
      const [a, b] = [order(left, column), order(right, column)];
      if (a === null || b === null) return (a === null) - (b === null); // what has no value is last, either way
      return down ? b - a : a - b;
    });
    body.append(...sorted);
  };

  const filter = () => {
    const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = [...form.querySelectorAll("select")].filter((select) => select.value !== "");
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits =
        words.every((word) => text.includes(word)) &&
        chosen.every((select) => row.cells[select.dataset.column].dataset.text === select.value);
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} rows`;
  };

  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(column));
    header.replaceChildren(button);
  });
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter)); // the fields change after the event
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
