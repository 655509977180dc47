/* The tables: a click on a column sorts, and long ones can be filtered. */

const UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const LONG = 10;  // rows
const words = new Intl.Collator("en", { numeric: true });

/** Read what a number's cell begins with: "1,204", "35.2 MB", "32.1 %", "3, 4". */
function numberIn(text) {
  const found = /^([\d,]*\d(?:\.\d+)?)\s*([kMGT]?B)?/.exec(text);
  return found ? Number(found[1].replaceAll(",", "")) * (UNITS[found[2]] ?? 1) : -1;
}

function sortBy(header, rows) {
  const numbers = header.classList.contains("number");
  const first = numbers ? "descending" : "ascending";
  const second = numbers ? "ascending" : "descending";
  const direction = header.getAttribute("aria-sort") === first ? second : first;
  for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const textOf = (row) => row.cells[header.cellIndex].textContent;
  const compare = numbers
    ? (one, other) => numberIn(textOf(one)) - numberIn(textOf(other))
    : (one, other) => words.compare(textOf(one), textOf(other));
  const sign = direction === "ascending" ? 1 : -1;
  return rows.sort((one, other) => sign * compare(one, other));
}

function makeSortable(table) {
  const body = table.tBodies[0];
  for (const header of table.tHead.rows[0].cells) {
    const button = element("button", "", header.textContent);
    button.type = "button";
    button.addEventListener("click", () => body.append(...sortBy(header, [...body.rows])));
    header.replaceChildren(button);
  }
}

function makeFiltered(table, section) {
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  const field = element("input", "");
  field.type = "search";
  field.placeholder = "Filter";
  field.setAttribute("aria-label", `Filter: ${section.querySelector("h2").textContent}`);
  const count = element("output", "");
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const [row, text] of rows) row.hidden = !text.includes(wanted);
    const left = rows.filter(([row]) => !row.hidden).length;
    count.textContent = wanted ? `${left} of ${rows.length}` : "";
  });
  const both = element("div", "filter");
  both.append(count, field);
  section.querySelector(".controls").append(both);
}

for (const section of document.querySelectorAll("#tables section")) {
  const table = section.querySelector("table");
  makeSortable(table);
  if (table.tBodies[0].rows.length > LONG) makeFiltered(table, section);
}
