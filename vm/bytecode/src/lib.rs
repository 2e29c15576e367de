//! The instruction set (one table), modules, assembler, disassembler, verifier, encoding.
