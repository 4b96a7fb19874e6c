// npm's clients of OpenAI and of the hub, as they are: node ask.mjs URL, what they answer on a line of JSON.

import { InferenceClient } from "@huggingface/inference";
import OpenAI from "openai";

const url = process.argv[2];
const text = "a charming and often affecting journey";

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const embedding = await openai.embeddings.create({ model: "embed", input: [text, "it rains"] });
const models = await openai.models.list();
const refused = await openai.embeddings.create({ model: "none", input: text }).catch((error) => error);

const hub = (model) => new InferenceClient("none").endpoint(`${url}/models/${model}`);
console.log(
  JSON.stringify({
    embedding: embedding.data.map((each) => each.embedding),
    models: models.data.map((model) => model.id),
    refused: [refused.status, refused.code],
    featureExtraction: await hub("embed").featureExtraction({ inputs: text }),
    sentenceSimilarity: await hub("embed").sentenceSimilarity({
      inputs: { source_sentence: text, sentences: ["it rains"] },
    }),
    textClassification: await hub("sentiment").textClassification({ inputs: text }),
    tokenClassification: await hub("ner").tokenClassification({ inputs: text }),
    fillMask: await hub("mlm").fillMask({ inputs: "a [MASK] film" }),
    questionAnswering: await hub("qa").questionAnswering({ inputs: { question: "what ?", context: text } }),
    zeroShot: await hub("nli").zeroShotClassification({
      inputs: text,
      parameters: { candidate_labels: ["travel", "war"] },
    }),
  }),
);
