//! What can go wrong with TensorRT, and what then helps.

use super::version::Version;
use crate::driver::DriverError;
use std::path::PathBuf;

/// An error of TensorRT, of what it was given, or of the driver below it.
#[derive(Debug, thiserror::Error)]
pub enum TensorRtError {
    /// The driver's.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// No library was found.
    #[error("no TensorRT: {0}")]
    Missing(String),
    /// A library was found whose interface is not known here.
    #[error(
        "{} is TensorRT {found}: 8.6, 10 or 11 is needed{}",
        path.display(),
        if found.major < 10 { "" } else { ", or a newer version of this plugin" }
    )]
    Version {
        /// The library.
        path: PathBuf,
        /// What it says it is.
        found: Version,
    },
    /// Only the lean runtime is there, or no parser: plans can be run, none can be built.
    #[error("TensorRT {version} at {} cannot build engines: {reason}", path.display())]
    CannotBuild {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: Version,
        /// What is missing.
        reason: String,
    },
    /// A function of TensorRT gave nothing.
    #[error("TensorRT's {call} failed{}", because(log))]
    Call {
        /// The function.
        call: &'static str,
        /// What it logged: errors only.
        log: String,
    },
    /// An ONNX file that cannot be read, or not by this version.
    #[error("{}: {}", model.display(), each(problems))]
    Parse {
        /// The file.
        model: PathBuf,
        /// At least one.
        problems: Vec<ParseProblem>,
    },
    /// A network that cannot be built as it was asked for.
    #[error("{}: {reason}", model.display())]
    Unbuildable {
        /// The file.
        model: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The build was given up because it was told to.
    #[error("the build of {} was cancelled", model.display())]
    Cancelled {
        /// The file.
        model: PathBuf,
    },
    /// A file that is no plan, or not one that can be run here.
    #[error("{}: {reason}", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A tensor, shape or batch that the engine does not take.
    #[error("the engine does not take {what}: {needed}")]
    Shape {
        /// What was given.
        what: String,
        /// What it takes.
        needed: String,
    },
    /// The GPU has not enough memory.
    #[error(
        "out of GPU memory in TensorRT's {call}{}; a smaller batch, or fewer engines on this GPU, would need less",
        because(log)
    )]
    OutOfMemory {
        /// The function.
        call: &'static str,
        /// What it logged: errors only.
        log: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl TensorRtError {
    /// The error of a function that gave nothing, by what it logged.
    pub(super) fn of_call(call: &'static str, log: String) -> Self {
        let lower = log.to_lowercase();
        let short = ["out of memory", "outofmemory", "cudaerrormemoryallocation"];
        if short.iter().any(|words| lower.contains(words)) {
            Self::OutOfMemory { call, log }
        } else {
            Self::Call { call, log }
        }
    }

    /// Whether less memory would have helped.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::OutOfMemory { .. } => true,
            Self::Driver(error) => error.is_out_of_memory(),
            _ => false,
        }
    }

    /// Whether the GPU, or our context on it, is lost.
    pub fn lost(&self) -> Option<crate::driver::Lost> {
        match self {
            Self::Driver(error) => error.lost(),
            _ => None,
        }
    }
}

/// One thing that the parser does not like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseProblem {
    /// Whether it is the operator that is not known, rather than how it is used.
    pub unsupported: bool,
    /// Type of the operator; empty where the parser does not say.
    pub operator: String,
    /// Name of the node; empty where neither the parser nor the file says.
    pub node: String,
    /// Its index in the graph; none where the problem is not one node's.
    pub index: Option<usize>,
    /// The parser's words.
    pub text: String,
}

impl std::fmt::Display for ParseProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(index) = self.index {
            let operator = match self.operator.as_str() {
                "" => "unknown",
                operator => operator,
            };
            let what = if self.unsupported {
                "TensorRT has no operator"
            } else {
                "TensorRT cannot take the operator"
            };
            write!(
                f,
                "{what} {operator}, which node {index} '{}' needs",
                self.node
            )?;
            if !self.text.is_empty() {
                write!(f, " ({})", self.text)?;
            }
            return Ok(());
        }
        f.write_str(&self.text)
    }
}

fn each(problems: &[ParseProblem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn because(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!(": {log}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_tells_a_lack_of_memory_from_other_failures() {
        for (log, short) in [
            (
                "[defaultAllocator.cpp::allocate::61] Error Code 1: Cuda Runtime (out of memory)",
                true,
            ),
            ("Error Code 2: OutOfMemory (no further information)", true),
            ("Error Code 3: API Usage Error", false),
            ("", false),
        ] {
            let error = TensorRtError::of_call("enqueueV3", log.into());
            assert_eq!(error.is_out_of_memory(), short, "{log}");
            assert!(error.to_string().contains("enqueueV3"), "{error}");
        }
    }

    #[test]
    fn an_operator_that_is_not_known_is_named_with_its_node() {
        let problem = ParseProblem {
            unsupported: true,
            operator: "Frobnicate".into(),
            node: "/head/Frob".into(),
            index: Some(7),
            text: "No importer registered for op: Frobnicate".into(),
        };
        let text = problem.to_string();
        for part in ["Frobnicate", "'/head/Frob'", "node 7", "No importer"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
