#include "proxy/app/notices.h"

#include "challenge-web/challenges/requirement.h"
#include "challenge-web/server/readable.h"
#include "policies/mysql/shape_text.h"
#include "policies/postgres/shape.h"

#include <optional>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

namespace challenges = challenge_web::challenges;
using notify::Event;
using What = challenges::Event::What;

constexpr std::size_t longest_statement = std::size_t{16} << 10; // that is looked at
constexpr std::size_t longest_shape = 1000;                      // that is shown
constexpr std::size_t most_statements = 5;
constexpr std::size_t longest_name = 200;

std::string name(const std::string& text)
{
    return challenge_web::server::readable(text, longest_name).text;
}

std::vector<std::string> names(const std::vector<std::string>& all)
{
    std::vector<std::string> out;
    for (const auto& one : all)
        out.push_back(name(one));
    return out;
}

std::string shape(const std::string& dialect, const std::string& sql)
{
    if (sql.size() > longest_statement)
        return "…";
    const auto text = dialect == "postgres" ? policies::postgres::shape_text(sql, longest_shape)
                                            : policies::mysql::shape_text(sql, longest_shape);
    return challenge_web::server::readable(text, 2 * longest_shape).text;
}

/// What the thread that makes notices needs of an event: without texts that nobody looks at.
challenges::Event kept_of(const challenges::Event& event)
{
    challenges::Event kept;
    kept.what = event.what;
    kept.at = event.at;
    const auto& from = event.challenge;
    auto& to = kept.challenge;
    to.id = from.id;
    to.code = from.code;
    to.state = from.state;
    to.closed_by = from.closed_by;
    to.question.user = from.question.user;
    to.question.listener = from.question.listener;
    to.question.database = from.question.database;
    to.question.dialect = from.question.dialect;
    to.question.verdict = from.question.verdict;
    for (const auto& statement : from.question.statements) {
        if (to.question.statements.size() > most_statements)
            break; // one more, to be seen to be too many
        const bool looked_at = statement.sql.size() <= longest_statement;
        to.question.statements.push_back({looked_at ? statement.sql : std::string{}, {}});
    }
    return kept;
}

std::string outcome_of(const challenges::Snapshot& challenge)
{
    if (challenge.state == challenges::State::cancelled && challenge.closed_by == challenge.question.user)
        return "withdrawn";
    return std::string{to_string(challenge.state)};
}

std::optional<Event> event_of(What what)
{
    switch (what) {
    case What::opened:
        return Event::challenge_opened;
    case What::approved:
    case What::denied:
    case What::expired:
    case What::cancelled:
        return Event::challenge_decided;
    case What::escalated:
        return Event::escalated;
    case What::proof_accepted:
    case What::proof_rejected:
    case What::consumed:
    case What::reason_given:
    case What::impact_known:
        break;
    }
    return std::nullopt;
}

} // namespace

notify::Notice notice_of(Event event, const challenges::Event& what, const std::string& public_url)
{
    const auto& challenge = what.challenge;
    const auto& question = challenge.question;
    const auto& requirement = question.verdict.requirement;
    notify::Notice notice;
    notice.event = event;
    notice.at = what.at;
    notice.challenge = challenge.id;
    notice.code = challenge.code;
    notice.url = public_url + "/c/" + challenge.id;
    if (event == Event::challenge_decided) {
        notice.outcome = outcome_of(challenge);
        notice.by = name(challenge.closed_by);
    }
    notice.user = name(question.user);
    notice.listener = name(question.listener);
    notice.database = name(question.database);
    for (const auto& statement : question.statements) {
        if (notice.statements.size() == most_statements) {
            notice.statements.emplace_back("…");
            break;
        }
        notice.statements.push_back(shape(question.dialect, statement.sql));
        if (notice.statements.back().empty())
            notice.statements.back() = "…";
    }
    notice.rules = names(question.verdict.rules);
    notice.labels = names(question.verdict.labels);
    notice.level = requirement.level;
    notice.approvals = challenges::approvals_needed(requirement);
    if (event == Event::escalated && requirement.escalate)
        notice.group = name(requirement.escalate->group);
    else if (notice.approvals > 0)
        notice.group = name(challenges::approver_group(requirement));
    return notice;
}

void Notices::challenge(const challenges::Event& event)
{
    const auto tell = [&](Event as) {
        if (notifier_.wants(as))
            notifier_.tell(as, [as, kept = kept_of(event), url = public_url_] { return notice_of(as, kept, url); });
    };
    if (const auto as = event_of(event.what))
        tell(*as);
    if (event.what == What::opened && challenges::approvals_needed(event.challenge.question.verdict.requirement) > 0)
        tell(Event::second_person_needed);
}

void Notices::lockout(const std::string& user, const std::string& address)
{
    notify::Notice notice;
    notice.address = address;
    locked(user, std::move(notice));
}

void Notices::factor_locked(const std::string& user, const std::string& factor)
{
    notify::Notice notice;
    notice.factor = factor;
    locked(user, std::move(notice));
}

void Notices::locked(const std::string& user, notify::Notice notice)
{
    if (!notifier_.wants(Event::lockout)) // saves the question whose name it is
        return;
    notice.event = Event::lockout;
    notice.at = std::chrono::system_clock::now();
    if (is_user_(user))
        notice.user = name(user);
    notifier_.tell(notice.event, [notice] { return notice; });
}

void Notices::user_changed(const std::string& user, const std::string& change, const std::string& by)
{
    notify::Notice notice;
    notice.event = Event::user_changed;
    notice.at = std::chrono::system_clock::now();
    notice.user = name(user);
    notice.change = name(change);
    notice.by = name(by);
    notifier_.tell(notice.event, [notice] { return notice; });
}

void Notices::policy_changed(const std::string& revision)
{
    notify::Notice notice;
    notice.event = Event::policy_changed;
    notice.at = std::chrono::system_clock::now();
    notice.revision = revision;
    notifier_.tell(notice.event, [notice] { return notice; });
}

} // namespace stepgate::proxy::app
