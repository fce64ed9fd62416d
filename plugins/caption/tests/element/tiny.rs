//! A tiny vision-language model, made by hand, that names the colour of the pictures that it is
//! shown: "A video frame that is mostly red." Asked for a verdict in JSON, it says `yes` of what is red
//! and `no` of everything else.
//!
//! It has the shape of Qwen2.5-VL, so that a server runs all of its real code on it: tokenizer,
//! vision tower, projector, attention, sampling. Nothing is trained:
//!
//! * each token's embedding is its own dimension; three more carry colour, three the evidence for one;
//! * the vision part means each patch's R, G and B and puts them on the dimensions of colour;
//! * the one layer attends to everything alike (queries and keys are zero) and adds the mean colour
//!   to the evidence;
//! * the head says for each token which one follows; after "mostly" the evidence decides.
//!
//! The files are GGUF, version 3 (ggml, docs/gguf.md).

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

const EMBED: usize = 384;
const HEADS: usize = 6;
const HIDDEN: usize = 32;
const COLORS: usize = 3;

const VISION: usize = 64;
const VISION_HEADS: u32 = 4;
const VISION_HIDDEN: usize = 32;
const VISION_LAYERS: usize = 2;
const PATCH: usize = 14;
/// Patches that become one token of the text: 2 × 2.
const MERGED: usize = VISION * 4;

/// A value of the file's metadata.
enum Meta {
    Text(String),
    U32(u32),
    F32(f32),
    Bool(bool),
    Texts(Vec<String>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
}

/// Numbers, the dimension that changes fastest first.
struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    fn zeros(shape: &[usize]) -> Self {
        Self {
            shape: shape.to_vec(),
            data: vec![0.0; shape.iter().product()],
        }
    }

    fn ones(n: usize) -> Self {
        Self {
            shape: vec![n],
            data: vec![1.0; n],
        }
    }

    /// Sets an element of a matrix of rows.
    fn set(&mut self, row: usize, column: usize, value: f32) {
        let width = self.shape[0];
        self.data[row * width + column] = value;
    }

    fn add(&mut self, row: usize, column: usize, value: f32) {
        let width = self.shape[0];
        self.data[row * width + column] += value;
    }
}

#[derive(Default)]
struct File {
    meta: Vec<(String, Meta)>,
    tensors: Vec<(String, Tensor)>,
}

impl File {
    fn text(&mut self, key: &str, value: &str) {
        self.meta.push((key.into(), Meta::Text(value.into())));
    }

    fn number(&mut self, key: &str, value: usize) {
        self.meta.push((key.into(), Meta::U32(value as u32)));
    }

    fn put(&mut self, key: &str, value: Meta) {
        self.meta.push((key.into(), value));
    }

    fn tensor(&mut self, name: &str, tensor: Tensor) {
        self.tensors.push((name.into(), tensor));
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        const ALIGNMENT: usize = 32;
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.meta.len() as u64).to_le_bytes());
        for (key, value) in &self.meta {
            put_text(&mut out, key);
            put_meta(&mut out, value);
        }
        let mut offset = 0;
        for (name, tensor) in &self.tensors {
            put_text(&mut out, name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            for side in &tensor.shape {
                out.extend((*side as u64).to_le_bytes());
            }
            // F32.
            out.extend(0u32.to_le_bytes());
            out.extend((offset as u64).to_le_bytes());
            offset = (offset + tensor.data.len() * 4).next_multiple_of(ALIGNMENT);
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        for (_, tensor) in &self.tensors {
            out.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        }
        std::fs::File::create(path)?.write_all(&out)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_meta(out: &mut Vec<u8>, value: &Meta) {
    let mut kind = |id: u32| out.extend(id.to_le_bytes());
    match value {
        Meta::U32(_) => kind(4),
        Meta::F32(_) => kind(6),
        Meta::Bool(_) => kind(7),
        Meta::Text(_) => kind(8),
        Meta::Texts(_) | Meta::I32s(_) | Meta::F32s(_) => kind(9),
    }
    let list = |out: &mut Vec<u8>, id: u32, n: usize| {
        out.extend(id.to_le_bytes());
        out.extend((n as u64).to_le_bytes());
    };
    match value {
        Meta::U32(n) => out.extend(n.to_le_bytes()),
        Meta::F32(n) => out.extend(n.to_le_bytes()),
        Meta::Bool(value) => out.push(u8::from(*value)),
        Meta::Text(text) => put_text(out, text),
        Meta::Texts(all) => {
            list(out, 8, all.len());
            all.iter().for_each(|text| put_text(out, text));
        }
        Meta::I32s(all) => {
            list(out, 5, all.len());
            all.iter().for_each(|n| out.extend(n.to_le_bytes()));
        }
        Meta::F32s(all) => {
            list(out, 6, all.len());
            all.iter().for_each(|n| out.extend(n.to_le_bytes()));
        }
    }
}

/// How byte-level BPE writes bytes: printable ones as they are, the others as letters from U+0100 on.
fn letters() -> Vec<String> {
    let mut next = 256;
    (0..256u32)
        .map(|byte| {
            let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
            let letter = if printable { byte } else { next };
            next += u32::from(!printable);
            char::from_u32(letter).unwrap().to_string()
        })
        .collect()
}

/// Writes the model's two files: text, vision.
pub fn write(text: &Path, vision: &Path) -> std::io::Result<()> {
    text_file().write(text)?;
    vision_file().write(vision)
}

fn text_file() -> File {
    let words = [
        "ĠA", "Ġvideo", "Ġframe", "Ġthat", "Ġis", "Ġmostly", "Ġred", "Ġgreen", "Ġblue", "he",
    ];
    let special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
    ];
    let mut tokens = letters();
    let mut types = vec![1; tokens.len()];
    tokens.extend(words.map(String::from));
    types.extend(words.map(|_| 1));
    tokens.extend(special.map(String::from));
    types.extend(special.map(|_| 3));
    let ids: HashMap<String, usize> = tokens.iter().cloned().zip(0..).collect();
    let id = |token: &str| ids[token];
    let vocab = tokens.len();

    let mut file = File::default();
    file.text("general.architecture", "qwen2vl");
    file.text("general.name", "tiny-colour");
    for (key, value) in [
        ("qwen2vl.context_length", 32768),
        ("qwen2vl.embedding_length", EMBED),
        ("qwen2vl.block_count", 1),
        ("qwen2vl.feed_forward_length", HIDDEN),
        ("qwen2vl.attention.head_count", HEADS),
        ("qwen2vl.attention.head_count_kv", HEADS),
        ("qwen2vl.vocab_size", vocab),
        ("tokenizer.ggml.eos_token_id", id("<|im_end|>")),
        ("tokenizer.ggml.bos_token_id", id("<|endoftext|>")),
        ("tokenizer.ggml.padding_token_id", id("<|endoftext|>")),
    ] {
        file.number(key, value);
    }
    file.put("qwen2vl.attention.layer_norm_rms_epsilon", Meta::F32(1e-6));
    file.put("qwen2vl.rope.freq_base", Meta::F32(10000.0));
    file.put(
        "qwen2vl.rope.dimension_sections",
        Meta::I32s(vec![8, 12, 12, 0]),
    );
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", "qwen2");
    file.put("tokenizer.ggml.merges", Meta::Texts(vec!["h e".into()]));
    file.put("tokenizer.ggml.add_bos_token", Meta::Bool(false));
    file.text(
        "tokenizer.chat_template",
        "{% for m in messages %}<|im_start|>{{ m.role }}\n\
         {% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}\
         {% if part.type == 'text' %}{{ part.text }}{% else %}<__media__>{% endif %}{% endfor %}{% endif %}\
         <|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    );

    let (color, evidence) = (vocab, vocab + COLORS);
    let mut embedding = Tensor::zeros(&[EMBED, vocab]);
    (0..vocab).for_each(|i| embedding.set(i, i, 1.0));
    let mut head = Tensor::zeros(&[EMBED, vocab]);
    const SURE: f32 = 40.0;
    let follows = [
        ("Ċ", "ĠA"),
        ("ĠA", "Ġvideo"),
        ("Ġvideo", "Ġframe"),
        ("Ġframe", "Ġthat"),
        ("Ġthat", "Ġis"),
        ("Ġis", "Ġmostly"),
        ("Ġred", "."),
        ("Ġgreen", "."),
        ("Ġblue", "."),
        (".", "<|im_end|>"),
    ];
    for (before, after) in follows {
        head.set(id(after), id(before), SURE);
    }
    for (i, word) in ["Ġred", "Ġgreen", "Ġblue"].into_iter().enumerate() {
        head.set(id(word), id("Ġmostly"), SURE);
        head.set(id(word), evidence + i, SURE / 2.0);
    }
    // Any other token ends the answer.
    for (i, token) in tokens.iter().enumerate() {
        if token != "Ġmostly" && follows.iter().all(|(before, _)| before != token) {
            head.add(id("<|im_end|>"), i, SURE / 5.0);
        }
    }
    // Where an answer must be JSON the words stand in a string, nothing but JSON's own signs is between
    // strings, and of yes and no the one is said of what is red, the other of what is not.
    head.set(id("ĠA"), id("\""), SURE);
    head.set(id("\""), id("."), SURE / 2.0);
    for (sign, before) in [",", ":", "\"", "}"]
        .into_iter()
        .flat_map(|sign| (0..vocab).map(move |i| (sign, i)))
    {
        head.add(id(sign), before, SURE / 100.0);
    }
    for (word, color, share) in [("y", 0, 1.0), ("n", 1, 0.5), ("n", 2, 0.5)] {
        head.set(id(word), evidence + color, SURE / 2.0 * share);
    }
    let mut value = Tensor::zeros(&[EMBED, EMBED]);
    let mut output = Tensor::zeros(&[EMBED, EMBED]);
    for i in 0..COLORS {
        value.set(i, color + i, 1.0);
        output.set(evidence + i, i, 0.02);
    }
    file.put("tokenizer.ggml.tokens", Meta::Texts(tokens));
    file.put("tokenizer.ggml.token_type", Meta::I32s(types));
    file.tensor("token_embd.weight", embedding);
    file.tensor("output.weight", head);
    file.tensor("output_norm.weight", Tensor::ones(EMBED));
    file.tensor("blk.0.attn_norm.weight", Tensor::ones(EMBED));
    file.tensor("blk.0.ffn_norm.weight", Tensor::ones(EMBED));
    file.tensor("blk.0.attn_q.weight", Tensor::zeros(&[EMBED, EMBED]));
    file.tensor("blk.0.attn_k.weight", Tensor::zeros(&[EMBED, EMBED]));
    file.tensor("blk.0.attn_v.weight", value);
    file.tensor("blk.0.attn_output.weight", output);
    for name in ["attn_q", "attn_k", "attn_v"] {
        file.tensor(&format!("blk.0.{name}.bias"), Tensor::zeros(&[EMBED]));
    }
    file.tensor("blk.0.ffn_gate.weight", Tensor::zeros(&[EMBED, HIDDEN]));
    file.tensor("blk.0.ffn_up.weight", Tensor::zeros(&[EMBED, HIDDEN]));
    file.tensor("blk.0.ffn_down.weight", Tensor::zeros(&[HIDDEN, EMBED]));
    file
}

fn vision_file() -> File {
    let vocab = 256 + 10 + 6;
    let mut file = File::default();
    file.text("general.architecture", "clip");
    file.text("general.name", "tiny-colour-vision");
    file.put("clip.has_vision_encoder", Meta::Bool(true));
    file.text("clip.projector_type", "qwen2.5vl_merger");
    for (key, value) in [
        ("clip.vision.embedding_length", VISION),
        ("clip.vision.attention.head_count", VISION_HEADS as usize),
        ("clip.vision.feed_forward_length", VISION_HIDDEN),
        ("clip.vision.block_count", VISION_LAYERS),
        ("clip.vision.projection_dim", EMBED),
        ("clip.vision.image_size", 224),
        ("clip.vision.patch_size", PATCH),
        // Every second layer attends to all: with every layer doing so, the window mask would not be
        // used, and the server does not survive that.
        ("clip.vision.n_wa_pattern", 2),
        ("clip.vision.spatial_merge_size", 2),
    ] {
        file.number(key, value);
    }
    file.put("clip.vision.attention.layer_norm_epsilon", Meta::F32(1e-6));
    file.put("clip.vision.image_mean", Meta::F32s(vec![0.0; 3]));
    file.put("clip.vision.image_std", Meta::F32s(vec![1.0; 3]));
    file.put("clip.use_silu", Meta::Bool(true));

    // Two frames in time make a patch; a still picture is both, so that each has half.
    for name in ["v.patch_embd.weight", "v.patch_embd.weight.1"] {
        let mut kernel = Tensor::zeros(&[PATCH, PATCH, 3, VISION]);
        let area = PATCH * PATCH;
        for channel in 0..COLORS {
            let start = (channel * 3 + channel) * area;
            kernel.data[start..start + area].fill(0.5 / area as f32);
        }
        file.tensor(name, kernel);
    }
    file.tensor("v.post_ln.weight", Tensor::ones(VISION));
    for layer in 0..VISION_LAYERS {
        for name in ["attn_q", "attn_k", "attn_v", "attn_out"] {
            file.tensor(
                &format!("v.blk.{layer}.{name}.weight"),
                Tensor::zeros(&[VISION, VISION]),
            );
            file.tensor(
                &format!("v.blk.{layer}.{name}.bias"),
                Tensor::zeros(&[VISION]),
            );
        }
        for name in ["ln1", "ln2"] {
            file.tensor(
                &format!("v.blk.{layer}.{name}.weight"),
                Tensor::ones(VISION),
            );
        }
        for name in ["ffn_gate", "ffn_up"] {
            file.tensor(
                &format!("v.blk.{layer}.{name}.weight"),
                Tensor::zeros(&[VISION, VISION_HIDDEN]),
            );
            file.tensor(
                &format!("v.blk.{layer}.{name}.bias"),
                Tensor::zeros(&[VISION_HIDDEN]),
            );
        }
        file.tensor(
            &format!("v.blk.{layer}.ffn_down.weight"),
            Tensor::zeros(&[VISION_HIDDEN, VISION]),
        );
        file.tensor(
            &format!("v.blk.{layer}.ffn_down.bias"),
            Tensor::zeros(&[VISION]),
        );
    }
    let mut first = Tensor::zeros(&[MERGED, MERGED]);
    let mut second = Tensor::zeros(&[MERGED, EMBED]);
    for patch in 0..4 {
        for channel in 0..COLORS {
            let at = patch * VISION + channel;
            first.set(at, at, 10.0);
            second.set(vocab + channel, at, 0.1);
        }
    }
    file.tensor("mm.0.weight", first);
    file.tensor("mm.0.bias", Tensor::zeros(&[MERGED]));
    file.tensor("mm.2.weight", second);
    file.tensor("mm.2.bias", Tensor::zeros(&[EMBED]));
    file
}
