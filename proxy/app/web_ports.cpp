#include "proxy/app/web_ports.h"

#include "challenge-web/server/public_url.h"
#include "protocols/postgres/scram_verifier.h"
#include "proxy/app/log.h"

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

bool says_nothing(const json::value& value)
{
    return value.is_null() || (value.is_string() && value.get_string().empty()) ||
           (value.is_array() && value.get_array().empty());
}

// A single record: what only groups have (count 1, the same first and last) says nothing.
void drop_group_keys(json::object& row)
{
    if (row.contains("count") && row.at("count") == 1) {
        for (const auto* key : {"count", "errors", "last_sequence", "last_time"})
            row.erase(key);
    }
}

// openapi.yaml's AuditRecord from proxy/audit's flat row: what identifies a record at the top, the rest by name below.
std::string to_audit_record(std::string_view flat)
{
    boost::system::error_code malformed;
    auto parsed = json::parse(flat, malformed);
    if (!parsed.is_object())
        return "{}";
    auto& row = parsed.get_object();
    drop_group_keys(row);
    json::object record, fields;
    for (auto& [key, value] : row) {
        if (key == "time")
            record["at"] = std::move(value);
        else if (key == "sequence" || key == "type" || key == "session" || key == "user" || key == "hash")
            record[key] = std::move(value);
        else if (key == "details" && value.is_object())
            fields.insert(value.get_object().begin(), value.get_object().end());
        else if (!says_nothing(value))
            fields[key] = std::move(value);
    }
    record["fields"] = std::move(fields);
    return json::serialize(record);
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
                                      .challenge = query.challenge,
                                      .from = query.from,
                                      .to = query.to,
                                      .before = query.before,
                                      .limit = query.limit});
    if (!rows) {
        log_warning(rows.error().message);
        return std::nullopt;
    }
    std::vector<std::string> out;
    out.reserve(rows->size());
    for (const auto& row : *rows)
        out.push_back(to_audit_record(audit::to_json(row)));
    return out;
}

std::optional<std::string> AuditSource::record(std::int64_t sequence)
{
    auto* search = index();
    if (search == nullptr)
        return std::nullopt;
    const auto found = search->record(sequence);
    if (found)
        return to_audit_record(*found);
    if (found.error().code == audit::errc::not_found)
        return std::string{};
    log_warning("audit record " + std::to_string(sequence) + " cannot be read: " + found.error().message);
    return std::nullopt;
}

std::string AuditSource::status()
{
    const auto written = writer_.status();
    json::object status{{"last_sequence", written.last_sequence},
                        {"indexed_sequence", 0},
                        {"last_checkpoint", written.last_checkpoint},
                        {"healthy", written.healthy}};
    auto* search = index();
    boost::system::error_code malformed;
    const auto indexed = search == nullptr ? json::value{} : json::parse(search->status(), malformed);
    if (const auto* found = indexed.if_object()) {
        if (const auto* sequence = found->if_contains("indexed"); sequence != nullptr && sequence->is_int64())
            status["indexed_sequence"] = *sequence;
        if (const auto* segments = found->if_contains("segments"))
            status["segments"] = *segments;
    }
    return json::serialize(status);
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
        if (key == "session")
            record.session = std::move(value);
        else
            record.fields.emplace_back(key, std::move(value));
    return writer_.submit(std::move(record));
}

challenge_web::server::ConnectOptions connect_options(const Configuration& configuration)
{
    challenge_web::server::ConnectOptions out;
    out.lifetime = configuration.passwords.lifetime;
    out.long_lived = configuration.passwords.long_lived;
    const auto url = configuration.web ? challenge_web::server::parse_public_url(configuration.web->public_url)
                                       : std::optional<challenge_web::server::PublicUrl>{};
    for (const auto& listener : configuration.listeners) {
        if (listener.auth != Authentication::proxy)
            continue; // the server has its own passwords
        const bool anywhere = listener.listen.host == "0.0.0.0" || listener.listen.host == "::";
        out.targets.push_back({listener.name, listener.protocol == Protocol::mysql,
                               anywhere && url ? url->host : listener.listen.host, listener.listen.port,
                               listener.upstream.database.value_or(""), listener.tls != ListenerTls::disable});
    }
    out.make_verifier = [](const std::string& like, const std::string& password) -> std::optional<std::string> {
        const auto known = protocols::postgres::parse_verifier(like);
        if (!known)
            return std::nullopt;
        const auto made = protocols::postgres::make_verifier(password, known->salt, known->iterations);
        if (!made)
            return std::nullopt;
        return protocols::postgres::format_verifier(*made);
    };
    return out;
}

std::vector<challenge_web::server::DatabaseSession> DatabaseSessions::list(const std::string& user)
{
    std::vector<challenge_web::server::DatabaseSession> out;
    for (auto& one : live_.list(user))
        out.push_back({std::move(one.id), std::move(one.user), std::move(one.listener), std::move(one.dialect),
                       std::move(one.database), std::move(one.role), std::move(one.client_address),
                       std::move(one.application_name), one.started});
    return out;
}

} // namespace stepgate::proxy::app
