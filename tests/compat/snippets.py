"""Programs in the form of the peers' documentation, which run with the peer and with `distilbert.compat` alike.

Each is the lines behind the import; `folder` is a model, `result` what is compared.
"""

TRANSFORMERS = {
    "one text": ("sequence", 'result = pipeline("sentiment-analysis", model=folder)("I like the new coffee machine.")'),
    "several": (
        "sequence",
        'classify = pipeline("text-classification", model=folder)\n'
        'result = classify(["The film was long.", "What a lovely film!"], batch_size=2)',
    ),
    "all labels": (
        "sequence",
        'classify = pipeline("text-classification", model=folder, top_k=None)\n'
        'result = classify("The waiter was friendly.") + classify(["The soup was cold."])',
    ),
    "the best two, sigmoid": (
        "sequence",
        'classify = pipeline("sentiment-analysis", model=folder)\n'
        'result = classify("A charming journey.", top_k=2, function_to_apply="sigmoid")',
    ),
    "a pair": (
        "sequence",
        'classify = pipeline("text-classification", model=folder, device=-1)\n'
        'result = classify({"text": "He ate the cake.", "text_pair": "The cake is gone."})',
    ),
    "cut": (
        "sequence",
        'result = pipeline("text-classification", model=folder)("film " * 300, truncation=True, max_length=64)',
    ),
    "tokens": ("tokens", 'result = pipeline("ner", model=folder)("Anna moved from Oslo to Rome.")'),
    "entities": (
        "tokens",
        'tag = pipeline("token-classification", model=folder, aggregation_strategy="simple")\n'
        'result = tag("Unbelievably, Anna moved from Oslo to Rome.")',
    ),
    "entities of words": (
        "tokens",
        'tag = pipeline("token-classification", model=folder, aggregation_strategy="average", ignore_labels=[])\n'
        'result = tag(["The unimaginable happened in Paris.", "Nobody came."])',
    ),
    "a mask": ("mask", 'result = pipeline("fill-mask", model=folder)("The weather is [MASK] today.")'),
    "two masks": ("mask", 'result = pipeline("fill-mask", model=folder)("The [MASK] ate the [MASK].", top_k=3)'),
    "targets": (
        "mask",
        'result = pipeline("fill-mask", model=folder)(["It is [MASK]."], targets=["good", "bad"])',
    ),
    "zero-shot": (
        "inference",
        'ask = pipeline("zero-shot-classification", model=folder)\n'
        'result = ask("My train is late again.", candidate_labels=["travel", "food", "sport"])',
    ),
    "zero-shot, several labels": (
        "inference",
        'ask = pipeline("zero-shot-classification", model=folder)\n'
        'texts = ["The soup was cold.", "We won the match."]\n'
        'result = ask(texts, ["food", "sport"], multi_label=True, hypothesis_template="This is about {}.")',
    ),
    "hidden states": (
        "plain",
        'result = pipeline("feature-extraction", model=folder)("Vectors of every token.")',
    ),
    "a stream": (
        "sequence",
        'classify = pipeline("text-classification", model=folder)\n'
        "def texts():\n"
        "    for number in range(3):\n"
        '        yield f"This is film {number}."\n'
        "result = list(classify(texts()))",
    ),
    "a device map": (
        "sequence",
        'result = pipeline("text-classification", model=folder, device_map="cpu", dtype="auto")("A fine day.")',
    ),
    "its own tokenizer": (
        "sequence",
        'result = pipeline("sentiment-analysis", model=folder, tokenizer=folder, framework="pt")("A fine day.")',
    ),
    "rows of a data set": (
        "sequence",
        "from datasets import Dataset\n"
        "from transformers.pipelines.pt_utils import KeyDataset\n"
        'films = Dataset.from_dict({"text": ["A long film.", "A short one.", "None at all."], "id": [1, 2, 3]})\n'
        'classify = pipeline("text-classification", model=folder)\n'
        'result = [each["label"] for each in classify(KeyDataset(films, "text"), batch_size=2, truncation=True)]',
    ),
    "the best one": ("sequence", 'result = pipeline("text-classification", model=folder)("Lovely.", top_k=1)'),
    "the best two of several": (
        "sequence",
        'classify = pipeline("text-classification", model=folder, top_k=2)\nresult = classify(["Lovely.", "Dull."])',
    ),
    "logits": (
        "sequence",
        'result = pipeline("text-classification", model=folder, function_to_apply="none")(["Lovely.", "Dull."])',
    ),
    "padded and cut": (
        "sequence",
        'options = {"padding": True, "truncation": True, "max_length": 16}\n'
        'result = pipeline("text-classification", model=folder)(["Lovely.", "dull " * 40], **options)',
    ),
    "pairs": (
        "sequence",
        'classify = pipeline("text-classification", model=folder)\n'
        'pairs = [{"text": "He ate.", "text_pair": "He is full."}, {"text": "It rains.", "text_pair": "It is dry."}]\n'
        "result = classify(pairs)",
    ),
    "labels of the model": (
        "sequence",
        'config = pipeline("text-classification", model=folder).model.config\n'
        "result = [config.id2label[0], config.label2id, config.num_labels]",
    ),
    "words by their first tokens": (
        "tokens",
        'tag = pipeline("ner", model=folder, aggregation_strategy="first", ignore_labels=["O", "PER"])\n'
        'result = list(tag(text for text in ["Unimaginable Anna moved.", "Paris is far from Oslo."]))',
    ),
    "words by their best tokens": (
        "tokens",
        'result = pipeline("ner", model=folder)("Unimaginable Anna moved to Oslo.", aggregation_strategy="max")',
    ),
    "a target": ("mask", 'result = pipeline("fill-mask", model=folder)("It is [MASK].", targets="good", top_k=1)'),
    "labels in one string": (
        "inference",
        'result = pipeline("zero-shot-classification", model=folder)("My train is late.", "travel, food")',
    ),
    "hidden states of several": (
        "plain",
        'result = pipeline("feature-extraction", model=folder)(["Every token.", "And a longer text."])',
    ),
    "hidden states as a tensor": (
        "plain",
        'result = pipeline("feature-extraction", model=folder)("Every token.", return_tensors=True)',
    ),
}

SENTENCE_TRANSFORMERS = {
    "several": ("sentence", 'result = SentenceTransformer(folder).encode(["The sky is blue.", "Rain is coming."])'),
    "one text": ("sentence", 'result = SentenceTransformer(folder).encode("The sky is blue.")'),
    "normalised": (
        "sentence",
        'result = SentenceTransformer(folder).encode(["one", "two words"], normalize_embeddings=True, batch_size=1)',
    ),
    "similarity": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'vectors = model.encode(["A cat sleeps.", "A dog barks.", "Stocks fell."])\n'
        "result = model.similarity(vectors, vectors)",
    ),
    "pairs": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'result = model.similarity_pairwise(model.encode(["a", "b"]), model.encode(["c", "a"]))',
    ),
    "query and documents": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'query = model.encode_query("who paints?")\n'
        'documents = model.encode_document(["Painters paint.", "Bakers bake."])\n'
        "result = model.similarity(query, documents)",
    ),
    "a prompt": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'result = model.encode("who paints?", prompt_name="query"), model.encode("x", prompt="query: ")',
    ),
    "fewer numbers": (
        "sentence",
        "model = SentenceTransformer(folder, truncate_dim=16)\n"
        'result = model.encode(["short vectors"]), model.get_sentence_embedding_dimension()',
    ),
    "a tensor": (
        "sentence",
        'result = SentenceTransformer(folder, device="cpu").encode(["one", "two"], convert_to_tensor=True).tolist()',
    ),
    "bits": ("sentence", 'result = SentenceTransformer(folder).encode(["a film", "a song"], precision="ubinary")'),
    "shorter texts": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        "model.max_seq_length = 8\n"
        'result = model.encode("one two three four five six seven eight nine ten"), model.max_seq_length',
    ),
    "queries as tensors": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'result = model.encode_query(["who?", "what?"], convert_to_tensor=True, normalize_embeddings=True)',
    ),
    "a list of tensors": (
        "sentence",
        'result = SentenceTransformer(folder).encode(["one", "two words"], convert_to_numpy=False)',
    ),
    "an array of texts": (
        "sentence",
        "import numpy\n"
        'result = SentenceTransformer(folder).encode(numpy.array(["one", "two words"]), show_progress_bar=False)',
    ),
    "vectors of tokens": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'several = model.encode(["one", "two words"], output_value="token_embeddings", prompt_name="query")\n'
        'result = several + [model.encode("one text", output_value="token_embeddings")]',
    ),
    "signed bits": (
        "sentence",
        'result = SentenceTransformer(folder).encode(["a film", "a song"], precision="binary")',
    ),
    "prompts of the program": (
        "sentence",
        'prompts = {"find": "search: ", "query": "question: "}\n'
        'model = SentenceTransformer(folder, prompts=prompts, default_prompt_name="find")\n'
        'result = model.encode(["rain"]), model.encode_query("rain"), model.encode("rain", prompt="")',
    ),
    "another measure": (
        "sentence",
        'model = SentenceTransformer(folder, similarity_fn_name="dot")\n'
        'vectors = model.encode(["A cat sleeps.", "A dog barks."])\n'
        "result = [model.similarity(vectors, vectors), model.similarity_fn_name]\n"
        'model.similarity_fn_name = "euclidean"\n'
        "result += [model.similarity(vectors, vectors), model.similarity_pairwise(vectors, vectors[::-1].copy())]",
    ),
    "searched": (
        "sentence",
        "model = SentenceTransformer(folder)\n"
        'corpus = model.encode_document(["A cat sleeps.", "A dog barks.", "Stocks fell.", "It rains."])\n'
        'result = util.semantic_search(model.encode_query(["pets", "weather"]), corpus, top_k=2)',
    ),
    "measured": (
        "sentence",
        'one, two, three = SentenceTransformer(folder).encode(["one", "two words", "three words here"])\n'
        "result = [util.cos_sim(one, [two, three]), util.dot_score([one, two], three)]\n"
        "result.append(util.pairwise_cos_sim([one], [two]))",
    ),
    "paraphrases": (
        "sentence",
        'texts = ["A cat sleeps.", "A cat is asleep.", "Stocks fell.", "The stocks fell today."]\n'
        "result = util.paraphrase_mining(SentenceTransformer(folder), texts, top_k=2)",
    ),
    "groups": (
        "sentence",
        'vectors = SentenceTransformer(folder).encode(["A cat sleeps.", "A cat is asleep.", "Stocks fell."] * 3)\n'
        "found = util.community_detection(vectors, min_community_size=2, threshold=0.99)\n"
        "result = sorted(sorted(group) for group in found)",
    ),
    "quantised afterwards": (
        "sentence",
        'vectors = SentenceTransformer(folder).encode(["A cat sleeps.", "Stocks fell."])\n'
        'result = util.quantize_embeddings(vectors, precision="ubinary")',
    ),
    "predict without the sigmoid": (
        "ranker",
        "import torch\n"
        'pairs = [["who paints?", "Painters paint."], ["who paints?", "Bakers bake."]]\n'
        "model = CrossEncoder(folder, num_labels=1, activation_fn=torch.nn.Tanh())\n"
        "result = [model.predict(pairs)]\n"
        "result.append(model.predict(pairs, activation_fn=torch.nn.Identity(), convert_to_tensor=True))",
    ),
    "rank without the sigmoid": (
        "ranker",
        "import torch\n"
        'documents = ["Bakers bake.", "Painters paint.", "Nobody sings here."]\n'
        'result = CrossEncoder(folder).rank("who paints?", documents, activation_fn=torch.nn.Identity())',
    ),
    "predict": (
        "ranker",
        'result = CrossEncoder(folder).predict([("who paints?", "Painters paint."), ("who paints?", "Bakers bake.")])',
    ),
    "predict one": ("ranker", 'result = CrossEncoder(folder).predict(["who paints?", "Painters paint."])'),
    "rank": (
        "ranker",
        'documents = ["Bakers bake.", "Painters paint.", "Nobody sings here."]\n'
        'result = CrossEncoder(folder, max_length=32).rank("who paints?", documents, return_documents=True, top_k=2)',
    ),
    "classes": (
        "inference",
        'result = CrossEncoder(folder).predict([("He ate.", "He is full."), ("It rains.", "It is dry.")])',
    ),
    "classes, softmax": (
        "inference",
        'result = CrossEncoder(folder).predict([("He ate.", "He is full.")], apply_softmax=True)',
    ),
}

# the peer reads an exported ONNX file, which its own name of the model stands for
FASTEMBED = {
    "embed": 'result = list(model.embed(["The sky is blue.", "Rain is coming."]))',
    "one text": 'result = list(model.embed("The sky is blue."))',
    "next": 'result = next(iter(model.embed(["first", "second"])))',
    "batches": 'result = list(model.embed([f"text {number}" for number in range(9)], batch_size=4))',
    "a generator": 'result = list(model.embed(word for word in ["one", "two", "three words here"]))',
    "a query": 'result = list(model.query_embed("who paints?"))',
    "queries": 'result = list(model.query_embed(["who paints?", "who bakes?"]))',
    "passages": 'result = list(model.passage_embed(["Painters paint.", "Bakers bake."]))',
    "scores": (
        'query = next(iter(model.query_embed("who paints?")))\n'
        'result = [float(query @ vector) for vector in model.passage_embed(["Painters paint.", "Bakers bake."])]'
    ),
    "in parallel": 'result = list(model.embed(["first", "second"], parallel=None, batch_size=1))',
    "passages of a generator": 'result = list(model.passage_embed(f"text {number}" for number in range(3)))',
    "counted": 'result = model.token_count(["The sky is blue.", "Rain."])',
    "width": "result = model.embedding_size",
}
