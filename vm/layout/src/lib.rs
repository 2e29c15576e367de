//! repr(C) records, offsets, tags, helper signatures and effects; no behaviour.
