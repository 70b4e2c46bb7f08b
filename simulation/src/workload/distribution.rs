//! Times that are drawn by chance.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::duration::{format_duration, parse_duration};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Nothing lasts longer than this, whatever a long tail draws: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Until it is ended.
    Forever,
    /// Always so long.
    Fixed(Duration),
    /// Anything between two times, alike.
    Uniform(Duration, Duration),
    /// Without memory; the mean.
    Exponential(Duration),
    /// A long tail: the shortest, and how fast longer ones get rarer (2 is common, 1.1 is wild).
    Pareto(Duration, f64),
}

/// Why a text is no distribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time: `30secs`, `forever`, `uniform(1secs,5secs)`, `exponential(1mins)` or `pareto(1secs,1.5)`"
)]
pub struct DistributionError(String);

impl Distribution {
    /// One time; `None` lasts until it is ended.
    pub(crate) fn draw(&self, chance: &mut ChaCha8Rng) -> Option<Duration> {
        // Never 0, whose logarithm and power are nothing.
        let part = 1.0 - chance.random::<f64>();
        let time = match *self {
            Distribution::Forever => return None,
            Distribution::Fixed(time) => time,
            Distribution::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(part),
            Distribution::Exponential(mean) => scaled(mean, -part.ln()),
            Distribution::Pareto(least, shape) => scaled(least, part.powf(-1.0 / shape)),
        };
        Some(time.min(LONGEST))
    }
}

fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(LONGEST)
}

impl FromStr for Distribution {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || DistributionError(text.to_owned());
        let time = |text: &str| parse_duration(text.trim()).map_err(|_| wrong());
        if text == "forever" {
            return Ok(Distribution::Forever);
        }
        let Some((name, rest)) = text.split_once('(') else { return time(text).map(Distribution::Fixed) };
        let inside = rest.strip_suffix(')').ok_or_else(wrong)?;
        let both = || inside.split_once(',').ok_or_else(wrong);
        match name {
            "uniform" => {
                let (least, most) = both()?;
                let (least, most) = (time(least)?, time(most)?);
                if least > most { Err(wrong()) } else { Ok(Distribution::Uniform(least, most)) }
            }
            "exponential" => time(inside).map(Distribution::Exponential),
            "pareto" => {
                let (least, shape) = both()?;
                let shape: f64 = shape.trim().parse().map_err(|_| wrong())?;
                let proper = shape.is_finite() && shape > 0.0;
                if proper { Ok(Distribution::Pareto(time(least)?, shape)) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Distribution::Forever => f.write_str("forever"),
            Distribution::Fixed(time) => f.write_str(&format_duration(time)),
            Distribution::Uniform(least, most) => {
                write!(f, "uniform({},{})", format_duration(least), format_duration(most))
            }
            Distribution::Exponential(mean) => write!(f, "exponential({})", format_duration(mean)),
            Distribution::Pareto(least, shape) => write!(f, "pareto({},{shape})", format_duration(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_text_is_the_distribution_it_is_printed_from() {
        for text in ["30secs", "forever", "uniform(1secs,5secs)", "exponential(1mins)", "pareto(1secs,1.5)"] {
            let read: Distribution = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        for text in [
            "",
            "30",
            "uniform(1secs)",
            "uniform(5secs,1secs)",
            "pareto(1secs,0)",
            "normal(1secs)",
            "pareto(1secs,1.5",
        ] {
            assert!(text.parse::<Distribution>().is_err(), "{text}");
        }
    }

    #[test]
    fn draws_have_the_mean_they_should() {
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        let mut mean = |text: &str| {
            let distribution: Distribution = text.parse().unwrap();
            let draws = (0..20_000).map(|_| distribution.draw(&mut chance).unwrap().as_secs_f64());
            draws.sum::<f64>() / 20_000.0
        };
        for (text, expected) in
            [("uniform(2secs,4secs)", 3.0), ("exponential(10secs)", 10.0), ("pareto(1secs,3)", 1.5)]
        {
            let found = mean(text);
            assert!((found / expected - 1.0).abs() < 0.05, "{text}: {found}");
        }
    }
}
