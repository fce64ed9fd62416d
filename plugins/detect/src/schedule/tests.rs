//! Pools and registries at work.

mod batch;
mod pool;
mod registry;
mod work;
