//! A subject: its programs and configurations, resolved, and the command lines they give.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::manifest::{Expect, Manifest, ProgramEntry, Switch, Word};
use super::process::{Invocation, absolute};
use crate::bench::Size;
use crate::corpus::{self, CorpusError, mistake_at};

/// A subject, ready to run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The file's content.
    pub manifest: Manifest,
    /// The file.
    pub file: PathBuf,
    /// Its directory: where commands run and what paths are relative to.
    pub directory: PathBuf,
    /// Programs, by name.
    pub programs: Vec<Program>,
    /// The reference first, then the others, each followed by its variations.
    pub configurations: Vec<Configuration>,
}

/// A program of a subject.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name in trials.
    pub name: String,
    /// Its file, from the subject's directory.
    pub file: String,
    /// Arguments of parity runs.
    pub args: Vec<String>,
    /// Arguments as a benchmark; none if it is none.
    pub bench: BTreeMap<Size, Vec<String>>,
    /// What the reference must do.
    pub expect: Option<Expect>,
}

/// A way to run a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The name in trials: `BASE`, or `BASE+STRESS`.
    pub name: String,
    /// The configuration of the file.
    pub base: String,
    /// The variation.
    pub stress: Option<String>,
    /// Whether it says what is right.
    pub reference: bool,
}

/// What a run is asked for beyond its configuration.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Only these functions may be compiled.
    pub allow: Option<Vec<String>>,
    /// So many changes of the optimiser.
    pub fuel: Option<u64>,
    /// Count instructions, into this file.
    pub counters: Option<PathBuf>,
    /// Say what is compiled; the file is where `{log}` points.
    pub compiled: Option<PathBuf>,
}

impl Subject {
    /// Reads a `subject.yaml` and finds its programs.
    ///
    /// # Errors
    /// A mistake in the file, a program that is not there, two programs of one name.
    pub fn load(file: &Path) -> Result<Self, CorpusError> {
        let text = corpus::read(file)?;
        let manifest = Manifest::parse(file, &text)?;
        let directory = absolute(file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        let mistake = |entry: &ProgramEntry, message: String| {
            CorpusError::Mistake(mistake_at(&file.display().to_string(), &text, &entry.file, message))
        };
        let mut programs: Vec<Program> = Vec::new();
        for entry in &manifest.programs {
            for program in resolve(entry, &directory).map_err(|message| mistake(entry, message))? {
                if programs.iter().any(|p| p.name == program.name) {
                    return Err(mistake(
                        entry,
                        format!("two programs are named `{}`; give one a `name`", program.name),
                    ));
                }
                programs.push(program);
            }
        }
        programs.sort_by(|a, b| a.name.cmp(&b.name));
        let configurations = configurations(&manifest);
        Ok(Self { manifest, file: file.to_owned(), directory, programs, configurations })
    }

    /// The configuration that says what is right.
    pub fn reference(&self) -> &Configuration {
        &self.configurations[0]
    }

    /// The configuration of that name.
    pub fn configuration(&self, name: &str) -> Option<&Configuration> {
        self.configurations.iter().find(|c| c.name == name)
    }

    /// The program of that name.
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|p| p.name == name)
    }

    /// The files that make a difference: that of the subject and its programs, from its directory.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: BTreeSet<PathBuf> = self.programs.iter().map(|p| p.file.clone().into()).collect();
        files.extend(self.file.file_name().map(PathBuf::from));
        files.into_iter().collect()
    }

    /// The first line of the subject's own account of its version.
    ///
    /// # Errors
    /// The subject is absent: a program that one of its commands names cannot be found, or the version cannot be told.
    pub fn version(&self) -> Result<String, String> {
        let invocation = |words: &[String], env: BTreeMap<String, String>| Invocation {
            words: words.iter().map(|w| self.fill(w, &[])).collect(),
            env,
            directory: self.directory.clone(),
            input: Vec::new(),
        };
        for entry in self.manifest.configurations.values() {
            invocation(&entry.command, BTreeMap::new()).program()?;
        }
        let version = invocation(&self.manifest.version, self.manifest.env.clone());
        version.program()?;
        let done = version.run(&self.manifest.limits);
        let text = [done.stdout, done.stderr].concat();
        let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
        if line.is_empty() { Err(format!("`{}` prints no version", version.words.join(" "))) } else { Ok(line) }
    }

    /// The command line of a run.
    pub fn invocation(
        &self,
        configuration: &Configuration,
        program: &Program,
        args: &[String],
        extras: &Extras,
    ) -> Invocation {
        let manifest = &self.manifest;
        let entry = &manifest.configurations[&configuration.base];
        let mut options: Vec<String> = Vec::new();
        let mut env: BTreeMap<String, String> = manifest.env.clone();
        env.extend(entry.env.clone());
        let common = [("{program}", program.file.clone())];
        for value in env.values_mut() {
            *value = self.fill(value, &common);
        }
        let mut add = |switch: &Switch, values: &[(&str, String)]| {
            let values = [&common[..], values].concat();
            options.extend(switch.options.iter().map(|word| self.fill(word, &values)));
            env.extend(switch.env.iter().map(|(name, value)| (name.clone(), self.fill(value, &values))));
        };
        let switch =
            |options: &[String], env: &BTreeMap<String, String>| Switch { options: options.to_vec(), env: env.clone() };
        if let Some(stress) = &configuration.stress {
            add(&manifest.stress[stress], &[]);
        }
        if let (Some(part), Some(log)) = (&manifest.compiled, &extras.compiled) {
            add(&switch(&part.options, &part.env), &[("{log}", log.display().to_string())]);
        }
        if let (Some(part), Some(allowed)) = (&manifest.allow, &extras.allow) {
            add(&switch(&part.options, &part.env), &[("{allow}", allowed.join(&part.separator))]);
        }
        if let (Some(part), Some(fuel)) = (&manifest.fuel, extras.fuel) {
            add(part, &[("{fuel}", fuel.to_string())]);
        }
        if let (Some(part), Some(file)) = (&manifest.counters, &extras.counters) {
            add(&switch(&part.options, &part.env), &[("{counters}", file.display().to_string())]);
        }
        let mut words = Vec::new();
        for word in &entry.command {
            match word.as_str() {
                "{options}" => words.append(&mut options),
                "{args}" => words.extend_from_slice(args),
                word => words.push(self.fill(word, &common)),
            }
        }
        Invocation { words, env, directory: self.directory.clone(), input: Vec::new() }
    }

    /// A text with its placeholders filled in.
    fn fill(&self, text: &str, values: &[(&str, String)]) -> String {
        let mut filled = text.replace("{directory}", &self.directory.display().to_string());
        if filled.contains("{lockstep}") {
            // Where this program cannot be found, its name must do.
            let own = std::env::current_exe().map_or_else(|_| "lockstep".to_owned(), |path| path.display().to_string());
            filled = filled.replace("{lockstep}", &own);
        }
        for (name, value) in values {
            filled = filled.replace(name, value);
        }
        filled
    }
}

fn resolve(entry: &ProgramEntry, directory: &Path) -> Result<Vec<Program>, String> {
    let spell = |words: &[Word]| words.iter().map(|w| w.0.clone()).collect::<Vec<_>>();
    let pattern = entry.file.contains(['*', '?', '[']);
    let files: BTreeSet<String> = if pattern {
        let root = glob::Pattern::escape(&directory.display().to_string());
        let found = glob::glob(&format!("{root}/{}", entry.file)).map_err(|e| format!("a bad pattern: {e}"))?;
        let relative = |path: PathBuf| path.strip_prefix(directory).ok().map(|p| p.display().to_string());
        found.filter_map(Result::ok).filter(|p| p.is_file()).filter_map(relative).collect()
    } else {
        [entry.file.clone()].into_iter().filter(|f| directory.join(f).is_file()).collect()
    };
    if files.is_empty() {
        return Err(format!("no file `{}` in {}", entry.file, directory.display()));
    }
    if files.len() > 1 && entry.name.is_some() {
        return Err(format!("{} files cannot have one `name`", files.len()));
    }
    let bench = entry.bench.as_ref().map_or_else(BTreeMap::new, |sizes| {
        [(Size::Quick, spell(&sizes.quick)), (Size::Full, spell(&sizes.full))].into()
    });
    let stem = |file: &str| Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let program = |file: String| Program {
        name: entry.name.clone().unwrap_or_else(|| stem(&file)),
        file,
        args: spell(&entry.args),
        bench: bench.clone(),
        expect: entry.expect.clone(),
    };
    Ok(files.into_iter().map(program).collect())
}

fn configurations(manifest: &Manifest) -> Vec<Configuration> {
    let plain = |base: &String| Configuration {
        name: base.clone(),
        base: base.clone(),
        stress: None,
        reference: *base == manifest.reference,
    };
    let mut all = vec![plain(&manifest.reference)];
    for base in manifest.configurations.keys().filter(|base| **base != manifest.reference) {
        all.push(plain(base));
        all.extend(manifest.stress.keys().map(|stress| Configuration {
            name: format!("{base}+{stress}"),
            stress: Some(stress.clone()),
            ..plain(base)
        }));
    }
    all
}
