#include "challenge-web/server/handlers.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/whole_number.h"

namespace stepgate::challenge_web::server
{

namespace
{

constexpr std::size_t longest_filter = 512;

bool set_number(AuditQuery& query, std::string_view name, std::string_view value)
{
    if (name == "before") {
        query.before = whole_number<std::int64_t>(value);
        return query.before && *query.before > 0;
    }
    const auto limit = whole_number<int>(value);
    query.limit = limit.value_or(0);
    return query.limit >= 1 && query.limit <= 500;
}

bool set_time(AuditQuery& query, std::string_view name, std::string_view value)
{
    auto& time = name == "from" ? query.from : query.to;
    time = parse_rfc3339(value);
    return time.has_value();
}

std::string* text_filter(AuditQuery& query, std::string_view name)
{
    const std::pair<std::string_view, std::string*> filters[] = {
        {"user", &query.user},     {"session", &query.session}, {"type", &query.type},
        {"action", &query.action}, {"label", &query.label},     {"rule", &query.rule},
        {"table", &query.table},   {"text", &query.text},       {"challenge", &query.challenge},
    };
    for (const auto& [key, field] : filters)
        if (key == name)
            return field;
    return nullptr;
}

/// False: the parameter is unknown or its value makes no sense. A filter that is dropped silently would show a
/// reviewer something else than what was asked for.
bool set(AuditQuery& query, const std::string& name, const std::string& value)
{
    if (name == "before" || name == "limit")
        return set_number(query, name, value);
    if (name == "from" || name == "to")
        return set_time(query, name, value);
    auto* field = text_filter(query, name);
    if (field == nullptr || value.size() > longest_filter)
        return false;
    *field = value;
    return true;
}

/// Who read what goes into the audit before it is read.
bool record_read(Call& call, const std::string& what)
{
    return call.services.use.recorder.record("audit_read", call.user(),
                                             {{"client_address", call.request.client_address}, {"query", what}});
}

std::string query_text(const Target& target)
{
    std::string text;
    for (const auto& [name, value] : target.query)
        text += (text.empty() ? "" : " ") + name + "=" + value;
    return text.empty() ? "all" : text;
}

} // namespace

std::optional<Response> limit_audit(Call& call)
{
    return call.limit("audit user " + call.user(), call.services.limits.audit_user);
}

Response search_audit(Call& call)
{
    if (auto refused = limit_audit(call))
        return *refused;
    AuditQuery query;
    for (const auto& [name, value] : call.target.query)
        if (!value.empty() && !set(query, name, value))
            return bad_request("This filter is unknown or its value cannot be read.");
    if (!record_read(call, query_text(call.target)))
        return unavailable();
    const auto rows = call.services.use.audit.search(query);
    if (!rows)
        return unavailable();
    std::string body = R"({"records":[)";
    for (const auto& row : *rows)
        body.append(body.back() == '[' ? "" : ",").append(row);
    return json_text_reply(200, body + "]}");
}

Response get_audit_record(Call& call)
{
    if (auto refused = limit_audit(call))
        return *refused;
    const auto sequence = whole_number<std::int64_t>(call.parameters[0]);
    if (!sequence || *sequence < 1)
        return not_found();
    if (!record_read(call, "record " + call.parameters[0]))
        return unavailable();
    auto record = call.services.use.audit.record(*sequence);
    if (!record)
        return unavailable();
    return record->empty() ? not_found() : json_text_reply(200, std::move(*record));
}

Response get_audit_status(Call& call)
{
    if (auto refused = limit_audit(call))
        return *refused;
    return json_text_reply(200, call.services.use.audit.status());
}

} // namespace stepgate::challenge_web::server
