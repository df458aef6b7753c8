#pragma once

#include <cstdint>
#include <string_view>

namespace stepgate::proxy::audit
{

/// What came of a statement.
struct Answer {
    std::int64_t duration_ns = 0;
    std::int64_t rows = -1; // -1: the server did not say
    char sqlstate[6] = "00000";
};

/// A statement on its way, for the hot path: views are copied into the lane before `statement` returns.
struct StatementEvent {
    std::int64_t at_ns = 0;      // wall clock, ns since 1970
    std::uint64_t session = 0;   // number given by session_start
    std::uint64_t statement = 0; // number within the session, to join the outcome
    std::string_view text;       // already redacted where it must be
    std::string_view action;     // "allow", …
    std::string_view rules;      // comma-joined ids, "" for none
    std::string_view labels;     // comma-joined
    std::string_view kinds;      // comma-joined kinds, "select"
    std::string_view tables;     // comma-joined "schema.name"; worth its bytes where a reviewer would ask for it
    std::uint64_t shape = 0;     // of the text, to group executions; 0: none
    bool redacted = false;
    const Answer* answer = nullptr; // where it came before the statement was written: one record says both
};
struct OutcomeEvent {
    std::int64_t at_ns = 0;
    std::uint64_t session = 0, statement = 0;
    Answer answer;
};

} // namespace stepgate::proxy::audit
