#include "proxy/app/user_changes.h"

#include "challenge-web/server/readable.h"
#include "proxy/audit/search.h"

#include <chrono>
#include <thread>
#include <utility>

namespace stepgate::proxy::app
{
namespace
{

constexpr std::size_t longest_text = 1000;

std::string shown(const std::string& text)
{
    return challenge_web::server::readable(text, longest_text).text;
}

/// What has a type of its own; all else is user_changed.
audit::Type type_of(const std::string& change)
{
    if (change == "API token added")
        return audit::Type::api_token_created;
    if (change == "API token removed")
        return audit::Type::api_token_revoked;
    if (change == "factor removed")
        return audit::Type::factor_removed;
    return audit::Type::user_changed;
}

audit::Record record_of(const store::UserChange& change)
{
    audit::Record record;
    record.type = type_of(change.change);
    record.at = std::chrono::system_clock::now();
    record.user = change.user;
    if (record.type == audit::Type::user_changed)
        record.fields.emplace_back("change", change.change);
    record.fields.emplace_back("changed_at", audit::rfc3339(change.at));
    if (!change.by.name.empty())
        record.fields.emplace_back("by", shown(change.by.name));
    if (!change.by.client_address.empty())
        record.fields.emplace_back("client_address", change.by.client_address);
    for (const auto& [key, value] : change.details)
        record.fields.emplace_back(key, shown(value));
    return record;
}

} // namespace

UserChanges::UserChanges(store::SqliteStore& store, audit::Writer& writer,
                         std::function<void(const store::UserChange&)> recorded)
    : store_(store), writer_(writer), recorded_(std::move(recorded))
{
}

void UserChanges::record()
{
    const std::lock_guard alone(one_at_a_time_);
    if (failed_) { // once more from the last one that is on disk; what the first attempt still says is void
        ++attempt_;
        failed_ = false;
        seen_ = durable_;
    }
    forget_durable();
    const auto changes = store_.user_changes(seen_);
    if (!changes)
        return;
    for (const auto& change : *changes) {
        if (!submit(change))
            return;
        seen_ = change.sequence;
        recorded_(change);
    }
}

bool UserChanges::submit(const store::UserChange& change)
{
    return writer_.submit(record_of(change), [this, sequence = change.sequence,
                                              attempt = attempt_.load()](boost::system::error_code failed) {
        if (attempt != attempt_ || failed_)
            return;
        if (failed)
            failed_ = true;
        else
            durable_ = sequence;
    });
}

void UserChanges::forget_durable()
{
    const std::int64_t durable = durable_;
    if (durable > forgotten_ && store_.forget_user_changes(durable))
        forgotten_ = durable;
}

void UserChanges::finish()
{
    const std::lock_guard alone(one_at_a_time_);
    constexpr auto step = std::chrono::milliseconds{10};
    for (int steps = 0; steps < 200 && durable_ < seen_ && !failed_; ++steps)
        std::this_thread::sleep_for(step);
    forget_durable();
}

} // namespace stepgate::proxy::app
