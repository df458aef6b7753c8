#include "proxy/notify/notice.h"

#include <boost/algorithm/string/join.hpp>

#include <algorithm>

namespace stepgate::proxy::notify
{

namespace
{

std::string where(const Notice& notice)
{
    return ": " + notice.user + " on " + (notice.database.empty() ? notice.listener : notice.database);
}

std::string decided(const Notice& notice)
{
    std::string word = notice.outcome;
    if (!word.empty() && word.front() >= 'a' && word.front() <= 'z')
        word.front() = static_cast<char>(word.front() - 'a' + 'A');
    return word;
}

} // namespace

std::string_view to_string(Event event)
{
    const auto found = std::find_if(event_names.begin(), event_names.end(),
                                    [event](const auto& known) { return known.second == event; });
    return found == event_names.end() ? "test" : found->first;
}

bool about_challenge(Event event)
{
    switch (event) {
    case Event::challenge_opened:
    case Event::challenge_decided:
    case Event::escalated:
    case Event::second_person_needed:
        return true;
    case Event::lockout:
    case Event::user_changed:
    case Event::policy_changed:
    case Event::test:
        return false;
    }
    return false;
}

std::string title(const Notice& notice)
{
    switch (notice.event) {
    case Event::challenge_opened:
        return "Statement held" + where(notice);
    case Event::challenge_decided:
        return decided(notice) + where(notice);
    case Event::escalated:
        return "Escalated to " + notice.group + where(notice);
    case Event::second_person_needed:
        return "Approval needed" + where(notice);
    case Event::lockout:
        return notice.factor.empty() ? "Too many wrong passwords" : "Too many wrong answers";
    case Event::user_changed:
        return "User " + notice.user + ": " + notice.change;
    case Event::policy_changed:
        return "Another policy is in force";
    case Event::test:
        return "Test message of stepgate";
    }
    return "stepgate";
}

std::vector<std::pair<std::string, std::string>> particulars(const Notice& notice)
{
    std::vector<std::pair<std::string, std::string>> out;
    const auto add = [&out](const char* name, std::string value) {
        if (!value.empty())
            out.emplace_back(name, std::move(value));
    };
    add("User", notice.user);
    add("Listener", notice.listener);
    add("Database", notice.database);
    add("Rules", boost::algorithm::join(notice.rules, ", "));
    add("Labels", boost::algorithm::join(notice.labels, ", "));
    if (notice.approvals > 0)
        add("Approvals", std::to_string(notice.approvals) + " of " + notice.group);
    add("Code", notice.code);
    add("By", notice.by);
    add("Address", notice.address);
    add("Factor", notice.factor);
    add("Revision", notice.revision);
    return out;
}

} // namespace stepgate::proxy::notify
