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
    "counted": 'result = model.token_count(["The sky is blue.", "Rain."])',
    "width": "result = model.embedding_size",
}
