//! The only place that sets polars to work, and that knows how it holds values and fails.

mod collect;
mod datatype;
mod decode;
mod elementwise;
mod failure;
mod local_time;

pub use collect::{collect, collect_one, concat, height};
pub use datatype::{MONEY_SCALE, PRECISION, data_type, moment, money};
pub use decode::{decode_rows, decode_value};
pub use elementwise::elementwise;
pub use failure::{Failure, catch_panic, classify, first_line, is_ours, raise};
pub use local_time::{LocalTime, hour_start, hours_between, next_hour, to_local, to_moment};
