//! Operators that stay FP32, and why.

/// Why an operator of ONNX's own stays FP32 in this version of the operators; `None` for one that
/// can be FP16.
pub fn reason(operator: &str, opset: i64) -> Option<&'static str> {
    const NO_VARIANT: &str = "it has no FP16 variant";
    const MAKES_FLOATS: &str = "an attribute says the type of what it makes";
    const RANGE: &str = "squares and long sums exceed FP16's range and digits";
    const COORDINATES: &str = "it computes with coordinates, for which FP16 has too few digits";
    match operator {
        "NonMaxSuppression" | "Range" | "Celu" | "Det" => Some(NO_VARIANT),
        "Min" | "Max" if opset < 12 => Some(NO_VARIANT),
        "IsInf" if opset < 20 => Some(NO_VARIANT),
        "Resize" | "Upsample" if opset < 10 => Some(NO_VARIANT),
        "ConstantOfShape" | "EyeLike" | "RandomNormal" | "RandomUniform" | "RandomNormalLike"
        | "RandomUniformLike" | "Multinomial" | "Bernoulli" | "BlackmanWindow" | "HannWindow"
        | "HammingWindow" | "MelWeightMatrix" => Some(MAKES_FLOATS),
        "CumSum" | "Pow" | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp" | "ReduceProd"
        | "DFT" | "STFT" => Some(RANGE),
        "GridSample" | "AffineGrid" | "RoiAlign" | "MaxRoiPool" => Some(COORDINATES),
        "ArrayFeatureExtractor"
        | "Binarizer"
        | "CastMap"
        | "CategoryMapper"
        | "DictVectorizer"
        | "FeatureVectorizer"
        | "Imputer"
        | "LabelEncoder"
        | "LinearClassifier"
        | "LinearRegressor"
        | "Normalizer"
        | "OneHotEncoder"
        | "Scaler"
        | "SVMClassifier"
        | "SVMRegressor"
        | "TreeEnsembleClassifier"
        | "TreeEnsembleRegressor"
        | "ZipMap" => Some(NO_VARIANT),
        _ if operator.starts_with("Sequence")
            || operator.starts_with("Optional")
            || matches!(operator, "SplitToSequence" | "ConcatFromSequence") =>
        {
            Some("it handles lists of tensors")
        }
        _ => None,
    }
}

/// Whether an input stays FP32 though its node is FP16: the scales of a `Resize`, and the region
/// that may go with them.
pub(super) fn is_always_float(operator: &str, input: usize) -> bool {
    matches!((operator, input), ("Resize", 1 | 2) | ("Upsample", 1))
}

/// Whether most of a network's work is in such operators.
pub(super) fn is_heavy(operator: &str) -> bool {
    matches!(
        operator,
        "Conv"
            | "ConvTranspose"
            | "DeformConv"
            | "MatMul"
            | "Gemm"
            | "Einsum"
            | "Attention"
            | "LSTM"
            | "GRU"
            | "RNN"
    )
}
