"""One command line for each command, which its --help ends with."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "answer": "distilbert answer 'Where does Amy live?' 'Amy lives in Amsterdam.' -m MODEL",
    "bench": "distilbert bench MODEL --file texts.txt",
    "bulk": "distilbert bulk text-classification reviews.parquet labelled/ -m MODEL --column text",
    "calibrate": "distilbert calibrate my-model held_out.csv",
    "choose": "distilbert choose 'He opened the umbrella.' 'It rained.' 'The sun shone.' -m MODEL",
    "classify": "distilbert classify --file reviews.csv --column text -m MODEL --json > labels.jsonl",
    "convert": "distilbert convert path/to/bert my-model",
    "demo": "distilbert demo",
    "distill": "distilbert distill --task text-classification --teacher MODEL --train train.csv --out student",
    "embed": "distilbert embed --file texts.txt -m MODEL --save vectors.npy",
    "evaluate": "distilbert evaluate MODEL test.csv",
    "explain": "distilbert explain MODEL 'a charming and often affecting journey' --html why.html",
    "export": "distilbert export onnx MODEL exported",
    "fill-mask": "distilbert fill-mask 'The weather is [MASK] today.' -m MODEL",
    "info": "distilbert info MODEL",
    "ner": "distilbert ner 'Anna moved from Oslo to Rome.' -m MODEL --aggregation first",
    "quantize": "distilbert quantize MODEL my-int8-model --data texts.txt",
    "rerank": "distilbert rerank 'who paints?' --file documents.txt -m MODEL --top-k 5",
    "search": "distilbert search reviews.csv 'good actors' --column text -m MODEL",
    "serve": "distilbert serve MODEL --port 8080",
    "sparse": "distilbert sparse 'a moving story about love' -m MODEL --top-k 10",
    "train": "distilbert train --task text-classification --model MODEL --train train.csv --eval 0.1 --out my-model",
    "zero-shot": "distilbert zero-shot 'My train is late.' -m MODEL --labels travel food sport",
}
