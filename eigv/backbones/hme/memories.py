"""The two memories of HME, each of some slots: one that both streams of a video write to, one of a text.

Sizes: V videos, K clips, N tokens of all texts, n rows of a step, S slots, H hidden width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.hme.reading import read_text
from eigv.backbones.hme.watching import watch
from eigv.backbones.parts.streams import StreamLinear


class VisualMemory(nn.Module):
    """What was seen, in slots: read with s = [ha; hm; h], the states of both streams and of the memory.

    r = softmax(Lr s) mem; with y = [h_i; x_i] of stream i, and g = softmax(Lg s) of three,
    mem <- g0 mem + sum_i g_i softmax(Li yi) ReLU(Ci yi); then h <- ReLU(R [r; h]), h_i <- ReLU(R_i [x_i; r; h_i]).
    """

    def __init__(self, width: int, slots: int) -> None:
        super().__init__()
        self.width, self.slots = width, slots
        self.read = nn.Linear(3 * width, slots)
        self.gate = nn.Linear(3 * width, 3)
        self.content = StreamLinear(2 * width, width)
        self.place = StreamLinear(2 * width, slots)
        self.advance = nn.Linear(2 * width, width)
        self.advance_stream = StreamLinear(3 * width, width)

    def forward(self, seen: Tensor) -> Tensor:
        """What both streams have of each clip, (2, K, V, H), to h of every clip: (K, V, H)."""
        H = self.width
        of_x, bias, of_own = self._of_streams()
        x = torch.baddbmm(bias[:, None], seen.flatten(1, 2), of_x).unflatten(1, seen.shape[1:3])  # (2, K, V, 2H + S)
        of_all = torch.cat([self.read.weight, self.gate.weight]).t()  # (3H, S + 3)
        bias_of_all = torch.cat([self.read.bias, self.gate.bias])
        of_read = torch.cat([self.advance_stream.weight[..., H : 2 * H].flatten(0, 1), self.advance.weight[:, :H]]).t()
        of_h = self.advance.weight[:, H:].t()
        states = watch(x, of_own, of_all, of_h, of_read, bias_of_all, self.advance.bias)
        return states[..., 2 * H :]

    def _of_streams(self) -> tuple[Tensor, Tensor, Tensor]:
        """The maps of what each stream has of a clip, (2, H, 2H + S), their biases, and those of its state."""
        H = self.width
        content, place, advance = self.content.weight, self.place.weight, self.advance_stream.weight
        of_x = torch.cat([content[..., H:], advance[..., :H], place[..., H:]], dim=1)
        of_own = torch.cat([content[..., :H], advance[..., 2 * H :], place[..., :H]], dim=1)
        bias = torch.cat([self.content.bias, self.advance_stream.bias, self.place.bias], dim=1)
        return of_x.transpose(1, 2), bias, of_own.transpose(1, 2)


class TextMemory(nn.Module):
    """What was read, in slots, with y = [x; h] of a token and the last state.

    r = sigmoid(Lg y) (softmax(Lp y) mem), h' = ReLU(Wx x + Wr r + Wh h + b), and with a = softmax(La y)
    mem <- sigmoid(Lw y) (a ReLU(C y)) + (1 - a) mem.
    """

    def __init__(self, width: int, slots: int, deviation: float) -> None:
        super().__init__()
        self.width, self.slots = width, slots
        self.of_token, self.of_read, self.of_state = (
            nn.Linear(width, width, bias=bias) for bias in (True, False, False)
        )
        for layer in (self.of_token, self.of_read, self.of_state):
            nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(self.of_token.bias)
        self.content = nn.Linear(2 * width, width)
        self.read_place, self.write_place = nn.Linear(2 * width, slots), nn.Linear(2 * width, slots)
        self.read_gate, self.write_gate = nn.Linear(2 * width, 1), nn.Linear(2 * width, 1)

    def forward(self, tokens: Tensor, sizes: Sequence[int]) -> Tensor:
        """What was read of tokens step by step (N, H), `sizes` a step, to h' of each: (N, H)."""
        H, S = self.width, self.slots
        both = [self.content, self.read_place, self.write_place, self.read_gate, self.write_gate]
        weight = torch.cat([layer.weight for layer in both])
        of_x, of_h = torch.cat([self.of_token.weight, weight[:, :H]]), torch.cat([self.of_state.weight, weight[:, H:]])
        bias = torch.cat([self.of_token.bias, *(layer.bias for layer in both)])
        x = F.linear(tokens, of_x, bias)  # (N, 2H + 2S + 2)
        return read_text(x, of_h, self.of_read.weight, S, sizes)
