"""The least that a model of questions alone should learn: a linear classifier on the mean of word vectors.

Open-ended only. Sizes: Q questions, W words, C answers.
"""

import re
from collections import Counter

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from extract.annotations import read
from extract.config import Dataset

WIDTH, BATCH, EPOCHS, RATE = 128, 256, 10, 3e-3


def accuracies(dataset: Dataset) -> dict[str, float]:
    """Accuracy in percent on val and test, of the epoch that is best on val."""
    torch.manual_seed(0)
    tables = {split: read(dataset, split) for split in ("train", "val", "test")}
    counts = Counter(word for question in tables["train"]["question"] for word in _words(question))
    words = {word: number for number, word in enumerate(counts, start=1)}  # 0 is any other
    answers = {answer: number for number, answer in enumerate(sorted(set(tables["train"]["answer"])))}
    data = {split: _numbers(table, words, answers) for split, table in tables.items()}

    embed, head = nn.EmbeddingBag(len(words) + 1, WIDTH, mode="mean"), nn.Linear(WIDTH, len(answers))
    optimizer = torch.optim.Adam([*embed.parameters(), *head.parameters()], RATE)
    found: list[dict[str, float]] = []
    questions, right = data["train"]
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(questions)).split(BATCH):
            loss = F.cross_entropy(head(embed(*_bags([questions[row] for row in rows]))), right[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            found.append({})
            for split in ("val", "test"):
                predicted = head(embed(*_bags(data[split][0]))).argmax(dim=1)
                found[-1][split] = 100 * float((predicted == data[split][1]).float().mean())
    return max(found, key=lambda epoch: epoch["val"])


def _words(question: str) -> list[str]:
    return re.findall(r"\w+", question.lower())


def _numbers(
    table: pd.DataFrame, words: dict[str, int], answers: dict[str, int]
) -> tuple[list[list[int]], torch.Tensor]:
    """Of each question, the numbers of its words and of its answer, -1 for one that train does not have."""
    questions = [[words.get(word, 0) for word in _words(question)] for question in table["question"]]
    return questions, torch.tensor([answers.get(answer, -1) for answer in table["answer"]])


def _bags(questions: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """All words (W,), and where each question's begin (Q,)."""
    lengths = torch.tensor([0, *(len(question) for question in questions[:-1])])
    return torch.tensor([word for question in questions for word in question]), lengths.cumsum(0)
