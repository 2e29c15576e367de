//! Lua source: read, compiled and run, without a panic.
#![no_main]

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use lockstep_fuzz::random::Random;
use lockstep_fuzz::{lua, stats};

fuzz_target!(init: lockstep_fuzz::plant(), |data: &[u8]| stats::count(lua::run(data)));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed);
    if size == 0 || random.below(8) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let new = lua::mutate(&data[..size], &mut random);
    let len = new.len().min(max_size);
    data[..len].copy_from_slice(&new[..len]);
    len
});

fuzz_crossover!(|data1: &[u8], data2: &[u8], out: &mut [u8], seed: u32| {
    let new = lua::cross(data1, data2, &mut Random::new(seed));
    let len = new.len().min(out.len());
    out[..len].copy_from_slice(&new[..len]);
    len
});
