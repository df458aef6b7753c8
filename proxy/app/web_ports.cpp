#include "proxy/app/web_ports.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace stepgate::proxy::app
{
namespace
{

namespace json = boost::json;

void add_text(json::object& fields, std::string_view name, const std::string& text)
{
    if (!text.empty())
        fields[name] = text;
}

void add_list(json::object& fields, std::string_view name, const std::vector<std::string>& list)
{
    if (!list.empty())
        fields[name] = json::array(list.begin(), list.end());
}

// openapi.yaml's AuditRecord: what identifies a record at the top, everything else by name below.
std::string to_audit_record(const audit::Row& row)
{
    boost::system::error_code ignored; // "" for a row without details
    auto details = json::parse(row.details, ignored);
    json::object fields = details.is_object() ? std::move(details.get_object()) : json::object{};
    add_text(fields, "listener", row.listener);
    add_text(fields, "database", row.database);
    add_text(fields, "client_address", row.client_address);
    add_text(fields, "text", row.text);
    add_text(fields, "action", row.action);
    add_text(fields, "sqlstate", row.sqlstate);
    add_text(fields, "challenge", row.challenge);
    add_list(fields, "rules", row.rules);
    add_list(fields, "labels", row.labels);
    add_list(fields, "kinds", row.kinds);
    add_list(fields, "tables", row.tables);
    if (row.rows)
        fields["rows"] = *row.rows;
    if (row.duration_ns)
        fields["duration_ms"] = static_cast<double>(*row.duration_ns) / 1e6;
    if (row.count > 1) { // executions of one shape, all allowed
        fields["count"] = row.count;
        fields["errors"] = row.errors;
        fields["last_sequence"] = row.last_sequence;
        fields["last_time"] = audit::rfc3339(row.last_at);
    }
    return json::serialize(json::object{{"sequence", row.sequence},
                                        {"at", audit::rfc3339(row.at)},
                                        {"type", row.type},
                                        {"session", row.session},
                                        {"user", row.user},
                                        {"fields", std::move(fields)}});
}

} // namespace

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
        out.push_back(to_audit_record(row));
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
