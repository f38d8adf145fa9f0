// What is drawn over the lines of a chart: thresholds and healing actions.

import { styled } from "./dom.js";

const COLORS = { verified: "--good", failed: "--bad", pending: "--mark", inconclusive: "--warn" };

/// Where a line one pixel wide is drawn on one pixel.
const sharp = (place) => Math.floor(place) + 0.5;

/// A sign for each verdict, so that colour is not all that tells them apart.
function sign(context, verdict, x, y, size) {
  context.beginPath();
  if (verdict === "failed") {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
    context.stroke();
  } else if (verdict === "verified") {
    context.moveTo(x, y + size);
    context.lineTo(x - size, y - size);
    context.lineTo(x + size, y - size);
    context.closePath();
    context.fill();
  } else {
    context.arc(x, y, size, 0, 2 * Math.PI);
    if (verdict === "pending") context.stroke();
    else context.fill();
  }
}

/// Draws thresholds with their values and actions with their verdicts.
export function draw(plot, thresholds, actions) {
  const { ctx: context, bbox } = plot;
  const pixel = devicePixelRatio;
  const right = bbox.left + bbox.width;
  context.save();
  context.lineWidth = Math.round(pixel);
  context.font = `${11 * pixel}px system-ui, sans-serif`;
  context.textAlign = "left";
  context.strokeStyle = styled("--limit");
  context.fillStyle = styled("--limit");
  context.setLineDash([6 * pixel, 4 * pixel]);
  const labels = [];
  for (const { value } of thresholds) {
    const y = sharp(plot.valToPos(value, "y", true));
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
    context.beginPath();
    context.moveTo(bbox.left, y);
    context.lineTo(right, y);
    context.stroke();
    // Labels of thresholds that are close stand side by side.
    const beside = labels.filter((label) => Math.abs(label - y) < 13 * pixel).length;
    labels.push(y);
    context.fillText(value.toLocaleString("en"), bbox.left + (4 + 34 * beside) * pixel, y - 4 * pixel);
  }
  context.setLineDash([]);
  for (const action of actions) {
    const x = sharp(plot.valToPos(action.unix, "x", true));
    if (x < bbox.left || x > right) continue;
    const color = styled(COLORS[action.verdict] || "--mark");
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = Math.round(pixel);
    context.globalAlpha = 0.55;
    context.beginPath();
    context.moveTo(x, bbox.top);
    context.lineTo(x, bbox.top + bbox.height);
    context.stroke();
    context.globalAlpha = 1;
    context.lineWidth = 1.8 * pixel;
    sign(context, action.verdict, x, bbox.top - 5 * pixel, 4 * pixel);
  }
  context.restore();
}

/// The action whose marker is next to `left`, at most `reach` away.
export function nearest(plot, actions, left, reach) {
  let found = null;
  let least = reach;
  for (const action of actions) {
    const distance = Math.abs(plot.valToPos(action.unix, "x") - left);
    if (distance <= least) {
      found = action;
      least = distance;
    }
  }
  return found;
}
