#pragma once

#include "policies/rules/matched_facts.h"
#include "policies/rules/policy.h"
#include "protocols/postgres/replies.h"

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// A prepared statement of one session: its text, and its facts as long as nothing that decides them has changed.
/// Counted without atomics: a session lives on one thread.
struct PreparedStatement : boost::intrusive_ref_counter<PreparedStatement, boost::thread_unsafe_counter> {
    std::string sql;
    std::vector<std::uint32_t> parameter_types;
    std::shared_ptr<const policies::rules::MatchedFacts> facts; // null: not judged yet
    std::uint64_t generation = 0;                               // of the session's state, when `facts` were obtained
    const policies::rules::Policy* policy = nullptr;            // likewise
};
using StatementPointer = boost::intrusive_ptr<PreparedStatement>;

/// A portal: a statement that was bound, judged as the state was then.
struct Portal {
    StatementPointer statement;
    protocols::postgres::Tag tag = 0;
    std::uint64_t group = 0; // of messages up to a Sync, in which it was bound
    std::uint64_t generation = 0;
    const policies::rules::Policy* policy = nullptr;
};

/// An execution that the server has not answered yet.
struct Flight {
    std::uint64_t statement = 0;                                  // number in the audit
    std::int64_t started_ns = 0;                                  // steady clock
    std::shared_ptr<const policies::rules::MatchedFacts> effects; // set if it changes the session's state
    std::size_t done = 0;                                         // statements of the text that completed
    std::int64_t rows = -1;
    bool simple = false; // a Query: ends with ReadyForQuery, not with its first completion
    bool forwarded = false;
    bool reported = false; // its outcome is in the audit
};

} // namespace stepgate::proxy::session
