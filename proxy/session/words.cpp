#include "proxy/session/words.h"

#include "challenge-web/challenges/requirement.h"

namespace stepgate::proxy::session
{

using policies::rules::Verdict;

namespace
{

std::string rule_list(const Verdict& verdict)
{
    std::string text = verdict.rules.size() == 1 ? "rule " : "rules ";
    for (std::size_t i = 0; i < verdict.rules.size(); ++i) {
        if (i > 0)
            text += ", ";
        text += verdict.rules[i];
    }
    return text;
}

std::string reasons(const Verdict& verdict)
{
    std::string text;
    for (std::size_t i = 0; i < verdict.rules.size(); ++i) {
        if (!text.empty())
            text += "\n";
        text += verdict.rules[i];
        if (i < verdict.because.size() && !verdict.because[i].empty())
            text += ": " + verdict.because[i];
    }
    return text;
}

std::string readable(std::chrono::seconds time)
{
    const auto seconds = time.count();
    return seconds % 60 == 0 ? std::to_string(seconds / 60) + " min" : std::to_string(seconds) + " s";
}

/// Who else has to say yes; the address alone would let the user wait for nothing.
std::string colleagues(const Verdict& verdict)
{
    namespace challenges = challenge_web::challenges;
    const int count = challenges::approvals_needed(verdict.requirement);
    if (count == 0)
        return {};
    const std::string who = count == 1 ? "a colleague" : std::to_string(count) + " colleagues";
    return " · and by " + who + " in " + challenges::approver_group(verdict.requirement);
}

} // namespace

std::string approve_at(const Verdict& verdict, const std::string& url, const std::string& code)
{
    return "approve at " + url + " · code " + code + colleagues(verdict);
}

Words held(const Verdict& verdict, const std::string& url, const std::string& code, bool in_transaction)
{
    std::string hint = "The statement waits on this connection and runs once it is approved. Ctrl-C withdraws it.";
    if (in_transaction)
        hint += " Locks of this transaction stay taken meanwhile.";
    return {"00000", "STATEMENT HELD · " + approve_at(verdict, url, code), reasons(verdict), std::move(hint)};
}

Words still_held(const std::string& url, const std::string& code)
{
    return {"00000", "STILL HELD · approve at " + url + " · code " + code, {}, {}};
}

Words run_it_again(const Verdict& verdict, const std::string& url, const std::string& code)
{
    return {"42501",
            "statement held: " + approve_at(verdict, url, code) + ", then run it again (" + rule_list(verdict) + ")",
            {},
            {}};
}

Words approved()
{
    return {"00000", "APPROVED · the statement runs now", {}, {}};
}

Words refused_by_policy(const Verdict& verdict)
{
    return {"42501", "statement refused by " + rule_list(verdict), reasons(verdict),
            "The policy does not allow it; nobody can approve it."};
}

Words noticed(const Verdict& verdict)
{
    return {"00000", "noted by " + rule_list(verdict), reasons(verdict), {}};
}

Words not_released(Gate::End end, const Verdict& verdict, std::string_view reason, std::chrono::seconds time_to_answer)
{
    const std::string rules = " (" + rule_list(verdict) + ")";
    switch (end) {
    case Gate::End::denied:
        return {"42501", "statement denied" + rules, std::string{reason}, "Nothing of it was sent to the server."};
    case Gate::End::expired:
        return {"42501", "statement held: not approved in " + readable(time_to_answer) + rules, reasons(verdict),
                "Run it again to get a new challenge."};
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
    message += " (" + rule_list(verdict) + ")";
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
