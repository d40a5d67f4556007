use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::units::{Duration, Timeout};
use crate::vfs::mem::MemVfs;

const FILE: &str = "/etc/ncs.conf";

fn load_files(files: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let vfs = MemVfs::new();
    for (path, text) in files {
        vfs.put(Path::new(path), text.as_bytes().to_vec());
    }
    let lookup = |name: &str| (name == "DATA").then(|| "/srv".to_owned());
    Conf::load(&vfs, Path::new(FILE), &lookup)
}

fn load(inside: &str) -> Result<Loaded, Problems> {
    load_files(&[(FILE, &format!("<ncs-config>\n{inside}\n</ncs-config>"))])
}

fn compaction(inside: &str) -> Result<CompactionSettings, Problems> {
    load(&format!("<compaction>{inside}</compaction>")).map(|loaded| loaded.conf.compaction)
}

fn kinds(result: Result<Loaded, Problems>) -> Vec<ProblemKind> {
    result.unwrap_err().list().iter().map(|problem| problem.kind).collect()
}

#[test]
fn the_defaults_are_those_of_ncs_conf_5() {
    let conf = compaction("").unwrap();
    assert_eq!(conf, CompactionSettings::default());
    assert_eq!(conf.journal_compaction, JournalCompaction::Automatic);
    assert_eq!((conf.file_size_relative.value(), conf.num_node_relative.value()), (50, 50));
    assert_eq!((conf.file_size_absolute, conf.num_transactions), (None, None));
    assert_eq!(conf.delayed_compaction_timeout.to_xs(), "PT5S");
    assert_eq!(Conf::default().cdb.client_timeout, Timeout::Infinity);
}

#[test]
fn an_empty_file_is_the_default_configuration_in_every_namespace() {
    for namespace in [
        "",
        " xmlns=\"http://tail-f.com/yang/tailf-ncs-config\"",
        " xmlns=\"http://tail-f.com/yang/tailf-ncs-config/1.0\"",
    ] {
        let text = format!("<ncs-config{namespace}/>");
        let loaded = load_files(&[(FILE, &text)]).unwrap();
        assert_eq!(loaded.conf, Conf::default());
        assert!(loaded.warnings.is_empty());
    }
    assert_eq!(
        kinds(load_files(&[(FILE, "<ncs-config xmlns=\"http://example.com\"/>")])),
        [ProblemKind::Unknown]
    );
}

#[test]
fn every_setting_prints_what_it_reads() {
    for setting in settings() {
        let text = setting.default().unwrap_or_else(|| setting.sample.to_owned());
        let mut conf = Conf::default();
        // A value other than the default must arrive in the same setting and in no other.
        setting.put(&mut conf, &text).unwrap();
        assert_eq!(setting.show(&conf).last(), Some(&text), "{}", setting.path);
        let touched =
            settings().iter().filter(|other| other.show(&conf) != other.show(&Conf::default()));
        assert!(touched.into_iter().all(|other| other.path == setting.path), "{}", setting.path);
    }
}

#[test]
fn every_setting_has_its_own_field_and_a_minimum_that_it_can_read() {
    for setting in settings() {
        let changed = changed_text(setting);
        let mut conf = Conf::default();
        setting.put(&mut conf, &changed).unwrap();
        let touched: Vec<_> = settings()
            .iter()
            .filter(|other| other.show(&conf) != other.show(&Conf::default()))
            .map(|other| other.path)
            .collect();
        assert_eq!(touched, [setting.path]);
        if let Some(least) = setting.minimum {
            setting.put(&mut Conf::default(), least).unwrap();
        }
        assert!(setting.meaning.ends_with('.'), "{}", setting.path);
        assert!(setting.default().is_some() || !setting.sample.is_empty(), "{}", setting.path);
    }
}

/// A right value of a setting that is not its default.
fn changed_text(setting: &Setting) -> String {
    let type_name = setting.type_name();
    let words = type_name.split(" | ").map(str::to_owned);
    let other = ["/elsewhere", "77", "S7M", "PT7S", "false", "[::1]:7"].map(str::to_owned);
    words
        .chain(other)
        .find(|text| {
            let mut conf = Conf::default();
            setting.put(&mut conf, text).is_ok() && conf != Conf::default()
        })
        .unwrap()
}

#[test]
fn a_fragment_may_be_a_section_or_a_whole_file() {
    let loaded = load_files(&[
        (FILE, "<ncs-config><cdb><db-dir>/srv</db-dir></cdb></ncs-config>"),
        (
            "/etc/ncs.conf.d/compaction.conf",
            "<compaction xmlns=\"http://tail-f.com/yang/tailf-ncs-config\">\
             <num-transactions>7</num-transactions></compaction>",
        ),
        (
            "/etc/ncs.conf.d/logs.conf",
            "<ncs-config><logs><log-level>warn</log-level></logs></ncs-config>",
        ),
        ("/etc/ncs.conf.d/README", "not XML, and not read"),
    ])
    .unwrap();
    assert_eq!(loaded.conf.cdb.db_dir, Path::new("/srv"));
    assert_eq!(loaded.conf.compaction.num_transactions, Some(7));
    assert_eq!(loaded.conf.logs.log_level, LogLevel::Warn);
    assert_eq!(loaded.files.len(), 3);
}

#[test]
fn a_section_alone_is_no_main_file_and_a_leaf_alone_is_no_fragment() {
    assert_eq!(kinds(load_files(&[(FILE, "<compaction/>")])), [ProblemKind::Unknown]);
    let files = [(FILE, "<ncs-config/>"), ("/etc/ncs.conf.d/a.conf", "<db-dir>/srv</db-dir>")];
    assert_eq!(kinds(load_files(&files)), [ProblemKind::Unknown]);
}

#[test]
fn the_same_setting_in_two_files_is_refused_and_both_places_are_named() {
    let files = [
        (
            FILE,
            "<ncs-config><compaction><num-transactions>7</num-transactions></compaction></ncs-config>",
        ),
        (
            "/etc/ncs.conf.d/a.conf",
            "<compaction>\n<num-transactions>7</num-transactions></compaction>",
        ),
    ];
    let text = load_files(&files).unwrap_err().to_string();
    assert!(text.contains("/etc/ncs.conf.d/a.conf:2:1"), "{text}");
    assert!(text.contains("first given at /etc/ncs.conf:1:43"), "{text}");
}

#[test]
fn the_guides_misprint_is_read_with_a_warning_and_refused_beside_the_right_name() {
    let loaded = load("<compaction><num-transaction>9</num-transaction></compaction>").unwrap();
    assert_eq!(loaded.conf.compaction.num_transactions, Some(9));
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().contains("compaction/num-transactions"));
    let both = "<compaction><num-transaction>9</num-transaction>\
                <num-transactions>9</num-transactions></compaction>";
    assert_eq!(kinds(load(both)), [ProblemKind::Twice]);
}

#[test]
fn the_old_place_of_journal_compaction_is_read_with_a_warning() {
    let loaded = load("<cdb><journal-compaction>manual</journal-compaction></cdb>").unwrap();
    assert_eq!(loaded.conf.compaction.journal_compaction, JournalCompaction::Manual);
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn zero_turns_the_absolute_thresholds_off() {
    let conf = compaction(
        "<file-size-absolute>S0B</file-size-absolute><num-transactions>0</num-transactions>",
    )
    .unwrap();
    assert_eq!((conf.file_size_absolute, conf.num_transactions), (None, None));
}

#[test]
fn the_longest_wait_follows_the_delay_unless_it_is_given() {
    let delay = "<delayed-compaction-timeout>PT2M</delayed-compaction-timeout>";
    let wait = |seconds| Timeout::After(Duration::from_secs(seconds));
    assert_eq!(compaction(delay).unwrap().delayed_compaction_max_wait, wait(24 * 60));
    let given = format!("{delay}<delayed-compaction-max-wait>3m</delayed-compaction-max-wait>");
    assert_eq!(compaction(&given).unwrap().delayed_compaction_max_wait, wait(180));
    let equal = format!("{delay}<delayed-compaction-max-wait>120s</delayed-compaction-max-wait>");
    assert_eq!(compaction(&equal).unwrap().delayed_compaction_max_wait, wait(120));
    let forever =
        format!("{delay}<delayed-compaction-max-wait>infinity</delayed-compaction-max-wait>");
    assert_eq!(compaction(&forever).unwrap().delayed_compaction_max_wait, Timeout::Infinity);
    let short = format!(
        "<compaction>{delay}<delayed-compaction-max-wait>119s</delayed-compaction-max-wait></compaction>"
    );
    assert_eq!(kinds(load(&short)), [ProblemKind::Contradiction]);
}

#[test]
fn a_value_under_its_minimum_is_refused() {
    let error = compaction("<throttle>S63K</throttle>").unwrap_err().to_string();
    assert!(error.contains("\"S63K\" is not S64K or more"), "{error}");
    assert!(compaction("<throttle>S64K</throttle>").is_ok());
}

#[test]
fn sections_of_nso_are_skipped_with_one_warning_each() {
    let loaded = load(
        "<load-path><dir>/a</dir></load-path><hide-group><name>a</name></hide-group>\
         <hide-group><name>b</name></hide-group><cli><prompt>${UNDEFINED}</prompt></cli>\
         <logs><log-level>error</log-level><ncs-log/><audit-log/></logs>",
    )
    .unwrap();
    assert_eq!(loaded.conf.logs.log_level, LogLevel::Error);
    let shown: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(shown[3].contains("<ncs-log>, <audit-log>"), "{shown:?}");
}

#[test]
fn thresholds_without_effect_are_pointed_out() {
    let manual = "<compaction><journal-compaction>manual</journal-compaction>\
                  <file-size-relative>10</file-size-relative></compaction>";
    assert_eq!(load(manual).unwrap().warnings.len(), 1);
    let off = "<compaction><file-size-relative>0</file-size-relative>\
               <num-node-relative>0</num-node-relative></compaction>";
    assert!(load(off).unwrap().warnings[0].message.contains("without bound"));
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let result = load(
        "<compaction>\n<file-size-relative>256</file-size-relative>\n<nonsense/>\n\
         <journal-compaction>auto</journal-compaction>\n</compaction>\n\
         <cdb><client-timeout>${NONE}</client-timeout></cdb>",
    );
    let problems = result.unwrap_err();
    let lines: Vec<_> =
        problems.list().iter().filter_map(|p| p.place.as_ref().map(Place::line)).collect();
    assert_eq!(lines, [3, 4, 5, 7]);
    assert!(problems.to_string().ends_with("4 errors; the configuration was not used"));
}

#[test]
fn a_dtd_and_a_depth_bomb_are_refused() {
    let dtd = "<!DOCTYPE a [<!ENTITY b \"c\">]><ncs-config/>";
    assert_eq!(kinds(load_files(&[(FILE, dtd)])), [ProblemKind::NotXml]);
    let deep = format!("{}{}", "<cli>".repeat(100_000), "</cli>".repeat(100_000));
    let kinds_of_deep = kinds(load(&deep[..deep.len().min(1_000_000)]));
    assert!(kinds_of_deep.iter().all(|kind| *kind == ProblemKind::NotXml));
    let nested = format!("{}{}", "<cli>".repeat(1000), "</cli>".repeat(1000));
    assert_eq!(kinds(load(&nested)), [ProblemKind::NotXml]);
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_that_names_it() {
    let missing = load_files(&[]).unwrap_err().to_string();
    assert!(missing.contains("cannot open /etc/ncs.conf"), "{missing}");
    let vfs = MemVfs::new();
    vfs.put(Path::new(FILE), b"<ncs-config>\xff</ncs-config>".to_vec());
    let error = Conf::load(&vfs, Path::new(FILE), &|_| None).unwrap_err().to_string();
    assert!(error.contains("not UTF-8 at byte 12"), "{error}");
    vfs.put(Path::new(FILE), vec![b' '; 2 << 20]);
    let error = Conf::load(&vfs, Path::new(FILE), &|_| None).unwrap_err().to_string();
    assert!(error.contains("the limit is 1048576"), "{error}");
}

#[test]
fn every_value_says_where_it_came_from() {
    let mut loaded =
        load("<cdb><db-dir>${DATA}/cdb</db-dir></cdb>\n<logs><log-level>warn</log-level></logs>")
            .unwrap();
    loaded.set("daemon/bind", "127.0.0.1:0", "--bind").unwrap();
    assert!(loaded.set("daemon/bind", "nowhere", "--bind").is_err());
    assert!(loaded.set("daemon/bnd", "127.0.0.1:0", "--bind").is_err());
    loaded.set("compaction/num-transactions", "0", "--x").unwrap();
    assert_eq!(loaded.conf.compaction.num_transactions, None);
    let origin = |path: &str| {
        let shown = loaded.show().into_iter().find(|shown| shown.setting.path == path).unwrap();
        (shown.values.concat(), shown.origin.to_string())
    };
    let pair = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(origin("cdb/db-dir"), pair("/srv/cdb", "environment DATA (/etc/ncs.conf:2)"));
    assert_eq!(origin("logs/log-level"), pair("warn", "/etc/ncs.conf:3"));
    assert_eq!(origin("logs/log-format"), pair("text", "default"));
    assert_eq!(origin("daemon/bind"), pair("127.0.0.1:0", "--bind"));
}

#[test]
fn a_reload_knows_what_changed() {
    let old = load("").unwrap();
    let new = load("<logs><log-level>warn</log-level></logs><daemon><bind>[::1]:1</bind></daemon>");
    let changed = old.changed(&new.unwrap());
    let named: Vec<_> = changed.iter().map(|setting| (setting.path, setting.applies)).collect();
    let expected = [("daemon/bind", Applies::OnRestart), ("logs/log-level", Applies::OnReload)];
    assert_eq!(named, expected);
}

#[test]
fn a_list_keeps_the_order_of_the_file() {
    let loaded = load("<cdb><init-path><dir>/b</dir><dir>/a</dir></init-path></cdb>").unwrap();
    assert_eq!(loaded.conf.cdb.init_path, [Path::new("/b"), Path::new("/a")]);
}

#[test]
fn a_value_is_text_whatever_way_xml_writes_it() {
    let loaded = load("<cdb><db-dir> /a<!-- and -->&amp;<![CDATA[<b>]]> </db-dir></cdb>").unwrap();
    assert_eq!(loaded.conf.cdb.db_dir, Path::new("/a&<b>"));
}

#[test]
fn the_example_loads_to_the_defaults_and_shows_every_setting() {
    let text = example();
    let loaded = load_files(&[(FILE, &text)]).unwrap();
    assert_eq!(loaded.conf, Conf::default());
    assert!(loaded.warnings.is_empty());
    for setting in settings() {
        assert!(text.contains(&format!("<{}>", setting.name())), "{}", setting.path);
    }
    // What is commented out must be right as well.
    let open = text.replace("<!-- <", "<").replace("> -->", ">");
    let loaded = load_files(&[(FILE, &open)]).unwrap();
    assert_eq!(loaded.conf.compaction.num_transactions, Some(10_000));
    assert_eq!(loaded.conf.cdb.init_path, [Path::new("./factory")]);
}

#[test]
fn messages_stay_on_their_lines_whatever_the_file_holds() {
    let long = format!("<compaction><x a='{}'/></compaction>", "y".repeat(5000));
    let text = load(&long).unwrap_err().to_string();
    assert!(text.lines().all(|line| line.chars().count() < 300), "{text}");
    let tabs = "<compaction>\t<file-size-relative>\t1e3</file-size-relative></compaction>";
    let text = load(tabs).unwrap_err().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[3].find("1e3"), lines[4].find("^^^"), "{text}");
}

fn fragment() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("ncs-config"),
        Just("compaction"),
        Just("cdb"),
        Just("db-dir"),
        Just("init-path"),
        Just("file-size-relative"),
        Just("num-transaction"),
        Just("logs"),
        Just("cli"),
        Just("x"),
    ];
    let text = prop_oneof![
        Just("50".to_owned()),
        Just("${DATA:-/x}".to_owned()),
        Just("PT5S".to_owned()),
        Just("&lt;".to_owned()),
        "\\PC{0,6}",
        "[ \n\t]{0,3}",
    ];
    prop_oneof![
        name.clone().prop_map(|name| format!("<{name}>")),
        name.clone().prop_map(|name| format!("</{name}>")),
        name.prop_map(|name| format!("<{name}/>")),
        text,
    ]
}

fn tree() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("50".to_owned()), Just("S1M".to_owned()), "\\PC{0,4}"]
        .prop_map(|text| text.replace(['<', '&'], ""));
    let names = settings().iter().flat_map(|setting| setting.path.split('/')).collect::<Vec<_>>();
    leaf.prop_recursive(4, 24, 6, move |inner| {
        (prop::sample::select(names.clone()), prop::collection::vec(inner, 0..5))
            .prop_map(|(name, inside)| format!("<{name}>{}</{name}>", inside.concat()))
    })
}

proptest! {
    #[test]
    fn junk_never_panics_and_every_problem_can_be_shown(parts in prop::collection::vec(fragment(), 0..30)) {
        if let Err(problems) = load_files(&[(FILE, &parts.concat())]) {
            prop_assert!(problems.to_string().contains("error: "));
        }
    }

    #[test]
    fn a_tree_of_known_names_loads_or_says_where_it_is_wrong(inside in tree()) {
        match load(&inside) {
            Ok(loaded) => prop_assert_eq!(loaded.show().len(), settings().len()),
            Err(problems) => {
                prop_assert!(problems.list().iter().all(|problem| problem.place.is_some()));
            }
        }
    }

    #[test]
    fn bytes_never_panic(bytes: Vec<u8>) {
        let vfs = MemVfs::new();
        vfs.put(Path::new(FILE), bytes);
        prop_assert!(Conf::load(&vfs, Path::new(FILE), &|_| None).is_err());
    }
}
