#!/usr/bin/env python3
"""PyTorch's times for what KernelBenchmark times, on the first GPU, in BF16 as PyTorch would run it.

Work is captured in a CUDA graph; before each replay the L2 cache is filled with other, clean lines by reading 256 MB. Prints the least and the median of
12 replays after 3; the rate is that of the least. Rates count what must be read and written once (weights alone for products of one row, keys and values
alone for attention of one row) or the products' operations (half of them for causal attention).
"""
import statistics

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

REPEATS, WARM_UP = 12, 3
HIDDEN, INTERMEDIATE, VOCABULARY = 4096, 14336, 128256
QUERY_HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
ROWS = 2048
BACK_ENDS = {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}


def random(*shape):
    return torch.empty(shape, dtype=torch.bfloat16, device="cuda").normal_(0, 0.05)


def capture(work):
    """A graph of the work, once it has run: libraries choose and compile what they need then."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


def measure(work, clean_lines):
    """Least and median milliseconds."""
    graph = capture(work)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    for _ in range(WARM_UP + REPEATS):
        clean_lines.sum()
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    times = times[WARM_UP:]
    return min(times), statistics.median_high(times)


class Table:
    def __init__(self):
        self.clean_lines = torch.zeros(64 << 20, dtype=torch.float32, device="cuda")
        print(f"{'name':<44} | {'ms':>8} | {'median':>8} | rate")

    def add(self, name, work, amount, unit):
        """A line; the amount is bytes or operations. What cannot run is named, with the reason."""
        try:
            least, median = measure(work, self.clean_lines)
        except RuntimeError as e:
            print(f"{name:<44} | refused: {str(e).splitlines()[0]}", flush=True)
            return
        rate = amount / least / {"GB/s": 1e6, "TFLOP/s": 1e9}[unit]
        print(f"{name:<44} | {least:8.4f} | {median:8.4f} | {rate:.0f} {unit}", flush=True)


def byte_size(*tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


def one_row(table):
    for out, columns in [(4096, 4096), (6144, 4096), (28672, 4096), (4096, 14336), (VOCABULARY, 4096)]:
        x, weight = random(1, columns), random(out, columns)
        table.add(f"gemv [{out}, {columns}]", lambda: F.linear(x, weight), byte_size(weight), "GB/s")


def one_step(table):
    shapes = 32 * [(6144, HIDDEN), (HIDDEN, HIDDEN), (2 * INTERMEDIATE, HIDDEN), (HIDDEN, INTERMEDIATE)] + [(VOCABULARY, HIDDEN)]
    weights = [random(*shape) for shape in shapes]
    rows = {columns: random(1, columns) for columns in (HIDDEN, INTERMEDIATE)}

    def work():
        for weight in weights:
            F.linear(rows[weight.shape[1]], weight)

    table.add(f"gemv, {len(weights)} weights of an 8B step", work, byte_size(*weights), "GB/s")


def products(table):
    for rows, out, columns in [
        (256, 4096, 4096),
        (2048, 6144, 4096),
        (2048, 4096, 4096),
        (2048, 28672, 4096),
        (2048, 4096, 14336),
        (4096, 14336, 4096),
        (8192, 8192, 8192),
    ]:
        x, weight = random(rows, columns), random(out, columns)
        table.add(f"gemm [{rows}, {out}, {columns}]", lambda: F.linear(x, weight), 2 * rows * out * columns, "TFLOP/s")


def attention(table, name, q, k, v, causal, amount, unit):
    """Each back end's line: the better one is the peer."""
    for back_end, kind in BACK_ENDS.items():

        def work():
            with sdpa_kernel(kind):
                F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)

        table.add(f"{name}, {back_end}", work, amount, unit)


def decoding(table):
    sizes = [(1, 8192), (1, 32768), (1, 131072), (8, 8192), (8, 32768), (8, 131072), (32, 16384), (64, 8192)]
    most = max(batch * length for batch, length in sizes) * KV_HEADS * HEAD_DIM
    keys, values = random(most), random(most)
    for batch, length in sizes:
        shape = (batch, KV_HEADS, length, HEAD_DIM)
        k, v = (t[: batch * length * KV_HEADS * HEAD_DIM].view(shape) for t in (keys, values))
        q = random(batch, QUERY_HEADS, 1, HEAD_DIM)
        attention(table, f"decode {batch} x {length}", q, k, v, False, byte_size(k, v), "GB/s")


def prefill(table):
    for rows in (4096, 16384):
        q = random(1, QUERY_HEADS, rows, HEAD_DIM)
        k, v = (random(1, KV_HEADS, rows, HEAD_DIM) for _ in range(2))
        operations = 2 * rows * rows * HEAD_DIM * QUERY_HEADS
        attention(table, f"prefill attention {rows}", q, k, v, True, operations, "TFLOP/s")


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def small_operators(table):
    x, delta, weight = random(ROWS, HIDDEN), random(ROWS, HIDDEN), random(HIDDEN)
    table.add("rms norm", lambda: F.rms_norm(x, (HIDDEN,), weight, 1e-5), byte_size(x, x, weight), "GB/s")
    cos, sin = random(1, 1, ROWS, HEAD_DIM), random(1, 1, ROWS, HEAD_DIM)
    for name, heads in ("q", QUERY_HEADS), ("k", KV_HEADS):
        q = random(1, ROWS, heads, HEAD_DIM).transpose(1, 2)
        table.add(f"rotary of {name}", lambda: q * cos + rotate_half(q) * sin, byte_size(q, q, cos, sin), "GB/s")
    gate, up = random(ROWS, INTERMEDIATE), random(ROWS, INTERMEDIATE)
    table.add("gated activation", lambda: F.silu(gate) * up, byte_size(gate, gate, up), "GB/s")
    table.add("residual addition", lambda: x + delta, byte_size(x, x, delta), "GB/s")
    embeddings = random(VOCABULARY, HIDDEN)
    ids = torch.randint(VOCABULARY, (ROWS,), device="cuda")
    table.add("embedding", lambda: F.embedding(ids, embeddings), byte_size(x, x, ids), "GB/s")
    logits = random(1, VOCABULARY)
    table.add("argmax of one row", lambda: torch.argmax(logits, dim=-1), byte_size(logits), "GB/s")


def main():
    torch.manual_seed(1)
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name(0)}")
    table = Table()
    with torch.inference_mode():
        for part in one_row, one_step, products, small_operators, prefill, decoding:
            part(table)


if __name__ == "__main__":
    main()
