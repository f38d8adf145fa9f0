// Fingers, trackpads and wheels on a chart: one finger reads the values below it, two
// stretch and move the time; a pinch or Ctrl and the wheel zoom, a sideways wheel moves.

import * as view from "./view.js";

/// Fingers that are closer than this stretch nothing.
const LEAST_PIXELS = 12;
/// How much a turn of the wheel zooms.
const WHEEL = 0.004;

/// Makes `frame` understand them. `area` is the rectangle of the drawing, or null
/// while there is none; `read` shows the values at so many pixels from its left.
export function makeTouch(frame, area, read) {
  const fingers = new Map();
  /// The times that the two fingers hold.
  let held = null;

  const timeAt = (x, box) => {
    const [from, to] = view.range();
    return from + ((x - box.left) / box.width) * (to - from);
  };

  const hold = () => {
    const box = area();
    held = box && fingers.size === 2 ? [...fingers.values()].map((x) => timeAt(x, box)) : null;
  };

  /// Puts the times that are held below the fingers that hold them.
  const stretch = () => {
    const box = area();
    if (!box || !held) return;
    const [a, b] = [...fingers.values()];
    const secondsPerPixel = (held[1] - held[0]) / (b - a);
    if (Math.abs(b - a) < LEAST_PIXELS || !(secondsPerPixel > 0)) return;
    const from = held[0] - (a - box.left) * secondsPerPixel;
    view.zoom(from, from + box.width * secondsPerPixel);
  };

  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event.clientX);
    hold();
  });
  frame.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event.clientX);
    const box = area();
    if (fingers.size === 2) stretch();
    else if (fingers.size === 1 && box) read(event.clientX - box.left);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, (event) => {
      if (fingers.delete(event.pointerId)) hold();
    });
  }
  frame.addEventListener("wheel", (event) => {
    const box = area();
    if (!box) return;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) && view.isFixed();
    if (event.ctrlKey) view.stretch(Math.exp(event.deltaY * WHEEL), timeAt(event.clientX, box));
    else if (sideways) view.move(event.deltaX / box.width);
    else return;
    event.preventDefault();
  }, { passive: false });
}
