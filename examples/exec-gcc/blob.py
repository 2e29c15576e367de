"""From an object file (ELF, x86-64) to one self-contained, position-independent run of bytes.

Sections that are loaded and only read follow each other; distances between them are filled in. Anything that would need a loader's
help (a symbol from outside, an absolute address, writable data) is refused by name.
"""

import struct

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 1, 2, 4, 8
SHF_WRITE, SHF_ALLOC = 1, 2
R_X86_64_PC32, R_X86_64_PLT32 = 2, 4


class NotSelfContained(Exception):
    """The object needs something that a blob cannot have."""


def link(data):
    """(bytes, alignment, offset of each defined symbol by name)."""
    header_offset, = struct.unpack_from("<Q", data, 40)
    count, names_index = struct.unpack_from("<HH", data, 60)
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, header_offset + 64 * n) for n in range(count)]

    def string(table, at):
        start = sections[table][4] + at
        return data[start : data.index(b"\0", start)].decode()

    blob, place, align = bytearray(), {}, 16
    for n, (name, kind, flags, _, offset, size, _, _, alignment, _) in enumerate(sections):
        if not flags & SHF_ALLOC or size == 0 or kind not in (SHT_PROGBITS, SHT_NOBITS):
            continue
        if flags & SHF_WRITE or kind == SHT_NOBITS:
            raise NotSelfContained(f"the code needs the writable section `{string(names_index, name)}`")
        blob += b"\xcc" * (-len(blob) % alignment)
        place[n] = len(blob)
        align = max(align, alignment)
        blob += data[offset : offset + size]

    symbols, offsets = [], {}
    for _, kind, _, _, offset, size, strings, *_ in sections:
        if kind != SHT_SYMTAB:
            continue
        for at in range(offset, offset + size, 24):
            name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            name = string(strings, name)
            symbols.append((name, section, value))
            if section in place and name:
                offsets[name] = place[section] + value

    for _, kind, _, _, offset, size, _, target, *_ in sections:
        if kind != SHT_RELA or target not in place:
            continue
        for at in range(offset, offset + size, 24):
            where, info, addend = struct.unpack_from("<QQq", data, at)
            name, section, value = symbols[info >> 32]
            if section not in place:
                raise NotSelfContained(f"the code needs the symbol `{name}`, which it does not define")
            if info & 0xFFFFFFFF not in (R_X86_64_PC32, R_X86_64_PLT32):
                raise NotSelfContained(f"relocation of type {info & 0xFFFFFFFF} against `{name}` in section {section}")
            field = place[target] + where
            struct.pack_into("<i", blob, field, place[section] + value + addend - field)
    return bytes(blob), align, offsets
