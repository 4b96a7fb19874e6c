// Answers as people look at them. Each function is given the answer, the values of the form and `model`, for more questions.

import { ask, errorOf } from "./api.js";
import { bar, element, scrolling } from "./elements.js";

const MASK = /\[MASK\]|<mask>/;
const WEIGHTS = 40; // words of a sparse vector that are shown

/** A score with digits that tell it from its neighbours. */
const number = (value) => (value === null ? "not a number" : value.toFixed(Math.abs(value) < 0.001 && value !== 0 ? 6 : 3));

/** Where scores lie between none and the greatest: of probabilities as they are. */
function shares(scores) {
  const least = Math.min(0, ...scores);
  const greatest = Math.max(1, ...scores);
  return scores.map((score) => (score - least) / (greatest - least || 1));
}

function bars(caption, names, scores, header = "Label") {
  const lengths = shares(scores);
  const rows = names.map((name, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", { class: "number" }, number(scores[index])),
      element("td", { class: "wide" }, bar(lengths[index])),
    ),
  );
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, header),
    element("th", { scope: "col", class: "number" }, "Score"),
    element("td", {}),
  );
  return element(
    "table",
    { class: "bars" },
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, rows),
  );
}

export function labels(answer) {
  const found = answer.flat();
  return bars("Labels, best first", found.map((each) => each.label), found.map((each) => each.score));
}

/** A text with some of its parts marked. Starts and ends count characters, not JavaScript's units of 16 bits. */
function marked(text, spans, content) {
  const characters = Array.from(text);
  const parts = [];
  let done = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    if (span.start < done || span.end <= span.start) continue; // inside one that is marked already, or nothing
    parts.push(characters.slice(done, span.start).join(""));
    parts.push(content(span, characters.slice(span.start, span.end).join("")));
    done = span.end;
  }
  parts.push(characters.slice(done).join(""));
  return element("p", { class: "text" }, parts);
}

export function entities(answer, { inputs }) {
  if (!answer.length) return element("p", {}, "No entities in this text.");
  const kind = (entity) => (entity.entity_group ?? entity.entity).replace(/^[BI]-/, "");
  const kinds = [...new Set(answer.map(kind))];
  const text = marked(inputs, answer, (entity, word) =>
    element(
      "mark",
      { class: `entity k${kinds.indexOf(kind(entity)) % 6}` },
      word,
      element("span", { class: "kind" }, `\u00a0${entity.entity_group ?? entity.entity}\u00a0${number(entity.score)}`), // with its last word
    ),
  );
  return text;
}

export function answers(answer, { context }) {
  const found = (Array.isArray(answer) ? answer : [answer]).filter((each) => each);
  const text = (each) => each.answer || "no answer in this text";
  const table = bars("Answers, best first", found.map(text), found.map((each) => each.score), "Answer");
  return element("div", {}, marked(context, found.slice(0, 1), (_, words) => element("mark", {}, words)), table);
}

export function fills(answer, { inputs }) {
  const masks = Array.isArray(answer[0]) ? answer : [answer];
  const texts = inputs.split(MASK);
  const parts = [];
  texts.forEach((text, index) => {
    parts.push(text);
    const found = masks[index];
    if (!found || index === texts.length - 1) return;
    const lengths = shares(found.map((fill) => fill.score));
    const items = found.map((fill, rank) =>
      element("li", {}, element("b", {}, fill.token_str), " ", element("span", { class: "number" }, number(fill.score)), bar(lengths[rank])),
    );
    parts.push(element("ol", { class: "fills", "aria-label": `Mask ${index + 1}, best first` }, items));
  });
  return element("div", { class: "text" }, parts);
}

function cosine(first, second) {
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  return dot(first, second) / Math.sqrt(dot(first, first) * dot(second, second));
}

/** A heat map of all pairs. */
export function similarities(vectors, { inputs }) {
  const head = inputs.map((_, index) => element("th", { scope: "col", class: "number" }, String(index + 1)));
  const rows = inputs.map((text, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, `${index + 1}. ${text}`),
      vectors.map((other) => heat(cosine(vectors[index], other))),
    ),
  );
  const caption = `Cosine similarity of the vectors, of ${vectors[0].length} numbers each`;
  const table = element(
    "table",
    { class: "heat" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, element("td", {}), head)),
    element("tbody", {}, rows),
  );
  return scrolling("Similarity of the texts", table);
}

/** Late interaction: for each token of the query the text's token that is nearest, and the sum of these (MaxSim). */
export async function interaction(answer, { query }, model) {
  const asked = await ask(`models/${model}/v1/multi-vector`, { input: query, input_type: "query", return_tokens: true });
  if (asked.status !== 200) return element("p", { role: "alert", class: "error" }, errorOf(asked));
  const [document] = answer.data;
  const [found] = asked.json.data;
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  const rows = found.embeddings.map((vector) => document.embeddings.map((other) => dot(vector, other)));
  const best = rows.map((row) => Math.max(...row));
  const head = [...document.tokens, "best"].map((token) => element("th", { scope: "col" }, token));
  const body = rows.map((row, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, found.tokens[index]),
      row.map((value) => {
        const cell = heat(value);
        if (value === best[index]) cell.replaceChildren(element("b", {}, cell.textContent));
        return cell;
      }),
      element("td", { class: "number" }, best[index].toFixed(2)),
    ),
  );
  const sum = best.reduce((total, value) => total + value, 0);
  const table = element(
    "table",
    { class: "heat" },
    element("caption", {}, `MaxSim ${sum.toFixed(2)}: the best of each row, added up`),
    element("thead", {}, element("tr", {}, element("td", {}), head)),
    element("tbody", {}, body),
  );
  return scrolling("Tokens of the query against those of the text", table);
}

function heat(similarity) {
  const cell = element("td", { class: "number" }, similarity.toFixed(2));
  cell.style.setProperty("--heat", `${100 * Math.min(1, Math.max(0, similarity))}%`);
  return cell;
}

export async function weights(answer, _, model) {
  const best = answer.toSorted((a, b) => b.value - a.value).slice(0, WEIGHTS);
  if (!best.length) return element("p", {}, "No word has a weight.");
  const words = await ask(`models/${model}/decode`, { ids: best.map((each) => [each.index]) });
  const names = best.map((each, index) => words.json?.[index] ?? String(each.index));
  const caption = `The ${best.length} greatest of ${answer.length} weights`;
  return bars(caption, names, best.map((each) => each.value), "Word");
}

export function ranking(answer, { texts }) {
  return bars("Texts, best first", answer.map((each) => texts[each.index]), answer.map((each) => each.score), "Text");
}

export function tokens([found]) {
  const items = found.map((token) =>
    element("li", { class: token.special ? "special" : false }, token.text, element("span", { class: "number" }, ` ${token.id}`)),
  );
  return element("div", {}, element("p", {}, `${found.length} tokens`), element("ul", { class: "tokens", "aria-label": "Tokens with their ids" }, items));
}
