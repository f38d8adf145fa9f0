// Asking the server. A server that is not on loopback wants its token for what
// changes state: it is asked for once and kept as long as this page is open.

import { byId } from "./dom.js";

const PATIENCE_MS = 15000;
let token = "";

function wording(detail, status) {
  if (Array.isArray(detail)) return detail.map((one) => `${one.loc[one.loc.length - 1]}: ${one.msg}`).join("; ");
  return detail || `the server answered ${status}`;
}

async function send(path, options) {
  const headers = { ...options.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  const answer = await response.json();
  return { response, answer };
}

/// Asks for the token; resolves to whether one was given.
function askForToken(why) {
  const dialog = byId("token-dialog");
  byId("token-why").textContent = why;
  byId("token").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "use") token = byId("token").value.trim();
      resolve(dialog.returnValue === "use" && token !== "");
    }, { once: true });
  });
}

/// The JSON that a route answers.
/// Throws an error with the server's own words; its `answer` and `status` are kept.
export async function ask(path, options = {}) {
  let { response, answer } = await send(path, options);
  if (response.status === 401 && await askForToken(wording(answer.detail, 401))) {
    ({ response, answer } = await send(path, options));
    if (response.status === 401) token = "";
  }
  if (!response.ok) {
    throw Object.assign(new Error(wording(answer.detail, response.status)), { status: response.status, answer });
  }
  return answer;
}

export const post = (path) => ask(path, { method: "POST" });
