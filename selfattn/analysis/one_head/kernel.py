"""The kernel of `fused.py`, in Triton's language: it is imported where Triton is there."""

import triton
import triton.language as tl


@triton.jit
def walk(
    query_at,
    key_at,
    found_at,  # (query, group), all minus infinity
    largest_at,
    total_at,
    queries,
    keys,
    groups,
    d,
    pool,
    own,
    causal: tl.constexpr,
    rows: tl.constexpr,
    columns: tl.constexpr,
    width: tl.constexpr,
):
    """One program: `rows` queries, and the keys in tiles of `columns`, each inside one group."""
    first = tl.program_id(0) * rows
    row, number = first + tl.arange(0, rows), tl.arange(0, width)
    is_row, is_number = row < queries, number < d
    # A product of places may be more than 32 bits hold.
    place = row.to(tl.int64)
    query = tl.load(query_at + place[:, None] * d + number, mask=is_row[:, None] & is_number[None, :], other=0.0)
    best = tl.full((rows,), float("-inf"), tl.float32)
    largest = tl.full((rows,), float("-inf"), tl.float32)
    total = tl.zeros((rows,), tl.float32)
    end = keys
    if causal:  # past the last query's own token nothing is read
        end = tl.minimum(keys, own + first + rows)
    tiles = tl.cdiv(pool, columns)
    for tile in range(tl.cdiv(end, pool) * tiles):
        group, part = tile // tiles, tile % tiles
        inside = part * columns + tl.arange(0, columns)
        column = group * pool + inside
        is_key = (inside < pool) & (column < keys)
        key = tl.load(
            key_at + column.to(tl.int64)[None, :] * d + number[:, None],
            mask=is_key[None, :] & is_number[:, None],
            other=0.0,
        )
        logits = tl.dot(query, key, input_precision="tf32x3")
        seen = is_key[None, :] & is_row[:, None]
        if causal:
            seen = seen & (column[None, :] <= (own + row)[:, None])
        logits = tl.where(seen, logits, float("-inf"))
        most = tl.max(logits, 1)
        now = tl.maximum(largest, most)
        finite = tl.where(now == float("-inf"), 0.0, now)
        total = total * tl.exp(largest - finite) + tl.sum(tl.exp(logits - finite[:, None]), 1)
        largest = now
        best = tl.where(part == 0, most, tl.maximum(best, most))
        # The group's last tile writes what stays: to write each time costs less than to ask.
        tl.store(found_at + place * groups + group, best, mask=is_row)
    tl.store(largest_at + row, largest, mask=is_row)
    tl.store(total_at + row, total, mask=is_row)
