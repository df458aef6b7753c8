#pragma once

#include "policies/rules/matched_facts.h"
#include "policies/rules/policy.h"
#include "policies/rules/verdict.h"
#include "protocols/postgres/replies.h"
#include "proxy/session/postgres_cancel_call.h"

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

struct PreparedStatement;
using StatementPointer = boost::intrusive_ptr<PreparedStatement>;

/// A prepared statement with whole numbers in the places of these parameters, a bit each: its facts are the same
/// whichever numbers those are, as long as those of the statement itself are.
struct AnyNumbers {
    std::uint64_t places = 0;
    StatementPointer bound;
    std::shared_ptr<const policies::rules::MatchedFacts> without;
};

/// A prepared statement of one session: its text, and its facts as long as nothing that decides them has changed.
/// Counted without atomics: a session lives on one thread.
struct PreparedStatement : boost::intrusive_ref_counter<PreparedStatement, boost::thread_unsafe_counter> {
    std::string sql;
    std::string read_as;      // `sql` with values of its execution which may take every row; "": as it is
    bool any_numbers = false; // whichever whole numbers stand in `read_as`, the facts are the same
    AnyNumbers numbers = {};
    bool foreign = false; // `sql` came in another encoding than UTF8: what it says cannot be known, also later
    std::vector<std::uint32_t> parameter_types; // as Parse gave them
    std::string values;                         // of one that SQL prepared: SELECT that makes one of each type
    std::shared_ptr<const policies::rules::MatchedFacts> facts; // null: not judged yet
    std::uint64_t generation = 0;                               // of the session's state, when `facts` were obtained
    // What the server said about its result, as long as neither the labels nor the state have changed.
    std::vector<policies::statement::TableAccess> origins; // labelled, and not read according to the text: in `facts`
    const void* origins_by = nullptr;                      // the labels that these are by; null: not described yet
    std::uint64_t origins_generation = 0;
    std::uint64_t catalog = 0; // of the session's use of the catalog, likewise
    bool unsure = false;       // `facts` are not what they were: some name could not be looked up then
    const policies::rules::Policy* policy = nullptr; // likewise
};

/// A yes to a Parse, which was held because parsing it runs code. What was shown is the text alone, so where it has no
/// parameters the yes is one to its execution, too: to a single one, the next that the session asks for, so that
/// nothing ran in between that could make it mean something else, and as long as the question would have waited for an
/// answer.
struct ApprovedParse {
    StatementPointer statement;
    std::shared_ptr<const policies::rules::MatchedFacts> facts; // that were shown
    policies::rules::Verdict verdict;                           // likewise
    std::uint64_t number = 0;                                   // in the audit
    std::chrono::steady_clock::time_point until;
};

/// A Describe that the server has not answered yet.
struct Described {
    std::uint64_t number = 0; // of the message
    StatementPointer statement;
    protocols::postgres::Tag tag = 0; // of the portal's execution; 0: a statement was described
    bool by_proxy = false;            // the client did not ask for it
};

/// A portal: a statement that was bound, judged as the state was then.
struct Portal {
    StatementPointer statement;
    protocols::postgres::Tag tag = 0;
    std::uint64_t group = 0;                   // of messages up to a Sync, in which it was bound
    std::uint64_t generation = 0, catalog = 0; // of the session's state and its use of the catalog, then
    const policies::rules::Policy* policy = nullptr;
    std::shared_ptr<const policies::rules::MatchedFacts> facts; // it was judged with
    Processes cancels;                                          // named by its parameters
    std::size_t origins_then = 0;                               // how many origins its statement was judged with
    std::shared_ptr<bool> ran{}; // of those that change the session: executed before, to the end or not
};

/// An execution that the server has not answered yet.
struct Flight {
    std::uint64_t statement = 0;                                  // number in the audit
    std::int64_t started_ns = 0;                                  // steady clock
    std::shared_ptr<const policies::rules::MatchedFacts> effects; // set if it changes the session's state
    Processes cancels;                                            // whose holds end when it succeeds
    std::uint64_t group = 0;                                      // of messages up to a Sync
    std::size_t done = 0;                                         // statements of the text that completed
    StatementPointer asked;                                       // only where results are watched
    std::vector<policies::statement::TableAccess> origins;        // not empty: its rows wait for an answer
    std::int64_t rows = -1;
    bool again = false;  // of a portal that was executed before: it runs the rest, if any
    bool simple = false; // a Query: ends with ReadyForQuery, not with its first completion
    bool forwarded = false;
    bool reported = false; // its outcome is in the audit
    bool approved = false; // a person said yes to it
};

} // namespace stepgate::proxy::session
