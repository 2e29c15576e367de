//! Messages are those that `lua5.4` (5.4.4) gives for the same source; limits and long chains do not exhaust the machine's stack.

use super::super::ast::{Expr, Literal, Stat};
use super::*;

fn message(source: &[u8]) -> String {
    match parse(source, source) {
        Ok(_) => "no error".to_owned(),
        Err(error) => {
            let text = String::from_utf8_lossy(&error.message).into_owned();
            text.split_once("\"]:").map_or(text.clone(), |(_, rest)| rest.to_owned())
        }
    }
}

#[test]
fn messages_are_lua_s() {
    let cases: &[(&str, &str)] = &[
        ("goto x", "1: no visible label 'x' for <goto> at line 1"),
        ("do goto x end local a ::x:: print(a)", "1: <goto x> at line 1 jumps into the scope of local 'a'"),
        ("break", "1: break outside loop at line 1"),
        ("function f() \n break \n end x", "3: break outside loop at line 2"),
        ("::a:: \n ::a::", "2: label 'a' already defined on line 2"),
        ("::a:: \n ; x() ::a::", "2: label 'a' already defined on line 1"),
        ("local x <const> = 1 \n x = 2 ", "2: attempt to assign to const variable 'x'"),
        ("local x <const> = f() \n function g() x = 2 end", "2: attempt to assign to const variable 'x'"),
        ("local x <foo> = 1 \n x = 2 ", "1: unknown attribute 'foo'"),
        ("local x <close>, y <close> = 1 \n x = 2 ", "1: multiple to-be-closed variables in local list"),
        ("for i do end", "1: '=' or 'in' expected near 'do'"),
        ("for i, j do end", "1: 'in' expected near 'do'"),
        ("for 1", "1: <name> expected near '1'"),
        ("if x then \n\n else", "3: 'end' expected (to close 'if' at line 1) near <eof>"),
        ("x", "1: syntax error near <eof>"),
        ("x + 1", "1: syntax error near '+'"),
        ("f() = 1", "1: syntax error near '='"),
        ("a, f() = 1", "1: syntax error near '='"),
        ("a.b:c = 1", "1: function arguments expected near '='"),
        ("return return", "1: unexpected symbol near 'return'"),
        ("return 1 2", "1: <eof> expected near '2'"),
        ("x = }", "1: unexpected symbol near '}'"),
        ("x = \u{1}", "1: unexpected symbol near '<\\1>'"),
        ("x = 'a\\q'", "1: invalid escape sequence near ''a\\q'"),
        ("x = 'a\\300'", "1: decimal escape too large near ''a\\300''"),
        ("x = 'a\\xg'", "1: hexadecimal digit expected near ''a\\xg'"),
        ("x = 'a\\u{110000000000}'", "1: UTF-8 value too large near ''a\\u{110000000'"),
        ("x = 'a\\u{11'", "1: missing '}' near ''a\\u{11''"),
        ("x = 'a\\u11'", "1: missing '{' near ''a\\u1'"),
        ("x = 'a\n'", "1: unfinished string near ''a'"),
        ("x = 'a", "1: unfinished string near <eof>"),
        ("x = [=a", "1: invalid long string delimiter near '[='"),
        ("x = [[a", "1: unfinished long string (starting at line 1) near <eof>"),
        ("--[[a\n", "2: unfinished long comment (starting at line 1) near <eof>"),
        ("x = 3x", "1: malformed number near '3x'"),
        ("x = 3..4", "1: malformed number near '3..4'"),
        ("x = 0x", "1: malformed number near '0x'"),
        ("x = 1e", "1: malformed number near '1e'"),
        ("local function f() return ... end", "1: cannot use '...' outside a vararg function near '...'"),
        ("x = {1,2", "1: '}' expected near <eof>"),
        ("x = {\n1,2\n;;}", "3: unexpected symbol near ';'"),
        ("f(1,\n2", "2: ')' expected (to close '(' at line 1) near <eof>"),
        ("x = (1\n]", "2: ')' expected (to close '(' at line 1) near ']'"),
        ("x = a[1\n)", "2: ']' expected near ')'"),
        ("function f(a,) end", "1: <name> or '...' expected near ')'"),
        ("function f(a b) end", "1: ')' expected near 'b'"),
        ("a.1 = 2", "1: syntax error near '.1'"),
        ("::x", "1: '::' expected near <eof>"),
        ("for i = 1 do end", "1: ',' expected near 'do'"),
        ("x = function", "1: '(' expected near <eof>"),
        ("while true", "1: 'do' expected near <eof>"),
        ("local x <close> = 1; goto l; local y; ::l:: x()", "1: <goto l> at line 1 jumps into the scope of local 'y'"),
        ("x = 'abc\\\n\n", "2: unfinished string near ''abc\n'"),
        ("x = = 'a\\65'", "1: unexpected symbol near '='"),
        ("x = y 'a\\65' 'b' z", "1: syntax error near <eof>"),
        ("x = y 1", "1: unexpected symbol near '1'"),
        ("goto l; local a; ::l:: ; ::m::", "no error"),
        ("repeat goto c; local z; ::c:: until z", "1: <goto c> at line 1 jumps into the scope of local 'z'"),
        ("while a do if b then goto continue end local z ::continue:: end", "no error"),
    ];
    for (source, expected) in cases {
        assert_eq!(message(source.as_bytes()), *expected, "{source}");
    }
    assert_eq!(message(b"x = \xff"), "1: unexpected symbol near '<\\255>'");
}

#[test]
fn limits_are_errors() {
    let deep = |open: &str, n: usize, middle: &str, close: &str| {
        message(format!("{}{middle}{}", open.repeat(n), close.repeat(n)).as_bytes())
    };
    let overflow = "C stack overflow";
    // The last depths at which PUC Lua accepts each: 195 parentheses behind `return`, 197 blocks, 98 functions.
    assert_eq!(message(format!("return {}1{}", "(".repeat(195), ")".repeat(195)).as_bytes()), "no error");
    assert_eq!(message(format!("return {}1{}", "(".repeat(196), ")".repeat(196)).as_bytes()), overflow);
    assert_eq!(deep("do ", 197, "", " end"), "no error");
    assert_eq!(deep("do ", 198, "", " end"), overflow);
    assert_eq!(deep("return function() ", 98, "", " end"), "no error");
    assert_eq!(deep("return function() ", 99, "", " end"), overflow);
    let locals = format!("local {}b", "a,".repeat(200));
    assert_eq!(message(locals.as_bytes()), "1: too many local variables (limit is 200) in main function near <eof>");
    let inner = format!("a=function() {}", "local c ".repeat(201));
    assert_eq!(
        message(inner.as_bytes()),
        "1: too many local variables (limit is 200) in function at line 1 near <eof>"
    );
    // Chains that do not nest have no limit.
    for chain in ["return 1".to_owned() + &" + a".repeat(100_000), "return a".to_owned() + &".b()".repeat(50_000)] {
        assert_eq!(message(chain.as_bytes()), "no error");
    }
}

#[test]
fn numerals_and_strings() {
    let value = |source: &str| {
        let chunk = parse(format!("return {source}").as_bytes(), b"=t").expect("parses");
        let Some((Stat::Return(values), _)) = chunk.functions[0].body.stats.first() else { panic!("{source}") };
        match chunk.expr(values[0]) {
            Expr::Literal(literal) => literal.clone(),
            other => panic!("{source}: {other:?}"),
        }
    };
    let text = |bytes: &[u8]| Literal::String(bytes.into());
    for (source, expected) in [
        ("3", Literal::Integer(3)),
        ("345.1", Literal::Float(345.1)),
        ("0xBEBADA", Literal::Integer(0xBE_BADA)),
        ("0xffffffffffffffff", Literal::Integer(-1)),
        ("9223372036854775807", Literal::Integer(i64::MAX)),
        ("9223372036854775808", Literal::Float(9_223_372_036_854_775_808.0)),
        ("0x0.1E", Literal::Float(0.1171875)),
        ("0xA23p-4", Literal::Float(162.1875)),
        ("0X1.921FB54442D18P+1", Literal::Float(std::f64::consts::PI)),
        ("2719e-3", Literal::Float(2.719)),
        (".5e1", Literal::Float(5.0)),
        ("-7", Literal::Integer(-7)),
        (
            r#""a\n\z
           b\x41\65\u{20AC}\
c""#,
            text("a\nbAA\u{20ac}\nc".as_bytes()),
        ),
        (r"'\u{7FFFFFFF}'", text(b"\xfd\xbf\xbf\xbf\xbf\xbf")),
        ("[[\nx\r\ny]]", text(b"x\ny")),
        ("[==[]]]=]]==]", text(b"]]]=]")),
        ("'\\a\\b\\f\\v\\r\\t\\\\\\''", text(b"\x07\x08\x0c\x0b\r\t\\'")),
    ] {
        assert_eq!(value(source), expected, "{source}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that programs are made of, so that what is put together often goes some way.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "local ",
            "x",
            " = ",
            "1",
            "2.5",
            "'s'",
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            ",",
            ";",
            ".",
            ":",
            "::",
            "...",
            "..",
            "function ",
            "f",
            " end ",
            " do ",
            "while ",
            "if ",
            " then ",
            " else ",
            "elseif ",
            "for ",
            " in ",
            "repeat ",
            " until ",
            "return ",
            "goto ",
            "break ",
            "not ",
            " and ",
            " or ",
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "^",
            "~",
            "#",
            "<",
            "<=",
            "==",
            "~=",
            "<const>",
            "<close>",
            "[[",
            "]]",
            "--",
            "\n",
            "nil",
            "true",
            "\\",
            "\"",
            "0x",
            "1e",
        ])
    }

    proptest! {
        /// Whatever the source is, there is a chunk or a message.
        #[test]
        fn nothing_panics(pieces in prop::collection::vec(piece(), 0..40), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let source = pieces.concat().into_bytes();
            if let Err(error) = parse(&source, b"=p") {
                prop_assert!(error.message.starts_with(b"p:"));
            }
            drop(parse(&bytes, b"=p"));
        }
    }
}
