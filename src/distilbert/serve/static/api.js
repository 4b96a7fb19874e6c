// Requests to the server that the page came from.

const STORED = "distilbert-key"; // for as long as the tab is open

/** Where the routes begin: the page is at `/` and at `/docs` below it. */
export const base = new URL(location.pathname.replace(/docs\/?$/, ""), location.origin);

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (value) => sessionStorage.setItem(STORED, value),
  forget: () => sessionStorage.removeItem(STORED),
};

/**
 * GET without a body, POST with one.
 *
 * Gives the status (0: no answer), the text, the JSON in it or null, and what the server says of time and tokens.
 */
export async function ask(path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  const started = performance.now();
  try {
    const method = body === undefined ? "GET" : "POST";
    const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const response = await fetch(new URL(path, base), { method, headers, body: sent });
    const text = await response.text();
    return {
      status: response.status,
      text,
      json: parsed(text),
      milliseconds: performance.now() - started,
      timing: response.headers.get("Server-Timing"),
      tokens: response.headers.get("X-Compute-Tokens"),
      id: response.headers.get("X-Request-Id"),
    };
  } catch (error) {
    return { status: 0, text: String(error), json: null, milliseconds: performance.now() - started };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What went wrong, in the server's words. */
export function errorOf(answer) {
  if (answer.status === 0) return "The server does not answer.";
  const error = answer.json?.error;
  return error?.message ?? error ?? answer.text;
}

/** How long an answer took, and of how many tokens it is. */
export function costOf(answer) {
  const parts = [`${answer.milliseconds.toFixed(1)} ms`];
  const spans = Object.fromEntries([...(answer.timing ?? "").matchAll(/(\w+);dur=([\d.]+)/g)].map((found) => found.slice(1)));
  if (spans.run) parts.push(`${spans.run} ms in the model`, `${spans.wait} ms in the queue`);
  if (answer.tokens) parts.push(`${answer.tokens} tokens`);
  return parts.join(", ");
}
