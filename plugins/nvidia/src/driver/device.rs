//! A GPU.

use super::raw::*;
use super::{Driver, DriverError, call};

/// A GPU of this machine. Cheap to clone; owns nothing.
#[derive(Debug, Clone)]
pub struct Device {
    driver: Driver,
    raw: CUdevice,
    ordinal: usize,
    name: String,
    uuid: [u8; 16],
    capability: (u32, u32),
    memory: usize,
    integrated: bool,
}

impl Device {
    pub(super) fn new(driver: &Driver, ordinal: usize) -> Result<Self, DriverError> {
        let count = driver.device_count();
        if ordinal >= count {
            return Err(DriverError::NoSuchDevice {
                wanted: ordinal,
                count,
            });
        }
        let mut raw = 0;
        // SAFETY: `raw` receives the device.
        unsafe { call!(driver, cuDeviceGet(&raw mut raw, ordinal as i32))? };
        Self::of_raw(driver, raw)
    }

    /// The GPU that the driver calls so.
    pub(super) fn of_raw(driver: &Driver, raw: CUdevice) -> Result<Self, DriverError> {
        let mut name = [0u8; 256];
        let mut uuid = CUuuid::default();
        let mut memory = 0;
        // SAFETY: each call fills what it is given; the name gets its length.
        unsafe {
            let length = name.len() as i32;
            call!(
                driver,
                cuDeviceGetName(name.as_mut_ptr().cast(), length, raw)
            )?;
            call!(driver, cuDeviceGetUuid(&raw mut uuid, raw))?;
            call!(driver, cuDeviceTotalMem(&raw mut memory, raw))?;
        }
        let end = name.iter().position(|byte| *byte == 0);
        let attribute = |attribute| {
            let mut value = 0;
            // SAFETY: `value` receives the number.
            unsafe { call!(driver, cuDeviceGetAttribute(&raw mut value, attribute, raw))? };
            Ok::<u32, DriverError>(value.max(0) as u32)
        };
        Ok(Self {
            raw,
            // What the driver calls a device is its number.
            ordinal: raw.max(0) as usize,
            name: String::from_utf8_lossy(&name[..end.unwrap_or(0)]).into_owned(),
            uuid: uuid.bytes,
            capability: (
                attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            memory,
            integrated: attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED)? != 0,
            driver: driver.clone(),
        })
    }

    /// Whose it is.
    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    /// The driver's handle.
    pub fn raw(&self) -> CUdevice {
        self.raw
    }

    /// Its number, from 0, as `device=` and `cuDeviceGet` count.
    pub fn ordinal(&self) -> usize {
        self.ordinal
    }

    /// What it is sold as.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its identity, which stays when devices are added or hidden, as `nvidia-smi -L` writes it.
    pub fn uuid(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let u = &self.uuid;
        let parts = [&u[..4], &u[4..6], &u[6..8], &u[8..10], &u[10..]].map(hex);
        format!("GPU-{}", parts.join("-"))
    }

    /// Compute capability: `(8, 6)` for sm_86.
    pub fn capability(&self) -> (u32, u32) {
        self.capability
    }

    /// Bytes of memory in all.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Whether its memory is the processor's, as on Jetson.
    pub fn is_integrated(&self) -> bool {
        self.integrated
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor) = self.capability;
        write!(f, "GPU {} ({}, sm_{major}{minor})", self.ordinal, self.name)
    }
}
