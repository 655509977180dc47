/* The map: one node of the tree at a time, its parts as cells, and theirs inside of them. */

const ORIGINS = { base: "base system", conda: "conda", pip: "pip", other: "other files" };
const NAME = { width: 40, height: 22 };  // pixels of the smallest cell with a name
const SIZE = { width: 64, height: 40 };  // of one with its size below
const PARTS = { width: 90, height: 64, head: 24, edge: 3, least: 3 };  // and of one with its parts

const image = JSON.parse(document.getElementById("data").textContent);
const where = document.getElementById("where");
const map = document.getElementById("map");
const path = document.getElementById("path");
const tip = document.getElementById("tip");
const nodes = new WeakMap();  // of elements
let shown = image;
let measure = "bytes";
let drawn;  // how large the map was then

/** Give each node what its parents tell; `places` lead to it. */
function prepare(node, parent, places) {
  node.parent = parent;
  node.address = `#/${places.join("/")}`;
  node.layer = places[0];
  node.origin ??= parent?.origin;
  node.compressed ??= parent.bytes ? (parent.compressed * node.bytes) / parent.bytes : 0;
  node.children?.forEach((child, place) => prepare(child, node, [...places, place]));
}

/** Return the node that `address` leads to, or as far as it does; one that has parts. */
function nodeAt(address) {
  let node = image;
  for (const place of address.split("/").slice(1)) {
    const next = node.children[place];
    if (next?.children === undefined) break;
    node = next;
  }
  return node;
}

function formatSize(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  for (; size >= 999.5 && power < units.length - 1; power++) size /= 1000;
  return `${size.toFixed(power === 0 || size >= 99.95 ? 0 : 1)} ${units[power]}`;
}

function formatShare(part, whole) {
  return `${(whole ? Math.floor((part / whole) * 1000) / 10 : 0).toFixed(1)} %`;
}

function kindOf(node) {
  if (node.kind === "image") return "image";
  if (node.kind === "layer") return `layer ${node.layer}`;
  return `${node.kind === "rest" ? "files" : node.kind}, ${ORIGINS[node.origin]}`;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Yield each part that has an area in `box`, with that area. */
function* placed(node, box) {
  const parts = (node.children ?? []).filter((child) => child[measure] > 0);
  parts.sort((one, other) => other[measure] - one[measure]);
  const boxes = squarify(parts.map((part) => part[measure]), box);
  for (const [number, part] of parts.entries()) yield [part, boxes[number]];
}

/** Put an element where `box` is; shares of `whole`, so that paper may be of another width. */
function place(made, box, whole) {
  made.style.left = `${(box.x / whole.width) * 100}%`;
  made.style.top = `${(box.y / whole.height) * 100}%`;
  made.style.width = `${(box.width / whole.width) * 100}%`;
  made.style.height = `${(box.height / whole.height) * 100}%`;
}

function fits(box, room) {
  return box.width >= room.width && box.height >= room.height;
}

function label(node, box) {
  const lines = [];
  if (fits(box, NAME)) lines.push(element("span", "name", node.name));
  if (fits(box, SIZE)) lines.push(element("span", "size", formatSize(node[measure])));
  return lines;
}

/** Show the parts of a node below its head, and theirs, as far as there is room. */
function inside(node, box) {
  const room = { x: 0, y: 0, width: box.width - 2 * PARTS.edge - 2, height: box.height - PARTS.head - PARTS.edge - 2 };
  const all = element("span", "inside");
  for (const [part, area] of placed(branching(node), room)) {
    if (area.width < PARTS.least || area.height < PARTS.least) continue;
    const made = element("span", `part kind-${part.kind}`);
    if (part.origin !== node.origin) made.classList.add(`from-${part.origin}`);
    made.append(...contents(part, area));
    place(made, area, room);
    nodes.set(made, part);
    all.append(made);
  }
  return all;
}

/** Return the first node from `node` on that is not all in one of its parts. */
function branching(node) {
  const parts = (node.children ?? []).filter((child) => child[measure] > 0);
  return parts.length === 1 && parts[0].children ? branching(parts[0]) : node;
}

function contents(node, box) {
  if (!node.children || !fits(box, PARTS)) return label(node, box);
  return [element("span", "name", `${node.name}  ${formatSize(node[measure])}`), inside(node, box)];
}

function cell(node, box) {
  const leads = node.children !== undefined;
  const made = element(leads ? "a" : "span", `cell from-${node.origin} kind-${node.kind}`);
  if (leads) made.href = node.address;
  else {
    made.tabIndex = 0;
    made.setAttribute("role", "img");
  }
  const share = formatShare(node[measure], image[measure]);
  made.setAttribute("aria-label", `${node.name}, ${kindOf(node)}: ${formatSize(node[measure])}, ${share} of the image`);
  made.append(...contents(node, box));
  nodes.set(made, node);
  return made;
}

function draw() {
  const whole = { x: 0, y: 0, width: map.clientWidth, height: map.clientHeight };
  const items = [];
  for (const [node, box] of placed(shown, whole)) {
    const item = document.createElement("li");
    item.append(cell(node, box));
    place(item, box, whole);
    items.push(item);
  }
  map.replaceChildren(...items);
  drawn = whole;
  tip.hidden = true;
  path.replaceChildren(...trail());
  document.getElementById("summary").textContent = summary(shown);
}

function trail() {
  const items = [];
  for (let node = shown; node; node = node.parent) {
    const item = document.createElement("li");
    const step = element(node === shown ? "span" : "a", "", node.name);
    if (node === shown) step.setAttribute("aria-current", "location");
    else step.href = node.address;
    item.append(step);
    items.unshift(item);
  }
  return items;
}

function* legend() {
  const found = new Set(image.children.flatMap((layer) => (layer.children ?? []).map((part) => part.origin)));
  for (const [origin, words] of Object.entries(ORIGINS)) {
    if (!found.has(origin)) continue;
    const item = element("li", "", words);
    item.prepend(element("span", `swatch from-${origin}`));
    yield item;
  }
}

function summary(node) {
  const both = `${formatSize(node.bytes)} unpacked, ${formatSize(node.compressed)} compressed`;
  if (node === image) return both;
  return `${kindOf(node)}: ${both}, ${formatShare(node[measure], image[measure])} of the image`;
}

/** Show what the address asks for; whoever uses the keyboard stays in the map. */
function go() {
  if (!location.hash.startsWith("#/") && location.hash !== "") return;
  const before = shown;
  const focused = document.activeElement === document.body || where.contains(document.activeElement);
  shown = nodeAt(location.hash);
  draw();
  if (!focused) return;
  const cells = [...map.querySelectorAll(".cell")];
  let from = before;
  while (from && from.parent !== shown) from = from.parent;
  (cells.find((each) => nodes.get(each) === from) ?? cells[0])?.focus({ preventScroll: true });
}

function leave(event) {
  const elsewhere = event.target !== document.body && !where.contains(event.target);
  const combined = event.ctrlKey || event.altKey || event.metaKey || event.shiftKey;
  if (elsewhere || combined || !["Escape", "Backspace"].includes(event.key) || !shown.parent) return;
  event.preventDefault();
  location.hash = shown.parent.address;
}

function tell(made, x, y) {
  const node = nodes.get(made);
  tip.hidden = node === undefined;
  if (tip.hidden) return;
  const parent = node.parent === image ? "" : `, ${formatShare(node[measure], node.parent[measure])} of ${node.parent.name}`;
  tip.textContent = [
    node.name,
    kindOf(node),
    `${formatSize(node.bytes)} unpacked, ${formatSize(node.compressed)} compressed`,
    `${formatShare(node[measure], image[measure])} of the image${parent}`,
  ].join("\n");
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - tip.offsetWidth - 8))}px`;
  const below = y + 18 + tip.offsetHeight < innerHeight;
  tip.style.top = `${below ? y + 18 : Math.max(8, y - tip.offsetHeight - 8)}px`;
}

/** Tell of what the keyboard is at, where it is now; of nothing else. */
function tellFocused() {
  tip.hidden = true;
  const focused = document.activeElement;
  if (!map.contains(focused) || !focused.matches(":focus-visible")) return;
  const box = focused.getBoundingClientRect();
  tell(focused, box.left, box.top + Math.min(box.height, PARTS.head));
}

prepare(image, null, []);
document.getElementById("legend").append(...legend());
where.hidden = image.children.length === 0;
shown = nodeAt(location.hash);
draw();
new ResizeObserver(() => {
  if (map.clientWidth !== drawn.width || map.clientHeight !== drawn.height) draw();
}).observe(map);
addEventListener("hashchange", go);
addEventListener("keydown", leave);
addEventListener("scroll", tellFocused, { passive: true });
map.addEventListener("pointermove", (event) => tell(event.target.closest(".part, .cell"), event.clientX, event.clientY));
map.addEventListener("pointerleave", () => { tip.hidden = true; });
map.addEventListener("focusin", tellFocused);
map.addEventListener("focusout", () => { tip.hidden = true; });
for (const each of document.getElementsByName("measure")) {
  each.addEventListener("change", () => {
    measure = each.value;
    draw();
  });
}
