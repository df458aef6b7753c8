#pragma once

#include "policies/rules/verdict.h"
#include "policies/statement/facts.h"
#include "proxy/session/gate.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::session
{

// What clients are told, in one place (CLIENTS.md: the essence in the primary message, for terse clients).

/// An error or a notice. `sqlstate` as PostgreSQL has them; other dialects translate.
struct Words {
    std::string sqlstate, message, detail, hint;
    std::string data = {}; // JSON for programs: whole, or not at all; PostgreSQL has it as the detail
};

/// The challenge of a held statement, as people find and recognise it.
struct ChallengeSign {
    std::string url, code;
    std::chrono::seconds time{}; // in which it has to be answered
    std::string number{};        // that a pushed message asks for; "": there is none
};

/// "5 min", "90 s".
[[nodiscard]] std::string readable(std::chrono::seconds time);
/// Where a held statement is to be approved, in one line.
[[nodiscard]] std::string approve_at(const ChallengeSign& sign);
/// What that takes, in one line: "needs a passkey, or an authenticator code and a PIN · and approval by 2 of group
/// dba". Of factors that everybody may set up themselves, unless a rule names others.
[[nodiscard]] std::string needed(const policies::rules::Verdict& verdict);
[[nodiscard]] Words held(const policies::rules::Verdict& verdict, const ChallengeSign& sign, bool in_transaction);
[[nodiscard]] Words still_held(const ChallengeSign& sign);
/// With {"challenge_id":…,"url":…,"code":…,"requirement":{…}} as `data`, and "number" where a message was pushed that
/// asks for it.
[[nodiscard]] Words run_it_again(const policies::rules::Verdict& verdict, const std::string& challenge,
                                 const ChallengeSign& sign);
[[nodiscard]] Words approved();
[[nodiscard]] Words refused_by_policy(const policies::rules::Verdict& verdict);
/// Of a result that comes `from` labelled columns, though its text did not show that.
[[nodiscard]] Words columns_not_told();
[[nodiscard]] Words rows_withheld(const policies::rules::Verdict& verdict, const std::string& from);
[[nodiscard]] Words noticed(const policies::rules::Verdict& verdict);
/// Why a hold ended without a release. Not for `approved`. `inbox`: where the next one is to be approved, for those
/// whose client did not show where this one was.
[[nodiscard]] Words not_released(Gate::End end, const policies::rules::Verdict& verdict, std::string_view reason,
                                 std::chrono::seconds time_to_answer, std::string_view inbox);
[[nodiscard]] Words audit_unavailable();
[[nodiscard]] Words function_call_refused();
[[nodiscard]] Words startup_key_refused(const std::string& key, const policies::rules::Verdict& verdict);
[[nodiscard]] Words not_opened(const std::string& why);

/// "public.customers (ssn, email)", for the page.
[[nodiscard]] std::string describe(const policies::statement::TableAccess& access);

} // namespace stepgate::proxy::session
