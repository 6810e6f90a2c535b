//! A function that `cdflib` lacks.

/// The second derivative of the logarithm of the gamma function, of a number above 0, to 14 digits: Abramowitz and Stegun, *Handbook of
/// Mathematical Functions*, 6.4.6 up to 16 and 6.4.12 from there on.
pub fn trigamma(mut x: f64) -> f64 {
    const ENOUGH: f64 = 16.0;
    let mut sum = 0.0;
    while x < ENOUGH {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        1.0 / 6.0 - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square * (1.0 / 30.0 - square * (5.0 / 66.0))));
    sum + 1.0 / x + square / 2.0 + square / x * series
}
