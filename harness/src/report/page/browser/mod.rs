//! The page in a real browser: what its text cannot show. Each check is shown to fail on a page that breaks it.

mod cdp;

use std::path::PathBuf;
use std::sync::LazyLock;

use cdp::Browser;
use serde_json::{Value, json};

use crate::report::fixture::{coverage, large, parity, report};
use crate::report::page;

/// A page in a file that is gone afterwards.
struct Page(PathBuf);

impl Page {
    fn new(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("lockstep-page-{}-{name}.html", std::process::id()));
        std::fs::write(&file, text).expect("a file of its own");
        Self(file)
    }

    /// Of a report as large as a real one.
    fn large(name: &str) -> Self {
        Self::new(name, large_text())
    }
}

fn large_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| page::write(&large("page")));
    &TEXT
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const DESK: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (400, 800);

/// What went wrong while a page was loaded and used: requests beyond the page itself, errors, messages.
fn complaints(browser: &Browser, page: &Page) -> Vec<String> {
    let own = format!("file://{}", page.0.display());
    let complaint = |event: &Value| {
        let what = &event["params"];
        match event["method"].as_str()? {
            "Network.requestWillBeSent" => {
                let url = what["request"]["url"].as_str()?;
                (url.split('#').next() != Some(&own) && !url.starts_with("data:")).then(|| format!("fetches {url}"))
            }
            "Runtime.exceptionThrown" => Some(format!("throws {}", what["exceptionDetails"])),
            "Runtime.consoleAPICalled" => Some(format!("says {}", what["args"])),
            "Log.entryAdded" => Some(format!("logs {}", what["entry"]["text"])),
            _ => None,
        }
    };
    browser.events.iter().filter_map(complaint).collect()
}

#[test]
fn nothing_is_fetched_and_nothing_goes_wrong() {
    let Some(mut browser) = Browser::start("fetch") else { return };
    let text = large_text();
    let page = Page::new("fetch", text);
    browser.open(&page.0, DESK);
    for script in
        ["document.querySelectorAll('button').forEach((b) => b.click())", "location.hash = '#kernel-cam'", "1"]
    {
        browser.eval(script);
    }
    assert_eq!(complaints(&browser, &page), Vec::<String>::new());
    // The policy alone keeps a foreign picture from being fetched; without it the request is seen.
    let spoiled =
        text.replace("<main ", "<img src=\"http://127.0.0.1:9/x.png\" alt=\"\"><script>nothing()</script><main ");
    let spoiled = spoiled.replace("img-src data:", "img-src *");
    let page = Page::new("fetch-spoiled", &spoiled);
    browser.open(&page.0, DESK);
    browser.eval("new Promise((done) => setTimeout(done, 200))");
    let found = complaints(&browser, &page).join("\n");
    assert!(found.contains("fetches http://127.0.0.1:9/x.png") && found.contains("nothing is not defined"), "{found}");
}

/// Texts of a column of the first table within.
fn column(browser: &mut Browser, within: &str, column: usize) -> Vec<String> {
    let script = format!(
        "[...document.querySelectorAll('{within} table')[0].tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[{column}].textContent)"
    );
    serde_json::from_value(browser.eval(&script)).expect("texts")
}

#[test]
fn tables_are_sorted_with_the_mouse_and_with_the_keyboard() {
    let Some(mut browser) = Browser::start("sort") else { return };
    let page = Page::large("sort");
    browser.open(&page.0, DESK);
    let before = column(&mut browser, "#uplift", 0);
    let value = |text: &String| text.split('×').next().and_then(|n| n.parse::<f64>().ok()).expect("a ratio");
    // With the mouse: numbers start with the highest.
    browser.eval("document.querySelectorAll('#uplift thead button')[2].click()");
    let numbers: Vec<f64> = column(&mut browser, "#uplift", 2).iter().map(value).collect();
    assert!(numbers.windows(2).all(|w| w[0] >= w[1]), "{numbers:?}");
    assert!(numbers.len() == 15 && numbers[0] > numbers[14], "{numbers:?}");
    let sorts = "[...document.querySelectorAll('#uplift thead th')].map((th) => th.ariaSort)";
    assert_eq!(browser.eval(sorts)[2], "descending");
    // With the keyboard: the other way round.
    browser.eval("document.querySelectorAll('#uplift thead button')[2].focus()");
    browser.press("Enter");
    let numbers: Vec<f64> = column(&mut browser, "#uplift", 2).iter().map(value).collect();
    assert!(numbers.windows(2).all(|w| w[0] <= w[1]), "{numbers:?}");
    assert_eq!(browser.eval(sorts)[2], "ascending");
    // Words start with the first, and only one column is said to be sorted.
    browser.eval("document.querySelectorAll('#uplift thead button')[0].click()");
    let names = column(&mut browser, "#uplift", 0);
    assert!(names.windows(2).all(|w| w[0] <= w[1]) && names != before, "{names:?}");
    let said = browser.eval(sorts);
    assert_eq!(said.as_array().map(|all| all.iter().filter(|s| **s != "none").count()), Some(1), "{said}");
}

#[test]
fn long_tables_are_filtered() {
    let Some(mut browser) = Browser::start("filter") else { return };
    let page = Page::large("filter");
    browser.open(&page.0, DESK);
    browser.eval("location.hash = '#cases'");
    browser.eval("document.querySelector('#cases input').focus()");
    for key in ["c", "a", "m", "-"] {
        browser.press(key);
    }
    let shown = column(&mut browser, "#cases", 0);
    assert!(!shown.is_empty() && shown.len() < 60 && shown.iter().all(|name| name.contains("cam-")), "{shown:?}");
    assert_eq!(
        browser.eval("document.querySelector('#cases .status').textContent"),
        format!("{} of 60 rows", shown.len())
    );
    browser.press("Escape");
    assert_eq!(column(&mut browser, "#cases", 0).len(), 60);
}

/// The page's background: 0 is black, 255 is white.
fn lightness(browser: &mut Browser) -> f64 {
    let script = "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3";
    browser.eval(script).as_f64().expect("a colour")
}

#[test]
fn the_theme_is_the_systems_until_the_reader_chooses() {
    let Some(mut browser) = Browser::start("theme") else { return };
    let page = Page::large("theme");
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.media(scheme, "screen");
        browser.open(&page.0, DESK);
        browser.eval("localStorage.clear()");
        browser.open(&page.0, DESK);
        assert_eq!(lightness(&mut browser) < 128.0, dark, "{scheme}");
        let label = browser.eval("document.getElementById('theme').textContent");
        assert_eq!(label, if dark { "Light theme" } else { "Dark theme" });
        browser.eval("document.getElementById('theme').focus()");
        browser.press(" ");
        assert_eq!(lightness(&mut browser) < 128.0, !dark, "{scheme}, turned");
        // The choice is kept.
        browser.open(&page.0, DESK);
        assert_eq!(lightness(&mut browser) < 128.0, !dark, "{scheme}, opened again");
    }
}

/// Visible text that is too faint on what is behind it: 4.5 : 1, or 3 : 1 where it is large.
const FAINT: &str = r#"(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (known.has(colour)) return known.get(colour);
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
    return known.get(colour);
  };
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !element.checkVisibility() || ["SCRIPT", "STYLE", "title", "desc"].includes(element.tagName)) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const ink = rgba(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`${element.tagName}.${element.className.baseVal ?? element.className}: ${ratio.toFixed(2)} ${element.textContent.trim().slice(0, 30)}`);
  }
  if (seen < 500) found.add(`only ${seen} texts were seen`);
  return [...found];
})()"#;

#[test]
fn text_can_be_read_in_both_themes() {
    let Some(mut browser) = Browser::start("contrast") else { return };
    let page = Page::large("contrast");
    for scheme in ["light", "dark"] {
        browser.media(scheme, "screen");
        browser.open(&page.0, DESK);
        browser.eval("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
        assert_eq!(browser.eval(FAINT), json!([]), "{scheme}");
    }
    browser.eval("document.documentElement.style.setProperty('--faint', '#555')");
    assert_ne!(browser.eval(FAINT), json!([]), "faint text is not seen");
}

#[test]
fn everything_is_reached_with_the_keyboard() {
    let Some(mut browser) = Browser::start("keyboard") else { return };
    // Small, so that it is soon walked through; with a failure, so that there is something to open.
    let text = page::write(&report("keyboard", Some(parity("failed")), Some(coverage(None)), None));
    let page = Page::new("keyboard", &text);
    browser.open(&page.0, DESK);
    // The first stop leads past the links.
    browser.press("Tab");
    assert_eq!(browser.eval("document.activeElement.className"), "skip");
    browser.press("Enter");
    assert_eq!(browser.eval("document.activeElement.id"), "main");
    // From stop to stop, all that can be used is met, and each stop is seen.
    browser.open(&page.0, DESK);
    let usable = "[...document.querySelectorAll('a[href], button, input, summary')].filter((e) => e.checkVisibility())";
    let count = browser.eval(&format!("{usable}.length")).as_u64().expect("a number");
    browser.eval("window.met = new Set(); window.unseen = []");
    for _ in 0..count + 20 {
        browser.press("Tab");
        browser.eval(
            "(() => { const e = document.activeElement; if (e === document.body) return; met.add(e); \
             if (getComputedStyle(e).outlineStyle === 'none') unseen.push(e.outerHTML.slice(0, 80)); })()",
        );
    }
    assert!(count > 20, "{count}");
    assert_eq!(
        browser.eval(&format!("{usable}.filter((e) => !met.has(e)).map((e) => e.outerHTML.slice(0, 80))")),
        json!([])
    );
    assert_eq!(browser.eval("unseen"), json!([]));
    // A part is opened and closed with a key, and a link opens what it leads to.
    browser.eval("document.querySelector('#trial-case-red-speed-eager summary').focus()");
    let open = "document.querySelector('#trial-case-red-speed-eager').open";
    assert_eq!(browser.eval(open), json!(false));
    browser.press("Enter");
    assert_eq!(browser.eval(open), json!(true));
    browser.press("Enter");
    assert_eq!(browser.eval(open), json!(false));
    browser.eval("document.getElementById('cases').open = true");
    browser.eval("document.querySelector('a[href=\"#trial-case-red-speed-eager\"]').focus()");
    browser.press("Enter");
    // What a link leads to is announced a little later.
    browser.eval(&format!("new Promise((done) => {{ const wait = () => {open} ? done() : setTimeout(wait, 10); setTimeout(done, 5000); wait(); }})"));
    assert_eq!(browser.eval(open), json!(true));
    assert_eq!(browser.eval("document.activeElement.tagName"), "SUMMARY");
}

#[test]
fn nothing_is_wider_than_the_window() {
    let Some(mut browser) = Browser::start("wide") else { return };
    let page = Page::large("wide");
    let over = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for size in [DESK, (900, 800), (641, 800), PHONE, (320, 600)] {
        browser.open(&page.0, size);
        assert_eq!(browser.eval(over), json!(0), "{size:?}");
        browser.eval("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
        assert_eq!(browser.eval(over), json!(0), "{size:?}, all open");
        // Each chart is there once.
        let pictures = "[...document.querySelectorAll('figure')].filter((f) => f.checkVisibility()).map((f) => [...f.querySelectorAll('svg')].filter((s) => s.checkVisibility()).length)";
        let shown = browser.eval(pictures);
        assert!(shown.as_array().is_some_and(|all| all.len() >= 4 && all.iter().all(|n| *n == 1)), "{size:?}: {shown}");
    }
    browser.eval("document.querySelector('main').style.minWidth = '5000px'");
    assert_ne!(browser.eval(over), json!(0), "a wide page is not seen");
}

#[test]
fn the_first_screen_answers_the_three_questions() {
    let Some(mut browser) = Browser::start("first") else { return };
    let page = Page::large("first");
    browser.open(&page.0, DESK);
    let bottom = |browser: &mut Browser, what: &str| {
        browser
            .eval(&format!("document.querySelector('{what}').getBoundingClientRect().bottom"))
            .as_f64()
            .expect("a place")
    };
    assert!(bottom(&mut browser, ".answers") < 500.0);
    assert!(bottom(&mut browser, "#board") <= f64::from(DESK.1), "{}", bottom(&mut browser, "#board"));
    let said = browser.eval("document.querySelector('.answers').innerText");
    for part in [
        "Is it right?",
        "Which backend should I use?",
        "Did anything get worse?",
        "blue/speed",
        "green/speed",
        "Crossover",
    ] {
        assert!(said.as_str().is_some_and(|said| said.contains(part)), "{part}: {said}");
    }
}

/// What a screen reader meets without a name, and headings that skip a level.
fn nameless(browser: &mut Browser) -> Vec<String> {
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
    let shown: Vec<&Value> = nodes.iter().filter(|n| n["ignored"] == json!(false)).collect();
    let mut found = Vec::new();
    let roles = [
        "button",
        "link",
        "searchbox",
        "image",
        "table",
        "region",
        "navigation",
        "heading",
        "columnheader",
        "DisclosureTriangle",
    ];
    for role in roles {
        let all: Vec<_> = shown.iter().filter(|n| n["role"]["value"] == role).collect();
        if all.is_empty() {
            found.push(format!("no {role} was met"));
        }
        found.extend(
            all.iter()
                .filter(|n| n["name"]["value"].as_str().is_none_or(|name| name.trim().is_empty()))
                .map(|_| format!("{role} without a name")),
        );
    }
    if shown.iter().filter(|n| n["role"]["value"] == "main").count() != 1 {
        found.push("not one main part".to_owned());
    }
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4')].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]))";
    let levels: Vec<u64> = serde_json::from_value(browser.eval(levels)).expect("levels");
    found.extend(
        levels.windows(2).filter(|w| w[1] > w[0] + 1).map(|w| format!("a heading of level {} after {}", w[1], w[0])),
    );
    let scopes = "document.querySelectorAll('th:not([scope])').length + document.querySelectorAll('table:not(:has(caption))').length";
    if browser.eval(scopes) != json!(0) {
        found.push("a table without a caption or a head without a scope".to_owned());
    }
    found
}

#[test]
fn a_screen_reader_meets_names() {
    let Some(mut browser) = Browser::start("names") else { return };
    let page = Page::large("names");
    browser.open(&page.0, DESK);
    browser.eval("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
    assert_eq!(nameless(&mut browser), Vec::<String>::new());
    assert_eq!(browser.eval("document.documentElement.lang"), "en");
    browser.eval("document.querySelector('#theme').textContent = ''");
    browser.eval("document.querySelector('#uplift h2').outerHTML = '<h4>x</h4>'");
    let found = nameless(&mut browser).join("; ");
    assert!(found.contains("button without a name") && found.contains("a heading of level 4"), "{found}");
}

#[test]
fn it_is_good_on_paper() {
    let Some(mut browser) = Browser::start("print") else { return };
    let page = Page::large("print");
    browser.media("dark", "screen");
    browser.open(&page.0, DESK);
    let printed = browser.call("Page.printToPDF", json!({"preferCSSPageSize": true}));
    // Base64 of `%PDF-`.
    let data = printed["data"].as_str().expect("data");
    assert!(data.starts_with("JVBERi0") && data.len() > 50_000, "{} characters", data.len());
    browser.media("dark", "print");
    assert!(lightness(&mut browser) > 250.0, "paper is white");
    assert_eq!(browser.eval("document.querySelector('nav').checkVisibility()"), json!(false));
    // Parts are opened for print, but for the longest, and closed again.
    let open = "document.querySelectorAll('#kernels details[open]').length";
    assert_eq!(browser.eval(open), json!(0));
    browser.eval("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.eval(open), json!(14));
    assert_eq!(browser.eval("document.querySelector('#cases').open"), json!(false));
    browser.eval("dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.eval(open), json!(0));
}

#[test]
fn without_its_script_the_page_is_whole() {
    let Some(mut browser) = Browser::start("plain") else { return };
    let page = Page::large("plain");
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&page.0, DESK);
    // Nothing stands there that would do nothing.
    assert_eq!(browser.eval("document.querySelectorAll('button, input').length"), json!(0));
    browser.eval("document.querySelector('#kernel-cam summary').focus()");
    browser.press("Enter");
    assert_eq!(browser.eval("document.querySelector('#kernel-cam').open"), json!(true));
    assert_eq!(browser.eval("document.querySelectorAll('#uplift tbody tr').length"), json!(15));
}
