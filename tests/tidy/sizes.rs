//! Files and functions of readable size.

use crate::lex::{
    code_only, is_name, is_test_file, item_end, line_of, test_lines, without_tests, words,
};
use crate::tree::Finding;

/// A file with more lines, tests aside, than it may have.
pub fn check_file(path: &str, text: &str, lines_max: usize, long: &[&str]) -> Vec<Finding> {
    if is_test_file(path) || long.contains(&path) {
        return Vec::new();
    }
    let lines = text.lines().count() - test_lines(&code_only(text));
    if lines <= lines_max {
        return Vec::new();
    }
    vec![Finding::new(path, lines_max, format!("{lines} lines of code; at most {lines_max}"))]
}

/// Functions, tests aside, with more lines than they may have.
pub fn check_functions(
    path: &str,
    text: &str,
    lines_max: usize,
    long: &[(&str, &str)],
) -> Vec<Finding> {
    if is_test_file(path) {
        return Vec::new();
    }
    let code = without_tests(&code_only(text));
    let functions = words(&code, "fn").filter_map(|at| {
        let rest = code[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|letter| is_name(*letter)).collect();
        let lines = code[at..item_end(&code, at)].matches('\n').count() + 1;
        let too_long = lines > lines_max && !long.contains(&(path, name.as_str()));
        // A function pointer's type has no name.
        (too_long && !name.is_empty()).then(|| {
            let message = format!("fn {name} has {lines} lines; at most {lines_max}");
            Finding::new(path, line_of(&code, at), message)
        })
    });
    functions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let long = "fn a() {}\n".repeat(11);
        assert_eq!(check_file("src/a.rs", &long, 10, &[]).len(), 1);
        assert_eq!(check_file("src/a.rs", &long, 10, &["src/a.rs"]), []);
        let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(check_file("src/a.rs", &tested, 10, &[]), []);
        assert_eq!(check_file("src/a/tests.rs", &long, 10, &[]), []);
    }

    #[test]
    fn a_long_function_is_found_by_name() {
        let body = "    let a = [1; 3];\n".repeat(9);
        let text = format!(
            "impl A {{\nfn short() {{}}\n\nfn long(a: [u8; 3]) {{\n{body}}}\n}}\ntype F = fn(u8);\n"
        );
        let found = check_functions("src/a.rs", &text, 10, &[]);
        assert_eq!(found, [Finding::new("src/a.rs", 4, "fn long has 11 lines; at most 10")]);
        assert_eq!(check_functions("src/a.rs", &text, 10, &[("src/a.rs", "long")]), []);
        assert_eq!(check_functions("src/a.rs", &text, 11, &[]), []);
    }
}
