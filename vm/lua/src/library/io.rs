//! `io`, files as userdata, and `print`.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::{Rc, Weak};

use lockstep_runtime::{
    HostError, HostId, HostResult, Local, Metamethod, Scope, Str, Table, View, Vm, parse_number, raw,
};

use super::string::shortest;
use super::warn::Warnings;
use super::{Code, optional};

/// What a file is open for.
enum Stream {
    Closed,
    Input(Box<dyn BufRead>),
    Output(Box<dyn Write>),
    Reader(BufReader<fs::File>),
    Writer(BufWriter<fs::File>),
    /// For both: reads are buffered, writes are not.
    Both(BufReader<fs::File>),
    /// What a process writes.
    FromProcess(BufReader<ChildStdout>, Child),
    /// What a process reads.
    ToProcess(BufWriter<ChildStdin>, Child),
}

type Shared = Rc<RefCell<Stream>>;

/// A file as the program holds it.
#[derive(Clone)]
struct File {
    stream: Shared,
    /// Whether it is one of the three that the program begins with, which it cannot close.
    is_standard: bool,
}

/// The standard streams of a program, and the files that it has opened for writing.
pub struct Standard {
    input: Shared,
    output: Shared,
    error: Shared,
    open: RefCell<Vec<Weak<RefCell<Stream>>>>,
    warnings: Warnings,
}

impl Standard {
    /// Standard streams that are these.
    pub fn new(input: Box<dyn BufRead>, output: Box<dyn Write>, error: Box<dyn Write>) -> Standard {
        let share = |stream| Rc::new(RefCell::new(stream));
        let (input, output) = (share(Stream::Input(input)), share(Stream::Output(output)));
        let error = share(Stream::Output(error));
        Standard { input, output, error, open: RefCell::default(), warnings: Warnings::default() }
    }

    /// The streams of the process.
    pub fn of_process() -> Standard {
        let output = BufWriter::with_capacity(1 << 16, io::stdout());
        Standard::new(Box::new(BufReader::new(io::stdin())), Box::new(output), Box::new(io::stderr()))
    }

    /// The state of `warn`.
    pub(super) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Shows a warning, if they are on.
    pub(super) fn warn(&self, message: &[u8]) {
        if let Some(line) = self.warnings.line(message) {
            self.say(&line);
        }
    }

    /// Writes to standard error.
    pub(super) fn say(&self, text: &[u8]) {
        // There is nowhere else to say it.
        drop(self.error.borrow_mut().write(text));
    }

    /// The next line of standard input, with its end; `None` behind the last.
    pub(super) fn read_line(&self) -> Option<Vec<u8>> {
        self.flush();
        let mut line = Vec::new();
        let mut input = self.input.borrow_mut();
        let read = input.reader().and_then(|reader| reader.read_until(b'\n', &mut line));
        read.ok().filter(|count| *count != 0).map(|_| line)
    }

    /// A file that is written out with the others.
    fn track(&self, stream: Stream) -> File {
        let stream = Rc::new(RefCell::new(stream));
        let mut open = self.open.borrow_mut();
        open.retain(|known| known.strong_count() != 0);
        open.push(Rc::downgrade(&stream));
        File { stream, is_standard: false }
    }

    /// Writes out everything that waits in buffers.
    pub fn flush(&self) {
        let open = self.open.borrow();
        let files = open.iter().filter_map(Weak::upgrade);
        // At the end of a program nobody is left to be told.
        for stream in files.chain([self.output.clone(), self.error.clone()]) {
            drop(stream.borrow_mut().flush());
        }
    }
}

impl std::fmt::Debug for Standard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Standard")
    }
}

fn wrong_way() -> io::Error {
    io::Error::from_raw_os_error(9)
}

impl Stream {
    fn reader(&mut self) -> io::Result<&mut dyn BufRead> {
        match self {
            Stream::Input(input) => Ok(input),
            Stream::Reader(file) | Stream::Both(file) => Ok(file),
            Stream::FromProcess(output, _) => Ok(output),
            _ => Err(wrong_way()),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Output(output) => output.write_all(bytes),
            Stream::Writer(file) => file.write_all(bytes),
            Stream::ToProcess(input, _) => input.write_all(bytes),
            Stream::Both(file) => {
                // What was read ahead is forgotten: the file stands where the program thinks it does.
                let at = file.stream_position()?;
                file.seek(SeekFrom::Start(at))?;
                file.get_mut().write_all(bytes)
            }
            _ => Err(wrong_way()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Output(output) => output.flush(),
            Stream::Writer(file) => file.flush(),
            Stream::ToProcess(input, _) => input.flush(),
            _ => Ok(()),
        }
    }

    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Stream::Reader(file) | Stream::Both(file) => file.seek(to),
            Stream::Writer(file) => file.seek(to),
            _ => Err(io::Error::from_raw_os_error(29)),
        }
    }
}

/// What C's `strerror` says of an error, behind the file's name.
pub fn message(error: &io::Error, name: Option<&str>) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    name.map_or_else(|| text.to_owned(), |name| format!("{name}: {text}"))
}

/// The number of an error.
pub fn code(error: &io::Error) -> i64 {
    error.raw_os_error().unwrap_or(0).into()
}

fn failure(call: &mut Scope<'_>, error: &io::Error, name: Option<&str>) -> HostResult {
    call.answer((Local::NIL, message(error, name), code(error)))
}

fn outcome(call: &mut Scope<'_>, result: io::Result<()>, value: Local<'_>) -> HostResult {
    match result {
        Ok(()) => call.answer(value),
        Err(error) => failure(call, &error, None),
    }
}

// ---- files as values ----------------------------------------------------------------------------------------------------

fn make<'s>(call: &mut Scope<'s>, file: File) -> HostResult<Local<'s>> {
    let userdata = call.userdata(file, 64)?;
    let metatable = call.imported("FILE*").as_table();
    call.set_userdata_metatable(userdata, metatable);
    Ok(userdata.local())
}

fn file_arg(call: &mut Scope<'_>, index: usize) -> HostResult<File> {
    let file = call.arg_ref::<File>(index, "FILE*")?.clone();
    if matches!(*file.stream.borrow(), Stream::Closed) {
        return Err("attempt to use a closed file".into());
    }
    Ok(file)
}

/// What one format of `read` gets; `None` at the end of the file.
enum Got {
    Bytes(Vec<u8>),
    Int(i64),
    Float(f64),
}

enum Format {
    Line(bool),
    All,
    Number,
    Count(usize),
}

fn format_of(call: &mut Scope<'_>, index: usize) -> HostResult<Format> {
    let value = call.value(index);
    if value.as_int().is_some() || value.as_float().is_some() {
        return Ok(Format::Count(usize::try_from(call.arg::<i64>(index)?).unwrap_or(0)));
    }
    let text: &[u8] = call.arg(index)?;
    parse_format(text).ok_or_else(|| call.bad_argument(index, "invalid format"))
}

fn parse_format(text: &[u8]) -> Option<Format> {
    match text.strip_prefix(b"*").unwrap_or(text).first() {
        Some(b'l') => Some(Format::Line(false)),
        Some(b'L') => Some(Format::Line(true)),
        Some(b'a') => Some(Format::All),
        Some(b'n') => Some(Format::Number),
        _ => None,
    }
}

fn read_one(reader: &mut dyn BufRead, format: &Format) -> io::Result<Option<Got>> {
    let mut bytes = Vec::new();
    match format {
        Format::Line(keep) => {
            if reader.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            if !keep && bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
        }
        Format::All => {
            reader.read_to_end(&mut bytes)?;
        }
        Format::Count(0) => return Ok((!reader.fill_buf()?.is_empty()).then_some(Got::Bytes(bytes))),
        Format::Count(count) => {
            if reader.take(*count as u64).read_to_end(&mut bytes)? == 0 {
                return Ok(None);
            }
        }
        Format::Number => return read_number(reader),
    }
    Ok(Some(Got::Bytes(bytes)))
}

/// The longest numeral that is read.
const NUMERAL: usize = 200;

fn read_number(reader: &mut dyn BufRead) -> io::Result<Option<Got>> {
    let mut text = Vec::new();
    let mut skip = true;
    let mut hex = false;
    while let Some(&byte) = reader.fill_buf()?.first() {
        if skip && byte.is_ascii_whitespace() {
            reader.consume(1);
            continue;
        }
        skip = false;
        let last = text.last().map_or(0, u8::to_ascii_lowercase);
        let exponent = if hex { b'p' } else { b'e' };
        let starts_hex = byte.eq_ignore_ascii_case(&b'x') && matches!(&text[..], [b'0'] | [b'+' | b'-', b'0']);
        let good = match byte {
            b'+' | b'-' => text.is_empty() || last == exponent,
            b'0'..=b'9' => true,
            b'.' => !text.contains(&b'.'),
            _ if starts_hex => true,
            _ if byte.to_ascii_lowercase() == exponent => !text.is_empty(),
            _ => hex && byte.is_ascii_hexdigit(),
        };
        if !good || text.len() >= NUMERAL {
            break;
        }
        hex |= starts_hex;
        text.push(byte);
        reader.consume(1);
    }
    let number = parse_number(&text);
    Ok(number.as_i64().map(Got::Int).or(number.as_f64().map(Got::Float)))
}

/// Reads by the formats from argument `first` on, a line if there are none; results up to the first that fails.
fn read_from(call: &mut Scope<'_>, file: &File, first: usize) -> HostResult {
    let mut formats = Vec::new();
    for index in first..call.count() {
        formats.push(format_of(call, index)?);
    }
    if formats.is_empty() {
        formats.push(Format::Line(false));
    }
    match push_read(call, file, &formats)? {
        Ok(_) => Ok(()),
        Err(error) => failure(call, &error, None),
    }
}

/// Adds what is read by each format to the results, nil for the first that finds nothing; says how many found something.
fn push_read(call: &mut Scope<'_>, file: &File, formats: &[Format]) -> HostResult<io::Result<usize>> {
    for (index, format) in formats.iter().enumerate() {
        let got = file.stream.borrow_mut().reader().and_then(|reader| read_one(reader, format));
        match got {
            Ok(Some(Got::Bytes(bytes))) => call.push(bytes)?,
            Ok(Some(Got::Int(value))) => call.push(value)?,
            Ok(Some(Got::Float(value))) => call.push(value)?,
            Ok(None) => {
                call.push(Local::NIL)?;
                return Ok(Ok(index));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(formats.len()))
}

fn write_to(call: &mut Scope<'_>, file: &File, first: usize, value: Local<'_>) -> HostResult {
    for index in first..call.count() {
        let written = match call.value(index).as_float() {
            // As C's `printf("%.14g")` has it, an integer's value without a point.
            Some(number) => file.stream.borrow_mut().write(&shortest(number)),
            None => {
                let bytes: &[u8] = call.arg(index)?;
                file.stream.borrow_mut().write(bytes)
            }
        };
        if let Err(error) = written {
            return failure(call, &error, None);
        }
    }
    call.answer(value)
}

fn close_file(call: &mut Scope<'_>, file: &File) -> HostResult {
    if file.is_standard {
        return call.answer((Local::NIL, "cannot close standard file"));
    }
    let mut stream = std::mem::replace(&mut *file.stream.borrow_mut(), Stream::Closed);
    let result = stream.flush();
    match stream {
        Stream::FromProcess(output, mut child) => {
            drop(output);
            super::os::ended(call, child.wait())
        }
        Stream::ToProcess(input, mut child) => {
            drop(input);
            super::os::ended(call, child.wait())
        }
        _ => outcome(call, result, Local::bool(true)),
    }
}

const METHODS: &[(&str, Code)] = &[
    ("close", |call| {
        let file = file_arg(call, 0)?;
        close_file(call, &file)
    }),
    ("flush", |call| {
        let file = file_arg(call, 0)?;
        let result = file.stream.borrow_mut().flush();
        outcome(call, result, Local::bool(true))
    }),
    ("read", |call| {
        let file = file_arg(call, 0)?;
        read_from(call, &file, 1)
    }),
    ("seek", seek),
    ("setvbuf", |call| {
        file_arg(call, 0)?;
        let mode: &[u8] = call.arg(1)?;
        if !matches!(mode, b"no" | b"full" | b"line") {
            let problem = format!("invalid option '{}'", String::from_utf8_lossy(mode));
            return Err(call.bad_argument(1, problem));
        }
        call.answer(true)
    }),
    ("write", |call| {
        let (file, value) = (file_arg(call, 0)?, call.value(0));
        write_to(call, &file, 1, value)
    }),
];

fn seek(call: &mut Scope<'_>) -> HostResult {
    let file = file_arg(call, 0)?;
    let whence = call.arg::<Option<Str<'_>>>(1)?.map_or(&b"cur"[..], Str::bytes);
    let offset: i64 = optional(call, 2, 0)?;
    let to = match whence {
        b"set" => match u64::try_from(offset) {
            Ok(offset) => SeekFrom::Start(offset),
            Err(_) => return failure(call, &io::Error::from_raw_os_error(22), None),
        },
        b"cur" => SeekFrom::Current(offset),
        b"end" => SeekFrom::End(offset),
        other => {
            let problem = format!("invalid option '{}'", String::from_utf8_lossy(other));
            return Err(call.bad_argument(1, problem));
        }
    };
    let result = file.stream.borrow_mut().seek(to);
    match result {
        Ok(position) => call.answer(position as i64),
        Err(error) => failure(call, &error, None),
    }
}

fn to_string(call: &mut Scope<'_>) -> HostResult {
    let file = call.arg_ref::<File>(0, "FILE*")?.clone();
    let address = call.value(0).address();
    match *file.stream.borrow() {
        Stream::Closed => call.answer("file (closed)"),
        _ => call.answer(format!("file ({address:#x})")),
    }
}

// ---- the library --------------------------------------------------------------------------------------------------------

/// The functions of the library, registered.
pub struct Functions {
    library: Vec<(&'static str, HostId)>,
    methods: Vec<(&'static str, HostId)>,
    to_string: HostId,
    close: HostId,
    standard: Rc<Standard>,
    /// Those that are global variables.
    pub globals: Vec<(&'static str, HostId)>,
}

fn open_file(standard: &Standard, name: &str, mode: &[u8]) -> io::Result<File> {
    let update = mode.contains(&b'+');
    let mut options = fs::OpenOptions::new();
    match mode.first() {
        Some(b'r') => options.read(true).write(update),
        Some(b'w') => options.write(true).create(true).truncate(true).read(update),
        _ => options.append(true).create(true).read(update),
    };
    let file = options.open(name)?;
    let stream = match (mode.first(), update) {
        (_, true) => Stream::Both(BufReader::new(file)),
        (Some(b'r'), false) => Stream::Reader(BufReader::new(file)),
        _ => Stream::Writer(BufWriter::new(file)),
    };
    Ok(standard.track(stream))
}

fn is_mode(mode: &[u8]) -> bool {
    let rest = match mode {
        [b'r' | b'w' | b'a', rest @ ..] => rest,
        _ => return false,
    };
    let rest = rest.strip_prefix(b"+").unwrap_or(rest);
    rest.is_empty() || rest == b"b"
}

/// The iterator of `lines`: file, whether it is closed at the end, and formats are captured.
fn next_line(call: &mut Scope<'_>) -> HostResult {
    let file = call.capture(0).as_userdata().and_then(|file| file.borrow::<File>().map(|file| file.clone()));
    let Some(file) = file.filter(|file| !matches!(*file.stream.borrow(), Stream::Closed)) else {
        return Err("file is already closed".into());
    };
    let closes = call.capture(1).truth();
    let count = call.capture(2).as_int().unwrap_or(0) as usize;
    let mut formats = Vec::with_capacity(count.max(1));
    for index in 0..count {
        formats.push(match call.capture(3 + index).view() {
            View::Int(count) => Format::Count(usize::try_from(count).unwrap_or(0)),
            View::Str(text) => {
                parse_format(text.bytes()).ok_or_else(|| call.bad_argument(index + 1, "invalid format"))?
            }
            _ => return Err(call.bad_argument(index + 1, "invalid format")),
        });
    }
    if count == 0 {
        formats.push(Format::Line(false));
    }
    match push_read(call, &file, &formats)? {
        Ok(0) if closes => *file.stream.borrow_mut() = Stream::Closed,
        Ok(_) => {}
        Err(error) => return Err(HostError::Message(message(&error, None))),
    }
    Ok(())
}

/// The iterator that `lines` answers: of a file, by the formats from argument `first` on.
fn iterator<'s>(
    call: &mut Scope<'s>,
    next: HostId,
    file: Local<'_>,
    closes: bool,
    first: usize,
) -> HostResult<Local<'s>> {
    let formats = call.values(first);
    if formats.len() > MOST_FORMATS {
        return Err(call.bad_argument(MOST_FORMATS + 1, "too many arguments"));
    }
    let mut captures = vec![file, Local::bool(closes), Local::int(formats.len() as i64)];
    captures.extend(formats);
    Ok(call.function(next, &captures)?.local())
}

/// The most formats that `lines` takes.
const MOST_FORMATS: usize = 250;

/// Registers the functions of `io`, which work on these streams.
pub fn register(vm: &mut Vm, standard: &Rc<Standard>) -> Functions {
    let lines_of_file = vm.add_host_function("lines", raw(next_line));
    let mut library = Vec::new();
    let mut add = |vm: &mut Vm, name: &'static str, code: fn(&mut Scope<'_>, &Rc<Standard>) -> HostResult| {
        let standard = standard.clone();
        library.push((name, vm.add_host_function(name, raw(move |call| code(call, &standard)))));
    };
    add(vm, "write", |call, _| {
        let (value, file) = current(call, OUTPUT)?;
        write_to(call, &file, 0, value)
    });
    add(vm, "flush", |call, _| {
        let (_, file) = current(call, OUTPUT)?;
        let result = file.stream.borrow_mut().flush();
        outcome(call, result, Local::bool(true))
    });
    add(vm, "read", |call, standard| {
        standard.flush();
        let (_, file) = current(call, INPUT)?;
        read_from(call, &file, 0)
    });
    add(vm, "open", |call, standard| {
        let name = String::from_utf8_lossy(call.arg::<&[u8]>(0)?).into_owned();
        let mode = super::optional_bytes(call, 1, b"r")?;
        if !is_mode(mode) {
            return Err(call.bad_argument(1, "invalid mode"));
        }
        match open_file(standard, &name, mode) {
            Ok(file) => {
                let file = make(call, file)?;
                call.answer(file)
            }
            Err(error) => failure(call, &error, Some(&name)),
        }
    });
    add(vm, "close", |call, _| {
        let file = if call.count() == 0 { current(call, OUTPUT)?.1 } else { file_arg(call, 0)? };
        close_file(call, &file)
    });
    add(vm, "input", |call, standard| redirect(call, standard, INPUT, b"r"));
    add(vm, "output", |call, standard| redirect(call, standard, OUTPUT, b"w"));
    add(vm, "popen", popen);
    add(vm, "tmpfile", |call, standard| {
        let name = std::env::temp_dir().join(format!("lua_{}_{:p}", std::process::id(), standard));
        let name = name.to_string_lossy().into_owned();
        let opened = open_file(standard, &name, b"w+");
        drop(fs::remove_file(&name));
        match opened {
            Ok(file) => {
                let file = make(call, file)?;
                call.answer(file)
            }
            Err(error) => failure(call, &error, Some(&name)),
        }
    });
    add(vm, "type", |call, _| {
        let value = call.present(0)?;
        let file = value.as_userdata().and_then(|file| file.borrow::<File>().map(|file| file.clone()));
        match file {
            None => call.answer(Local::NIL),
            Some(file) if matches!(*file.stream.borrow(), Stream::Closed) => call.answer("closed file"),
            Some(_) => call.answer("file"),
        }
    });
    let lines_standard = standard.clone();
    let lines = vm.add_host_function("lines", raw(move |call| lines(call, &lines_standard, lines_of_file)));
    library.push(("lines", lines));
    let print_standard = standard.clone();
    let print = vm.add_host_function("print", raw(move |call| print(call, &print_standard)));
    let methods = METHODS.iter().map(|(name, code)| (*name, vm.add_host_function(name, raw(*code))));
    let mut methods: Vec<_> = methods.collect();
    let lines = raw(move |call: &mut Scope<'_>| {
        file_arg(call, 0)?;
        let file = call.value(0);
        let next = iterator(call, lines_of_file, file, false, 1)?;
        call.answer(next)
    });
    methods.push(("lines", vm.add_host_function("lines", lines)));
    Functions {
        library,
        methods,
        to_string: vm.add_host_function("tostring", raw(to_string)),
        close: vm.add_host_function(
            "close",
            raw(|call| {
                let file = call.arg_ref::<File>(0, "FILE*")?.clone();
                let closed = matches!(*file.stream.borrow(), Stream::Closed);
                if closed { Ok(()) } else { close_file(call, &file) }
            }),
        ),
        standard: standard.clone(),
        globals: vec![("print", print)],
    }
}

/// Under which names the files are imported that `io.read` and `io.write` use.
const INPUT: &str = "_IO_input";
const OUTPUT: &str = "_IO_output";

/// One of them.
fn current<'s>(call: &mut Scope<'s>, which: &str) -> HostResult<(Local<'s>, File)> {
    let value = call.imported(which);
    let file = value.as_userdata().and_then(|file| file.borrow::<File>().map(|file| file.clone()));
    match file.filter(|file| !matches!(*file.stream.borrow(), Stream::Closed)) {
        Some(file) => Ok((value, file)),
        None => Err(format!("default {} file is closed", which.trim_start_matches("_IO_")).into()),
    }
}

fn redirect(call: &mut Scope<'_>, standard: &Standard, which: &str, mode: &[u8]) -> HostResult {
    if !call.value(0).is_nil() {
        let is_name =
            |value: Local<'_>| value.as_str().is_some() || value.as_int().or(value.as_float().map(|_| 0)).is_some();
        let file = match call.value(0) {
            value if is_name(value) => {
                let name = String::from_utf8_lossy(call.arg::<&[u8]>(0)?).into_owned();
                let file = open_file(standard, &name, mode).map_err(|error| cannot_open(&name, &error))?;
                make(call, file)?
            }
            value => {
                file_arg(call, 0)?;
                value
            }
        };
        call.define(which, file)?;
    }
    let file = call.imported(which);
    call.answer(file)
}

fn cannot_open(name: &str, error: &io::Error) -> HostError {
    HostError::Message(format!("cannot open file '{name}' ({})", message(error, None)))
}

fn popen(call: &mut Scope<'_>, standard: &Rc<Standard>) -> HostResult {
    let command = String::from_utf8_lossy(call.arg::<&[u8]>(0)?).into_owned();
    let mode = super::optional_bytes(call, 1, b"r")?;
    if !matches!(mode, b"r" | b"w") {
        return Err(call.bad_argument(1, "invalid mode"));
    }
    standard.flush();
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(&command);
    let started = match mode {
        b"r" => shell.stdout(Stdio::piped()).spawn(),
        _ => shell.stdin(Stdio::piped()).spawn(),
    };
    let stream = started.and_then(|mut child| match (child.stdout.take(), child.stdin.take()) {
        (Some(output), _) => Ok(Stream::FromProcess(BufReader::new(output), child)),
        (_, Some(input)) => Ok(Stream::ToProcess(BufWriter::new(input), child)),
        _ => Err(wrong_way()),
    });
    match stream {
        Ok(stream) => {
            let file = make(call, standard.track(stream))?;
            call.answer(file)
        }
        Err(error) => failure(call, &error, Some(&command)),
    }
}

fn lines(call: &mut Scope<'_>, standard: &Standard, next: HostId) -> HostResult {
    if call.value(0).is_nil() {
        let (file, _) = current(call, INPUT)?;
        let next = iterator(call, next, file, false, 1)?;
        return call.answer(next);
    }
    let name = String::from_utf8_lossy(call.arg::<&[u8]>(0)?).into_owned();
    let file = open_file(standard, &name, b"r").map_err(|error| cannot_open(&name, &error))?;
    let file = make(call, file)?;
    let next = iterator(call, next, file, true, 1)?;
    call.answer((next, Local::NIL, Local::NIL, file))
}

fn print(call: &mut Scope<'_>, standard: &Standard) -> HostResult {
    // As C's `print`, it does not look whether that works.
    let write = |line: &[u8]| drop(standard.output.borrow_mut().write(line));
    let mut line: Vec<u8> = Vec::new();
    for index in 0..call.count() {
        let value = call.value(index);
        // A metamethod sees what stands before its value written, and so does who catches its error.
        call.scope(|scope| -> HostResult {
            if !scope.metamethod(value, Metamethod::ToString).is_nil() {
                write(&line);
                line.clear();
            }
            let text = scope.text(value)?;
            if index != 0 {
                line.push(b'\t');
            }
            line.extend_from_slice(text.bytes());
            Ok(())
        })?;
    }
    line.push(b'\n');
    write(&line);
    Ok(())
}

/// The table of the library.
pub fn open<'s>(scope: &mut Scope<'s>, functions: &Functions) -> HostResult<Table<'s>> {
    let metatable = scope.table(0, 8)?;
    let methods = scope.table(0, 8)?;
    scope.set_functions(methods, functions.methods.iter().copied())?;
    scope.raw_set(metatable, "__index", methods)?;
    scope.raw_set(metatable, "__name", "FILE*")?;
    scope.set_functions(metatable, [("__tostring", functions.to_string), ("__close", functions.close)])?;
    scope.define("FILE*", metatable)?;
    let table = scope.table(0, 16)?;
    scope.set_functions(table, functions.library.iter().copied())?;
    let standard = &functions.standard;
    for (name, stream) in [("stdin", &standard.input), ("stdout", &standard.output), ("stderr", &standard.error)] {
        let file = make(scope, File { stream: stream.clone(), is_standard: true })?;
        scope.raw_set(table, name, file)?;
        match name {
            "stdin" => scope.define(INPUT, file)?,
            "stdout" => scope.define(OUTPUT, file)?,
            _ => {}
        }
    }
    Ok(table)
}
