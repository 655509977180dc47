/**
 * Divide a box among weights, which are all larger than 0 and come with the largest first.
 *
 * Squarified treemaps (Bruls, Huizing, van Wijk, 2000): cells fill rows along the shorter side of
 * what is left, and a row takes another cell as long as its cells become less oblong by that.
 */
function squarify(weights, box) {
  let { x, y, width, height } = box;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const areas = weights.map((weight) => (weight / total) * width * height);
  const boxes = [];
  while (boxes.length < areas.length) {
    const side = Math.min(width, height);
    const row = nextRow(areas, boxes.length, side);
    const sum = row.reduce((all, area) => all + area, 0);
    const depth = side > 0 ? sum / side : 0;
    let along = 0;
    for (const area of row) {
      const length = sum > 0 ? (area / sum) * side : 0;
      boxes.push(
        width < height
          ? { x: x + along, y, width: length, height: depth }
          : { x, y: y + along, width: depth, height: length },
      );
      along += length;
    }
    if (width < height) [y, height] = [y + depth, height - depth];
    else [x, width] = [x + depth, width - depth];
  }
  return boxes;
}

/** Return the areas from `start` on that make the best row along `side`: at least one. */
function nextRow(areas, start, side) {
  const row = [areas[start]];
  let sum = areas[start];
  let oblong = oblongness(sum, areas[start], areas[start], side);
  for (const area of areas.slice(start + 1)) {
    const next = oblongness(sum + area, areas[start], area, side);
    if (!(next <= oblong)) break;
    row.push(area);
    sum += area;
    oblong = next;
  }
  return row;
}

/** Return how oblong the worst cell of a row is, 1 for a square, by its largest and smallest. */
function oblongness(sum, largest, smallest, side) {
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
}
