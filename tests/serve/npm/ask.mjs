// npm's clients of OpenAI and of the hub, as they are: what they answer, in node (main.mjs) and in a browser (page.html).

import { InferenceClient } from "@huggingface/inference";
import OpenAI from "openai";

const text = "a charming and often affecting journey";

/** All that is asked of a server of the tests' models. */
export async function ask(url) {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, dangerouslyAllowBrowser: true });
  const embedding = await openai.embeddings.create({ model: "embed", input: [text, "it rains"] });
  const models = await openai.models.list();
  const refused = await openai.embeddings.create({ model: "none", input: text }).catch((error) => error);

  const hub = (model) => new InferenceClient("none").endpoint(`${url}/models/${model}`);
  return {
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
  };
}
