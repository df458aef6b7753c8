#include "policies/postgres/session_settings.h"

#include <algorithm>
#include <array>

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::string_view many = "settings"; // beyond what is kept, or after code that is not known

// Docs 20.11 and 20.13, and who the session is. Sorted, lower case. Others change plans, limits and words, not rows.
constexpr std::array<std::string_view, 21> meaning{
    "array_nulls",
    "bytea_output",
    "datestyle",
    "default_text_search_config",
    "extra_float_digits",
    "gin_fuzzy_search_limit",
    "intervalstyle",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "quote_all_identifiers",
    "role",
    "row_security",
    "search_path",
    "session_authorization",
    "session_replication_role",
    "timezone",
    "timezone_abbreviations",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
};

bool is_custom(std::string_view name)
{
    return name.find('.') != name.npos && !name.starts_with("plpgsql.") && !name.starts_with("pg_trgm.");
}

bool matters(std::string_view name)
{
    return name.find('.') != name.npos || std::ranges::binary_search(meaning, name);
}

/// RESET ALL leaves the user alone (docs, RESET).
bool is_user(std::string_view name)
{
    return name == "role" || name == "session_authorization";
}

} // namespace

SessionSettings::SessionSettings(const Given& start)
{
    for (const auto& [name, value] : start)
        if (matters(name))
            start_[name].value = value;
}

void SessionSettings::put(Settings& settings, const std::string& name, const Setting& setting)
{
    constexpr std::size_t most = 200;
    if (settings.size() < most || settings.contains(name))
        settings[name] = setting;
    else
        settings[std::string{many}] = {std::nullopt, setting.change};
}

void SessionSettings::set(const statement::SetParameter& parameter)
{
    if (!matters(parameter.name))
        return;
    if (!std::exchange(open_, true))
        saved_ = session_ = now_;
    Setting setting{std::nullopt, ++changes_};
    if (!parameter.unknown && parameter.value) {
        setting.value.emplace();
        for (const std::string& part : *parameter.value)
            *setting.value += (setting.value->empty() ? "" : ", ") + part;
    }
    const bool reset = !parameter.unknown && !parameter.value;
    for (Settings* const settings : {&now_, &session_}) {
        if (settings == &session_ && parameter.local)
            continue;
        if (reset)
            settings->erase(parameter.name);
        else
            put(*settings, parameter.name, setting);
        if (parameter.name == "session_authorization")
            settings->erase("role");
        if (parameter.name == "search_path" && parameter.unknown) // as after code that is not known
            put(*settings, std::string{many}, setting);
    }
}

void SessionSettings::reset_all()
{
    if (!std::exchange(open_, true))
        saved_ = session_ = now_;
    ++changes_;
    for (auto& [name, setting] : session_) // the server passes over what is at its default now
        if (!now_.contains(name))
            setting = {std::nullopt, changes_};
    std::erase_if(session_, [this](const auto& one) { return !is_user(one.first) && now_.contains(one.first); });
    std::erase_if(now_, [](const auto& one) { return !is_user(one.first); });
}

void SessionSettings::discard_all()
{
    now_.clear();
    saved_ = session_ = {};
}

void SessionSettings::undone_in_part()
{
    if (!open_)
        return;
    ++changes_;
    Settings touched = now_;
    for (const Settings* settings : {&saved_, &session_})
        touched.insert(settings->begin(), settings->end());
    for (const auto& [name, setting] : touched) {
        const auto before = saved_.find(name);
        for (Settings* const settings : {&now_, &session_}) {
            const auto after = settings->find(name);
            const bool same = before == saved_.end() ? after == settings->end()
                                                     : after != settings->end() && after->second == before->second;
            if (!same)
                put(*settings, name, {std::nullopt, changes_});
        }
    }
}

void SessionSettings::transaction_ended(bool committed)
{
    if (!std::exchange(open_, false))
        return;
    now_ = std::move(committed ? session_ : saved_);
    saved_ = session_ = {};
}

std::vector<SessionSettings::InForce> SessionSettings::in_force(bool with_start, bool custom) const
{
    Settings all = now_;
    if (with_start)
        all.insert(start_.begin(), start_.end());
    std::vector<InForce> found;
    for (const auto& [name, setting] : all)
        if (custom || !is_custom(name))
            found.push_back({name, setting.value, setting.change});
    return found;
}

} // namespace stepgate::policies::postgres
