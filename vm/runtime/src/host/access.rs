//! Fields, lengths, comparisons and spellings: as the program's instructions have them, with metamethods, and without.

use lockstep_layout::{Slot, Tag};

use super::{Function, HostError, HostResult, IntoValue, Local, Scope, Str, Table};
use crate::arithmetic::{ArithError, ArithOp, arith};
use crate::comparison::{raw_equal, raw_less, raw_less_equal};
use crate::conversion::to_number;
use crate::metamethod::Metamethod;
use crate::string::StringRef;
use crate::table::TableRef;

/// How often `__index` and `__newindex` may lead on to another value.
const CHAIN: usize = 2000;

impl<'s> Scope<'s> {
    // ---- without metamethods ----------------------------------------------------------------------------------------------

    /// A field of a table.
    ///
    /// # Errors
    /// There is no memory for the key.
    pub fn raw_get(&mut self, table: Table<'_>, key: impl IntoValue) -> HostResult<Local<'s>> {
        let key = key.into_value(self)?;
        // SAFETY: locals are valid and live; what a live table holds is live.
        Ok(unsafe {
            let value = table.reference().get(key.slot());
            self.root(value)
        })
    }

    /// An element of a table.
    pub fn raw_get_int(&mut self, table: Table<'_>, key: i64) -> Local<'s> {
        // SAFETY: the table is live, and so is what it holds.
        unsafe {
            let value = table.reference().get_int(key);
            self.root(value)
        }
    }

    /// Sets a field of a table; nil removes it.
    ///
    /// # Errors
    /// The key is nil or NaN, or there is no memory.
    pub fn raw_set(&mut self, table: Table<'_>, key: impl IntoValue, value: impl IntoValue) -> HostResult {
        let (key, value) = (key.into_value(self)?, value.into_value(self)?);
        // SAFETY: locals are valid and live.
        unsafe { table.reference().set(self.vm_mut().heap_mut(), key.slot(), value.slot())? };
        Ok(())
    }

    /// Sets an element of a table; nil removes it.
    ///
    /// # Errors
    /// There is no memory.
    pub fn raw_set_int(&mut self, table: Table<'_>, key: i64, value: Local<'_>) -> HostResult {
        // SAFETY: locals are valid and live.
        unsafe { table.reference().set_int(self.vm_mut().heap_mut(), key, value.slot())? };
        Ok(())
    }

    /// The entry behind a key in the order of traversal, from nil on; `None` behind the last.
    ///
    /// # Errors
    /// The key is none of the table's.
    pub fn next(&mut self, table: Table<'_>, key: Local<'_>) -> HostResult<Option<(Local<'s>, Local<'s>)>> {
        // SAFETY: locals are valid and live, and so is what a table holds.
        unsafe {
            let entry = table.reference().next(key.slot())?;
            Ok(entry.map(|(key, value)| (self.root(key), self.root(value))))
        }
    }

    /// The metatable of a value.
    pub fn metatable(&mut self, value: Local<'_>) -> Option<Table<'s>> {
        // SAFETY: locals are valid and live, and their metatables with them.
        unsafe {
            let metatable = self.vm().heap().metatable(value.slot())?;
            self.root(metatable.slot()).as_table()
        }
    }

    /// Sets or removes the metatable of a table. One that has `__gc` by now makes it be finalized.
    pub fn set_metatable(&mut self, table: Table<'_>, metatable: Option<Table<'_>>) {
        let metatable: Option<TableRef> = metatable.map(Table::reference);
        // SAFETY: locals are live.
        unsafe { table.reference().set_metatable(self.vm_mut().heap_mut(), metatable) };
    }

    /// Sets or removes the metatable that all values of the type of `sample` share.
    ///
    /// # Panics
    /// If `sample` is a table or a userdata, which have their own.
    pub fn set_type_metatable(&mut self, sample: Local<'_>, metatable: Option<Table<'_>>) {
        let metatable: Option<TableRef> = metatable.map(Table::reference);
        let tag = Tag(sample.slot().tag);
        let tags: &[Tag] = match tag {
            Tag::I64 | Tag::F64 => &[Tag::I64, Tag::F64],
            Tag::CLOSURE | Tag::FOREIGN => &[Tag::CLOSURE, Tag::FOREIGN],
            _ => &[tag],
        };
        tags.iter().for_each(|tag| self.vm_mut().heap_mut().set_kind_metatable(*tag, metatable));
    }

    /// A metamethod of a value; nil if it has none.
    pub fn metamethod(&mut self, value: Local<'_>, event: Metamethod) -> Local<'s> {
        // SAFETY: locals are valid and live, and their metatables with them.
        unsafe {
            let method = self.vm().heap().metamethod(value.slot(), event);
            self.root(method)
        }
    }

    /// A value as a number: numbers as they are, strings by what they spell; `None` for others.
    pub fn to_number(&self, value: Local<'_>) -> Option<Local<'s>> {
        // SAFETY: locals are valid and live; a number refers to nothing.
        let number = unsafe { Local::new(to_number(value.slot())) };
        (!number.is_nil()).then_some(number)
    }

    /// The result of an operation on two values, without metamethods.
    ///
    /// # Errors
    /// There is none.
    pub fn arith(&self, op: ArithOp, a: Local<'_>, b: Local<'_>) -> Result<Local<'s>, ArithError> {
        // SAFETY: locals are valid and live; a number refers to nothing.
        unsafe { arith(op, a.slot(), b.slot()).map(|number| Local::new(number)) }
    }

    /// A number as the string that spells it; `None` for other values.
    ///
    /// # Errors
    /// There is no memory.
    pub fn spell_number(&mut self, value: Local<'_>) -> HostResult<Option<Str<'s>>> {
        if !value.slot().is_number() {
            return Ok(None);
        }
        // SAFETY: locals are valid and live.
        unsafe {
            let string = self.vm_mut().heap_mut().spelling(value.slot())?;
            Ok(string.and_then(|string| self.root(string.slot()).as_str()))
        }
    }

    /// From now on NaNs are spelled with their signs, as C spells them: which sign arithmetic gives one is the machine's affair.
    pub fn spell_signs_of_nan(&mut self) {
        self.vm_mut().heap_mut().signed_nan = true;
    }

    // ---- with metamethods -------------------------------------------------------------------------------------------------

    /// A field of a value, as the program's instructions read it.
    ///
    /// # Errors
    /// The value has no fields, or a metamethod has raised.
    pub fn get<'a>(&mut self, object: impl Into<Local<'a>>, key: impl IntoValue) -> HostResult<Local<'s>> {
        let (mut object, key) = (object.into().slot(), key.into_value(self)?);
        // SAFETY: locals are valid and live; what is reached from them without a call stays live until it is rooted, as nothing is allocated.
        unsafe {
            for _ in 0..CHAIN {
                if let Some(table) = TableRef::from_slot(object) {
                    let value = table.get(key.slot());
                    if !value.is_nil() || table.metatable().is_none() {
                        return Ok(self.root(value));
                    }
                }
                let method = self.vm().heap().metamethod(object, Metamethod::Index);
                match (Local::new(method).as_function(), TableRef::from_slot(object)) {
                    (Some(method), _) => {
                        let (method, object) = (self.root(method.local().slot()), self.root(object));
                        return self.call_one(method, &[object, key]);
                    }
                    (None, Some(_)) if method.is_nil() => return Ok(Local::NIL),
                    (None, None) if method.is_nil() => return Err(self.not_indexable(object)),
                    _ => object = method,
                }
            }
        }
        Err(HostError::Plain("'__index' chain too long; possible loop".to_owned()))
    }

    /// Sets a field of a value, as the program's instructions do.
    ///
    /// # Errors
    /// The value has no fields, the key is nil or NaN, there is no memory, or a metamethod has raised.
    pub fn set<'a>(&mut self, object: impl Into<Local<'a>>, key: impl IntoValue, value: impl IntoValue) -> HostResult {
        let (mut object, key, value) = (object.into().slot(), key.into_value(self)?, value.into_value(self)?);
        // SAFETY: as in `get`.
        unsafe {
            for _ in 0..CHAIN {
                let table = TableRef::from_slot(object);
                let method = self.vm().heap().metamethod(object, Metamethod::NewIndex);
                if let Some(table) = table
                    && (method.is_nil() || !table.get(key.slot()).is_nil())
                {
                    table.set(self.vm_mut().heap_mut(), key.slot(), value.slot())?;
                    return Ok(());
                }
                if method.is_nil() {
                    return Err(self.not_indexable(object));
                }
                if let Some(method) = Local::new(method).as_function() {
                    let (method, object) = (self.root(method.local().slot()), self.root(object));
                    return self.call_one(method, &[object, key, value]).map(drop);
                }
                object = method;
            }
        }
        Err(HostError::Plain("'__newindex' chain too long; possible loop".to_owned()))
    }

    fn not_indexable(&self, object: Slot) -> HostError {
        // SAFETY: the value is live until something is allocated.
        let name = self.type_of(unsafe { Local::new(object) });
        HostError::Plain(format!("attempt to index a {name} value"))
    }

    /// The length of a value: bytes of a string, what `__len` answers, or a table's border.
    ///
    /// # Errors
    /// The value has no length, or a metamethod has raised.
    pub fn len<'a>(&mut self, object: impl Into<Local<'a>>) -> HostResult<Local<'s>> {
        let object = object.into();
        if let Some(string) = object.as_str() {
            return Ok(Local::int(string.bytes().len() as i64));
        }
        let method = self.metamethod(object, Metamethod::Len);
        match object.as_table() {
            _ if !method.is_nil() => self.call_one(method, &[object]),
            Some(table) => Ok(Local::int(table.raw_len())),
            None => Err(HostError::Plain(format!("attempt to get length of a {} value", self.type_of(object)))),
        }
    }

    /// Whether two values are equal, by metamethod `__eq` where the program's `==` asks it.
    ///
    /// # Errors
    /// A metamethod has raised.
    pub fn equals(&mut self, a: Local<'_>, b: Local<'_>) -> HostResult<bool> {
        // SAFETY: locals are valid and live.
        if unsafe { raw_equal(a.slot(), b.slot()) } {
            return Ok(true);
        }
        let both = |test: fn(Local<'_>) -> bool| test(a) && test(b);
        if !both(|value| value.as_table().is_some()) && !both(|value| value.as_userdata().is_some()) {
            return Ok(false);
        }
        match self.binary_metamethod(a, b, Metamethod::Eq) {
            Some(method) => Ok(self.call_one(method, &[a, b])?.truth()),
            None => Ok(false),
        }
    }

    /// Whether `a` is less than `b`: numbers, strings, or by metamethod `__lt`.
    ///
    /// # Errors
    /// They cannot be compared, or a metamethod has raised.
    pub fn less(&mut self, a: Local<'_>, b: Local<'_>) -> HostResult<bool> {
        // SAFETY: locals are valid and live.
        let answer = unsafe { raw_less(a.slot(), b.slot()) };
        self.ordered(answer, a, b, Metamethod::Lt)
    }

    /// Whether `a` is less than or equal to `b`: numbers, strings, or by metamethod `__le`.
    ///
    /// # Errors
    /// As for [`Scope::less`].
    pub fn less_equal(&mut self, a: Local<'_>, b: Local<'_>) -> HostResult<bool> {
        // SAFETY: locals are valid and live.
        let answer = unsafe { raw_less_equal(a.slot(), b.slot()) };
        self.ordered(answer, a, b, Metamethod::Le)
    }

    fn ordered(&mut self, answer: Option<bool>, a: Local<'_>, b: Local<'_>, event: Metamethod) -> HostResult<bool> {
        if let Some(answer) = answer {
            return Ok(answer);
        }
        if let Some(method) = self.binary_metamethod(a, b, event) {
            return Ok(self.call_one(method, &[a, b])?.truth());
        }
        let (a, b) = (self.type_of(a), self.type_of(b));
        Err(HostError::Plain(match a == b {
            true => format!("attempt to compare two {a} values"),
            false => format!("attempt to compare {a} with {b}"),
        }))
    }

    fn binary_metamethod(&mut self, a: Local<'_>, b: Local<'_>, event: Metamethod) -> Option<Local<'s>> {
        let first = self.metamethod(a, event);
        let method = if first.is_nil() { self.metamethod(b, event) } else { first };
        (!method.is_nil()).then_some(method)
    }

    /// What a value is called: what its metamethod `__tostring` says, its spelling, or its type (its `__name`) and address.
    ///
    /// # Errors
    /// `__tostring` answers no string, a metamethod has raised, or there is no memory.
    pub fn text(&mut self, value: Local<'_>) -> HostResult<Str<'s>> {
        let name = |scope: &Self| format!("{}: {:#x}", scope.type_of(value), value.address());
        self.text_or(value, name)
    }

    /// The same, with another name for objects.
    ///
    /// # Errors
    /// As for [`Scope::text`].
    pub(crate) fn text_or(&mut self, value: Local<'_>, name: impl FnOnce(&Self) -> String) -> HostResult<Str<'s>> {
        let method = self.metamethod(value, Metamethod::ToString);
        if !method.is_nil() {
            let text = self.call_one(method, &[value])?;
            return match text.as_str() {
                Some(text) => Ok(text),
                None => self.spell_number(text)?.ok_or_else(|| "'__tostring' must return a string".into()),
            };
        }
        // SAFETY: locals are valid and live.
        let spelling: Option<StringRef> = unsafe { self.vm_mut().heap_mut().spelling(value.slot())? };
        match spelling {
            // SAFETY: the string was just made, or is the value itself.
            Some(string) => Ok(unsafe { self.root(string.slot()) }.as_str().expect("it is a string")),
            None => {
                let name = name(self);
                self.string(name.as_bytes())
            }
        }
    }

    /// Sets functions of the host as fields of a table.
    ///
    /// # Errors
    /// There is no memory.
    pub fn set_functions<'f>(
        &mut self,
        table: Table<'_>,
        functions: impl IntoIterator<Item = (&'f str, super::HostId)>,
    ) -> HostResult {
        for (name, id) in functions {
            self.scope(|scope| {
                let function: Function<'_> = scope.function(id, &[])?;
                scope.raw_set(table, name, function)
            })?;
        }
        Ok(())
    }
}
