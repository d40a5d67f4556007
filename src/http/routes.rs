//! The table of routes: what there is, who may, and what does it. What is not in it, is not there; who is not named, may not.

use std::pin::Pin;

use super::body::RequestBody;
use super::call::Call;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::{
    all_docs, attachment, bulk, bulk_get, changes, config, copy, database, design, document,
    limits, local, metrics, node, partition, purge, replicate, reshard, revisions, scheduler,
    server, session, shards, updates,
};

/// Who may make a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Who has said who they are.
    Known,
    /// Members of the database, its admins, server admins.
    Member,
    /// Admins of the database, server admins.
    DatabaseAdmin,
    /// Server admins; and somebody on this machine while there is none.
    Admin,
    /// Server admins, never somebody without a name.
    NamedAdmin,
}

/// An answer that is on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What does a request.
#[derive(Clone, Copy)]
pub enum How {
    /// Takes the body as a whole; runs on a thread that may block.
    Plain(fn(&Call) -> Answer),
    /// Tries the first on a thread that may block, within the same turn as who asks is found out; what it does not answer the
    /// second does.
    Quick(
        fn(&Call) -> Result<Option<Reply>, Problem>,
        for<'a> fn(Call, &'a mut RequestBody) -> Answering<'a>,
    ),
    /// Takes the body as it comes, or answers piece by piece.
    Async(for<'a> fn(Call, &'a mut RequestBody) -> Answering<'a>),
}

/// One method of a route.
pub struct Verb {
    /// `GET` stands for `HEAD` too.
    pub name: &'static str,
    /// Who may.
    pub who: Who,
    /// Whether the body must be said to be JSON.
    pub json: bool,
    /// What does it.
    pub how: How,
}

/// A path and what can be done with it.
pub struct Route {
    /// Segments; `{name}` stands for any one, `{name..}` at the end for one or more.
    pub path: &'static str,
    /// The methods as the answer to another one names them.
    pub allow: &'static str,
    /// The methods.
    pub verbs: &'static [Verb],
}

const fn plain(name: &'static str, who: Who, handler: fn(&Call) -> Answer) -> Verb {
    Verb { name, who, json: false, how: How::Plain(handler) }
}

const fn json(name: &'static str, who: Who, handler: fn(&Call) -> Answer) -> Verb {
    Verb { name, who, json: true, how: How::Plain(handler) }
}

macro_rules! flowing {
    ($name:literal, $who:expr, $handler:path) => {
        Verb {
            name: $name,
            who: $who,
            json: false,
            how: How::Async(|call, body| Box::pin($handler(call, body))),
        }
    };
    ($name:literal, $who:expr, $handler:path, json) => {
        Verb {
            name: $name,
            who: $who,
            json: true,
            how: How::Async(|call, body| Box::pin($handler(call, body))),
        }
    };
}

const fn route(path: &'static str, allow: &'static str, verbs: &'static [Verb]) -> Route {
    Route { path, allow, verbs }
}

use Who::{Admin, Anyone, DatabaseAdmin, Known, Member, NamedAdmin};

/// All routes. The first that fits counts.
pub static ROUTES: &[Route] = &[
    // The server.
    route("/", "GET,HEAD", &[plain("GET", Anyone, server::welcome)]),
    route("/_up", "GET,HEAD", &[plain("GET", Anyone, server::up)]),
    route("/_uuids", "GET,HEAD", &[plain("GET", Anyone, server::uuids)]),
    route("/favicon.ico", "GET,HEAD", &[plain("GET", Anyone, server::favicon)]),
    route("/_utils", "GET,HEAD", &[plain("GET", Anyone, server::status_page)]),
    route("/_status", "GET,HEAD", &[plain("GET", Anyone, server::status_page)]),
    route("/_status.json", "GET,HEAD", &[plain("GET", Admin, server::status)]),
    route(
        "/_session",
        "DELETE,GET,HEAD,POST",
        &[
            plain("GET", Anyone, session::show),
            plain("POST", Anyone, session::sign_in),
            plain("DELETE", Anyone, session::sign_out),
        ],
    ),
    route("/_all_dbs", "GET,HEAD", &[plain("GET", Admin, server::all_dbs)]),
    route(
        "/_dbs_info",
        "GET,HEAD,POST",
        &[plain("GET", Admin, server::dbs_info), plain("POST", Admin, server::dbs_info_of)],
    ),
    route("/_active_tasks", "GET,HEAD", &[plain("GET", Admin, server::active_tasks)]),
    route("/_membership", "GET,HEAD", &[plain("GET", Admin, server::membership)]),
    route(
        "/_cluster_setup",
        "GET,HEAD,POST",
        &[
            plain("GET", Admin, server::cluster_setup),
            plain("POST", NamedAdmin, server::cluster_set_up),
        ],
    ),
    route("/_db_updates", "GET,HEAD", &[flowing!("GET", Admin, updates::feed)]),
    route("/_reshard", "GET,HEAD", &[plain("GET", Admin, reshard::summary)]),
    route(
        "/_reshard/state",
        "GET,HEAD,PUT",
        &[plain("GET", Admin, reshard::state), plain("PUT", NamedAdmin, reshard::set_state)],
    ),
    route(
        "/_reshard/jobs",
        "GET,HEAD,POST",
        &[plain("GET", Admin, reshard::jobs), plain("POST", NamedAdmin, reshard::start)],
    ),
    route(
        "/_reshard/jobs/{job}",
        "DELETE,GET,HEAD",
        &[plain("GET", Admin, reshard::job), plain("DELETE", NamedAdmin, reshard::remove)],
    ),
    route(
        "/_reshard/jobs/{job}/state",
        "GET,HEAD,PUT",
        &[
            plain("GET", Admin, reshard::job_state),
            plain("PUT", NamedAdmin, reshard::set_job_state),
        ],
    ),
    route("/_replicate", "POST", &[flowing!("POST", Admin, replicate::start, json)]),
    route("/_scheduler/jobs", "GET,HEAD", &[plain("GET", Admin, scheduler::jobs)]),
    route("/_scheduler/jobs/{job}", "GET,HEAD", &[plain("GET", Admin, scheduler::one_job)]),
    route("/_scheduler/docs", "GET,HEAD", &[plain("GET", Admin, scheduler::documents)]),
    route("/_scheduler/docs/{db}", "GET,HEAD", &[plain("GET", Admin, scheduler::documents)]),
    route(
        "/_scheduler/docs/{db}/{doc..}",
        "GET,HEAD",
        &[plain("GET", Admin, scheduler::one_document)],
    ),
    route("/_search_analyze", "POST", &[plain("POST", Known, design::no_search)]),
    route("/_nouveau_analyze", "POST", &[plain("POST", Known, design::no_search)]),
    // The node. Its name is checked where CouchDB checks it.
    route("/_node/{node}", "GET,HEAD", &[plain("GET", Admin, node::name)]),
    route("/_node/{node}/_config", "GET,HEAD", &[plain("GET", NamedAdmin, config::all)]),
    route("/_node/{node}/_config/_reload", "POST", &[plain("POST", NamedAdmin, config::reload)]),
    route(
        "/_node/{node}/_config/{section}",
        "GET,HEAD",
        &[plain("GET", NamedAdmin, config::section)],
    ),
    route(
        "/_node/{node}/_config/{section}/{key}",
        "DELETE,GET,HEAD,PUT",
        &[
            plain("GET", NamedAdmin, config::get),
            plain("PUT", NamedAdmin, config::put),
            plain("DELETE", NamedAdmin, config::delete),
        ],
    ),
    route("/_node/{node}/_stats", "GET,HEAD", &[plain("GET", Admin, metrics::stats)]),
    route("/_node/{node}/_stats/{path..}", "GET,HEAD", &[plain("GET", Admin, metrics::stats)]),
    route("/_node/{node}/_system", "GET,HEAD", &[plain("GET", Admin, node::system)]),
    route("/_node/{node}/_prometheus", "GET,HEAD", &[plain("GET", Admin, metrics::prometheus)]),
    route("/_node/{node}/_versions", "GET,HEAD", &[plain("GET", Admin, node::versions)]),
    route("/_node/{node}/_smoosh/status", "GET", &[plain("GET", Admin, node::smoosh)]),
    route("/_node/{node}/_dbs/{db}", "GET,HEAD", &[plain("GET", Admin, shards::placement)]),
    route("/_node/{node}/{other..}", "GET,HEAD", &[plain("GET", Admin, node::other)]),
    // A database.
    route(
        "/{db}",
        "DELETE,GET,HEAD,POST",
        &[
            plain("GET", Member, database::info),
            plain("PUT", Admin, database::create),
            plain("DELETE", Admin, database::remove),
            json("POST", Member, document::post),
        ],
    ),
    route(
        "/{db}/_all_docs",
        "GET,HEAD,POST",
        &[flowing!("GET", Member, all_docs::rows), flowing!("POST", Member, all_docs::rows, json)],
    ),
    route("/{db}/_all_docs/queries", "POST", &[flowing!("POST", Member, all_docs::queries, json)]),
    route(
        "/{db}/_design_docs",
        "GET,HEAD,POST",
        &[
            flowing!("GET", Member, all_docs::design_rows),
            flowing!("POST", Member, all_docs::design_rows, json),
        ],
    ),
    route(
        "/{db}/_design_docs/queries",
        "POST",
        &[flowing!("POST", Member, all_docs::design_queries, json)],
    ),
    route(
        "/{db}/_local_docs",
        "GET,HEAD,POST",
        &[plain("GET", DatabaseAdmin, local::rows), json("POST", DatabaseAdmin, local::rows)],
    ),
    route("/{db}/_local_docs/queries", "POST", &[json("POST", DatabaseAdmin, local::queries)]),
    route("/{db}/_bulk_docs", "POST", &[json("POST", Member, bulk::bulk_docs)]),
    route("/{db}/_bulk_get", "POST", &[flowing!("POST", Member, bulk_get::bulk_get, json)]),
    route(
        "/{db}/_changes",
        "GET,HEAD,POST",
        &[flowing!("GET", Member, changes::feed), flowing!("POST", Member, changes::feed, json)],
    ),
    route("/{db}/_compact", "POST", &[json("POST", DatabaseAdmin, database::compact)]),
    route("/{db}/_compact/{ddoc}", "POST", &[json("POST", DatabaseAdmin, design::compact)]),
    route("/{db}/_view_cleanup", "POST", &[json("POST", DatabaseAdmin, design::cleanup)]),
    route("/{db}/_search_cleanup", "POST", &[json("POST", DatabaseAdmin, design::cleanup)]),
    route("/{db}/_nouveau_cleanup", "POST", &[json("POST", DatabaseAdmin, design::cleanup)]),
    route(
        "/{db}/_ensure_full_commit",
        "POST",
        &[json("POST", Member, database::ensure_full_commit)],
    ),
    route(
        "/{db}/_security",
        "GET,HEAD,PUT",
        &[
            plain("GET", Member, limits::security),
            plain("PUT", DatabaseAdmin, limits::set_security),
        ],
    ),
    route(
        "/{db}/_revs_limit",
        "GET,HEAD,PUT",
        &[
            plain("GET", Member, limits::revs_limit),
            plain("PUT", DatabaseAdmin, limits::set_revs_limit),
        ],
    ),
    route(
        "/{db}/_purged_infos_limit",
        "GET,HEAD,PUT",
        &[
            plain("GET", Member, limits::purged_infos_limit),
            plain("PUT", Admin, limits::set_purged_infos_limit),
        ],
    ),
    route("/{db}/_purge", "POST", &[json("POST", Admin, purge::purge)]),
    route("/{db}/_purged_infos", "GET,HEAD", &[plain("GET", Member, purge::infos)]),
    route("/{db}/_revs_diff", "POST", &[json("POST", Member, revisions::revs_diff)]),
    route("/{db}/_missing_revs", "POST", &[json("POST", Member, revisions::missing_revs)]),
    route("/{db}/_shards", "GET,HEAD", &[plain("GET", Member, shards::all)]),
    route("/{db}/_shards/{doc..}", "GET,HEAD", &[plain("GET", Member, shards::of_document)]),
    route("/{db}/_sync_shards", "POST", &[plain("POST", Admin, shards::sync)]),
    route("/{db}/_temp_view", "POST", &[plain("POST", Member, design::no_temporary_views)]),
    route(
        "/{db}/_partition",
        "GET,HEAD,POST",
        &[plain("GET", Member, partition::none), plain("POST", Member, partition::none)],
    ),
    route("/{db}/_partition/{partition}", "GET,HEAD", &[plain("GET", Member, partition::info)]),
    route(
        "/{db}/_partition/{partition}/_all_docs",
        "GET,HEAD,POST",
        &[flowing!("GET", Member, all_docs::rows), flowing!("POST", Member, all_docs::rows, json)],
    ),
    route(
        "/{db}/_partition/{partition}/_all_docs/queries",
        "POST",
        &[flowing!("POST", Member, all_docs::queries, json)],
    ),
    route(
        "/{db}/_partition/{partition}/{rest..}",
        "GET,HEAD,POST",
        &[plain("GET", Member, partition::other), plain("POST", Member, partition::other)],
    ),
    route("/{db}/_find", "POST", &[json("POST", Member, design::no_mango)]),
    route("/{db}/_explain", "POST", &[json("POST", Member, design::no_mango)]),
    route(
        "/{db}/_index",
        "GET,HEAD,POST",
        &[plain("GET", Member, design::no_mango), json("POST", Member, design::no_mango)],
    ),
    route(
        "/{db}/_index/{rest..}",
        "DELETE,POST",
        &[plain("DELETE", Member, design::no_mango), plain("POST", Member, design::no_mango)],
    ),
    // Documents.
    route(
        "/{db}/_local/{local..}",
        "COPY,DELETE,GET,HEAD,PUT",
        &[
            plain("GET", Member, local::get),
            plain("PUT", Member, local::put),
            plain("DELETE", Member, local::delete),
            plain("COPY", Member, copy::of_local),
        ],
    ),
    route("/{db}/_design/{ddoc}", "COPY,DELETE,GET,HEAD,POST,PUT", DOCUMENT),
    route(
        "/{db}/_design/{ddoc}/_view/{view}",
        "GET,HEAD,POST",
        &[plain("GET", Member, design::view), plain("POST", Member, design::view)],
    ),
    route(
        "/{db}/_design/{ddoc}/_view/{view}/queries",
        "POST",
        &[plain("POST", Member, design::view)],
    ),
    route("/{db}/_design/{ddoc}/_info", "GET,HEAD", &[plain("GET", Member, design::info)]),
    route("/{db}/_design/{ddoc}/_show", "GET,HEAD,POST", NO_FUNCTION),
    route("/{db}/_design/{ddoc}/_list", "GET,HEAD,POST", NO_FUNCTION),
    route("/{db}/_design/{ddoc}/_update", "POST,PUT", NO_FUNCTION),
    route("/{db}/_design/{ddoc}/_rewrite", "GET,HEAD,POST,PUT", REWRITES),
    route("/{db}/_design/{ddoc}/_show/{rest..}", "GET,HEAD,POST", FUNCTION),
    route("/{db}/_design/{ddoc}/_list/{rest..}", "GET,HEAD,POST", FUNCTION),
    route("/{db}/_design/{ddoc}/_update/{rest..}", "POST,PUT", FUNCTION),
    route("/{db}/_design/{ddoc}/_rewrite/{rest..}", "GET,HEAD,POST,PUT", REWRITES),
    route("/{db}/_design/{ddoc}/_search/{rest..}", "GET,HEAD,POST", SEARCH),
    route("/{db}/_design/{ddoc}/_search_info/{rest..}", "GET,HEAD", SEARCH),
    route("/{db}/_design/{ddoc}/_nouveau/{rest..}", "GET,HEAD,POST", SEARCH),
    route("/{db}/_design/{ddoc}/_nouveau_info/{rest..}", "GET,HEAD", SEARCH),
    route("/{db}/_design/{ddoc}/{attachment..}", "DELETE,GET,HEAD,PUT", ATTACHMENT),
    route("/{db}/{doc}", "COPY,DELETE,GET,HEAD,POST,PUT", DOCUMENT),
    route("/{db}/{doc}/{attachment..}", "DELETE,GET,HEAD,PUT", ATTACHMENT),
];

const DOCUMENT: &[Verb] = &[
    Verb {
        name: "GET",
        who: Member,
        json: false,
        how: How::Quick(document::get_at_once, |call, body| Box::pin(document::get(call, body))),
    },
    flowing!("PUT", Member, document::put),
    plain("POST", Member, document::form),
    plain("DELETE", Member, document::delete),
    plain("COPY", Member, copy::of_document),
];

const ATTACHMENT: &[Verb] = &[
    flowing!("GET", Member, attachment::get),
    flowing!("PUT", Member, attachment::put),
    plain("DELETE", Member, attachment::delete),
];

const FUNCTION: &[Verb] = &[
    plain("GET", Member, design::no_javascript),
    plain("POST", Member, design::no_javascript),
    plain("PUT", Member, design::no_javascript),
];

const NO_FUNCTION: &[Verb] = &[
    plain("GET", Member, design::no_function),
    plain("POST", Member, design::no_function),
    plain("PUT", Member, design::no_function),
];

const REWRITES: &[Verb] = &[
    plain("GET", Member, design::no_rewrites),
    plain("POST", Member, design::no_rewrites),
    plain("PUT", Member, design::no_rewrites),
];

const SEARCH: &[Verb] =
    &[plain("GET", Member, design::no_search), plain("POST", Member, design::no_search)];

impl Route {
    /// What a method does. In a database it is looked first whether the database is there and lets the sender in.
    pub fn verb(&self, method: &str) -> Option<&'static Verb> {
        let wanted = if method == "HEAD" { "GET" } else { method };
        let found = self.verbs.iter().find(|verb| verb.name == wanted);
        // What a browser asks before it asks is answered to everybody alike.
        let is_asked_in_database = self.path.starts_with("/{db}") && method != "OPTIONS";
        found.or_else(|| is_asked_in_database.then_some(WRONG_METHOD))
    }
}

const WRONG_METHOD: &Verb = &flowing!("", Member, wrong_method);

async fn wrong_method(call: Call, _body: &mut RequestBody) -> Answer {
    let allow = find(&call.target.segments).map_or("", |(route, _)| route.allow);
    Err(Problem::method(allow))
}

/// What the placeholders of a route stand for.
pub type Names = Vec<(&'static str, String)>;

/// The route of a path, and what its placeholders stand for.
pub fn find(segments: &[String]) -> Option<(&'static Route, Names)> {
    ROUTES.iter().find_map(|route| Some((route, fit(route.path, segments)?)))
}

fn fit(path: &'static str, segments: &[String]) -> Option<Names> {
    let mut names = Vec::new();
    let mut rest = segments;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let (first, others) = rest.split_first()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None if part == first => rest = others,
            None => return None,
            Some(name) => match name.strip_suffix("..") {
                Some(name) => {
                    names.push((name, rest.join("/")));
                    rest = &[];
                }
                None => {
                    names.push((name, first.clone()));
                    rest = others;
                }
            },
        }
    }
    rest.is_empty().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> (&'static str, Names) {
        let target = super::super::target::Target::parse(path, None).unwrap();
        let (route, names) = find(&target.segments).unwrap();
        (route.path, names)
    }

    #[test]
    fn escaped_slashes_stay_within_a_placeholder() {
        let (path, names) = found("/sample%2Fslash/a%2Fb/c/d");
        assert_eq!(path, "/{db}/{doc}/{attachment..}");
        let names: Vec<_> = names.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(names, ["sample/slash", "a/b", "c/d"]);
    }

    #[test]
    fn special_paths_come_before_documents() {
        assert_eq!(found("/db/_all_docs").0, "/{db}/_all_docs");
        assert_eq!(found("/db/_design/x/_view/v").0, "/{db}/_design/{ddoc}/_view/{view}");
        assert_eq!(found("/db/_design/x/logo.png").0, "/{db}/_design/{ddoc}/{attachment..}");
        assert_eq!(found("/_users").0, "/{db}");
        assert_eq!(found("/_node/_local/_config/a/b").0, "/_node/{node}/_config/{section}/{key}");
    }

    /// The matrix: nobody unknown gets further than here.
    #[test]
    fn what_everybody_may_is_a_short_list() {
        let open: Vec<_> = ROUTES
            .iter()
            .flat_map(|route| route.verbs.iter().map(move |verb| (route.path, verb)))
            .filter(|(_, verb)| verb.who == Anyone)
            .map(|(path, verb)| format!("{} {path}", verb.name))
            .collect();
        let listed = [
            "GET /",
            "GET /_up",
            "GET /_uuids",
            "GET /favicon.ico",
            "GET /_utils",
            "GET /_status",
            "GET /_session",
            "POST /_session",
            "DELETE /_session",
        ];
        assert_eq!(open, listed);
    }

    #[test]
    fn below_a_database_nothing_is_open_and_above_it_nothing_asks_for_membership() {
        for route in ROUTES {
            for verb in route.verbs {
                let in_database = matches!(verb.who, Member | DatabaseAdmin);
                assert!(!in_database || route.path.starts_with("/{db}"), "{}", route.path);
                let is_open = matches!(verb.who, Anyone | Known);
                assert!(!is_open || !route.path.starts_with("/{db}"), "{}", route.path);
            }
        }
    }

    #[test]
    fn an_answer_to_a_wrong_method_names_those_that_there_are() {
        for route in ROUTES.iter().filter(|route| route.path != "/{db}") {
            for verb in route.verbs {
                let named = route.allow.split(',').any(|name| name == verb.name);
                let shared = route.path.contains("_design/{ddoc}/_") && verb.name != "GET";
                assert!(named || shared || verb.name == "GET", "{} {}", verb.name, route.path);
            }
        }
    }
}
