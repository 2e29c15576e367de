//! Encoded modules: decoded, verified and run, without a panic.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use lockstep_fuzz::random::Random;
use lockstep_fuzz::{module, stats};

fuzz_target!(init: lockstep_fuzz::plant(), |data: &[u8]| stats::count(module::run(data)));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed);
    if random.below(3) == 0 {
        let len = fuzzer_mutate(data, size, max_size);
        // Half of them get as far as the body.
        if random.below(2) == 0 {
            lockstep_bytecode::seal(&mut data[..len]);
        }
        return len;
    }
    let new = module::mutate(&data[..size], &mut random);
    if new.len() > max_size {
        return size;
    }
    data[..new.len()].copy_from_slice(&new);
    new.len()
});
