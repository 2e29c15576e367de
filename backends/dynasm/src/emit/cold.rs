//! The rare sides of single instructions, printed behind the blocks of their function.

use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

use super::Emitter;
use super::forms::x64;
use crate::abi;
use crate::mach::Size;

/// What to do on a rare path; registers by their encoding.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cold {
    /// rax / 0 = 0, rax rem 0 = rax.
    DivideByZero(Size),
    /// rax / -1 = -rax, rem 0.
    DivideByMinusOne(Size),
    /// d += y: a NaN if either is.
    AddFloats { d: u8, y: u8 },
    /// d and y compare equal: for a minimum the sign is set if either's is, for a maximum if both are.
    MergeZeros { max: bool, d: u8, y: u8 },
    /// An unsigned integer of 2^63 or more to float.
    BigUintToFloat { s: u8, d: u8, temp: u8 },
    /// Out of range, a NaN, or MIN itself.
    SaturateSigned { size: Size, x: u8, d: u8 },
    /// Outside of 0 to 2^32 - 1, or a NaN.
    SaturateUint32 { x: u8, d: u8 },
    /// Negative, at least 2^63, or a NaN.
    BigFloatToUint { x: u8, d: u8, temp: u8 },
    /// Likewise, for an exact conversion.
    BigFloatToUintExact { x: u8, d: u8, truth: u8, temp: u8 },
}

/// A rare path with where it starts and where it goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColdPath {
    what: Cold,
    start: DynamicLabel,
    back: DynamicLabel,
}

/// 2^63 as a float.
const TWO_63: i64 = 0x43e0_0000_0000_0000;

impl Emitter<'_> {
    /// Plans a rare path; returns where it will start.
    pub(super) fn cold_path(&mut self, what: Cold, back: DynamicLabel) -> DynamicLabel {
        let start = self.asm.new_dynamic_label();
        self.cold.push(ColdPath { what, start, back });
        start
    }

    pub(super) fn cold_paths(&mut self) {
        for path in std::mem::take(&mut self.cold) {
            x64!(self ; =>path.start);
            self.cold_body(path.what);
            x64!(self ; jmp =>path.back);
        }
    }

    fn cold_body(&mut self, what: Cold) {
        let (rax, rdx) = (abi::RAX, abi::RDX);
        match what {
            Cold::DivideByZero(size) => {
                match size {
                    Size::Q => x64!(self ; mov Rq(rdx), Rq(rax)),
                    _ => x64!(self ; mov Rd(rdx), Rd(rax)),
                }
                self.mov_imm(rax, 0);
            }
            Cold::DivideByMinusOne(size) => {
                match size {
                    Size::Q => x64!(self ; neg Rq(rax)),
                    _ => x64!(self ; neg Rd(rax)),
                }
                self.mov_imm(rdx, 0);
            }
            Cold::AddFloats { d, y } => x64!(self ; addsd Rx(d), Rx(y)),
            Cold::MergeZeros { max: true, d, y } => x64!(self ; andps Rx(d), Rx(y)),
            Cold::MergeZeros { max: false, d, y } => x64!(self ; orps Rx(d), Rx(y)),
            // Half of it, with the bit that falls out kept for rounding, and doubled again.
            Cold::BigUintToFloat { s, d, temp } => {
                let even = self.asm.new_dynamic_label();
                x64!(self
                    ; mov Rq(temp), Rq(s)
                    ; shr Rq(temp), BYTE 1
                    ; jnc =>even
                    ; or Rq(temp), BYTE 1
                    ; =>even
                );
                self.int_to_float(Size::Q, d, temp);
                x64!(self ; addsd Rx(d), Rx(d));
            }
            // By the sign, MAX or MIN, which is its complement.
            Cold::SaturateSigned { size, x, d } => {
                self.zero_unless_number(x, d, |e| {
                    x64!(e ; movmskpd Rd(d), Rx(x) ; and Rd(d), BYTE 1);
                    match size {
                        Size::Q => x64!(e ; neg Rq(d) ; btc Rq(d), BYTE 63 ; not Rq(d)),
                        _ => x64!(e ; neg Rd(d) ; btc Rd(d), BYTE 31 ; not Rd(d)),
                    }
                });
            }
            // Negative gives 0, positive all ones.
            Cold::SaturateUint32 { x, d } => {
                self.zero_unless_number(x, d, |e| {
                    x64!(e ; movmskpd Rd(d), Rx(x) ; and Rd(d), BYTE 1 ; dec Rd(d));
                });
            }
            Cold::BigFloatToUint { x, d, temp } => {
                self.zero_unless_number(x, d, |e| {
                    let done = e.asm.new_dynamic_label();
                    let fits = e.asm.new_dynamic_label();
                    x64!(e
                        ; movmskpd Rd(d), Rx(x)
                        ; and Rd(d), BYTE 1
                        ; dec Rq(d)
                        ; jz =>done
                        // It is positive, and d is all ones: the answer unless it fits.
                    );
                    // A negative number has d = 0 here.
                    e.load_minus_two_63(d, temp);
                    x64!(e
                        ; addsd Rx(temp), Rx(x)
                        ; cvttsd2si Rq(d), Rx(temp)
                        ; test Rq(d), Rq(d)
                        ; jns =>fits
                        ; mov Rq(d), DWORD -1
                        ; jmp =>done
                        ; =>fits
                        ; btc Rq(d), BYTE 63
                        ; =>done
                    );
                });
            }
            // Every float from 2^63 on is integral; the others leave d negative.
            Cold::BigFloatToUintExact { x, d, truth, temp } => {
                let fails = self.asm.new_dynamic_label();
                let done = self.asm.new_dynamic_label();
                self.load_minus_two_63(d, temp);
                x64!(self
                    ; addsd Rx(temp), Rx(x)
                    ; cvttsd2si Rq(d), Rx(temp)
                    ; test Rq(d), Rq(d)
                    ; js =>fails
                    ; btc Rq(d), BYTE 63
                    ; mov Rd(truth), DWORD 1
                    ; jmp =>done
                    ; =>fails
                    ; xor Rd(d), Rd(d)
                    ; xor Rd(truth), Rd(truth)
                    ; =>done
                );
            }
        }
    }

    /// -2^63 in a vector register, through an integer one.
    fn load_minus_two_63(&mut self, int: u8, float: u8) {
        let bits = TWO_63 | i64::MIN;
        x64!(self ; mov Rq(int), QWORD bits ; movq Rx(float), Rq(int));
    }

    /// 0 for a NaN, otherwise what `body` leaves in `d`.
    fn zero_unless_number(&mut self, x: u8, d: u8, body: impl FnOnce(&mut Self)) {
        let done = self.asm.new_dynamic_label();
        x64!(self ; mov Rd(d), DWORD 0 ; ucomisd Rx(x), Rx(x) ; jp =>done);
        body(self);
        x64!(self ; =>done);
    }
}
