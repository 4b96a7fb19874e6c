// Each task: what it is given, with an example, and the request that it makes.

import { lines } from "./schema.js";
import * as show from "./results.js";

const text = (name, label, example) => ({ name, label, example, rows: 3, read: (value) => value });
const line = (name, label, example) => ({ name, label, example, rows: 1, read: (value) => value });
const list = (name, label, examples) => ({
  name,
  label: `${label}, one a line`,
  example: examples.join("\n"),
  rows: examples.length + 1,
  read: lines,
});

/** The hub's body: `parameters` where there are any. */
const hub = (inputs, parameters) => (Object.keys(parameters).length ? { inputs, parameters } : { inputs });

/**
 * By the name that the server has for them:
 *
 * title, fields, schema and options (names of fields of that schema), route (below the model's), body (of the fields'
 * values and the options), show (of the answer, the values and what else is known).
 */
export const TASKS = {
  "text-classification": {
    title: "Classify a text",
    fields: [text("inputs", "Text", "A charming and often affecting journey.")],
    schema: "Parameters",
    options: ["top_k", "function_to_apply", "truncate", "truncation_direction", "max_length"],
    body: ({ inputs }, options) => hub(inputs, options),
    show: show.labels,
  },
  "zero-shot-classification": {
    title: "Choose among labels of your own",
    fields: [
      text("inputs", "Text", "One day I will see the world."),
      list("labels", "Labels", ["travel", "cooking", "politics"]),
    ],
    schema: "ZeroShotParameters",
    options: ["multi_label", "hypothesis_template", "entailment"],
    body: ({ inputs, labels }, options) => ({ inputs, parameters: { candidate_labels: labels, ...options } }),
    show: show.labels,
  },
  "token-classification": {
    title: "Find entities",
    fields: [text("inputs", "Text", "Amy moved from Amsterdam to New York to work for Apple.")],
    schema: "Parameters",
    options: ["aggregation_strategy", "ignore_labels", "stride"],
    body: ({ inputs }, options) => hub(inputs, options),
    show: show.entities,
  },
  "question-answering": {
    title: "Answer a question from a text",
    fields: [
      line("question", "Question", "Where does Amy live?"),
      text("context", "Text", "Amy grew up in Paris. Since last year she has lived in Amsterdam, near the river."),
    ],
    schema: "QuestionParameters",
    options: ["top_k", "max_answer_len", "handle_impossible_answer", "align_to_words", "max_seq_len", "doc_stride", "max_question_len"],
    body: (values, options) => hub(values, options),
    show: show.answers,
  },
  "fill-mask": {
    title: "Fill masks",
    fields: [text("inputs", "Text with [MASK]", "Paris is the [MASK] of France.")],
    schema: "Parameters",
    options: ["top_k", "targets"],
    body: ({ inputs }, options) => hub(inputs, options),
    show: show.fills,
  },
  "feature-extraction": {
    title: "Compare texts",
    fields: [
      list("inputs", "Texts", [
        "A moving love story",
        "Two hearts find each other",
        "The car needs new tyres",
        "Where can I have my car repaired?",
      ]),
    ],
    schema: "EmbedRequest",
    options: ["prompt_name", "normalize", "dimensions", "truncate", "truncation_direction"],
    route: "/embed",
    body: ({ inputs }, options) => ({ inputs, ...options }),
    show: show.similarities,
  },
  "sparse-encoding": {
    title: "Weigh a text's words",
    fields: [text("inputs", "Text", "The car needs new tyres.")],
    schema: "Parameters",
    options: ["top_k", "prompt_name"],
    body: ({ inputs }, options) => hub(inputs, options),
    show: show.weights,
  },
  "text-ranking": {
    title: "Rank texts for a query",
    fields: [
      line("query", "Query", "What is deep learning?"),
      list("texts", "Texts", ["It rains in Amsterdam.", "Deep learning is a kind of machine learning.", "The sea is deep."]),
    ],
    schema: "RerankRequest",
    options: ["raw_scores", "truncate"],
    route: "/rerank",
    body: (values, options) => ({ ...values, ...options }),
    show: show.ranking,
  },
  "late-interaction": {
    title: "Compare a query and a text, token by token",
    fields: [
      line("query", "Query", "Where is it wet?"),
      text("document", "Text", "It rains in Amsterdam, and the streets are under water."),
    ],
    options: [],
    route: "/v1/multi-vector",
    body: ({ document }) => ({ input: document, input_type: "document", return_tokens: true }),
    show: show.interaction,
  },
  "multiple-choice": {
    title: "Choose what follows",
    fields: [
      line("prompt", "Beginning", "He opened the umbrella."),
      list("choices", "Choices", ["It had begun to rain.", "The sun shone.", "Breakfast was ready."]),
    ],
    options: [],
    body: (values) => ({ inputs: values }),
    show: show.labels,
  },
  tokens: {
    title: "See the tokens",
    fields: [text("inputs", "Text", "Unbelievably good popcorn!")],
    schema: "TokenizeRequest",
    options: ["add_special_tokens"],
    route: "/tokenize",
    body: ({ inputs }, options) => ({ inputs, ...options }),
    show: show.tokens,
  },
};
