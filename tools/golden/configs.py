"""Configurations of golden cases: those that are committed, and a draw of odd ones for every family."""

import random as python_random


def old_names(name):
    """As transformers wrote the text part of a multimodal model before 4.52, and as the Hub's files have it."""
    if name.startswith("model.language_model."):
        return "language_model.model." + name.removeprefix("model.language_model.")
    return "language_model." + name if name.startswith("lm_head.") else name.removeprefix("model.")


VISION = {
    "gemma3": {
        "model_type": "siglip_vision_model",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "image_size": 16,
        "patch_size": 8,
    },
    "qwen2_vl": {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1, "patch_size": 4},
    "smolvlm": {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "image_size": 16,
        "patch_size": 8,
    },
}


def llama_like(kind, **more):
    return {
        "model_type": kind,
        "vocab_size": 211,
        "hidden_size": 40,
        "intermediate_size": 52,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-6,
        **more,
    }


CASES = {
    "gptneo-f16": {
        "config": {
            "model_type": "gpt_neo",
            "architectures": ["GPTNeoForCausalLM"],
            "vocab_size": 203,
            "hidden_size": 36,
            "num_layers": 4,
            "num_heads": 3,
            "intermediate_size": None,
            "window_size": 7,
            "attention_types": [[["global", "local"], 2]],
            "attention_layers": ["global", "local", "global", "local"],
            "max_position_embeddings": 64,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "bos_token_id": 202,
            "eos_token_id": 202,
        },
        "stored": "F16",
        "seed": 11,
        "prefix": 5,
        "description": "GPT-Neo: unscaled attention, every second layer sees 7 rows, tied head; no biases of queries, keys and values.",
    },
    "opt-f16": {
        "config": {
            "model_type": "opt",
            "architectures": ["OPTForCausalLM"],
            "vocab_size": 209,
            "hidden_size": 40,
            "num_hidden_layers": 3,
            "num_attention_heads": 5,
            "ffn_dim": 66,
            "word_embed_proj_dim": 40,
            "max_position_embeddings": 64,
            "activation_function": "relu",
            "do_layer_norm_before": True,
            "_remove_final_layer_norm": False,
            "bos_token_id": 2,
            "eos_token_id": 2,
            "pad_token_id": 1,
        },
        "stored": "F16",
        "seed": 12,
        "description": "OPT: learned positions from row 2 on, ReLU, biases everywhere, tied head.",
    },
    "phi-f16": {
        "config": {
            "model_type": "phi",
            "architectures": ["PhiForCausalLM"],
            "vocab_size": 193,
            "hidden_size": 48,
            "intermediate_size": 100,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": None,
            "partial_rotary_factor": 0.5,
            "rope_scaling": None,
            "rope_theta": 10000.0,
            "hidden_act": "gelu_new",
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 128,
            "qk_layernorm": False,
            "tie_word_embeddings": False,
        },
        "stored": "F16",
        "seed": 13,
        "description": "Phi: one LayerNorm for attention and MLP side by side, half of each head rotated, biases everywhere, the head's too.",
    },
    "gemma2-bf16": {
        "config": llama_like(
            "gemma2",
            architectures=["Gemma2ForCausalLM"],
            vocab_size=251,
            hidden_size=44,
            head_dim=16,
            num_hidden_layers=4,
            hidden_activation="gelu_pytorch_tanh",
            query_pre_attn_scalar=20,
            sliding_window=8,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=8.0,
            rope_theta=10000.0,
        ),
        "stored": "BF16",
        "seed": 14,
        "prefix": 5,
        "description": "Gemma 2: soft caps of scores (5) and logits (8), norms after each block, layers 0 and 2 see 8 rows, scaled embeddings (virtual tokens are not).",
    },
    "gemma-bf16": {
        "config": llama_like(
            "gemma",
            architectures=["GemmaForCausalLM"],
            hidden_size=36,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=24,
            hidden_act="gelu",
        ),
        "stored": "BF16",
        "seed": 15,
        "description": "Gemma: one key/value head, head size beyond hidden / heads, scaled embeddings; \"gelu\" means its tanh form.",
    },
    "gemma3-multimodal-bf16": {
        "config": {
            "model_type": "gemma3",
            "architectures": ["Gemma3ForConditionalGeneration"],
            "boi_token_index": 200,
            "eoi_token_index": 201,
            "image_token_index": 202,
            "mm_tokens_per_image": 4,
            "text_config": {
                "model_type": "gemma3_text",
                "vocab_size": 227,
                "hidden_size": 40,
                "intermediate_size": 56,
                "num_hidden_layers": 3,
                "head_dim": 8,
                "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                "sliding_window": 9,
                "sliding_window_pattern": 2,
                "query_pre_attn_scalar": 12,
            },
            "vision_config": VISION["gemma3"],
        },
        "stored": "BF16",
        "seed": 16,
        "rename": old_names,
        "description": "The text part of a multimodal Gemma 3: text_config without the keys that released files leave out (8 heads, 4 of keys and values), tensors under language_model.model.",
    },
    "llama-f16-biases-linear": {
        "config": llama_like(
            "llama",
            architectures=["LlamaForCausalLM"],
            vocab_size=199,
            hidden_size=36,
            intermediate_size=50,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=14,
            attention_bias=True,
            mlp_bias=True,
            rope_theta=20000.0,
            rope_scaling={"type": "linear", "factor": 2.5},
            tie_word_embeddings=False,
        ),
        "stored": "F16",
        "seed": 17,
        "description": "Llama with biases of attention and MLP, linear RoPE scaling in the older writing, one key/value head, head untied.",
    },
    "mistral-bf16-sliding": {
        "config": llama_like(
            "mistral",
            architectures=["MistralForCausalLM"],
            head_dim=12,
            sliding_window=7,
            rope_parameters={"rope_type": "default", "rope_theta": 50000.0},
        ),
        "stored": "BF16",
        "seed": 18,
        "prefix": 4,
        "description": "Mistral with a window of 7 rows, shorter than the texts; rope_parameters as newer files have them.",
    },
    "smollm3-bf16": {
        "config": llama_like(
            "smollm3",
            architectures=["SmolLM3ForCausalLM"],
            num_hidden_layers=4,
            no_rope_layers=[1, 1, 0, 1],
            rope_theta=2000000.0,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        ),
        "stored": "BF16",
        "seed": 19,
        "description": "SmolLM3: layer 2 does not rotate; tied head.",
    },
    "qwen3-bf16-shards": {
        "config": llama_like(
            "qwen3",
            architectures=["Qwen3ForCausalLM"],
            vocab_size=197,
            hidden_size=20,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=10,
            num_hidden_layers=2,
            attention_bias=True,
            use_sliding_window=True,
            sliding_window=6,
            max_window_layers=1,
            rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
            tie_word_embeddings=False,
        ),
        "stored": "BF16",
        "seed": 20,
        "shards": 3,
        "description": "Qwen 3 in three files with an index: head untied, biases, the last layer sees 6 rows.",
    },
    "qwen2vl-bf16": {
        "config": {
            "model_type": "qwen2_vl",
            "architectures": ["Qwen2VLForConditionalGeneration"],
            "image_token_id": 200,
            "video_token_id": 201,
            "vision_start_token_id": 202,
            "vision_end_token_id": 203,
            "tie_word_embeddings": True,
            "text_config": {
                **llama_like("qwen2_vl_text", hidden_size=36, num_attention_heads=3, num_key_value_heads=1),
                "rope_scaling": {"type": "mrope", "mrope_section": [1, 2, 3]},
                "rope_theta": 1000000.0,
            },
            "vision_config": {**VISION["qwen2_vl"], "hidden_size": 36},
        },
        "stored": "BF16",
        "seed": 21,
        "description": "The text part of a Qwen 2 VL: its rotation by three positions, which are equal in text; tensors under model.language_model.",
    },
}


# Draws of odd shapes. Each takes a random.Random and returns a configuration.


def some_heads(draw):
    """(heads, kv heads, hidden divisible by the heads, free even head size)."""
    heads = draw.choice([1, 2, 3, 4, 5, 6])
    kv = draw.choice([k for k in range(1, heads + 1) if heads % k == 0])
    hidden = heads * draw.choice([6, 7, 10, 12, 13, 18])
    return heads, kv, hidden, draw.choice([4, 6, 8, 10, 14, 16, 18])


def some_rope(draw, context=96):
    theta = draw.choice([10000.0, 500000.0, 1234.5])
    scalings = [
        None,
        {"rope_type": "default"},
        {"type": "linear", "factor": draw.choice([2.0, 3.5])},
        {
            "rope_type": "llama3",
            "factor": draw.choice([4.0, 8.0]),
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 48,
        },
        {"type": "dynamic", "factor": 2.0},
    ]
    scaling = draw.choice(scalings)
    if draw.random() < 0.5:
        return {"rope_theta": theta, "rope_scaling": scaling}
    return {"rope_parameters": {"rope_theta": theta, **{("rope_type" if k == "type" else k): v for k, v in (scaling or {"rope_type": "default"}).items()}}}


def base(kind, draw, free_head=True):
    heads, kv, hidden, head = some_heads(draw)
    even = (hidden // heads) % 2 == 0
    config = {
        "model_type": kind,
        "vocab_size": draw.choice([101, 127, 150, 233]),
        "hidden_size": hidden,
        "intermediate_size": draw.choice([17, 35, 50, 64, 77]),
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "max_position_embeddings": 96,
        "rms_norm_eps": draw.choice([1e-5, 1e-6]),
        "tie_word_embeddings": draw.random() < 0.5,
    }
    if free_head and (not even or draw.random() < 0.6):
        config["head_dim"] = head
    elif not even:
        config["hidden_size"] = hidden + heads
    return config


def gpt2(draw):
    heads, _, hidden, _ = some_heads(draw)
    return {
        "model_type": "gpt2",
        "vocab_size": draw.choice([101, 127, 150]),
        "n_embd": hidden,
        "n_head": heads,
        "n_layer": draw.choice([1, 2, 3]),
        "n_positions": 96,
        "n_inner": draw.choice([None, 35, 50]),
        "activation_function": draw.choice(["gelu_new", "gelu", "relu", "silu"]),
        "scale_attn_weights": draw.random() < 0.7,
        "tie_word_embeddings": draw.random() < 0.7,
    }


def gpt_neox(draw):
    heads, _, hidden, _ = some_heads(draw)
    size = hidden // heads
    fractions = [f for f in (0.25, 0.5, 0.4, 1.0) if int(size * f) > 0 and int(size * f) % 2 == 0]
    if not fractions:
        hidden, fractions = heads * 8, [0.25, 0.5, 1.0]
    config = {
        "model_type": "gpt_neox",
        "vocab_size": draw.choice([101, 127, 150]),
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "intermediate_size": draw.choice([35, 50, 64]),
        "max_position_embeddings": 96,
        "hidden_act": draw.choice(["gelu", "gelu_new", "relu"]),
        "use_parallel_residual": draw.random() < 0.6,
        "attention_bias": draw.random() < 0.7,
        "tie_word_embeddings": draw.random() < 0.3,
    }
    part = draw.choice(fractions)
    if draw.random() < 0.5:
        return {**config, "rotary_pct": part, "rotary_emb_base": 5000}
    return {**config, "rope_parameters": {"rope_type": "default", "rope_theta": 5000, "partial_rotary_factor": part}}


def gpt_neo(draw):
    heads, _, hidden, _ = some_heads(draw)
    pattern, times = draw.choice([(["global", "local"], 1), (["local"], 2), (["global"], 2), (["local", "global", "local"], 1)])
    return {
        "model_type": "gpt_neo",
        "vocab_size": draw.choice([101, 127, 150]),
        "hidden_size": hidden,
        "num_heads": heads,
        "num_layers": len(pattern) * times,
        "attention_types": [[pattern, times]],
        "window_size": draw.choice([1, 3, 8, 200]),
        "intermediate_size": draw.choice([None, 35, 50]),
        "max_position_embeddings": 96,
        "activation_function": draw.choice(["gelu_new", "gelu", "relu"]),
        "tie_word_embeddings": draw.random() < 0.7,
    }


def opt(draw):
    heads, _, hidden, _ = some_heads(draw)
    return {
        "model_type": "opt",
        "vocab_size": draw.choice([101, 127, 150]),
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "ffn_dim": draw.choice([35, 50, 64]),
        "max_position_embeddings": draw.choice([96, 95]),
        "activation_function": draw.choice(["relu", "gelu"]),
        "enable_bias": draw.random() < 0.7,
        "tie_word_embeddings": draw.random() < 0.7,
    }


def phi(draw):
    heads, kv, hidden, _ = some_heads(draw)
    size = draw.choice([8, 12, 16, 20])
    config = {
        "model_type": "phi",
        "vocab_size": draw.choice([101, 127, 150]),
        "hidden_size": heads * size,
        "num_attention_heads": heads,
        "num_key_value_heads": draw.choice([None, kv]),
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "intermediate_size": draw.choice([35, 50, 64]),
        "max_position_embeddings": 96,
        "hidden_act": draw.choice(["gelu_new", "gelu"]),
    }
    if draw.random() < 0.5:
        return {**config, "partial_rotary_factor": draw.choice([0.5, 1.0]), "rope_theta": 5000.0}
    return {**config, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0, "partial_rotary_factor": 0.5}}


def llama(draw):
    biases = {"attention_bias": draw.random() < 0.5, "mlp_bias": draw.random() < 0.5}
    return {**base("llama", draw), **some_rope(draw), **biases, "hidden_act": draw.choice(["silu", "gelu"])}


def mistral(draw):
    return {**base("mistral", draw), **some_rope(draw), "sliding_window": draw.choice([None, 1, 5, 12, 4096])}


def qwen_sliding(draw):
    return {
        "use_sliding_window": draw.random() < 0.5,
        "sliding_window": draw.choice([5, 12]),
        "max_window_layers": draw.choice([0, 1, 5]),
    }


def qwen2(draw):
    return {**base("qwen2", draw, free_head=False), **some_rope(draw), **qwen_sliding(draw)}


def qwen3(draw):
    config = base("qwen3", draw)
    config.setdefault("head_dim", 8)
    return {**config, **some_rope(draw), **qwen_sliding(draw), "attention_bias": draw.random() < 0.5}


def smollm3(draw):
    config = {**base("smollm3", draw, free_head=False), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config["no_rope_layer_interval"] = draw.choice([2, 3])
    window = {"use_sliding_window": draw.random() < 0.5, "sliding_window": draw.choice([5, 12])}
    return {**config, **window, "rope_theta": 2000000.0, "attention_bias": draw.random() < 0.5}


def gemma(draw):
    config = base("gemma", draw)
    config.setdefault("head_dim", 8)
    return {**config, **some_rope(draw), "hidden_act": draw.choice(["gelu", "gelu_pytorch_tanh"])}


def gemma2(draw):
    config = base("gemma2", draw)
    config.setdefault("head_dim", 8)
    return {
        **config,
        **some_rope(draw),
        "sliding_window": draw.choice([1, 5, 12]),
        "query_pre_attn_scalar": draw.choice([8, 20]),
        "attn_logit_softcapping": draw.choice([None, 3.0, 50.0]),
        "final_logit_softcapping": draw.choice([None, 6.0, 30.0]),
        "attention_bias": draw.random() < 0.3,
    }


def gemma3_text(draw, kind="gemma3_text"):
    config = base(kind, draw)
    config.setdefault("head_dim", 8)
    layers = config["num_hidden_layers"]
    which = draw.choice(["list", "pattern"])
    kinds = [draw.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]
    newer = {
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 50000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 700.0},
        }
    }
    older = {"rope_theta": 50000.0, "rope_local_base_freq": 700.0, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}
    return {
        **config,
        **draw.choice([newer, older]),
        **({"layer_types": kinds} if which == "list" else {"sliding_window_pattern": 2}),
        "sliding_window": draw.choice([1, 5, 12]),
        "query_pre_attn_scalar": draw.choice([8, 20]),
        "final_logit_softcapping": draw.choice([None, 6.0]),
    }


def gemma3(draw):
    text = gemma3_text(draw)
    tied = text.pop("tie_word_embeddings")
    ids = {"boi_token_index": 90, "eoi_token_index": 91, "image_token_index": 92, "mm_tokens_per_image": 4}
    return {"model_type": "gemma3", **ids, "tie_word_embeddings": tied, "text_config": text, "vision_config": VISION["gemma3"]}


def qwen2_vl(draw):
    text = {**base("qwen2_vl_text", draw, free_head=False), **qwen_sliding(draw), "rope_theta": 30000.0}
    half = text["hidden_size"] // text["num_attention_heads"] // 2
    text["rope_scaling"] = {"type": "mrope", "mrope_section": [1, 1, half - 2]}
    ids = {"image_token_id": 90, "video_token_id": 91, "vision_start_token_id": 92, "vision_end_token_id": 93}
    vision = {**VISION["qwen2_vl"], "hidden_size": text["hidden_size"]}
    tied = text.pop("tie_word_embeddings")
    return {"model_type": "qwen2_vl", **ids, "tie_word_embeddings": tied, "text_config": text, "vision_config": vision}


def smolvlm(draw):
    text = llama(draw)
    tied = text.pop("tie_word_embeddings")
    return {"model_type": "smolvlm", "image_token_id": 90, "tie_word_embeddings": tied, "scale_factor": 1, "text_config": text, "vision_config": VISION["smolvlm"]}


FAMILIES = {
    maker.__name__: maker
    for maker in (gpt2, gpt_neox, gpt_neo, opt, phi, llama, mistral, qwen2, qwen3, smollm3, gemma, gemma2, gemma3_text, gemma3, qwen2_vl, smolvlm)
}


def random_config(family, seed):
    """What `make_case` takes, drawn for a family."""
    draw = python_random.Random(f"{family} {seed}")
    config = FAMILIES[family](draw)
    options = {"shards": draw.choice([1, 1, 3])}
    if family == "gemma3" and draw.random() < 0.5:
        options["rename"] = old_names
    lengths = [draw.randint(1, 24) for _ in range(4)]
    lengths[0] += 3
    return {
        "config": config,
        "stored": draw.choice(["F32", "F16", "BF16"]),
        "prompt": draw.choice([1, 3, 8]),
        "prefix": draw.choice([0, 4]),
        "lengths": lengths,
        "steps": 4,
        "description": f"Drawn at random, seed {seed}.",
        **options,
    }
