//! What was judged as JUnit XML: a suite for each command, a test case for each verdict. What cannot be told, or was not run, is skipped, with the reason.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::answers::State;
use super::findings::{Finding, findings};
use super::model::Report;

/// The whole file.
///
/// # Errors
/// Text that XML cannot hold.
pub fn write(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut out = quick_junit::Report::new("lockstep");
    let all = findings(report);
    for suite in all.chunk_by(|a, b| a.suite == b.suite) {
        let mut tests = TestSuite::new(suite[0].suite);
        tests.add_test_cases(suite.iter().map(case));
        out.add_test_suite(tests);
    }
    out.to_string()
}

fn case(finding: &Finding) -> TestCase {
    let why = finding.why.as_deref().unwrap_or_default();
    let status = match finding.state {
        State::Good | State::Plain => TestCaseStatus::success(),
        State::Bad => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(why);
            if let Some(again) = &finding.again {
                status.set_description(format!("{why}\nrun it again: {again}"));
            }
            status
        }
        State::Unknown => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why);
            status
        }
    };
    let mut case = TestCase::new(finding.name.as_str(), status);
    case.set_classname(format!("lockstep.{}", finding.suite));
    case
}
