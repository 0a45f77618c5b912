"""The slow loop in classes that compute attention themselves: each hands its queries, keys and values to it instead.

Each function gives the method to put in place of the class's own. `attend` is `slow.Layers.attend`.
"""

import math

import torch
from transformers.models.falcon.modeling_falcon import apply_rotary_pos_emb


def visible(mask, queries, keys, window=None):
    """Which keys each query may attend to: not the future, at most `window` back, and what an additive mask leaves."""
    i, j = torch.arange(queries)[:, None], torch.arange(keys)
    return (j <= i) & (i - j < (window or keys)) & unhidden(mask)


def unhidden(mask):
    """What an additive mask leaves."""
    return torch.ones(1, 1, 1, 1, dtype=torch.bool) if mask is None else mask > torch.finfo(mask.dtype).min


def split(states, heads):
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(context):
    return context.transpose(1, 2).flatten(2)


def gpt_neo(module, attend):
    window = module.config.window_size if module.attention_type == "local" else None

    def attention(query, key, value, attention_mask=None):
        allowed = visible(attention_mask, query.shape[2], key.shape[2], window)
        return attend(module, query, key, value, allowed, 1.0), None

    return {"_attn": attention}


def gptj(module, attend):
    def attention(query, key, value, attention_mask=None):
        allowed = visible(attention_mask, query.shape[2], key.shape[2])
        return attend(module, query, key, value, allowed, query.shape[-1] ** -0.5), None

    return {"_attn": attention}


def openai(module, attend):
    def attention(q, k, v, attention_mask=None, output_attentions=False):
        return [attend(module, q, k.mT, v, visible(attention_mask, q.shape[2], v.shape[2]), q.shape[-1] ** -0.5)]

    return {"_attn": attention}


def bert(module, attend):
    def forward(hidden_states, attention_mask=None, sinusoidal_pos=None, **rest):
        heads = module.num_attention_heads
        query, key, value = (split(p(hidden_states), heads) for p in (module.query, module.key, module.value))
        if sinusoidal_pos is not None:
            query, key = module.apply_rotary_position_embeddings(sinusoidal_pos, query, key)
        return merge(attend(module, query, key, value, unhidden(attention_mask), query.shape[-1] ** -0.5)), None

    return {"forward": forward}


def mpnet(module, attend):
    def forward(hidden_states, attention_mask=None, position_bias=None, output_attentions=False):
        heads = module.num_attention_heads
        query, key, value = (split(p(hidden_states), heads) for p in (module.q, module.k, module.v))
        scale = query.shape[-1] ** -0.5
        return (module.o(merge(attend(module, query, key, value, unhidden(attention_mask), scale, position_bias))),)

    return {"forward": forward}


def xlm(module, attend):
    def forward(states, mask, **rest):
        query, key, value = (split(p(states), module.n_heads) for p in (module.q_lin, module.k_lin, module.v_lin))
        allowed = mask[:, None, None].bool()
        return (module.out_lin(merge(attend(module, query, key, value, allowed, query.shape[-1] ** -0.5))),)

    return {"forward": forward}


def xglm(module, attend):
    def forward(hidden_states, attention_mask=None, **rest):
        projections = module.q_proj, module.k_proj, module.v_proj
        query, key, value = (split(p(hidden_states), module.num_heads) for p in projections)
        allowed = visible(attention_mask, query.shape[2], key.shape[2])
        return module.out_proj(merge(attend(module, query, key, value, allowed, query.shape[-1] ** -0.5))), None

    return {"forward": forward}


def data2vec(module, attend):
    def forward(hidden_states, output_attentions, relative_position_bias, interpolate_pos_encoding, resolution):
        heads, count = module.num_attention_heads, hidden_states.shape[1]
        query, key, value = (split(p(hidden_states), heads) for p in (module.query, module.key, module.value))
        window = tuple(side // module.config.patch_size for side in resolution)
        bias = module.relative_position_bias(window, dim_size=count)
        return merge(attend(module, query, key, value, unhidden(None), query.shape[-1] ** -0.5, bias)), None

    return {"forward": forward}


def wavlm(module, attend):
    def attention(hidden_states, attention_mask, gated_position_bias):
        projections = module.q_proj, module.k_proj, module.v_proj
        query, key, value = (split(p(hidden_states), module.num_heads) for p in projections)
        bias = gated_position_bias.unflatten(0, (-1, module.num_heads))
        allowed = unhidden(None) if attention_mask is None else attention_mask[:, None, None].eq(1)
        made = attend(module, query, key, value, allowed, query.shape[-1] ** -0.5, bias)
        return module.out_proj(merge(made)), None

    return {"torch_multi_head_self_attention": attention}


def swinv2(module, attend):
    """Cosines under a scale that each head learns, and a position bias from a small network (Liu et al. 2022)."""

    def forward(hidden_states, attention_mask=None, output_attentions=False):
        heads, count = module.num_attention_heads, hidden_states.shape[1]
        query, key, value = (split(p(hidden_states), heads) for p in (module.query, module.key, module.value))
        table = module.continuous_position_bias_mlp(module.relative_coords_table).view(-1, heads)
        bias = 16 * torch.sigmoid(table[module.relative_position_index.view(-1)].view(count, count, heads))
        bias = bias.permute(2, 0, 1)[None].expand(len(query), -1, -1, -1)
        if attention_mask is not None:  # one a window, and the class adds it twice
            bias = bias + 2 * attention_mask.repeat(len(query) // len(attention_mask), 1, 1)[:, None]
        scale = module.logit_scale.flatten().clamp(max=math.log(100)).exp()
        query, key = (torch.nn.functional.normalize(each, dim=-1) for each in (query, key))
        return (merge(attend(module, query, key, value, unhidden(None), scale, bias)),)

    return {"forward": forward}


def bloom(module, attend):
    def forward(hidden_states, residual, alibi, attention_mask=None, **rest):
        query, key, value = split(module.query_key_value(hidden_states), module.num_heads).chunk(3, dim=-1)
        allowed = visible(attention_mask, query.shape[2], key.shape[2])
        bias = alibi.unflatten(0, (-1, module.num_heads))
        made = attend(module, query, key, value, allowed, query.shape[-1] ** -0.5, bias)
        return module.dense(merge(made)) + residual, None

    return {"forward": forward}


def mpt(module, attend):
    def forward(hidden_states, position_bias, attention_mask=None, **rest):
        query, key, value = (split(each, module.n_heads) for each in module.Wqkv(hidden_states).chunk(3, dim=-1))
        allowed = visible(None, query.shape[2], key.shape[2]) & ~attention_mask
        # A slope a head, times how far back the key is: shifting a row by a number changes none of its weights.
        slopes = 2.0 ** (-8 * torch.arange(1, module.n_heads + 1) / module.n_heads)
        bias = slopes[:, None, None] * torch.arange(1 - key.shape[2], 1)
        scale = query.shape[-1] ** -0.5
        return module.out_proj(merge(attend(module, query, key, value, allowed, scale, bias))), None

    return {"forward": forward}


def falcon(module, attend):
    def forward(hidden_states, attention_mask=None, position_embeddings=None, **rest):
        states = split(module.query_key_value(hidden_states), module.num_heads + 2)
        query, key, value = states[:, :-2], states[:, [-2]], states[:, [-1]]  # the heads share one key and one value
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
        allowed = visible(None, query.shape[2], key.shape[2]) if attention_mask is None else attention_mask.bool()
        return module.dense(merge(attend(module, query, key, value, allowed, query.shape[-1] ** -0.5))), None

    return {"forward": forward}


def deberta_v1(module, attend):
    def forward(hidden_states, attention_mask, output_attentions, query_states, relative_pos, rel_embeddings):
        states = split(module.in_proj(hidden_states), module.num_attention_heads)
        query, key, value = states.chunk(3, dim=-1)
        query, value = (
            x + split(b[None, None], x.shape[1]) for x, b in ((query, module.q_bias), (value, module.v_bias))
        )
        scale = (3 * query.shape[-1]) ** -0.5
        bias = module.disentangled_att_bias(query * scale, key, relative_pos, rel_embeddings, 3)
        return merge(attend(module, query, key, value, attention_mask.bool(), scale, bias)), None

    return {"forward": forward}


def deberta_v2(module, attend):
    """Content to content under the scale; content to position and position to content added (He et al. 2021)."""

    def bucket(distance):
        """Near distances one by one, far ones on a logarithm."""
        half, most = module.position_buckets // 2, module.max_relative_positions
        far = math.ceil(math.log(max(abs(distance), 1) / half) / math.log((most - 1) / half) * (half - 1)) + half
        return distance if abs(distance) <= half else int(math.copysign(far, distance))

    def forward(hidden_states, attention_mask, output_attentions, query_states, relative_pos, rel_embeddings):
        heads, count = module.num_attention_heads, hidden_states.shape[1]
        projections = module.query_proj, module.key_proj, module.value_proj
        query, key, value = (split(p(hidden_states), heads) for p in projections)
        span = module.pos_ebd_size
        position_key = split(module.key_proj(rel_embeddings[None, : 2 * span]), heads)[0]
        position_query = split(module.query_proj(rel_embeddings[None, : 2 * span]), heads)[0]
        scale = (3 * query.shape[-1]) ** -0.5
        bias = query.new_empty(len(query), heads, count, count)
        for i in range(count):
            for j in range(count):
                place = min(max(bucket(i - j) + span, 0), 2 * span - 1)
                bias[:, :, i, j] = (query[:, :, i] * position_key[:, place]).sum(-1) * scale
                bias[:, :, i, j] += (key[:, :, j] * position_query[:, place]).sum(-1) * scale
        return merge(attend(module, query, key, value, attention_mask.bool(), scale, bias)), None

    return {"forward": forward}


# By the file of Transformers that a class is written in: its name alone may be of several.
CLASSES = {
    "gpt_neo": ("GPTNeoSelfAttention", gpt_neo),
    "gptj": ("GPTJAttention", gptj),
    "codegen": ("CodeGenAttention", gptj),
    "gpt_neox_japanese": ("GPTNeoXJapaneseAttention", gptj),
    "openai": ("Attention", openai),
    "roformer": ("RoFormerSelfAttention", bert),
    "megatron_bert": ("MegatronBertSelfAttention", bert),
    "rembert": ("RemBertSelfAttention", bert),
    "mpnet": ("MPNetSelfAttention", mpnet),
    "xlm": ("MultiHeadAttention", xlm),
    "flaubert": ("MultiHeadAttention", xlm),
    "xglm": ("XGLMAttention", xglm),
    "trocr": ("TrOCRAttention", xglm),
    "bloom": ("BloomAttention", bloom),
    "mpt": ("MptAttention", mpt),
    "falcon": ("FalconAttention", falcon),
    "data2vec_vision": ("Data2VecVisionSdpaSelfAttention", data2vec),
    "wavlm": ("WavLMAttention", wavlm),
    "swinv2": ("Swinv2SelfAttention", swinv2),
    "deberta": ("DisentangledSelfAttention", deberta_v1),
    "deberta_v2": ("DisentangledSelfAttention", deberta_v2),
}


def knows(network):
    """Is there a slow loop here for the network? There is none for Falcon's alibi, which its class adds twice.

    A class that this release of Transformers leads through its interface needs none here.
    """
    itself = not network._can_set_attn_implementation()
    return itself and _file(network) in CLASSES and not getattr(network.config, "alibi", False)


def install(network, attend):
    """Put the slow loop into every attention module of the network."""
    kind, replacement = CLASSES[_file(network)]
    for module in network.modules():
        if type(module).__name__ == kind:
            for name, method in replacement(module, attend).items():
                setattr(module, name, method)


def _file(network):
    return type(network).__module__.split(".")[-1].removeprefix("modeling_")
