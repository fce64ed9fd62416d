//! What can go wrong with the driver, and what then helps.

use super::raw::{CUDA_ERROR_NO_DEVICE, CUDA_ERROR_OUT_OF_MEMORY, CUresult};
use std::path::PathBuf;

/// A call of the driver that failed, or a driver that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// There is no driver.
    #[error("no NVIDIA driver: {} cannot be opened ({reason})", path.display())]
    Library {
        /// What was to be opened.
        path: PathBuf,
        /// The dynamic linker's words.
        reason: String,
    },
    /// The library is no driver, or one that is too old.
    #[error(
        "{} has no function {name}: {}; one of CUDA 10.1 or newer is needed",
        library.display(),
        version.map_or("it is no NVIDIA driver".into(), |v| format!("the driver is of CUDA {}", Version(v)))
    )]
    Symbol {
        /// The function.
        name: String,
        /// What was opened.
        library: PathBuf,
        /// `1000 · major + 10 · minor`, if the library knows.
        version: Option<i32>,
    },
    /// The driver does not start.
    #[error("the NVIDIA driver does not start: cuInit gave {code} ({name}{}{text}){}", sep(text), hint(*code))]
    Init {
        /// The result of `cuInit`.
        code: CUresult,
        /// The driver's name of it.
        name: String,
        /// The driver's description.
        text: String,
    },
    /// The driver starts and has no device.
    #[error("the NVIDIA driver has no GPU{}", hint(CUDA_ERROR_NO_DEVICE))]
    NoDevice,
    /// A device that is not there was asked for.
    #[error("there is no GPU {wanted}: this machine has {count}, counted from 0")]
    NoSuchDevice {
        /// The number that was asked for.
        wanted: usize,
        /// How many there are.
        count: usize,
    },
    /// An allocation, or a call that needs memory, found none.
    #[error("out of GPU memory: {call}{}", Asked(*bytes, *free))]
    OutOfMemory {
        /// The function.
        call: &'static str,
        /// How many bytes were asked for, where that is known.
        bytes: Option<usize>,
        /// How many were free just after, where that is known.
        free: Option<usize>,
    },
    /// The context, or the device, is lost: each later call with it fails too.
    #[error("{cause}: {call} gave {code} ({name}); {}", cause.way_out())]
    Lost {
        /// The function that said so; not always the one whose work failed.
        call: &'static str,
        /// Its result.
        code: CUresult,
        /// The driver's name of it.
        name: String,
        /// What is lost.
        cause: Lost,
    },
    /// PTX that the driver did not take.
    #[error("the driver does not take the kernels {module}: {code} ({name}){log}")]
    Module {
        /// The module.
        module: String,
        /// The result of the call.
        code: CUresult,
        /// The driver's name of it.
        name: String,
        /// What its compiler said; empty, or text that begins a new line.
        log: String,
    },
    /// The driver is too old for something that it was asked for.
    #[error("the driver has no {name} (it is of CUDA {})", Version(*version))]
    Unsupported {
        /// The function.
        name: &'static str,
        /// `1000 · major + 10 · minor`.
        version: i32,
    },
    /// Any other call that failed.
    #[error("{call} gave {code} ({name}{}{text})", sep(text))]
    Call {
        /// The function.
        call: &'static str,
        /// Its result.
        code: CUresult,
        /// The driver's name of it.
        name: String,
        /// The driver's description.
        text: String,
    },
}

/// What of a GPU is lost, by the results that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// A kernel faulted: its context, with all memory in it, is dead.
    Fault,
    /// The hardware reported damage.
    Hardware,
    /// Somebody destroyed the context.
    Destroyed,
    /// The device does not answer, or its driver is going away.
    Gone,
}

impl Lost {
    /// What is lost with this result; `None` where nothing is. The results are those of which the
    /// driver's documentation says that the context cannot be used any more.
    pub fn of(code: CUresult) -> Option<Self> {
        match code {
            // ECC and NVLink errors that could not be corrected, and their contained variant.
            214 | 220 | 226 => Some(Self::Hardware),
            // Deinitialised, device unavailable, invalid device, unknown.
            4 | 46 | 101 | 999 => Some(Self::Gone),
            // Invalid context, destroyed context.
            201 | 709 => Some(Self::Destroyed),
            // Illegal address, launch timeout, assert, hardware stack, illegal instruction,
            // misaligned address, address space, program counter, launch failed.
            700 | 702 | 710 | 714..=719 => Some(Self::Fault),
            _ => None,
        }
    }

    /// Whether it lasts until the process ends: another context on the same device fails as well.
    pub fn is_sticky(self) -> bool {
        self != Self::Destroyed
    }

    /// What the user can do.
    pub fn way_out(self) -> &'static str {
        match self {
            Self::Fault => {
                "all GPU memory of this process on this GPU is lost: restart the process; other \
                 GPUs go on"
            }
            Self::Hardware => {
                "see 'nvidia-smi -q -d ECC' and the kernel's log for Xid, reset or replace the GPU, \
                 then restart the process; other GPUs go on"
            }
            Self::Destroyed => {
                "another part of the process has destroyed it: set the element to NULL and to \
                 PLAYING again"
            }
            Self::Gone => {
                "see whether nvidia-smi still lists the GPU, and the kernel's log for Xid; restart \
                 the process when it does"
            }
        }
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fault => "a GPU kernel failed",
            Self::Hardware => "the GPU has a hardware error",
            Self::Destroyed => "the CUDA context is gone",
            Self::Gone => "the GPU does not answer any more",
        })
    }
}

impl DriverError {
    /// The error of a call with this result, which is not success.
    pub(super) fn of_call(
        call: &'static str,
        code: CUresult,
        (name, text): (String, String),
    ) -> Self {
        if code == CUDA_ERROR_OUT_OF_MEMORY {
            return Self::OutOfMemory {
                call,
                bytes: None,
                free: None,
            };
        }
        match Lost::of(code) {
            Some(cause) => Self::Lost {
                call,
                code,
                name,
                cause,
            },
            None => Self::Call {
                call,
                code,
                name,
                text,
            },
        }
    }

    /// Whether less memory would have helped.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::OutOfMemory { .. })
    }

    /// What is lost, if anything is.
    pub fn lost(&self) -> Option<Lost> {
        match self {
            Self::Lost { cause, .. } => Some(*cause),
            _ => None,
        }
    }

    /// The driver's number of the error, where it gave one.
    pub fn code(&self) -> Option<CUresult> {
        match self {
            Self::Init { code, .. }
            | Self::Lost { code, .. }
            | Self::Module { code, .. }
            | Self::Call { code, .. } => Some(*code),
            Self::OutOfMemory { .. } => Some(CUDA_ERROR_OUT_OF_MEMORY),
            Self::NoDevice => Some(CUDA_ERROR_NO_DEVICE),
            _ => None,
        }
    }
}

/// `1000 · major + 10 · minor`, as people write it.
pub(super) struct Version(pub i32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

/// How many bytes were asked for, and how many there were.
struct Asked(Option<usize>, Option<usize>);

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        if let Some(bytes) = self.0 {
            write!(f, " of {:.1} MiB", mib(bytes))?;
        }
        if let Some(free) = self.1 {
            write!(f, ", {:.1} MiB are free", mib(free))?;
        }
        Ok(())
    }
}

fn sep(text: &str) -> &'static str {
    if text.is_empty() { "" } else { ": " }
}

/// What helps when the driver does not start.
fn hint(code: CUresult) -> &'static str {
    match code {
        34 => {
            ". The library is the toolkit's stub, which only serves to link: take its folder off LD_LIBRARY_PATH"
        }
        100 => {
            ". Does nvidia-smi list one? Is CUDA_VISIBLE_DEVICES set? Was the container started with GPUs?"
        }
        802 => {
            ". On machines with NVSwitch the fabric manager must run (systemctl status nvidia-fabricmanager)"
        }
        803 => {
            ". The library is of another version than the kernel module (cat /proc/driver/nvidia/version): restart after an update, or, in a container, take the host's"
        }
        804 => {
            ". The library is a compatibility package that this GPU is not served by: take it off LD_LIBRARY_PATH"
        }
        999 => {
            ". The kernel module may be missing (lsmod | grep nvidia_uvm), or its devices not be accessible"
        }
        _ => "",
    }
}
