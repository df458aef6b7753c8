#include "proxy/app/web_ports.h"

#include <utility>

namespace stepgate::proxy::app
{

AuditSource::AuditSource(std::filesystem::path directory, const audit::Writer& writer)
    : directory_(std::move(directory)), writer_(writer)
{
}

audit::Search* AuditSource::index()
{
    const std::lock_guard lock(mutex_);
    if (!index_) {
        if (auto opened = audit::Search::open(directory_))
            index_ = std::move(*opened);
    }
    return index_.get();
}

std::optional<std::vector<std::string>> AuditSource::search(const challenge_web::server::AuditQuery& query)
{
    auto* search = index();
    if (search == nullptr)
        return std::nullopt;
    const auto rows = search->search({.user = query.user,
                                      .session = query.session,
                                      .type = query.type,
                                      .action = query.action,
                                      .label = query.label,
                                      .rule = query.rule,
                                      .table = query.table,
                                      .text = query.text,
                                      .from = query.from,
                                      .to = query.to,
                                      .before = query.before,
                                      .limit = query.limit});
    if (!rows)
        return std::nullopt;
    std::vector<std::string> out;
    out.reserve(rows->size());
    for (const auto& row : *rows)
        out.push_back(audit::to_json(row));
    return out;
}

std::optional<std::string> AuditSource::record(std::int64_t sequence)
{
    auto* search = index();
    if (search == nullptr)
        return std::nullopt;
    auto found = search->record(sequence);
    if (!found)
        return std::nullopt;
    return std::move(*found);
}

std::string AuditSource::status()
{
    auto* search = index();
    return search == nullptr ? std::string{"{}"} : search->status();
}

bool Recorder::record(std::string_view type, const std::string& user,
                      std::vector<std::pair<std::string, std::string>> fields)
{
    const auto known = audit::type_from_string(type);
    if (!known)
        return false;
    audit::Record record;
    record.type = *known;
    record.at = std::chrono::system_clock::now();
    record.user = user;
    for (auto& [key, value] : fields)
        record.fields.emplace_back(key, std::move(value));
    return writer_.submit(std::move(record));
}

} // namespace stepgate::proxy::app
