//! What we promise to be fast, beside its peers in the same run: one table of ours, peer, ratio.
//!
//! `cargo bench -p libprocess-peers` for all, `… -- ring tell` for some. CPU time of the
//! whole OS process per operation, median of interleaved rounds; ratios decide, absolute figures
//! are for orientation.

mod across;
mod ask;
mod fairness;
mod fan_in;
mod links;
mod measure;
mod peers;
mod remote;
mod ring;
mod sim;
mod spawn;
mod tell;
mod tls;

use measure::Figure;

type Bench = fn() -> Vec<Figure>;

fn main() {
    if spawn::idle_alone() {
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let all: [(&str, Bench); 12] = [
        ("tell", tell::figures),
        ("fan_in", fan_in::figures),
        ("ring", ring::figures),
        ("spawn", spawn::figures),
        ("ask", ask::figures),
        ("across", across::figures),
        ("fairness", fairness::figures),
        ("links", links::figures),
        ("remote", remote::figures),
        ("question", remote::questions),
        ("tls", tls::figures),
        ("sim", sim::figures),
    ];
    measure::head();
    for (name, figures) in all {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            figures().iter().for_each(|figure| measure::row(name, figure));
        }
    }
}
