#include "proxy/session/words.h"

#include "challenge-web/challenges/requirement.h"
#include "challenge-web/challenges/requirement_json.h"
#include "challenge-web/challenges/solver.h"
#include "proxy/audit/text.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace stepgate::proxy::session
{

namespace challenges = challenge_web::challenges;
using policies::rules::Action;
using policies::rules::rule_list;
using policies::rules::Verdict;

namespace
{

/// They may quote the statement, and go to a terminal.
std::string reasons(const Verdict& verdict)
{
    std::string text;
    for (std::size_t i = 0; i < verdict.rules.size(); ++i) {
        if (!text.empty())
            text += "\n";
        text += verdict.rules[i];
        if (i < verdict.because.size() && !verdict.because[i].empty())
            text += ": " + audit::one_line(verdict.because[i]);
    }
    return text;
}

std::string_view factor_words(std::string_view factor)
{
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"passkey", "a passkey"},
        {"totp", "an authenticator code"},
        {"push", "a message to your browser"},
        {"pin", "a PIN"},
        {"identity_provider", "a login at your identity provider"},
        {"email_code", "a code by e-mail"},
        {"recovery_code", "a recovery code"},
    };
    for (const auto& [name, text] : words)
        if (name == factor)
            return text;
    return factor;
}

std::string way_words(const challenges::Way& way)
{
    std::string text;
    for (const auto& factor : way) {
        if (!text.empty())
            text += " and ";
        text += factor_words(factor);
    }
    return text;
}

/// Sets of factors that meet the user's own part, the best first.
std::vector<challenges::Way> ways_to_meet(const policies::rules::Requirement& requirement)
{
    std::vector<std::string> own, all;
    for (const auto& worth : challenges::factor_worths()) {
        all.emplace_back(worth.name);
        if (worth.by_oneself)
            own.emplace_back(worth.name);
    }
    const std::string somebody = "somebody"; // proofs of nobody would count for nothing
    auto ways = challenges::solve(requirement, somebody, {}, own, own).ways;
    return ways.empty() ? challenges::solve(requirement, somebody, {}, all, all).ways : ways;
}

/// Who else has to say yes; the address alone would let the user wait for nothing.
std::string colleagues(const policies::rules::Requirement& requirement)
{
    const int count = challenges::approvals_needed(requirement);
    if (count == 0)
        return {};
    return " · and approval by " + std::to_string(count) + " of group " + challenges::approver_group(requirement);
}

/// What a program needs to ask for the approval, wait for it and run the statement again.
std::string for_programs(const policies::rules::Requirement& requirement, const std::string& challenge,
                         const ChallengeSign& sign)
{
    boost::json::object data{{"challenge_id", challenge},
                             {"url", sign.url},
                             {"code", sign.code},
                             {"requirement", challenges::requirement_json(requirement)}};
    if (!sign.number.empty())
        data["number"] = sign.number;
    return boost::json::serialize(data);
}

} // namespace

std::string readable(std::chrono::seconds time)
{
    const auto seconds = time.count();
    return seconds % 60 == 0 ? std::to_string(seconds / 60) + " min" : std::to_string(seconds) + " s";
}

std::string approve_at(const ChallengeSign& sign)
{
    return "approve at " + sign.url + " · code " + sign.code +
           (sign.number.empty() ? std::string{} : " · number " + sign.number);
}

std::string needed(const Verdict& verdict)
{
    constexpr std::size_t shown = 2; // the page shows all
    const auto ways = ways_to_meet(verdict.requirement);
    std::string text = "needs ";
    for (std::size_t i = 0; i < std::min(ways.size(), shown); ++i) {
        if (i > 0)
            text += ", or ";
        text += way_words(ways[i]);
    }
    if (ways.size() > shown)
        text += ", or another way";
    if (ways.empty())
        text += "what nobody can show: tell whoever writes the policy";
    return text + colleagues(verdict.requirement);
}

Words held(const Verdict& verdict, const ChallengeSign& sign, bool in_transaction)
{
    std::string hint = "The statement waits on this connection for " + readable(sign.time) +
                       " and runs once it is approved. Ctrl-C withdraws it.";
    if (in_transaction)
        hint += " Locks of this transaction stay taken meanwhile.";
    return {"00000", "STATEMENT HELD · " + approve_at(sign) + " · " + needed(verdict), reasons(verdict),
            std::move(hint)};
}

Words still_held(const ChallengeSign& sign)
{
    return {"00000", "STILL HELD · " + approve_at(sign), {}, {}};
}

Words run_it_again(const Verdict& verdict, const std::string& challenge, const ChallengeSign& sign)
{
    return {"42501",
            "statement held: " + approve_at(sign) + " · " + needed(verdict) + ", then run it again (" +
                rule_list(verdict.rules) + ")",
            {},
            {},
            for_programs(verdict.requirement, challenge, sign)};
}

Words approved()
{
    return {"00000", "APPROVED · the statement runs now", {}, {}};
}

Words refused_by_policy(const Verdict& verdict)
{
    return {"42501", "statement refused by " + rule_list(verdict.rules), reasons(verdict),
            "The policy does not allow it; nobody can approve it."};
}

Words rows_withheld(const Verdict& verdict, const std::string& from)
{
    return {"42501",
            "rows withheld by " + rule_list(verdict.rules) + ": the server says that they come from " + from +
                ", which the statement does not show",
            reasons(verdict),
            verdict.action == Action::deny ? "The policy does not allow it; nobody can approve it."
                                           : "Run it again to be asked for approval."};
}

Words columns_not_told()
{
    return {"26000",
            "rows withheld: what their columns are was said with rows that were withheld, and is not said again",
            {},
            "Prepare the statement again."};
}

Words noticed(const Verdict& verdict)
{
    return {"00000", "noted by " + rule_list(verdict.rules), reasons(verdict), {}};
}

Words not_released(Gate::End end, const Verdict& verdict, std::string_view reason, std::chrono::seconds time_to_answer,
                   std::string_view inbox)
{
    const std::string rules = " (" + rule_list(verdict.rules) + ")";
    switch (end) {
    case Gate::End::denied:
        return {"42501", "statement denied" + rules, std::string{reason}, "Nothing of it was sent to the server."};
    case Gate::End::expired:
        return {"42501", "statement held: not approved in " + readable(time_to_answer) + rules, reasons(verdict),
                "Run it again to get a new challenge, and approve it meanwhile at " + std::string{inbox} + "."};
    case Gate::End::client_cancels:
        return {"57014", "canceling statement due to user request", {}, {}};
    case Gate::End::client_gave_up:
        return {"57014",
                "held statement withdrawn: the client sent something newer",
                {},
                "Run it again to get a new challenge."};
    case Gate::End::approved:
    case Gate::End::withdrawn:
    case Gate::End::client_gone:
    case Gate::End::server_gone:
    case Gate::End::session_ended:
    case Gate::End::shutdown:
        break;
    }
    return {"42501", "held statement not released" + rules, std::string{reason},
            "Run it again to get a new challenge."};
}

Words audit_unavailable()
{
    return {"58030",
            "the audit journal cannot be written: statements are refused until it can",
            {},
            "Tell whoever runs stepgate."};
}

Words function_call_refused()
{
    return {"42501", "function calls by number are not allowed through stepgate",
            "The message FunctionCall names functions and arguments without SQL. No rule speaks for it "
            "(default.function_call).",
            "Call the function with SELECT; or a rule may allow it: when = {message = [\"function_call\"]}."};
}

Words startup_key_refused(const std::string& key, const Verdict& verdict)
{
    const bool replication = key == "replication";
    std::string message = replication ? "replication connections are not allowed through stepgate"
                                      : "startup parameter \"" + key + "\" is not allowed through stepgate";
    message += " (" + rule_list(verdict.rules) + ")";
    std::string hint = replication ? "They carry data that no statement names. Connect to the server itself"
                                   : "It could change what statements mean without stepgate seeing it. Use SET after "
                                     "connecting";
    hint += "; or a rule may allow it: when = {startup_key = [\"" + key + "\"]}.";
    return {"42501", std::move(message), {}, std::move(hint)};
}

Words not_opened(const std::string& why)
{
    return {"53400", "statement not held: " + why, {}, "Answer or withdraw the statements that wait already."};
}

std::string describe(const policies::statement::TableAccess& access)
{
    std::string text = access.table;
    for (std::size_t i = 0; i < access.columns.size(); ++i)
        text += (i == 0 ? " (" : ", ") + access.columns[i];
    if (!access.columns.empty())
        text += ")";
    return text;
}

} // namespace stepgate::proxy::session
